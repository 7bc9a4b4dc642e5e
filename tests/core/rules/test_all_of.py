"""Every step often enough in a window, in any order, each by occurrences of its own."""

from __future__ import annotations

import pytest
from tests.core.rules.making import (
    BOUNDS,
    HOME,
    KEY,
    a_rule,
    a_sighting,
    a_timeline,
    an_override,
    at,
    days,
    facts_of,
    finds,
    known,
    months,
    of_kind,
    times_of,
    with_flag,
)

from safety_stream.core.model.findings import Excluded
from safety_stream.core.model.sightings import Sighting
from safety_stream.core.model.times import DAY_LENGTH
from safety_stream.core.rules.engine import Picture, RuleSet, difference, revise
from safety_stream.core.rules.rule import AllOf, Rule, Safeguards, Selector
from safety_stream.core.rules.rule import Test as FieldTest

STEPS = {"a": of_kind("a", "both"), "b": of_kind("b", "both")}
MONTH = a_rule(AllOf(steps={"a": 1, "b": 1}, within=months(1)), STEPS)
YEAR = a_rule(AllOf(steps={"a": 1, "b": 1}, within=months(12)), STEPS)
DAYS = a_rule(AllOf(steps={"a": 1, "b": 1}, within=days(28)), STEPS)
TWICE = a_rule(AllOf(steps={"a": 2, "b": 1}, within=days(28)), STEPS)


def told(*kinds: str) -> list[Sighting]:
    """One report of each kind, day after day."""
    return [a_sighting(at("2026-01-05T10:00") + day * DAY_LENGTH, kind=kind) for day, kind in enumerate(kinds)]


@pytest.mark.parametrize("order", [("a", "a", "b"), ("a", "b", "a"), ("b", "a", "a")])
def test_the_order_does_not_matter(order: tuple[str, ...]):
    reports = told(*order)
    assert times_of(finds(TWICE, *reports)) == [reports[2].occurred_from]


@pytest.mark.parametrize("too_few", [("a", "b"), ("a", "a"), ("b", "b", "a"), ("a", "a", "c"), ("a", "b", "b", "b")])
def test_one_report_short_of_a_step_is_too_few_whatever_else_there_is(too_few: tuple[str, ...]):
    assert finds(TWICE, *told(*too_few)) == []


@pytest.mark.parametrize(
    ("kinds", "completes_at"),
    [
        (("both",), []),
        (("both", "both"), []),
        (("both", "a"), []),
        (("both", "b"), []),
        (("both", "both", "both"), [2]),
        # One of the three must stand for b, and both can.
        (("both", "a", "a"), [2]),
        # Either may stand for a, but then nothing else is left for the other a.
        (("both", "b", "b"), []),
        (("both", "b", "both"), [2]),
        (("a", "both", "b"), [2]),
        (("both", "both", "b", "b"), [2, 3]),
    ],
)
def test_an_occurrence_of_two_steps_stands_for_one_of_them(kinds: tuple[str, ...], completes_at: list[int]):
    reports = told(*kinds)
    assert times_of(finds(TWICE, *reports)) == [reports[index].occurred_from for index in completes_at]


def test_steps_that_share_occurrences_in_a_ring_are_all_served():
    """What a step could take may be the only thing another can: the choice must be made for all at once."""
    rule = a_rule(
        AllOf(steps={"one": 1, "two": 1, "three": 1}, within=days(28)),
        {"one": of_kind("x", "y"), "two": of_kind("x"), "three": of_kind("y", "z")},
    )
    assert len(finds(rule, *told("x", "y", "z"))) == 1
    # The one x must stand for two, which leaves a y for each of the others.
    assert len(finds(rule, *told("x", "y", "y"))) == 1
    assert finds(rule, *told("x", "z", "z")) == []
    assert finds(rule, *told("y", "y", "z")) == []


def test_every_further_occurrence_of_a_step_completes_again_and_others_do_not():
    reports = told("a", "b", "c", "b", "a")
    found = finds(DAYS, *reports)
    assert times_of(found) == [reports[index].occurred_from for index in (1, 3, 4)]
    assert facts_of(found[2]) == {"count": "4", "count_a": "2", "count_b": "2"}


def test_the_evidence_is_all_that_is_of_a_step_in_the_window():
    reports = told("a", "both", "c", "b")
    found = finds(DAYS, *reports)[-1]
    assert [item.occurrence_id for item in found.evidence] == [reports[index].incident_id for index in (0, 1, 3)]
    assert facts_of(found) == {"count": "3", "count_a": "2", "count_b": "2"}


@pytest.mark.parametrize(
    ("rule", "first", "edge"),
    [
        (YEAR, "2025-04-01T10:00", "2026-04-01T10:00"),
        (DAYS, "2026-01-05T02:00", "2026-02-02T02:00"),
        # A month after the 31st is clamped; the window of 28 February begins on 28 January.
        (MONTH, "2026-01-28T10:00", "2026-02-28T10:00"),
        # The window of 31 March begins on 28 February, so does that of the 28th.
        (MONTH, "2026-02-28T10:00", "2026-03-31T10:00"),
        # The year that ends on a leap day begins on the 28 February before.
        (YEAR, "2023-02-28T10:00", "2024-02-29T10:00"),
        # Over the night the clocks go forward months keep the hour on the wall, and days are exact 24 hours.
        (MONTH, "2026-03-10T10:00", "2026-04-10T10:00"),
        (DAYS, "2026-03-10T10:00", "2026-04-07T11:00"),
        (DAYS, "2025-10-10T10:00", "2025-11-07T09:00"),
    ],
)
def test_both_ends_belong_to_the_window_to_the_millisecond(rule: Rule, first: str, edge: str):
    begins, ends = at(first), at(edge)
    assert times_of(finds(rule, a_sighting(begins, kind="a"), a_sighting(ends, kind="b"))) == [ends]
    assert finds(rule, a_sighting(begins, kind="a"), a_sighting(ends + 1, kind="b")) == []
    assert finds(rule, a_sighting(begins - 1, kind="a"), a_sighting(ends, kind="b")) == []


def test_what_left_the_window_serves_no_step_though_it_is_of_several():
    early, *rest = told("both", "both", "b")
    assert finds(TWICE, a_sighting(early.occurred_from - 28 * DAY_LENGTH, kind="both"), *rest) == []


def test_of_one_instant_the_last_by_id_completes():
    instant = "2026-01-05T10:00"
    found = finds(DAYS, a_sighting(instant, "y", kind="a"), a_sighting(instant, "x", kind="b"))
    assert [(finding.occurrence_id, len(finding.evidence)) for finding in found] == [("y", 2)]


def test_reports_of_one_occurrence_are_one_occurrence_of_both_steps():
    landlord = a_sighting("2026-01-05T10:00", "x", kind="a", place=HOME, organisation="social-landlords")
    police = a_sighting("2026-01-05T10:30", "y", kind="b", place=HOME)
    assert finds(DAYS, landlord, police) == []
    found = finds(DAYS, landlord, police, a_sighting("2026-01-06T10:00", "z", kind="a"))
    assert [item.reports for item in found[0].evidence] == [("x", "y"), ("z",)]
    assert facts_of(found[0]) == {"count": "2", "count_a": "2", "count_b": "1"}


def test_safeguards_look_at_the_reports_that_are_of_a_step():
    rule = a_rule(
        AllOf(steps={"a": 1, "b": 1}, within=days(28)),
        {"a": of_kind("a"), "b": with_flag("weapon")},
        safeguards=Safeguards(organisations_or_kinds=2),
    )
    first, armed = a_sighting("2026-01-05T10:00", kind="a"), a_sighting("2026-01-06T10:00", kind="a", flags=("weapon",))
    bystander = a_sighting("2026-01-06T10:00", "x", kind="c", place=HOME, organisation="social-landlords")
    beside = a_sighting("2026-01-06T10:00", "y", kind="a", place=HOME, flags=("weapon",))
    assert finds(rule, first, armed) == []
    assert finds(rule, first, bystander, beside) == []
    assert len(finds(rule, first, a_sighting("2026-01-06T10:00", kind="c", flags=("weapon",)))) == 1


def test_one_taken_out_of_the_middle_withdraws_and_one_corrected_to_another_day_too():
    rules = RuleSet([TWICE], BOUNDS)
    first, middle, last = told("a", "b", "a")
    whole = Picture(a_timeline(first, middle, last), BOUNDS)
    without = Picture(a_timeline(first, last), BOUNDS)
    revision = revise(rules, KEY, whole, without, middle, known())
    assert [one.change for one in difference(revision.before, revision.after, 7, "why")] == ["withdrawn"]
    moved = a_sighting(first.occurred_from - 28 * DAY_LENGTH, kind="b")
    corrected = Picture(a_timeline(first, last, moved), BOUNDS)
    revision = revision.then(revise(rules, KEY, without, corrected, moved, known()))
    assert [one.change for one in difference(revision.before, revision.after, 7, "why")] == ["withdrawn"]


def test_a_late_report_completes_what_came_after_it():
    rules = RuleSet([DAYS], BOUNDS)
    late, *rest = told("b", "a", "c", "a")
    old, new = Picture(a_timeline(*rest), BOUNDS), Picture(a_timeline(late, *rest), BOUNDS)
    revision = revise(rules, KEY, old, new, late, known())
    changes = difference(revision.before, revision.after, 7, "why")
    assert [(one.change, one.finding.completed_at) for one in changes] == [
        ("raised", rest[0].occurred_from),
        ("raised", rest[2].occurred_from),
    ]


def test_an_override_that_starts_within_a_window_judges_by_the_end_of_the_window():
    starts = at("2026-01-07T00:00") // DAY_LENGTH
    rule = a_rule(DAYS.limbs[0].condition, STEPS, overrides=(an_override(within=days(1), valid_from=starts),))
    reports = told("a", "b", "c", "b")
    assert times_of(finds(rule, *reports)) == [reports[1].occurred_from]


def test_what_was_nearly_of_a_step_is_named_with_the_reason():
    reported = Selector(tests=(*of_kind("b").tests, FieldTest("origin", frozenset({"reported"}))))
    rule = a_rule(DAYS.limbs[0].condition, {"a": of_kind("a", "both"), "b": reported})
    found_out = a_sighting("2026-01-05T11:00", "y", kind="b", origin="discovered")
    found = finds(rule, *told("a", "b"), found_out)
    assert [finding.excluded for finding in found] == [(Excluded("y", "discovered"),)]
