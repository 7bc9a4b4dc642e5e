"""Counting in a window: where it begins and ends, what is alike, what is counted at one instant, and what closes."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
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
)

from safety_stream.core.model.facts import Fact
from safety_stream.core.model.findings import Excluded, Finding, FindingChange
from safety_stream.core.model.sightings import Sighting
from safety_stream.core.model.times import DAY_LENGTH, HOUR, SECOND, Duration
from safety_stream.core.rules.condition import Span
from safety_stream.core.rules.engine import Picture, RuleSet, difference, evaluate, revise
from safety_stream.core.rules.rule import Count, Rule, Selector
from safety_stream.core.rules.rule import Test as FieldTest

START = at("2026-01-05T10:00")
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


@pytest.mark.parametrize(
    ("first", "edge", "over"),
    [
        ("2026-03-28T12:00", "2026-03-29T12:00", "2026-03-29T12:00:01"),
        ("2026-10-24T12:00", "2026-10-25T12:00", "2026-10-25T12:00:01"),
        # The hour that is not there, and the first of the two that are.
        ("2026-03-29T02:30", "2026-03-30T01:30", "2026-03-30T02:30:01"),
        ("2026-10-25T01:30", "2026-10-26T01:30", "2026-10-26T01:30:01"),
    ],
)
def test_days_of_the_calendar_end_at_the_same_time_on_the_wall_to_the_second(first: str, edge: str, over: str):
    rule = a_rule(Count(of="harm", at_least=2, within=Duration(days=1)))
    assert times_of(finds(rule, a_sighting(first), a_sighting(edge))) == [at(edge)]
    assert finds(rule, a_sighting(first), a_sighting(over)) == []


def test_a_calendar_month_over_the_night_the_clocks_change_keeps_the_hour_on_the_wall():
    assert finds(MONTH, a_sighting("2026-03-10T10:00"), a_sighting("2026-04-10T10:00:01")) == []


def test_every_completing_occurrence_is_a_finding_with_its_level():
    told = [a_sighting(f"2026-0{month}-05T10:00") for month in range(1, 6)]
    found = finds(YEAR, *told)
    assert [facts_of(finding)["level"] for finding in found] == ["2", "3", "4+", "4+"]
    assert [facts_of(finding)["count"] for finding in found] == ["2", "3", "4", "5"]


SECOND_OR_THIRD = a_rule(Count(of="harm", at_least=2, at_most=3, within=days(28)))


def test_in_a_range_what_comes_later_takes_nothing_back_and_what_was_before_does():
    told = [a_sighting(f"2026-01-{day:02d}T10:00") for day in (5, 6, 7, 8)]
    assert [facts_of(found)["count"] for found in finds(SECOND_OR_THIRD, *told[:3])] == ["2", "3"]
    assert times_of(finds(SECOND_OR_THIRD, *told)) == [one.occurred_from for one in told[1:3]]

    # Told late, one before them all makes the first the second, and the third the fourth.
    late = a_sighting("2026-01-04T10:00", reported_at=at("2026-03-01T10:00"))
    assert times_of(finds(SECOND_OR_THIRD, *told, late)) == [one.occurred_from for one in told[:2]]


def test_a_report_that_was_one_too_many_brings_back_what_it_took():
    told = [a_sighting(f"2026-01-{day:02d}T10:00") for day in (5, 6, 7, 8)]
    rules = RuleSet([SECOND_OR_THIRD], BOUNDS)
    full, left = (Picture(a_timeline(*these), BOUNDS) for these in (told, told[1:]))
    revision = revise(rules, KEY, full, left, told[0], known())
    changes = difference(revision.before, revision.after, 0, "withdrawn")
    assert [(one.change, one.finding.occurrence_id) for one in changes] == [
        ("withdrawn", told[1].incident_id),
        ("updated", told[2].incident_id),
        ("raised", told[3].incident_id),
    ]


CHAIN = a_rule(Count(of="harm", at_least=2, within=days(7), chain=2))


@pytest.mark.parametrize(
    ("told", "counts"),
    [
        ((5, 12, 19), ["2", "3"]),
        # The first is a link further than there may be.
        ((5, 12, 19, 26), ["2", "3", "3"]),
        ((5, 12, 13, 19), ["2", "3", "4"]),
        ((4, 12, 19), ["2"]),
        ((5, 13, 21), []),
    ],
)
def test_a_chain_goes_on_from_the_first_in_the_window(told: tuple[int, ...], counts: list[str]):
    found = finds(CHAIN, *(a_sighting(f"2026-01-{day:02}T10:00") for day in told))
    assert [facts_of(finding)["count"] for finding in found] == counts


def test_a_chain_is_to_the_second_and_closed_by_what_closes():
    first, second, last = (a_sighting(f"2026-01-{day:02}T10:00") for day in (5, 12, 19))
    late = a_sighting("2026-01-05T09:59:59", "late")
    assert [facts_of(found)["count"] for found in finds(CHAIN, late, second, last)] == ["2"]
    closed = a_rule(
        Count(of="harm", at_least=2, within=days(7), chain=2, until="visit"),
        {"harm": of_kind("police-crime"), "visit": of_kind("asb-case")},
    )
    visit = a_sighting("2026-01-06T10:00", kind="asb-case")
    assert [facts_of(found)["count"] for found in finds(closed, first, second, last)] == ["2", "3"]
    assert [facts_of(found)["count"] for found in finds(closed, first, second, last, visit)] == ["2"]


@given(
    st.lists(st.integers(0, 60), max_size=20),
    st.lists(st.integers(0, 60), max_size=2),
    st.integers(1, 4),
    st.integers(1, 9),
)
def test_a_chain_counts_what_going_back_day_by_day_counts(harms: list[int], visits: list[int], links: int, length: int):
    rule = a_rule(
        Count(of="harm", at_least=2, within=days(length), chain=links, until="visit"),
        {"harm": of_kind("police-crime"), "visit": of_kind("asb-case")},
    )
    told = [a_sighting(START + day * DAY_LENGTH, f"h{number:02}") for number, day in enumerate(sorted(harms))]
    told += [a_sighting(START + day * DAY_LENGTH, f"v{n}", kind="asb-case") for n, day in enumerate(visits)]
    expected = {}
    for number, last in enumerate(sorted(harms)):
        closed = max([day for day in visits if day < last], default=-1)
        before = [day for day in sorted(harms)[: number + 1] if day >= closed]
        opens = last
        for _ in range(links):
            opens = min(day for day in before if day >= opens - length)
        count = sum(day >= opens for day in before)
        if count >= 2:
            expected[f"h{number:02}"] = str(count)

    assert {found.occurrence_id: facts_of(found)["count"] for found in finds(rule, *told)} == expected


@given(st.lists(st.integers(0, 40), min_size=1, max_size=12), st.data())
def test_what_a_report_changes_in_a_chain_lies_within_reach(harms: list[int], data: st.DataObject):
    """The engine looks at so many windows about what came or went, and no further."""
    told = [a_sighting(START + day * DAY_LENGTH, f"h{number:02}") for number, day in enumerate(sorted(harms))]
    gone = data.draw(st.sampled_from(told))
    rules = RuleSet([CHAIN], BOUNDS)
    left = [one for one in told if one is not gone]
    full, rest = (Picture(a_timeline(*these), BOUNDS) for these in (told, left))
    revision = revise(rules, KEY, full, rest, gone, known())
    raised = {c.finding.finding_id: c.finding for c in difference({}, evaluated(left), 0, "x")}
    standing = evaluated(told)
    for change in difference(revision.before, revision.after, 0, "withdrawn"):
        if change.change == "withdrawn":
            del standing[change.finding.finding_id]
        else:
            standing[change.finding.finding_id] = change.finding
    assert standing == raised


def evaluated(told: list[Sighting]) -> dict[str, Finding]:
    return dict(evaluate(RuleSet([CHAIN], BOUNDS), KEY, a_timeline(*told), known()))


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


def test_alike_in_several_fields_is_alike_in_each_of_them_and_a_missing_fact_in_none():
    rule = a_rule(Count(of="harm", at_least=2, within=months(12), same=("category", "facts.colour")))
    red, blue = (Fact("colour", "red"),), (Fact("colour", "blue"),)
    told = [
        a_sighting("2026-01-05T10:00"),
        a_sighting("2026-01-06T10:00"),
        a_sighting("2026-01-07T10:00", facts=red),
        a_sighting("2026-01-08T10:00", facts=blue),
        a_sighting("2026-01-09T10:00", facts=red, category="burglary"),
    ]
    assert finds(rule, *told) == []
    found = finds(rule, *told, a_sighting("2026-01-10T10:00", facts=red))
    assert [facts_of(finding)["same"] for finding in found] == ["violence, red"]


ALIKE = a_rule(Count(of="harm", at_least=3, within=months(12), same=("category",)))


def an_evening(day: str, *told: str, **changes: object) -> list[Sighting]:
    """What agencies tell of one evening, each twenty minutes after the one before and as another category."""
    agencies = ("lancashire-police", "district-councils", "social-landlords")
    return [
        a_sighting(f"{day}T20:{20 * number:02}", organisation=agency, category=category, place=HOME, **changes)
        for number, (agency, category) in enumerate(zip(agencies, told, strict=False))
    ]


def test_an_occurrence_is_alike_in_what_any_of_its_reports_says():
    noise = [*an_evening("2026-01-05", "asb-noise"), *an_evening("2026-02-05", "asb-noise")]
    (stands,) = finds(ALIKE, *noise, *an_evening("2026-03-05", "asb-noise"))
    for third in (("asb-vehicle", "asb-noise"), ("", "asb-noise"), ("asb-vehicle", "", "asb-noise")):
        (found,) = finds(ALIKE, *noise, *an_evening("2026-03-05", *third))
        assert (found.completed_at, facts_of(found)) == (stands.completed_at, facts_of(stands))
    (found,) = finds(ALIKE, *an_evening("2026-01-01", "asb-vehicle", "asb-noise"), *noise)
    assert len(found.evidence[0].reports) == 2


def test_only_a_report_of_the_step_says_what_an_occurrence_is_alike_in():
    police = Selector(tests=(FieldTest("organisation", frozenset({"lancashire-police"})),))
    rule = a_rule(ALIKE.limbs[0].condition, {"harm": police})
    noise = [one for day in ("2026-01-05", "2026-02-05") for one in an_evening(day, "asb-noise")]
    assert finds(rule, *noise, *an_evening("2026-03-05", "asb-vehicle", "asb-noise")) == []
    assert len(finds(rule, *noise, *an_evening("2026-03-05", "asb-noise", "asb-vehicle"))) == 1


def test_of_two_groups_each_is_counted_by_itself_and_one_that_is_met_is_told():
    of_both = an_evening("2026-01-05", "asb-vehicle", "asb-noise")
    of_each = [*an_evening("2026-02-05", "asb-vehicle"), *an_evening("2026-03-05", "asb-noise")]
    # Three of an occurrence in both groups and two more, but no three alike.
    assert finds(ALIKE, *of_both, *of_each) == []
    assert len(finds(ALIKE, *of_both, *of_each, *an_evening("2026-04-05", "asb-noise"))) == 1
    # Met by both at once it is one finding: that of the group of the earliest report, which it would be without others.
    thrice = [one for day in ("2026-01-05", "2026-02-05", "2026-03-05") for one in an_evening(day, "b", "a", "b")]
    (found,) = finds(ALIKE, *thrice)
    assert facts_of(found)["same"] == "b"
    # Where only the group of a later report is met, that is told.
    late = [*an_evening("2026-01-05", "a"), *an_evening("2026-02-05", "a"), *an_evening("2026-03-05", "b", "a")]
    assert [facts_of(found)["same"] for found in finds(ALIKE, *late)] == ["a"]


def test_what_nearly_counted_is_held_to_the_group_that_is_told():
    reported = Selector(tests=(FieldTest("origin", frozenset({"reported"})),))
    rule = a_rule(ALIKE.limbs[0].condition, {"harm": reported})
    thrice = [one for day in ("2026-01-05", "2026-02-05", "2026-03-05") for one in an_evening(day, "b", "a")]
    nearly = [a_sighting(f"2026-02-0{day}T10:00", f"found-{of}", category=of, origin="discovered")
              for day, of in ((1, "a"), (2, "b"))]  # fmt: skip
    (found,) = finds(rule, *thrice, *nearly)
    assert [item.incident_id for item in found.excluded] == ["found-b"]


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


# --- until: what is closed counts no more

SEEN = {"harm": of_kind("h", "both"), "seen": of_kind("s", "both")}
OPEN = a_rule(Count(of="harm", at_least=2, within=days(28), until="seen"), SEEN)


def told(*kinds: str) -> list[Sighting]:
    """One report of each kind, day after day."""
    return [
        a_sighting(at("2026-01-05T10:00") + day * DAY_LENGTH, f"i{day}", kind=kind) for day, kind in enumerate(kinds)
    ]


def counted(rule: Rule, *reports: Sighting) -> list[str]:
    """The ids of what each finding counts."""
    return [" ".join(item.occurrence_id for item in finding.evidence) for finding in finds(rule, *reports)]


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ("hh", ["i0 i1"]),
        ("hsh", []),
        ("hshh", ["i2 i3"]),
        ("hhsh", ["i0 i1"]),
        ("hhshh", ["i0 i1", "i3 i4"]),
        # Before the first and after the last nothing is closed that counts.
        ("shh", ["i1 i2"]),
        ("hhs", ["i0 i1"]),
        # The latest closing decides.
        ("hshshh", ["i4 i5"]),
    ],
)
def test_what_is_closed_before_e_does_not_count(kinds: str, expected: list[str]):
    assert counted(OPEN, *told(*kinds)) == expected


def test_what_closes_may_count_itself_and_closes_only_what_came_before_it():
    assert counted(OPEN, *told("h", "both", "h")) == ["i0 i1", "i1 i2"]
    assert counted(OPEN, *told("both", "both", "both")) == ["i0 i1", "i1 i2"]


@pytest.mark.parametrize(("late", "number"), [(-1, 1), (0, 1), (1, 0)])
def test_a_closing_one_millisecond_after_the_first_is_between(late: int, number: int):
    first, last = told("h", "h")
    assert len(finds(OPEN, first, a_sighting(first.occurred_from + late, "s", kind="s"), last)) == number


@pytest.mark.parametrize(("late", "number"), [(-1, 0), (0, 1), (1, 1)])
def test_a_closing_one_millisecond_before_the_last_is_between(late: int, number: int):
    first, last = told("h", "h")
    assert len(finds(OPEN, first, a_sighting(last.occurred_from + late, "s", kind="s"), last)) == number


def test_a_closing_at_the_instant_of_harm_closes_not_that_but_all_before_it_for_what_comes_after():
    first, last, later = told("h", "h", "h")
    closing = a_sighting(last.occurred_from, "s", kind="s")
    assert counted(OPEN, first, last, closing, later) == ["i0 i1", "i1 i2"]


def test_it_closes_whatever_it_is_alike_in():
    rule = a_rule(Count(of="harm", at_least=2, within=days(28), same=("category",), until="seen"), SEEN)
    first, closing, last = told("h", "s", "h")
    elsewhere = a_sighting(closing.occurred_from, "i1", kind="s", category="burglary")
    assert finds(rule, first, elsewhere, last) == []


@pytest.mark.parametrize(
    ("within", "first", "edge"),
    [
        (days(28), "2026-01-05T02:00", "2026-02-02T02:00"),
        (days(1), "2026-03-28T12:00", "2026-03-29T13:00"),
        (days(1), "2025-10-25T12:00", "2025-10-26T11:00"),
        (months(1), "2026-01-28T10:00", "2026-02-28T10:00"),
        (months(1), "2026-02-28T10:00", "2026-03-31T10:00"),
        (months(12), "2023-02-28T10:00", "2024-02-29T10:00"),
    ],
)
def test_with_a_closing_before_it_the_window_begins_where_it_did(within: Duration, first: str, edge: str):
    rule = a_rule(Count(of="harm", at_least=2, within=within, until="seen"), SEEN)
    begins, ends = at(first), at(edge)
    closing = a_sighting(begins - DAY_LENGTH, "s", kind="s")
    assert times_of(finds(rule, closing, a_sighting(begins, kind="h"), a_sighting(ends, kind="h"))) == [ends]
    assert finds(rule, closing, a_sighting(begins, kind="h"), a_sighting(ends + 1, kind="h")) == []
    assert finds(rule, closing, a_sighting(begins - 1, kind="h"), a_sighting(ends, kind="h")) == []


def changes_when(old: list[Sighting], new: list[Sighting], changed: Sighting) -> list[FindingChange]:
    """What the change from the old reports to the new makes of the findings."""
    rules = RuleSet([OPEN], BOUNDS)
    pictures = [Picture(a_timeline(*reports), BOUNDS) for reports in (old, new)]
    revision = revise(rules, KEY, *pictures, changed, known())
    return difference(revision.before, revision.after, 7, "why")


def test_a_closing_that_becomes_known_late_withdraws_what_it_closes_and_updates_what_it_shortens():
    one, two, closing, three, four = told("h", "h", "s", "h", "h")
    changes = changes_when([one, two, three, four], [one, two, closing, three, four], closing)
    assert [(change.change, change.finding.occurrence_id) for change in changes] == [
        ("withdrawn", "i3"),
        ("updated", "i4"),
    ]


def test_a_closing_that_is_withdrawn_or_corrected_to_another_time_opens_again():
    first, closing, last = told("h", "s", "h")
    assert [one.change for one in changes_when([first, closing, last], [first, last], closing)] == ["raised"]
    moved = a_sighting(first.occurred_from - 1, "moved", kind="s")
    assert changes_when([first, last], [first, last, moved], moved) == []


def test_a_day_alone_is_evaluated_as_the_whole():
    reports = told("h", "s", "h", "h")
    last = reports[-1].occurred_from
    assert finds(OPEN, *reports, span=Span(last, last)) == finds(OPEN, *reports)


def test_where_an_override_asks_for_more_one_short_since_the_closing_is_too_few():
    rule = a_rule(OPEN.limbs[0].condition, SEEN, overrides=(an_override(at_least=3),))
    assert finds(rule, *told("h", "s", "h", "h")) == []
    assert counted(rule, *told("h", "s", "h", "h", "h")) == ["i2 i3 i4"]


def test_what_nearly_counted_or_closed_is_named_with_the_reason_since_the_last_closing():
    reported = FieldTest("origin", frozenset({"reported"}))
    rule = a_rule(
        Count(of="harm", at_least=2, within=days(28), same=("category",), until="seen"),
        {
            "harm": Selector(tests=(*SEEN["harm"].tests, reported)),
            "seen": Selector(tests=SEEN["seen"].tests, reported_within=days(1)),
        },
    )
    _, closing, first, last = told("h", "s", "h", "h")
    closed = a_sighting("2026-01-05T11:00", "closed", kind="h", origin="discovered")
    nearly_counted = a_sighting("2026-01-07T11:00", "nearly-counted", kind="h", origin="discovered")
    other = a_sighting("2026-01-07T11:30", "other", kind="h", origin="discovered", category="burglary")
    nearly_closed = a_sighting(
        "2026-01-07T12:00", "nearly-closed", kind="s", category="burglary", reported_at=at("2026-01-09T12:00")
    )
    found = finds(rule, closed, closing, first, nearly_counted, other, nearly_closed, last)
    assert [finding.excluded for finding in found] == [
        (Excluded("nearly-closed", "reported-late"), Excluded("nearly-counted", "discovered"))
    ]


def test_words_that_ask_say_how_long_the_window_is_there_and_then():
    starts = at("2026-02-10T00:00") // DAY_LENGTH
    rule = a_rule(
        Count(of="harm", at_least=2, within=months(6)),
        overrides=(
            an_override("E07000122", within=days(28), valid_from=starts),
            an_override("E07000124", within=Duration(millis=72 * HOUR)),
        ),
    )
    rule = msgspec.structs.replace(rule, limbs=(msgspec.structs.replace(rule.limbs[0], explain="{count} in {within}"),))

    def said(day: str, area: str) -> list[tuple[str, tuple[str, str]]]:
        pair = (a_sighting(f"2026-02-{day}T10:00", area=area), a_sighting(f"2026-02-{day}T11:00", area=area))
        return [(one.explanation, one.facts[-1]) for one in finds(rule, *pair)]

    assert said("09", "E07000122") == [("2 in 6 months", ("within", "6 months"))]
    assert said("10", "E07000122") == [("2 in 28 days", ("within", "28 days"))]
    assert said("10", "E07000124") == [("2 in 72 hours", ("within", "72 hours"))]
