"""When a week is a signal: the shipped file reads as it is meant, and one bad file per mistake."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from tests.catalogue.copying import copied

from safety_stream.catalogue.loading import lint_catalogue, load_catalogue
from safety_stream.core.judgements.settings import DayLevels, Levels
from safety_stream.core.model.times import to_day
from safety_stream.core.statistics.short_history import BAYES_2
from safety_stream.core.statistics.weekdays import Weekdays
from safety_stream.data_files import catalogue_folder

SIGNALS = "signals.yaml"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped catalogue to spoil."""
    return copied(tmp_path / "catalogue")


def edit(folder: Path, old: str, new: str) -> None:
    path = folder / SIGNALS
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_the_shipped_levels_are_those_of_the_sources():
    signals = load_catalogue(catalogue_folder()).signals

    assert signals is not None
    assert signals.levels == Levels(
        red=0.001,
        amber=0.0025,
        improvement=0.0025,
        false_discoveries=0.03,
        least=(5, 4),
        least_now=3,
        sigmas=2.0,
        run=8,
        rare_below=2.0,
        rare_together=4,
        rare_least=3,
        clear_after=2,
    )
    assert (signals.expecting.trusted.b, signals.expecting.least_years) == (5, 2)
    assert signals.expecting.short == BAYES_2
    assert len(signals.areas) == 16


def test_serious_violence_is_judged_by_the_day_at_the_levels_of_its_sources():
    catalogue = load_catalogue(catalogue_folder())
    assert catalogue.signals is not None
    daily = catalogue.signals.daily

    assert daily is not None
    assert (daily.indicators, daily.areas) == (("serious-violence",), catalogue.signals.areas)
    assert daily.levels == DayLevels(red=0.001, amber=0.01, least=3, clear_after=2)
    assert daily.expecting == Weekdays(weeks=52, weeks_left_out=4, least_weeks=26)
    known = {one.id for one in catalogue.judging.covariates}
    assert set(daily.left_out) == {"bank-holidays", "bank-holiday-eves", "new-year"} <= known


def test_nothing_is_judged_by_the_day_where_the_file_does_not_say_so(folder: Path):
    path = folder / SIGNALS
    text = path.read_text()
    path.write_text(text[: text.index("daily:")])

    signals = load_catalogue(folder).signals

    assert signals is not None
    assert signals.daily is None


def test_a_catalogue_without_the_file_judges_nothing(folder: Path):
    (folder / SIGNALS).unlink()
    for rule in ("above-expected", "above-expected-amber"):
        (folder / "rules" / f"{rule}.yaml").unlink()

    assert load_catalogue(folder).signals is None


def test_an_agreed_limit_holds_from_its_day_on(folder: Path):
    edit(
        folder,
        "targets: []",
        "targets: [{indicator: violence, area: L-12, from: 2026-04-01, at_most: 900, source: plan}]",
    )

    signals = load_catalogue(folder).signals

    assert signals is not None
    (target,) = signals.targets
    assert (target.area, target.valid_from, target.at_most) == ("L-12", to_day(date(2026, 4, 1)), 900)


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("indicators: [violence,", "indicators: [violins,", "unknown indicator violins"),
        ("areas: [E06000008,", "areas: [E06000099,", "unknown area E06000099"),
        ("areas: [E06000008,", "areas: [E06000009,", "E06000009"),
        ("least_years: 2", "least_years: 6", "6 years at least are more than the 5 looked back"),
        ("half_width: 3, levels_of_year: 10", "half_width: 25, levels_of_year: 10", "no_periods must be"),
        ("    amber: 0.0025", "    amber: 0.0005", "red is more probable than amber"),
        (
            "    amber: 0.0025",
            "    amber: 0.02",
            "amber brings 233 of 11,648 weeks a year by chance alone, where 150 are",
        ),
        ("accepted: {red: 12,", "accepted: {red: 11,", "red brings 12 of 11,648 weeks a year by chance alone"),
        (
            "amber: 150, improvement: 150}",
            "amber: 150, improvement: 28}",
            "improvement brings 29 of 11,648 weeks a year by chance alone, where 28 are",
        ),
        ("amber: 150, improvement: 150}", "amber: 150}", "improvement"),
        ("    accepted: default;", "    accept: default;", "nothing says where accepted is from"),
        ("    clear_after: domain", "    cleared: domain", "nothing says where clear_after is from"),
        ("indicators: [serious-violence]", "indicators: [serious-violins]", "unknown indicator serious-violins"),
        ("indicators: [serious-violence]", "indicators: [hate]", "indicator hate is not counted by the day"),
        ("left_out: [bank-holidays,", "left_out: [bank-holiday,", "unknown effect in judging.yaml bank-holiday"),
        ("least_weeks: 26", "least_weeks: 49", "49 weeks at least are more than the 52 without 4"),
        ("    weekdays: domain", "    weekday: domain", "nothing says where weekdays is from"),
        (
            "targets: []",
            "targets: [{indicator: violins, area: L-12, from: 2026-04-01, at_most: 9, source: plan}]",
            "unknown indicator violins",
        ),
        (
            "targets: []",
            "targets: [{indicator: violence, area: L-99, from: 2026-04-01, at_most: 9, source: plan}]",
            "unknown area L-99",
        ),
    ],
)
def test_one_mistake_is_found_and_named(folder: Path, old: str, new: str, what: str):
    edit(folder, old, new)

    (issue,) = lint_catalogue(folder)

    assert what in issue.what
    assert issue.severity == "error"
    assert issue.line


def test_what_is_not_counted_by_the_week_is_not_judged_by_it(folder: Path):
    counts = folder / "indicators" / "counts.yaml"
    text = counts.read_text()
    counts.write_text(
        text.replace("feeds: [police-hate], periods: [week, month]", "feeds: [police-hate], periods: [month]")
    )
    assert counts.read_text() != text

    (issue,) = [one for one in lint_catalogue(folder) if one.file == "signals.yaml"]

    assert issue.what == "indicator hate is not counted by the week"
