"""What is known about series: the shipped files read as they are meant, and one bad file per mistake."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from govuk_bank_holidays.bank_holidays import BankHolidays
from tests.catalogue.copying import copied

from safety_stream.catalogue.calendars import read_calendars
from safety_stream.catalogue.declarations import read_declarations
from safety_stream.catalogue.files import Files
from safety_stream.catalogue.issues import Issue
from safety_stream.catalogue.judging import NOTHING_KNOWN, read_judging
from safety_stream.core.judging import Judging
from safety_stream.core.model.times import to_date, to_day
from safety_stream.data_files import catalogue_folder

JUDGING = "judging.yaml"
EFFECTS = "calendars/effects/lancashire.yaml"
BLACKPOOL, PRESTON = "E06000009", "E07000123"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped catalogue to spoil."""
    return copied(tmp_path / "catalogue")


def read(folder: Path, today: date | None = None) -> tuple[Judging | None, list[Issue], str]:
    files = Files(folder)
    vocabulary, _ = read_declarations(files, None)
    found = read_judging(files, vocabulary, None if today is None else to_day(today))
    return found, files.sorted_issues(), files.version


def shipped() -> Judging:
    found, issues, _ = read(catalogue_folder())
    assert issues == []
    assert found is not None
    return found


def days_of(effect: str) -> list[date]:
    (found,) = [one for one in shipped().covariates if one.id == effect]
    return [to_date(day) for day in found.days]


def test_the_lockdowns_are_left_out_of_every_baseline():
    (covid,) = shipped().of("hate", PRESTON).exclusions
    assert (to_date(covid.first), to_date(covid.last)) == (date(2020, 3, 23), date(2021, 7, 18))


def test_a_change_of_recording_is_that_of_what_rests_on_its_feeds():
    judging = shipped()
    assert [step.id for step in judging.of("robbery", PRESTON).steps] == ["connect"]
    assert judging.of("deliberate-fires", PRESTON).steps == ()


def test_the_illuminations_are_looked_for_in_blackpool_alone():
    judging = shipped()
    ours, theirs = ([one.id for one in judging.of("violence", area).covariates] for area in (BLACKPOOL, PRESTON))
    assert set(ours) - set(theirs) == {"illuminations"}
    assert date(2023, 12, 31) in days_of("illuminations")
    assert date(2019, 12, 31) not in days_of("illuminations")


def test_bank_holidays_are_those_of_england_with_the_ones_of_a_single_year():
    days = days_of("bank-holidays")
    assert [day for day in days if day.year == 2022] == [
        date(2022, 1, 3),
        date(2022, 4, 15),
        date(2022, 4, 18),
        date(2022, 5, 2),
        date(2022, 6, 2),
        date(2022, 6, 3),
        date(2022, 8, 29),
        date(2022, 9, 19),
        date(2022, 12, 26),
        date(2022, 12, 27),
    ]
    assert days[0] == date(2014, 12, 25)
    assert days[-1] == date(2027, 8, 30)


def test_an_eve_is_the_day_before_unless_that_is_a_bank_holiday_itself():
    eves = days_of("bank-holiday-eves")
    assert [day for day in eves if day.year == 2023 and day.month == 12] == [date(2023, 12, 24), date(2023, 12, 31)]
    assert date(2022, 6, 2) not in eves


def test_stretches_of_every_year_may_be_over_new_year():
    assert [day for day in days_of("new-year") if day.year == 2020] == [date(2020, 1, 1), date(2020, 12, 31)]
    assert len([day for day in days_of("bonfire") if day.year == 2020]) == 16


def test_school_holidays_are_told_here_up_to_where_the_calendar_of_school_days_begins():
    days = days_of("school-holidays")
    assert {date(2019, 8, 1), date(2024, 8, 30), date(2024, 10, 28), date(2027, 8, 31)} <= set(days)
    assert not {date(2024, 9, 10), date(2019, 9, 10)} & set(days)


def test_working_days_are_those_of_the_bank_holidays_the_library_carries():
    days = (read_calendars(Files(catalogue_folder())) or {})["working"]
    library = BankHolidays(locale="en", use_cached_holidays=True)
    holidays = {holiday["date"] for holiday in library.get_holidays(division="england-and-wales")}
    weekdays = [day for day in range(days.known_from, days.known_to + 1) if to_date(day).isoweekday() < 6]
    assert len(weekdays) > 1_000
    assert [day for day in weekdays if days.is_open(day) == (to_date(day) in holidays)] == []


@pytest.mark.parametrize(
    ("file", "old", "new", "what"),
    [
        # Shape
        (JUDGING, "first: 2020-03-23", "first: 23 March", "a day is written 2026-01-31"),
        (JUDGING, "    source: domain.md 5\n", "", "covariates.3: the key `source` is missing"),
        (JUDGING, "    areas: [E06000009]", "    areas: []", "areas: too few entries: at least 1"),
        (EFFECTS, 'first: "10-24"', 'first: "24 October"', "a day of every year is written 10-24: month, day"),
        (EFFECTS, 'first: "10-24"', 'first: "02-29"', "a day of every year is written 10-24: month, day"),
        (EFFECTS, "bank_holidays: england-and-wales", "bank_holidays: cornwall", "`cornwall` may not stand there"),
        # Names
        (JUDGING, "areas: [E06000009]", "areas: [E06000010]", "unknown area E06000010"),
        (JUDGING, "indicators: [deliberate-fires,", "indicators: [fires,", "unknown indicator fires"),
        (JUDGING, "feeds: [police-crimes,", "feeds: [crimes,", "unknown feed crimes"),
        (JUDGING, "effect: bonfire", "effect: guy-fawkes", "unknown effect guy-fawkes"),
        (EFFECTS, "eves_of: bank-holidays", "eves_of: bonfire", "unknown effect above this one: bonfire"),
        (EFFECTS, "closed_of: school", "closed_of: college", "unknown calendar college"),
        # Sense
        (JUDGING, "last: 2021-07-18", "last: 2019-07-18", "the last day is before the first"),
        (
            JUDGING,
            "steps:\n",
            "  - {id: again, title: Again, first: 2021-07-18, last: 2021-08-01, source: x}\nsteps:\n",
            "exclusion again overlaps covid, to 2021-07-18, for some series",
        ),
        (
            JUDGING,
            "steps:\n",
            "  - {id: covid, title: Again, first: 2022-07-18, last: 2022-08-01, source: x}\nsteps:\n",
            "id covid is there already",
        ),
        (JUDGING, "feeds: [police-crimes, police-hate]", "feeds: []", "step connect names neither feeds nor"),
        (JUDGING, "police-crimes, police-hate]", "police-crimes, probation]", "no indicator rests on feed probation"),
        (JUDGING, "effect: bonfire", "effect: new-year", "effect new-year is there already"),
        (EFFECTS, "id: bonfire", "id: new-year", "effect new-year is there already"),
        (EFFECTS, "last: 2027-08-31", "last: 2013-08-31", "the last day is before the first"),
        (EFFECTS, "first: 2014-09-01", "first: 2011-09-01", "england-and-wales are known for the years 2012 to"),
        (EFFECTS, "    closed_of: school\n    #", "    #", None),
        (EFFECTS, "    eves_of: bank-holidays\n", "", "effect bank-holiday-eves has no day"),
        (EFFECTS, "last: 2014-10-31", "last: 2014-10-01", "the last day is before the first"),
        (EFFECTS, "first: 2014-10-27", "first: 2014-08-27", "these days are not within those that are known"),
        (EFFECTS, "first: 2014-12-22", "first: 2014-10-31", "it begins before the one above has ended"),
    ],
)
def test_a_mistake_is_told_with_its_file_and_mend(folder: Path, file: str, old: str, new: str, what: str | None):
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    _, issues, _ = read(folder)
    if what is None:
        assert issues == []
        return
    told = [issue for issue in issues if what in issue.what]
    assert [(issue.file, issue.severity, bool(issue.mend)) for issue in told] == [(file, "error", True)]
    # What names a broken file is not blamed for it.
    assert {issue.file for issue in issues} == {file} or what.startswith("effect new-year")


def test_exclusions_of_different_series_may_overlap(folder: Path):
    path = folder / JUDGING
    text = path.read_text(encoding="utf-8").replace("last: 2021-07-18\n", "last: 2021-07-18\n    areas: [E06000009]\n")
    other = (
        "  - {id: flood, title: Flood, first: 2020-12-01, last: 2020-12-31, areas: [E07000123], source: x}\nsteps:\n"
    )
    path.write_text(text.replace("steps:\n", other), encoding="utf-8")
    found, issues, _ = read(folder)
    assert issues == []
    assert [one.id for one in found.of("violence", PRESTON).exclusions] == ["flood"]


def test_that_the_known_days_end_soon_is_a_warning_half_a_year_before(folder: Path):
    for today, told in ((date(2027, 2, 27), []), (date(2027, 2, 28), [(EFFECTS, "warning")])):
        _, issues, _ = read(folder, today)
        assert [(one.file, one.severity) for one in issues] == told


def test_without_the_file_nothing_is_known(folder: Path):
    (folder / JUDGING).unlink()
    found, issues, _ = read(folder)
    assert (found, issues) == (NOTHING_KNOWN, [])
    (folder / JUDGING).write_text("{}\n")
    assert read(folder)[0] == NOTHING_KNOWN


def test_another_list_of_bank_holidays_is_another_version_of_the_catalogue(
    folder: Path, monkeypatch: pytest.MonkeyPatch
):
    before = read(folder)[2]
    told = [{"date": date(year, 1, 1)} for year in range(2012, 2029)]
    monkeypatch.setattr("safety_stream.catalogue.effects.BankHolidays.get_holidays", lambda _self, division: told)
    assert read(folder)[2] != before


def test_nothing_is_fetched(folder: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_arguments: object, **_named: object):
        raise AssertionError("something was fetched")

    monkeypatch.setattr("requests.get", refuse)
    assert read(folder)[1] == []
