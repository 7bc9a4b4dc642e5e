"""Counting in a window: where it begins and ends, what is alike, and what is counted at one instant."""

from __future__ import annotations

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

from safety_stream.core.model.times import DAY_LENGTH, SECOND
from safety_stream.core.rules.rule import Count, Rule, Selector
from safety_stream.core.rules.rule import Test as FieldTest

YEAR = a_rule(Count(of="harm", at_least=2, within=months(12)))
MONTH = a_rule(Count(of="harm", at_least=2, within=months(1)))
FOUR_WEEKS = a_rule(Count(of="harm", at_least=2, within=days(28)))


@pytest.mark.parametrize(
    ("rule", "first", "edge"),
    [
        (YEAR, "2025-04-01T10:00", "2026-04-01T10:00"),
        (FOUR_WEEKS, "2026-01-05T02:00", "2026-02-02T02:00"),
        # A month after the 31st is clamped; the window of 28 February begins on 28 January.
        (MONTH, "2026-01-28T10:00", "2026-02-28T10:00"),
        # The window of 31 March begins on 28 February, so does that of the 28th.
        (MONTH, "2026-02-28T10:00", "2026-03-31T10:00"),
        # The year that ends on a leap day begins on the 28 February before.
        (YEAR, "2023-02-28T10:00", "2024-02-29T10:00"),
        # Over the night the clocks go forward, days are exact 24 hours and months keep the hour on the wall.
        (MONTH, "2026-03-10T10:00", "2026-04-10T10:00"),
    ],
)
def test_both_ends_belong_to_the_window_to_the_second(rule: Rule, first: str, edge: str):
    begins = at(first)
    assert times_of(finds(rule, a_sighting(begins), a_sighting(edge))) == [at(edge)]
    assert finds(rule, a_sighting(begins), a_sighting(at(edge) + SECOND)) == []


def test_exact_days_over_the_night_the_clocks_change_are_twenty_four_hours():
    first = at("2026-03-28T12:00")
    rule = a_rule(Count(of="harm", at_least=2, within=days(1)))
    assert len(finds(rule, a_sighting(first), a_sighting("2026-03-29T13:00"))) == 1
    assert finds(rule, a_sighting(first), a_sighting("2026-03-29T13:00:01")) == []


def test_a_calendar_month_over_the_night_the_clocks_change_keeps_the_hour_on_the_wall():
    assert finds(MONTH, a_sighting("2026-03-10T10:00"), a_sighting("2026-04-10T10:00:01")) == []


def test_every_completing_occurrence_is_a_finding_with_its_level():
    told = [a_sighting(f"2026-0{month}-05T10:00") for month in range(1, 6)]
    found = finds(YEAR, *told)
    assert [facts_of(finding)["level"] for finding in found] == ["2", "3", "4+", "4+"]
    assert [facts_of(finding)["count"] for finding in found] == ["2", "3", "4", "5"]


def test_at_one_instant_the_smaller_id_comes_first():
    found = finds(YEAR, a_sighting("2026-01-05T10:00", "b"), a_sighting("2026-01-05T10:00", "a"))
    assert [(finding.occurrence_id, len(finding.evidence)) for finding in found] == [("b", 2)]


def test_only_what_is_alike_is_counted_together():
    rule = a_rule(Count(of="harm", at_least=2, within=months(12), same=("category",)))
    told = [a_sighting("2026-01-05T10:00"), a_sighting("2026-01-06T10:00", category="burglary")]
    assert finds(rule, *told) == []
    found = finds(rule, *told, a_sighting("2026-01-07T10:00", category="burglary"))
    assert [facts_of(finding)["same"] for finding in found] == ["burglary"]


def test_a_missing_value_makes_nothing_alike():
    rule = a_rule(Count(of="harm", at_least=2, within=months(12), same=("category",)))
    assert finds(rule, *(a_sighting(f"2026-01-0{day}T10:00", category="") for day in (5, 6))) == []


def test_occurrences_are_counted_not_reports():
    first = a_sighting("2026-01-05T10:00", "a", place=HOME)
    second = a_sighting("2026-01-05T10:30", "b", place=HOME, organisation="social-landlords")
    assert finds(YEAR, first, second) == []
    found = finds(YEAR, first, second, a_sighting("2026-02-05T10:00", "c"))
    assert [item.reports for item in found[0].evidence] == [("a", "b"), ("c",)]


def test_an_occurrence_counts_when_one_of_its_reports_matches_all_tests_itself():
    rule = a_rule(
        Count(of="harm", at_least=1, within=months(12)),
        {"harm": Selector(tests=(FieldTest("kind", frozenset({"asb-case"})), FieldTest("flag", frozenset({"hate"}))))},
    )
    council = a_sighting("2026-01-05T10:00", "a", place=HOME, kind="asb-case", organisation="district-councils")
    police = a_sighting("2026-01-05T10:00", "b", place=HOME, flags=("hate",))
    assert finds(rule, council, police) == []


def test_what_does_not_match_is_not_counted():
    rule = a_rule(Count(of="harm", at_least=2, within=months(12)), {"harm": of_kind("asb-case")})
    assert finds(rule, a_sighting("2026-01-05T10:00", kind="asb-case"), a_sighting("2026-01-06T10:00")) == []


def test_the_middle_of_three_taken_out_leaves_two_that_still_complete():
    told = [a_sighting(f"2026-0{month}-05T10:00") for month in (1, 2, 3)]
    assert times_of(finds(YEAR, told[0], told[2])) == [told[2].occurred_from]


def test_an_override_holds_for_the_completing_occurrences_area_and_day():
    """From 10 January on one report is enough in Pendle; elsewhere, and before, two are needed."""
    starts = at("2026-01-10T00:00") // DAY_LENGTH
    rule = a_rule(
        Count(of="harm", at_least=2, within=days(28)),
        overrides=(an_override("E07000122", at_least=1, valid_from=starts),),
    )
    before, on, elsewhere = "2026-01-09T23:59:59", "2026-01-10T00:00", "2026-03-10T00:00"
    assert finds(rule, a_sighting(before, area="E07000122")) == []
    assert times_of(finds(rule, a_sighting(on, area="E07000122"))) == [at(on)]
    assert finds(rule, a_sighting(elsewhere)) == []


def test_an_override_that_starts_within_a_window_judges_by_the_end_of_the_window():
    starts = at("2026-01-10T00:00") // DAY_LENGTH
    rule = a_rule(
        Count(of="harm", at_least=2, within=days(28)), overrides=(an_override(within=days(2), valid_from=starts),)
    )
    told = [a_sighting("2026-01-01T10:00"), a_sighting("2026-01-09T10:00"), a_sighting("2026-01-12T10:00")]
    assert times_of(finds(rule, *told)) == [told[1].occurred_from]


def test_an_override_may_end():
    ends = at("2026-01-10T00:00") // DAY_LENGTH
    rule = a_rule(Count(of="harm", at_least=1, within=days(28)), overrides=(an_override(enabled=False, valid_to=ends),))
    told = [a_sighting("2026-01-09T23:59:59"), a_sighting("2026-01-10T00:00")]
    assert times_of(finds(rule, *told)) == [told[1].occurred_from]


def test_of_two_overrides_that_hold_the_later_one_counts():
    rule = a_rule(
        Count(of="harm", at_least=3, within=days(28)),
        overrides=(an_override(at_least=1), an_override(at_least=2)),
    )
    told = [a_sighting("2026-01-05T10:00"), a_sighting("2026-01-06T10:00")]
    assert times_of(finds(rule, *told)) == [told[1].occurred_from]
