"""Of what one partner tells, too little is told by another: to the percent, the millisecond and the report."""

from __future__ import annotations

import msgspec
import pytest
from tests.core.rules.making import (
    HOME,
    a_rule,
    a_sighting,
    an_override,
    at,
    days,
    facts_of,
    finds,
    months,
    of_kind,
    times_of,
)

from safety_stream.core.model.findings import Excluded, Finding
from safety_stream.core.model.incidents import Place
from safety_stream.core.model.sightings import Sighting
from safety_stream.core.model.times import DAY_LENGTH, HOUR, MINUTE, Duration
from safety_stream.core.rules.registry import condition_type
from safety_stream.core.rules.rule import PriorityRule, Rule, Selector, Share
from safety_stream.core.rules.rule import Test as FieldTest

START = at("2026-01-05T22:00")
SEEN = of_kind("assault-attendance", "ambulance-call")
KNOWN = of_kind("police-crime", "police-incident")
FIVE = Share(of="seen", also="known", at_least=5, percent=40, within=days(28))


def sharing(condition: Share, **changes: object) -> Rule:
    """A rule on what hospital and ambulance see and the police know."""
    return a_rule(condition, {"seen": SEEN, "known": KNOWN}, **changes)


RULE = sharing(FIVE)


def seen(later: int, **changes: object) -> Sighting:
    """An assault as the hospital tells of it, so many milliseconds from the beginning, and of nobody."""
    said = {"kind": "assault-attendance", "organisation": "hospitals", "place": HOME, "incident_id": f"ed{later}"}
    return a_sighting(START + later, **(said | changes))


def known(later: int, **changes: object) -> Sighting:
    """One as the police do."""
    return a_sighting(START + later, **({"place": HOME, "incident_id": f"police{later}"} | changes))


FIVE_DAYS = [seen(day * DAY_LENGTH) for day in range(5)]


def matching(number: int) -> list[Sighting]:
    """What the police know of so many of the five."""
    return [known(day * DAY_LENGTH + 20 * MINUTE) for day in range(number)]


def matched_and_total(finding: Finding) -> tuple[str, str]:
    """Both its facts."""
    facts = facts_of(finding)
    return facts["matched"], facts["total"]


@pytest.mark.parametrize("number", [0, 1, 2])
def test_up_to_the_percentage_itself_it_is_met(number: int):
    (found,) = finds(RULE, *FIVE_DAYS, *matching(number))
    assert (found.completed_at, matched_and_total(found)) == (START + 4 * DAY_LENGTH, (str(number), "5"))


@pytest.mark.parametrize("number", [3, 4, 5])
def test_with_one_more_it_is_not(number: int):
    assert finds(RULE, *FIVE_DAYS, *matching(number)) == []


@pytest.mark.parametrize(("percent", "met"), [(0, 0), (33, 0), (34, 1), (66, 1), (67, 2), (99, 2), (100, 3)], ids=str)
def test_the_share_is_compared_in_whole_numbers(percent: int, met: int):
    """Of three, one is more than 33 per cent and two are more than 66."""
    rule = sharing(msgspec.structs.replace(FIVE, at_least=3, percent=percent))
    passing = [number for number in range(4) if finds(rule, *FIVE_DAYS[:3], *matching(number))]
    assert passing == list(range(met + 1))


def test_fewer_than_the_number_prove_nothing():
    assert finds(RULE, *FIVE_DAYS[:4]) == []


@pytest.mark.parametrize(
    ("within", "first", "edge"),
    [
        (days(28), "2026-01-05T22:00", "2026-02-02T22:00"),
        (days(28), "2026-03-05T22:00", "2026-04-02T23:00"),
        (months(1), "2026-02-28T22:00", "2026-03-31T22:00"),
    ],
)
def test_both_ends_belong_to_the_window_to_the_millisecond(within: Duration, first: str, edge: str):
    rule = sharing(msgspec.structs.replace(FIVE, at_least=2, within=within))
    begins, ends = at(first) - START, at(edge) - START
    assert len(finds(rule, seen(begins), seen(ends))) == 1
    assert finds(rule, seen(begins), seen(ends + 1)) == []
    assert finds(rule, seen(begins - 1), seen(ends)) == []


def test_occurrences_are_shared_and_not_reports():
    """Hospital and ambulance tell of each, so ten reports are five occurrences; of two of them the police know."""
    twice = [seen(day * DAY_LENGTH + MINUTE, kind="ambulance-call", organisation="ambulance", incident_id=f"amb{day}")
             for day in range(5)]  # fmt: skip
    (found,) = finds(RULE, *FIVE_DAYS, *twice, *matching(2))
    assert matched_and_total(found) == ("2", "5")
    assert sum(len(item.reports) for item in found.evidence) == 12
    assert finds(RULE, *FIVE_DAYS[:4], *twice[:4]) == []


def test_two_reports_of_the_police_match_no_more_than_one_would():
    """The log of a call and the crime are of one organisation: one of them is of the occurrence, the other alone."""
    logs = [known(20 * MINUTE + late, kind="police-incident", incident_id=f"log{late}") for late in (0, 1, 2)]
    (found,) = finds(RULE, *FIVE_DAYS, *logs)
    assert matched_and_total(found) == ("1", "5")


def test_a_report_that_comes_late_takes_the_finding_away():
    (found,) = finds(RULE, *FIVE_DAYS, *matching(2))
    assert found.occurrence_id == f"ed{4 * DAY_LENGTH}"
    assert finds(RULE, *FIVE_DAYS, *matching(3)) == []


def test_what_the_police_know_may_begin_it():
    earlier = [known(day * DAY_LENGTH - 30 * MINUTE) for day in range(5)]
    (found,) = finds(RULE, *FIVE_DAYS, *earlier[3:])
    # The occurrence begins with its earliest report, and has its name.
    assert (found.completed_at, found.occurrence_id) == (earlier[4].occurred_from, earlier[4].incident_id)
    assert matched_and_total(found) == ("2", "5")


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"place": Place(uprn="900000000009", easting=384_101, northing=432_000, exact=True)},
        {"place": Place()},
        {"category": "burglary", "family": "burglary"},
        {"kind": "asb-case"},
    ],
    ids=["at another place", "at no place", "of another family", "of no kind that is asked for"],
)
def test_what_is_not_of_the_same_occurrence_matches_nothing(elsewhere: dict[str, object]):
    reports = [msgspec.structs.replace(one, **elsewhere) for one in matching(5)]
    (found,) = finds(RULE, *FIVE_DAYS, *reports)
    assert matched_and_total(found) == ("0", "5")


@pytest.mark.parametrize("later", [HOUR, HOUR + 1])
def test_an_hour_after_it_they_are_one_and_later_they_are_not(later: int):
    rule = sharing(msgspec.structs.replace(FIVE, at_least=1, percent=0))
    assert len(finds(rule, seen(0), known(later))) == (later > HOUR)


def test_vague_times_match_whatever_they_overlap_one_each():
    """The hospital knows the day: two of its reports match the two crimes of that evening, the third has none left."""
    vague = [seen(late, occurred_to=START + DAY_LENGTH) for late in (0, 1, 2)]
    rule = sharing(msgspec.structs.replace(FIVE, at_least=3, percent=67))
    (found,) = finds(rule, *vague, known(5 * HOUR), known(6 * HOUR))
    assert matched_and_total(found) == ("2", "3")
    assert finds(rule, *vague, *(known(hours * HOUR) for hours in (5, 6, 7))) == []


@pytest.mark.parametrize(
    "nowhere",
    [
        Place(),
        Place(lsoa="E01000001"),
        Place(easting=384_000, northing=432_000),
        Place(easting=384_000, exact=True),
        Place(northing=432_000, exact=True),
    ],
    ids=["no place", "a neighbourhood", "a snapped or coarse point", "half a point", "the other half"],
)
def test_what_could_not_be_matched_is_not_counted(nowhere: Place):
    lost = seen(5 * DAY_LENGTH, place=nowhere)
    assert finds(RULE, *FIVE_DAYS[:4], lost) == []
    (found,) = finds(RULE, *FIVE_DAYS, lost)
    assert (found.completed_at, matched_and_total(found)) == (START + 4 * DAY_LENGTH, ("0", "5"))


@pytest.mark.parametrize(
    "somewhere", [Place(uprn="900000000001"), Place(easting=1, northing=2, exact=True)], ids=["address", "point"]
)
def test_an_address_or_a_point_alone_will_do(somewhere: Place):
    assert len(finds(RULE, *FIVE_DAYS[:4], seen(5 * DAY_LENGTH, place=somewhere))) == 1


def test_each_that_meets_it_is_a_finding_and_one_that_is_matched_may_be():
    found = finds(RULE, *FIVE_DAYS, seen(5 * DAY_LENGTH), seen(6 * DAY_LENGTH), known(6 * DAY_LENGTH))
    assert [matched_and_total(one) for one in found] == [("0", "5"), ("0", "6"), ("1", "7")]


def test_the_priority_counts_all_of_them():
    words = PriorityRule(base="P4", by_count=((6, "P3"),))
    found = finds(sharing(FIVE, priority=words), *FIVE_DAYS, seen(5 * DAY_LENGTH))
    assert [one.priority for one in found] == ["P4", "P3"]


def test_an_area_may_ask_for_more_or_for_less_time():
    fewer = an_override("E07000122", at_least=2, within=days(1))
    rule = sharing(FIVE, overrides=(fewer, an_override("E07000123", enabled=False)))
    there = {"area": "E07000122"}
    assert times_of(finds(rule, seen(0), seen(DAY_LENGTH, **there))) == [START + DAY_LENGTH]
    assert finds(rule, seen(0), seen(DAY_LENGTH + 1, **there)) == []
    assert finds(rule, *FIVE_DAYS[:4], seen(5 * DAY_LENGTH, area="E07000123")) == []


def test_what_nearly_counted_is_named_if_it_has_a_place():
    reported = Selector(tests=(*SEEN.tests, FieldTest("origin", frozenset({"reported"}))))
    rule = a_rule(FIVE, {"seen": reported, "known": KNOWN})
    found_out = {"origin": "discovered"}
    nearly = [
        seen(HOUR, incident_id="nearly", **found_out),
        seen(HOUR, incident_id="lost", place=Place(), **found_out),
        seen(5 * DAY_LENGTH, incident_id="afterwards", **found_out),
    ]
    (found,) = finds(rule, *FIVE_DAYS, *nearly)
    assert found.excluded == (Excluded("nearly", "discovered"),)


def test_it_says_in_words_when_it_is_met():
    once = Share(of="seen", also="known", at_least=1, percent=0, within=months(1))
    assert [condition_type(one).words for one in (FIVE, once)] == [
        f"“seen” happens {often}, each at a known place, and {told} of them are also told by “known”"
        for often, told in (
            ("5 times or more within 28 days", "at most 40 %"),
            ("once or more within 1 month", "none"),
        )
    ]
