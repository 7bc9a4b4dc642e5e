"""Which version counts, where it is placed, and which timelines it reaches."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from tests.oracle.building import BURNLEY, CATALOGUE, PENDLE, PRESTON, findings_of, report, truth_of

from safety_stream.testing.oracle import keys_of, live_claims, read_catalogue, recompute

FILES = read_catalogue(CATALOGUE)


def live(*reports: dict[str, Any]):
    """The live claims of these reports, the same for every order."""
    (found, *others) = [live_claims(order, FILES) for order in permutations(reports)]
    assert all(other == found for other in others)
    return found


def version(number: int, action: str = "new", **more: object):
    """A version of one crime."""
    return report("police-crimes", "x1", "2026-01-05T20:00", source_version=number, action=action, **more)


def test_the_highest_version_counts_whatever_came_last():
    (claim,) = live(version(1, category="burglary"), version(3, "correct", category="drugs"), version(2, "correct"))

    assert claim["family"] == "drugs"


def test_a_withdrawal_that_came_before_its_report_is_remembered():
    assert live(version(2, "withdraw"), version(1)) == []


def test_a_higher_version_after_a_withdrawal_counts_again():
    (claim,) = live(version(1), version(2, "withdraw"), version(3, "correct"))

    assert claim["source_version"] == 3


@pytest.mark.parametrize(
    ("stronger", "weaker"),
    [("withdraw", "restrict"), ("erase", "restrict"), ("restrict", "dispute")],
)
def test_of_one_version_number_the_stronger_action_takes_it_out(stronger: str, weaker: str):
    assert live(version(2, stronger), version(2, weaker)) == []


@pytest.mark.parametrize(("stronger", "weaker"), [("dispute", "correct"), ("correct", "new")])
def test_of_one_version_number_the_stronger_action_speaks(stronger: str, weaker: str):
    (claim,) = live(version(2, stronger, category="drugs"), version(2, weaker, category="robbery"))

    assert (claim["action"], claim["category"]) == (stronger, "drugs")


def test_of_one_version_number_and_action_the_larger_bytes_count():
    # Of the fields that differ, `category` is written first; the longer text has the larger length byte.
    (claim,) = live(version(1, category="drugs"), version(1, category="robbery"))

    assert claim["category"] == "robbery"


@pytest.mark.parametrize(
    ("place", "area"),
    [
        ({"area": PRESTON}, PRESTON),
        ({"area": PRESTON, "lsoa": "E01012571"}, PRESTON),
        ({"lsoa": "E01012571"}, "E06000008"),
        ({"area": "E08000035", "lsoa": "E01012571"}, "E06000008"),
        ({"area": "E08000035"}, "OUTSIDE"),
        ({"lsoa": "E01999999"}, "OUTSIDE"),
        ({"area": "L-12"}, "OUTSIDE"),
        ({"uprn": "900000000001"}, "UNLOCATED"),
        ({}, "UNLOCATED"),
    ],
)
def test_a_report_is_counted_in_the_district_stated_else_by_its_lsoa_else_outside_or_unlocated(
    place: dict[str, str], area: str
):
    truth = truth_of(version(1, **place))

    above = {"E06000008": {"D-EAST", "C-PENNINE", "L-14"}, PRESTON: {"D-SOUTH", "L-12", "L-14"}}.get(area, set())
    within = {f"lsoa:{place['lsoa']}"} if "lsoa" in place else set()
    within |= {"ward:E05011508"} if place.get("lsoa") == "E01012571" else set()
    assert {key[0] for key in truth.indicators} == {area} | above | within


def test_a_person_token_reaches_each_timeline_of_its_roles():
    claim = {
        **live(version(1))[0],
        "kind": "asb-case",
        "place": ["900000000001", None, None, True, None],
        "parties": [
            ["reporter", "tok-a", False],
            ["witness", "tok-a", False],
            ["victim", "tok-v", True],
            ["perpetrator", "tok-p", False],
            ["suspect", None, False],
        ],
        "vehicles": ["tok-c", "tok-c"],
        "group": "tok-g",
    }

    assert {key: roles for key, roles, _ in keys_of(claim)} == {
        "person:tok-a": ("reporter", "witness"),
        "victim:tok-a": ("reporter", "victim", "witness"),
        "person:tok-v": ("victim",),
        "victim:tok-v": ("victim",),
        "person:tok-p": ("perpetrator",),
        "suspect:tok-p": ("perpetrator",),
        "victim-perpetrator:tok-v|tok-p": ("perpetrator", "victim"),
        "place:900000000001": (),
        "household:900000000001": ("household",),
        "vehicle:tok-c": ("vehicle",),
        "group:tok-g": (),
    }


def test_the_reporter_of_a_crime_is_no_victim():
    claim = {**live(version(1))[0], "parties": [["reporter", "tok-a", False], ["subject", "tok-s", False]]}

    assert [key for key, _, _ in keys_of(claim)] == ["person:tok-a", "person:tok-s"]


def test_a_snapped_point_is_no_place():
    snapped = version(1, uprn="900000000001")
    snapped["place"]["snapped"] = True

    assert [key for key, _, _ in keys_of(live(snapped)[0])] == []


def harm(source: str, ref: str, when: str, **more: object):
    return report(source, ref, when, victim="tok-a1", **more)


BEFORE = harm("police-crimes", "x0", "2025-12-01T20:00")
"""One harm more, so that two others make the three of a repeat victim."""


def test_reports_alike_in_time_and_person_but_not_in_place_are_two_occurrences():
    truth = truth_of(
        BEFORE,
        harm("police-crimes", "x1", "2026-01-05T20:00", uprn="900000000001"),
        harm("housing", "h1", "2026-01-05T20:00", uprn="900000000002"),
    )

    assert len(findings_of(truth, "rv-graded")) == 1


@pytest.mark.parametrize(
    ("easting", "northing", "findings"), [(350_100, 430_000, 0), (350_101, 430_000, 1), (350_060, 430_080, 0)]
)
def test_a_hundred_metres_are_one_place_and_one_more_is_another(easting: int, northing: int, findings: int):
    truth = truth_of(
        BEFORE,
        harm("police-crimes", "x1", "2026-01-05T20:00", easting=350_000, northing=430_000),
        harm("housing", "h1", "2026-01-05T20:00", easting=easting, northing=northing),
    )

    assert len(findings_of(truth, "rv-graded")) == findings


@pytest.mark.parametrize(("when", "findings"), [("2026-01-05T22:00", 0), ("2026-01-05T22:00:01", 1)])
def test_intervals_that_touch_when_widened_by_an_hour_are_one_occurrence(when: str, findings: int):
    truth = truth_of(
        BEFORE,
        harm("police-crimes", "x1", "2026-01-05T20:00", uprn="900000000001", until="2026-01-05T21:00"),
        harm("housing", "h1", when, uprn="900000000001"),
    )

    assert len(findings_of(truth, "rv-graded")) == findings


def test_one_organisation_saying_it_twice_says_two_things():
    truth = truth_of(
        BEFORE,
        harm("police-crimes", "x1", "2026-01-05T20:00", uprn="900000000001"),
        harm("police-hate", "p1", "2026-01-05T20:00", uprn="900000000001", category="violence"),
    )

    assert len(findings_of(truth, "rv-graded")) == 1


def test_a_third_report_joins_the_occurrence_that_its_organisation_has_not_spoken_of():
    truth = truth_of(
        BEFORE,
        harm("police-crimes", "x1", "2026-01-05T20:00", uprn="900000000001"),
        harm("police-hate", "p1", "2026-01-05T20:10", uprn="900000000001", category="violence"),
        harm("housing", "h1", "2026-01-05T20:20", uprn="900000000001", category="violence"),
        harm("council-asb", "c1", "2026-01-05T20:30", uprn="900000000001"),
    )

    (finding,) = findings_of(truth, "rv-graded")
    assert [len(reports) for _, reports in finding.evidence] == [1, 3, 1]


def test_a_hub_has_one_finding_of_its_own_and_no_other():
    reports = [
        report("police-crimes", f"x{n}", "2026-01-05T20:00", vehicles=["tok-c"], area=[BURNLEY, PENDLE][n % 2])
        for n in range(257)
    ]

    assert recompute(reports[:256], CATALOGUE).findings == {}
    (finding,) = recompute(reports, CATALOGUE).findings.values()
    assert (finding.rule_id, finding.key, finding.occurrence_id, finding.priority) == (
        "hub",
        "vehicle:tok-c",
        "hub",
        "P4",
    )
