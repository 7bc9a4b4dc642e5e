"""Near-repeat evidence: found where it was planted and not where times are even; which reports count; what is told."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from itertools import combinations
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from tests.catalogue.copying import copied
from tests.core.stages.making import a_version, at

from safety_stream.catalogue import lint_catalogue, load_catalogue
from safety_stream.catalogue.formats.near_repeats import EvidenceEntry, NearRepeatsFile
from safety_stream.catalogue.loading import load_near_repeats
from safety_stream.catalogue.near_repeats import (
    Band,
    bands,
    evidence,
    in_words,
    meaning,
    month_before,
    months_of,
    newest_of,
    ratio,
    record,
)
from safety_stream.catalogue.page import catalogue_page
from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.incidents import IncidentVersion, Place
from safety_stream.core.model.times import DAY_LENGTH, MINUTE, to_day
from safety_stream.core.rules.rule import Near
from safety_stream.data_files import catalogue_folder

MARCH = date(2026, 3, 1)
BEGINS = at("2025-04-01")


@pytest.fixture(scope="module")
def shipped() -> Catalogue:
    return load_catalogue(catalogue_folder())


@pytest.fixture(scope="module")
def near(shipped: Catalogue) -> Band:
    return next(bands(shipped.rules))


@pytest.fixture(scope="module")
def file() -> NearRepeatsFile:
    loaded = load_near_repeats(catalogue_folder())
    assert loaded is not None
    return loaded


def a_burglary(number: int, east: int, north: int, occurred: int, **changes: Any) -> IncidentVersion:
    place = Place(easting=380_000 + east, northing=430_000 + north, exact=True)
    given: dict[str, Any] = {
        "incident_id": f"i{number:04}",
        "category": "burglary",
        "family": "burglary",
        "place": place,
        "occurred_from": occurred,
        "occurred_to": occurred,
    }
    return a_version(**(given | changes))


def of(band: Band, reports: Iterable[IncidentVersion], file: NearRepeatsFile) -> EvidenceEntry:
    return evidence(band, reports, MARCH, file.measuring, "made up")


def scattered(chance: Random, number: int = 300) -> list[IncidentVersion]:
    """So many over a town and a year, places and times having nothing to do with one another."""
    return [
        a_burglary(one, chance.randrange(8_000), chance.randrange(8_000), BEGINS + chance.randrange(365) * DAY_LENGTH)
        for one in range(number)
    ]


def followed(chance: Random, first: list[IncidentVersion]) -> list[IncidentVersion]:
    """One of each a few steps away and some days later."""
    return [
        a_burglary(
            number,
            (one.place.easting or 0) - 380_000 + chance.randint(-50, 50),
            (one.place.northing or 0) - 430_000 + chance.randint(-50, 50),
            one.occurred_from + chance.randint(0, 6) * DAY_LENGTH + MINUTE,
        )
        for number, one in enumerate(first, 5_000)
    ]


def test_the_bands_are_those_of_the_rules_that_ship(shipped: Catalogue):
    assert [(one.rule, one.metres, one.days) for one in bands(shipped.rules)] == [
        ("burg-near-repeat-high", 100, 7),
        ("burg-near-repeat-medium", 400, 28),
    ]


def test_another_distance_of_the_rule_is_another_band(shipped: Catalogue):
    rules = {rule.id: rule for rule in shipped.rules}
    rule = rules["burg-near-repeat-high"]
    condition = rule.limbs[0].condition
    assert isinstance(condition, Near)

    def with_other(**changes: Any) -> list[tuple[int, int]]:
        limb = msgspec.structs.replace(rule.limbs[0], condition=msgspec.structs.replace(condition, **changes))
        return [(one.metres, one.days) for one in bands([msgspec.structs.replace(rule, limbs=(limb,))])]

    assert with_other(metres=250) == [(250, 7)]
    # What comes near another kind of thing is no repeat, nor is a month of one length.
    assert with_other(after="other") == []
    assert with_other(within=msgspec.structs.replace(condition.within, months=1, millis=0)) == []
    assert list(bands([msgspec.structs.replace(rule, status="retired")])) == []


@pytest.mark.parametrize("seed", range(3))
def test_a_planted_near_repeat_is_found(near: Band, file: NearRepeatsFile, seed: int):
    chance = Random(seed)
    reports = scattered(chance)

    found = of(near, [*reports, *followed(chance, reports[:40])], file)

    assert in_words(found, file.measuring) == "near-repeat evidence"
    assert (found.p, found.pairs >= 35, (ratio(found) or 0) > 5) == (0.001, True, True)


def test_what_is_scattered_evenly_is_no_evidence_however_many_pairs_there_are(near: Band, file: NearRepeatsFile):
    """At each of six corners one burglary every five days: many pairs, and no fewer between corners than at one."""
    places = [(east * 1_000, north * 1_000) for east in range(3) for north in range(2)]
    each = [(place, BEGINS + 5 * step * DAY_LENGTH) for place in places for step in range(12)]

    found = of(near, [a_burglary(number, *place, when) for number, (place, when) in enumerate(each)], file)

    assert (found.pairs, round(found.expected, 2)) == (6 * 11, 89.24)
    assert in_words(found, file.measuring) == "no near-repeat evidence"


def test_by_chance_alone_it_is_seldom_found(near: Band, file: NearRepeatsFile):
    chance = file.measuring.chance.model_copy(update={"permutations": 99})
    quick = file.measuring.model_copy(update={"chance": chance})
    found = [evidence(near, scattered(Random(100 + seed), 150), MARCH, quick, "x") for seed in range(40)]

    assert sum(in_words(one, quick) == "near-repeat evidence" for one in found) <= 5


def test_pairs_are_those_of_a_plain_count_edges_in(near: Band, file: NearRepeatsFile):
    chance = Random(1)
    reports = []
    for number in range(40):
        east, north = chance.choice((0, 60, 100, 101)), chance.choice((0, 80))
        days, later = chance.choice((0, 7, 8)), chance.choice((0, 1))
        reports.append(a_burglary(number, east, north, BEGINS + days * DAY_LENGTH + later))
    expected = 0
    for one, other in combinations(reports, 2):
        east = (one.place.easting or 0) - (other.place.easting or 0)
        north = (one.place.northing or 0) - (other.place.northing or 0)
        is_soon = abs(one.occurred_from - other.occurred_from) <= 7 * DAY_LENGTH
        expected += east**2 + north**2 <= 100**2 and is_soon

    assert of(near, reports, file).pairs == expected


@pytest.mark.parametrize(
    ("changes", "reports", "located"),
    [
        ({}, 3, 3),
        ({"family": "theft"}, 2, 2),
        ({"kind": "police-incident"}, 2, 2),
        ({"origin": "discovered"}, 2, 2),
        ({"place": Place(easting=1, northing=2, exact=False)}, 3, 2),
        ({"place": Place(uprn="1", exact=True)}, 3, 2),
        ({"occurred_from": at("2025-03-31T23:59")}, 2, 2),
        ({"occurred_from": at("2025-04-01T00:00")}, 3, 3),
        ({"occurred_from": at("2026-03-31T23:59")}, 3, 3),
        ({"occurred_from": at("2026-04-01T00:00")}, 2, 2),
    ],
)
def test_what_counts_is_what_the_rule_reads_in_twelve_months_and_what_of_it_has_a_point(
    near: Band, file: NearRepeatsFile, changes: dict[str, Any], reports: int, located: int
):
    told = [a_burglary(number, number, 0, BEGINS + number * DAY_LENGTH) for number in range(2)]

    found = of(near, [*told, a_burglary(9, 0, 0, BEGINS, **changes)], file)

    assert (found.reports, found.located) == (reports, located)


def test_of_one_report_nothing_can_be_said(near: Band, file: NearRepeatsFile):
    found = of(near, [a_burglary(1, 0, 0, BEGINS)], file)

    assert (in_words(found, file.measuring), ratio(found), found.p) == ("too few to say", None, 1)


def test_the_same_reports_in_any_order_give_the_same_record(near: Band, file: NearRepeatsFile):
    reports = scattered(Random(3), 60)
    shuffled = list(reversed(reports))

    assert of(near, reports, file) == of(near, shuffled, file)


def test_a_month_ends_the_year_that_is_looked_at(file: NearRepeatsFile):
    over = file.measuring.over.length

    assert months_of(MARCH, over) == (to_day(date(2025, 4, 1)), to_day(date(2026, 4, 1)))
    assert months_of(date(2024, 2, 1), over) == (to_day(date(2023, 3, 1)), to_day(date(2024, 3, 1)))
    assert month_before(to_day(date(2026, 1, 31))) == date(2025, 12, 1)


def test_the_words_say_what_no_evidence_means(file: NearRepeatsFile):
    said = meaning(file.measuring)

    assert "in all but 5% of the ways" in said
    assert "chance alone may well bring about as many" in said
    assert "does not say that one never leads to another" in said


# --- what is written down, shown, and told of ------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return copied(tmp_path / "catalogue")


def an_entry(month: str = "2026-03", rule: str = "burg-near-repeat-high", **changes: Any) -> EvidenceEntry:
    given: dict[str, Any] = {
        "month": month,
        "rule": rule,
        "version": 1,
        "metres": 100,
        "days": 7,
        "history": "all recorded crime",
        "reports": 1_200,
        "located": 1_000,
        "pairs": 30,
        "expected": 12.0,
        "p": 0.001,
    }
    return EvidenceEntry(**(given | changes))


def write(folder: Path, *entries: EvidenceEntry) -> NearRepeatsFile:
    """Nothing but these on record."""
    path = folder / "near-repeats.yaml"
    path.write_text(re.sub(r"\nmeasured:.*", "\nmeasured: []\n", path.read_text("utf-8"), flags=re.DOTALL), "utf-8")
    loaded = load_near_repeats(folder)
    assert loaded is not None
    record(folder, loaded, entries)
    written = load_near_repeats(folder)
    assert written is not None
    return written


def told_on(folder: Path, today: str) -> list[tuple[str, str]]:
    issues = lint_catalogue(folder, today=to_day(date.fromisoformat(today)))
    return [(issue.severity, issue.what) for issue in issues if issue.file == "near-repeats.yaml" and issue.mend]


def test_the_last_record_of_a_month_takes_the_place_of_the_one_before(folder: Path):
    before = (folder / "near-repeats.yaml").read_text("utf-8").partition("\nmeasured:")[0]
    model = write(folder, an_entry(), an_entry("2026-02"), an_entry(rule="burg-near-repeat-medium"))
    again = an_entry(history='all: "again"', pairs=31)

    record(folder, model, [again])

    after = load_near_repeats(folder)
    assert after is not None
    assert after.measured == [an_entry("2026-02"), again, an_entry(rule="burg-near-repeat-medium")]
    assert (folder / "near-repeats.yaml").read_text("utf-8").partition("\nmeasured:")[0] == before


def test_evidence_grows_old_two_months_after_its_month_for_information_only(folder: Path):
    both = [an_entry(rule=rule) for rule in ("burg-near-repeat-high", "burg-near-repeat-medium")]
    write(folder, *both, an_entry("2025-12"))

    assert told_on(folder, "2026-05-31") == []
    assert told_on(folder, "2026-06-01") == [
        ("info", "the newest near-repeat evidence of burg-near-repeat-high is of 2026-03"),
        ("info", "the newest near-repeat evidence of burg-near-repeat-medium is of 2026-03"),
    ]
    # No clock, no notice.
    assert [issue for issue in lint_catalogue(folder) if issue.file == "near-repeats.yaml"] == []


def test_evidence_of_another_version_is_none_of_this(folder: Path, near: Band):
    model = write(folder, an_entry(version=9), an_entry(rule="burg-near-repeat-medium"))

    assert newest_of(near, model) is None
    assert told_on(folder, "2026-04-01") == [("info", "version 1 of burg-near-repeat-high has no near-repeat evidence")]


NO_MONTH = "it does not fit the pattern ^[12][0-9]{3}-(0[1-9]|1[0-2])$"


@pytest.mark.parametrize(
    ("pattern", "by", "told"),
    [
        (r"length: 12 months", "length: 365 days", ("error", "reports are looked at over whole months")),
        (r"month: 2026-02", "month: 2026-03", ("error", "burg-near-repeat-high is measured twice for 2026-03")),
        (
            r"rule: burg-near-repeat-m",
            "rule: far-repeat-m",
            ("warning", "rule far-repeat-medium is measured and is no rule"),
        ),
        (r"month: 2026-02", "month: 2026-1", ("error", f"measured.0.month: {NO_MONTH}")),
        (r"p: 0.001", "p: 0", ("error", "measured.0.p: `0` is not more than 0.0")),
    ],
)
def test_a_mistake_in_the_file_is_told(folder: Path, pattern: str, by: str, told: tuple[str, str]):
    write(folder, an_entry("2026-02"), an_entry(), an_entry(rule="burg-near-repeat-medium"))
    path = folder / "near-repeats.yaml"
    text, number = re.subn(pattern, by, path.read_text("utf-8"), count=1)
    path.write_text(text, "utf-8")

    assert number == 1
    assert told in told_on(folder, "2026-04-01")


def test_a_catalogue_without_the_file_has_nothing_to_say(folder: Path):
    (folder / "near-repeats.yaml").unlink()

    assert load_near_repeats(folder) is None
    assert told_on(folder, "2030-01-01") == []
    assert "Whether near repeats" not in catalogue_page(folder, "md")


@pytest.mark.parametrize("form", ["md", "html"])
def test_the_page_shows_the_newest_evidence_and_what_it_means(folder: Path, form: Any):
    write(
        folder,
        an_entry("2026-02", pairs=77),
        an_entry(),
        an_entry(rule="burg-near-repeat-medium", metres=400, days=28, pairs=12, p=0.5),
    )

    text = re.sub(r"<[^>]*>|\|", " ", catalogue_page(folder, form))
    text = re.sub(r"\s+", " ", text)

    assert "Whether near repeats are more than chance" in text
    assert "100 m 7 days 2026-03 1,000 of 1,200 30 12.0 2.5 0.001 near-repeat evidence" in text
    assert "400 m 28 days 2026-03 1,000 of 1,200 12 12.0 1.0 0.5 no near-repeat evidence" in text
    assert " 77 12.0 " not in text
    assert "chance alone may well bring about as many" in text
