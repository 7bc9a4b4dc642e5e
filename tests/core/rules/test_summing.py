"""Adding up: whose numbers, over which window, what an occurrence told twice is worth, and what has none."""

from __future__ import annotations

import pytest
from tests.core.rules.making import HOME, a_rule, a_sighting, an_override, at, days, facts_of, finds, of_kind, times_of

from safety_stream.core.model.facts import Fact
from safety_stream.core.model.findings import Excluded
from safety_stream.core.model.sightings import Sighting
from safety_stream.core.model.times import DAY_LENGTH, SECOND
from safety_stream.core.rules.rule import PriorityRule, Selector, Sum
from safety_stream.core.rules.rule import Test as FieldTest

TEN = Sum(of="harm", field="facts.weight", at_least=10, within=days(28))
RULE = a_rule(TEN)


def a_harm(when: str | int, weight: int | str | None, incident_id: str = "", **changes: object) -> Sighting:
    """A harm that weighs so much; None: nobody says how much."""
    facts = () if weight is None else (Fact("weight", str(weight)),)
    return a_sighting(when, incident_id, facts=facts, **changes)


THREE = [a_harm("2026-01-05T02:00", 3), a_harm("2026-01-12T02:00", 4), a_harm("2026-02-02T02:00", 3)]


def test_it_is_met_where_the_sum_reaches_the_bound():
    found = finds(RULE, *THREE)
    assert times_of(found) == [at("2026-02-02T02:00")]
    assert facts_of(found[0]) == {"count": "3", "sum": "10"}
    assert len(found[0].evidence) == 3


def test_one_less_is_too_little():
    assert finds(RULE, *THREE[:2], a_harm("2026-02-02T02:00", 2)) == []


def test_one_second_past_the_window_is_too_late():
    assert finds(RULE, *THREE[:2], a_harm(THREE[2].occurred_from + SECOND, 3)) == []


def test_one_occurrence_may_weigh_enough_and_each_further_one_completes_again():
    told = [a_harm("2026-01-05T02:00", 10), a_harm("2026-01-06T02:00", 0), a_harm("2026-03-06T02:00", 9)]
    assert times_of(finds(RULE, *told)) == [told[0].occurred_from, told[1].occurred_from]


def test_of_several_reports_of_one_occurrence_the_largest_number_counts_once():
    police = a_harm("2026-01-05T02:00", 6, "a", place=HOME)
    council = a_harm("2026-01-05T02:10", 9, "b", place=HOME, organisation="district-councils")
    landlord = a_harm("2026-01-05T02:20", None, "c", place=HOME, organisation="social-landlords")
    assert finds(RULE, police, council, landlord) == []
    found = finds(RULE, police, council, landlord, a_harm("2026-01-06T02:00", 1, "d"))
    assert [facts_of(finding) for finding in found] == [{"count": "2", "sum": "10"}]
    assert found[0].evidence[0].reports == ("a", "b", "c")


@pytest.mark.parametrize("weight", [None, "heavy"])
def test_what_states_no_number_adds_nothing_is_no_evidence_and_completes_nothing(weight: str | None):
    told = [a_harm("2026-01-05T02:00", 10), a_harm("2026-01-06T02:00", weight)]
    found = finds(RULE, *told, a_harm("2026-01-07T02:00", 1))
    assert times_of(found) == [told[0].occurred_from, at("2026-01-07T02:00")]
    assert [len(finding.evidence) for finding in found] == [1, 2]


def test_less_than_nought_is_taken_off():
    found = finds(RULE, a_harm("2026-01-05T02:00", 9), a_harm("2026-01-06T02:00", -2), a_harm("2026-01-07T02:00", 3))
    assert [facts_of(finding)["sum"] for finding in found] == ["10"]


def test_numbers_are_added_up_among_what_is_alike():
    rule = a_rule(Sum(of="harm", field="facts.weight", at_least=10, within=days(28), same=("category",)))
    told = [a_harm("2026-01-05T02:00", 5), a_harm("2026-01-06T02:00", 5, category="burglary")]
    assert finds(rule, *told) == []
    found = finds(rule, *told, a_harm("2026-01-07T02:00", 5, category="burglary"))
    assert [facts_of(finding) for finding in found] == [{"count": "2", "same": "burglary", "sum": "10"}]


def test_an_occurrence_is_alike_in_what_any_of_its_reports_says_and_counts_once():
    rule = a_rule(Sum(of="harm", field="facts.weight", at_least=10, within=days(28), same=("category",)))
    told = [a_harm("2026-01-05T02:00", 5, category="burglary")]
    earlier = a_harm("2026-01-06T02:00", 2, place=HOME, organisation="district-councils")
    later = a_harm("2026-01-06T02:10", 5, place=HOME, category="burglary")
    (found,) = finds(rule, *told, earlier, later)
    assert facts_of(found) == {"count": "2", "same": "burglary", "sum": "10"}


def test_the_sum_sets_the_priority():
    rule = a_rule(TEN, priority=PriorityRule(base="P4", by_count=((20, "P2"),)))
    found = finds(rule, a_harm("2026-01-05T02:00", 19), a_harm("2026-01-06T02:00", 1))
    assert [finding.priority for finding in found] == ["P4", "P2"]


def test_the_bound_is_overridden_by_the_area_of_the_last():
    rule = a_rule(TEN, overrides=(an_override("E07000122", at_least=4),))
    assert len(finds(rule, a_harm("2026-01-05T02:00", 4, area="E07000122"))) == 1
    assert finds(rule, a_harm("2026-01-05T02:00", 4)) == []


SINCE_SEEN = a_rule(
    Sum(of="harm", field="facts.weight", at_least=10, within=days(28), until="seen"),
    {
        "harm": of_kind("police-crime"),
        "seen": Selector(tests=(*of_kind("intervention").tests, FieldTest("origin", frozenset({"reported"})))),
    },
)


@pytest.mark.parametrize(("late", "found"), [(-1, 1), (0, 1), (1, 0)])
def test_a_closing_one_millisecond_after_a_number_takes_it_away(late: int, found: int):
    closing = a_sighting(THREE[0].occurred_from + late, "seen", kind="intervention")
    assert len(finds(SINCE_SEEN, closing, *THREE)) == found


@pytest.mark.parametrize(("late", "found"), [(-1, 0), (0, 1), (1, 1)])
def test_a_closing_at_the_instant_of_e_closes_nothing_for_e(late: int, found: int):
    closing = a_sighting(THREE[2].occurred_from + late, "seen", kind="intervention")
    assert len(finds(SINCE_SEEN, closing, *THREE)) == found


def test_a_report_that_nearly_closed_is_named():
    nearly = a_sighting(THREE[1].occurred_from + DAY_LENGTH, "seen", kind="intervention", origin="discovered")
    found = finds(SINCE_SEEN, *THREE, nearly)
    assert [finding.excluded for finding in found] == [(Excluded("seen", "discovered"),)]
