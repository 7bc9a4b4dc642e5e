"""Steps in strict order of time within a window: the latest chain, nothing ruled out within it, the last in a row."""

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
)

from safety_stream.core.model.findings import Excluded, FindingChange
from safety_stream.core.model.sightings import Sighting
from safety_stream.core.model.times import DAY_LENGTH, Duration
from safety_stream.core.rules.condition import Span
from safety_stream.core.rules.engine import Picture, RuleSet, difference, revise
from safety_stream.core.rules.registry import condition_type
from safety_stream.core.rules.rule import Ordered, Rule, Selector
from safety_stream.core.rules.rule import Test as FieldTest

REFERRAL, ABUSE = "marac-referral", "domestic-abuse"
REPEAT = a_rule(
    Ordered(steps=("referral", "abuse"), within=months(12)),
    {"referral": of_kind(REFERRAL), "abuse": of_kind(ABUSE)},
)
THREE_STEPS = a_rule(
    Ordered(steps=("first", "second", "third"), within=days(10)),
    {"first": of_kind("a"), "second": of_kind("b"), "third": of_kind("a", "c")},
)


def test_the_window_runs_from_the_last_first_step():
    """An old referral does not hide a new one."""
    told = [
        a_sighting("2024-01-01T09:00", kind=REFERRAL),
        a_sighting("2025-06-01T09:00", kind=REFERRAL),
        a_sighting("2026-01-01T09:00", kind=ABUSE),
    ]
    found = finds(REPEAT, *told)
    assert [item.occurrence_id for item in found[0].evidence] == [told[1].incident_id, told[2].incident_id]
    assert facts_of(found[0]) == {"days_since_referral": "214"}


def test_both_ends_belong_to_the_window():
    referral = a_sighting("2025-02-01T09:00", kind=REFERRAL)
    assert len(finds(REPEAT, referral, a_sighting("2026-02-01T09:00", kind=ABUSE))) == 1
    assert finds(REPEAT, referral, a_sighting("2026-02-01T09:00:01", kind=ABUSE)) == []


def test_equal_instants_are_in_no_order():
    told = [a_sighting("2025-02-01T09:00", "a", kind=REFERRAL), a_sighting("2025-02-01T09:00", "b", kind=ABUSE)]
    assert finds(REPEAT, *told) == []


def test_the_wrong_order_is_none():
    told = [a_sighting("2025-02-01T09:00", kind=ABUSE), a_sighting("2025-02-02T09:00", kind=REFERRAL)]
    assert finds(REPEAT, *told) == []


def test_each_completing_step_is_a_finding_and_may_share_the_first():
    told = [a_sighting("2025-02-01T09:00", kind=REFERRAL)]
    told += [a_sighting(f"2025-0{month}-01T09:00", kind=ABUSE) for month in (3, 4)]
    assert times_of(finds(REPEAT, *told)) == [told[1].occurred_from, told[2].occurred_from]


def test_each_earlier_step_is_the_latest_before_the_next():
    told = [a_sighting(f"2026-01-0{day}T09:00", kind=kind) for day, kind in ((1, "a"), (2, "a"), (3, "b"), (4, "c"))]
    found = finds(THREE_STEPS, *told)
    assert [[item.occurred_at for item in finding.evidence] for finding in found] == [
        [at("2026-01-02T09:00"), at("2026-01-03T09:00"), at("2026-01-04T09:00")]
    ]


def test_an_occurrence_serves_several_sequences_but_never_two_steps_of_one():
    """The kind `a` is first and third: a, b, a completes; the last a then begins the next sequence."""
    told = [a_sighting(f"2026-01-0{day}T09:00", kind=kind) for day, kind in ((1, "a"), (2, "b"), (3, "a"))]
    assert times_of(finds(THREE_STEPS, *told)) == [told[2].occurred_from]
    assert finds(THREE_STEPS, *told[1:]) == []
    more = [*told, a_sighting("2026-01-04T09:00", kind="b"), a_sighting("2026-01-05T09:00", kind="c")]
    found = finds(THREE_STEPS, *more)
    assert [finding.evidence[0].occurred_at for finding in found] == [told[0].occurred_from, told[2].occurred_from]


def test_the_middle_of_a_sequence_taken_out_leaves_none():
    told = [a_sighting(f"2026-01-0{day}T09:00", kind=kind) for day, kind in ((1, "a"), (2, "b"), (3, "c"))]
    assert len(finds(THREE_STEPS, *told)) == 1
    assert finds(THREE_STEPS, told[0], told[2]) == []


def test_the_whole_chain_must_fit_the_window():
    told = [a_sighting(when, kind=kind) for when, kind in (("2026-01-01T09:00", "a"), ("2026-01-05T09:00", "b"))]
    assert len(finds(THREE_STEPS, *told, a_sighting("2026-01-11T09:00", kind="c"))) == 1
    assert finds(THREE_STEPS, *told, a_sighting("2026-01-11T09:00:01", kind="c")) == []


# --- none_of: what must not lie between first and last

KINDS = {"a": of_kind("a"), "b": of_kind("b"), "c": of_kind("c"), "x": of_kind("x"), "y": of_kind("y")}
UNANSWERED = a_rule(Ordered(steps=("a", "b"), none_of=("x", "y"), within=days(10)), KINDS)
THREE_UNANSWERED = a_rule(Ordered(steps=("a", "b", "c"), none_of=("x",), within=days(10)), KINDS)


def told(story: str, start: str = "2026-01-05T09:00") -> list[Sighting]:
    """Reports of these kinds day after day; a dot is a day without, what stands in a bracket is of one day."""
    reports, day, is_open = [], 0, False
    for number, kind in enumerate(story):
        if kind in "[]":
            is_open = kind == "["
        elif kind != ".":
            reports.append(a_sighting(at(start) + day * DAY_LENGTH, f"i{number:02d}", kind=kind))
        day += not is_open and kind != "["
    return reports


def links(rule: Rule, story: str) -> list[str]:
    """The kinds of each chain that is found, with the number of the day each link is of."""
    start = at("2026-01-05T09:00")
    kinds = {report.incident_id: report.kind for report in told(story)}
    return [
        "".join(f"{kinds[item.occurrence_id]}{(item.occurred_at - start) // DAY_LENGTH}" for item in finding.evidence)
        for finding in finds(rule, *told(story))
    ]


@pytest.mark.parametrize(
    ("story", "chains"),
    [
        ("ab", ["a0b1"]),
        ("axb", []),
        ("ayb", []),
        ("a.b", ["a0b2"]),
        # Before the first and after the last is not between.
        ("xab", ["a1b2"]),
        ("abx", ["a0b1"]),
        # Of several first steps the latest is taken: what broke the chain of an earlier one does not break its own.
        ("axab", ["a2b3"]),
        ("aaxb", []),
        # An answer ends it for every e behind it, until it begins anew.
        ("abxb", ["a0b1"]),
        ("abxbab", ["a0b1", "a4b5"]),
        # At the instant of the first, or of the last, is not between them.
        ("[ax]b", ["a0b1"]),
        ("a[bx]", ["a0b1"]),
        ("[ax][bx]", ["a0b1"]),
    ],
)
def test_nothing_that_is_ruled_out_lies_strictly_between_first_and_last(story: str, chains: list[str]):
    assert links(UNANSWERED, story) == chains


@pytest.mark.parametrize(
    ("story", "chains"),
    [
        ("abc", ["a0b1c2"]),
        ("axbc", []),
        ("abxc", []),
        ("abaxc", []),
        ("axabc", ["a2b3c4"]),
        # The last a before the last b begins the chain, and the x lies before it.
        ("axabbc", ["a2b4c5"]),
        # The a after the last b begins no chain, and between the other and the c lies an x.
        ("abxac", []),
        ("abcxc", ["a0b1c2"]),
        ("[xa]b[xc]", ["a0b1c2"]),
        # Of one day are b and x: that is between a and c.
        ("a[bx]c", []),
    ],
)
def test_with_more_steps_what_counts_is_between_the_first_and_the_last_of_them(story: str, chains: list[str]):
    assert links(THREE_UNANSWERED, story) == chains


@pytest.mark.parametrize(("late", "found"), [(-1, 1), (0, 1), (1, 0)])
def test_one_millisecond_after_the_first_is_between(late: int, found: int):
    first, last = told("a...b")
    assert len(finds(UNANSWERED, first, a_sighting(first.occurred_from + late, "x", kind="x"), last)) == found


@pytest.mark.parametrize(("late", "found"), [(-1, 0), (0, 1), (1, 1)])
def test_one_millisecond_before_the_last_is_between(late: int, found: int):
    first, last = told("a...b")
    assert len(finds(UNANSWERED, first, a_sighting(last.occurred_from + late, "x", kind="x"), last)) == found


def test_what_is_ruled_out_breaks_a_chain_even_as_a_link_of_it():
    rule = a_rule(
        Ordered(steps=("a", "b", "c"), none_of=("x",), within=days(10)), KINDS | {"x": of_kind("x", "a", "b", "c")}
    )
    assert finds(rule, *told("abc")) == []
    rule = a_rule(Ordered(steps=("a", "b"), none_of=("x",), within=days(10)), KINDS | {"x": of_kind("a", "b")})
    assert len(finds(rule, *told("ab"))) == 1


def test_an_occurrence_told_by_two_is_ruled_out_by_either():
    """Its time is that of its first report, though the one that rules it out came later."""
    first, last = told("a.b")
    crime = a_sighting("2026-01-06T09:00", "p", kind="z", place=HOME)
    answer = a_sighting("2026-01-06T09:30", "q", kind="x", place=HOME, organisation="social-landlords")
    assert len(finds(UNANSWERED, first, crime, last)) == 1
    assert finds(UNANSWERED, first, crime, answer, last) == []


def changes_when(rule: Rule, old: list[Sighting], new: list[Sighting], changed: Sighting) -> list[FindingChange]:
    """What the change from the old reports to the new makes of the findings."""
    rules = RuleSet([rule], BOUNDS)
    pictures = [Picture(a_timeline(*reports), BOUNDS) for reports in (old, new)]
    revision = revise(rules, KEY, *pictures, changed, known())
    return difference(revision.before, revision.after, 7, "why")


def test_an_answer_that_becomes_known_late_withdraws_and_one_withdrawn_raises_again():
    first, answer, last = told("axb")
    gone = changes_when(UNANSWERED, [first, last], [first, answer, last], answer)
    back = changes_when(UNANSWERED, [first, answer, last], [first, last], answer)
    assert [[(one.change, one.finding.completed_at) for one in some] for some in (gone, back)] == [
        [("withdrawn", last.occurred_from)],
        [("raised", last.occurred_from)],
    ]


def test_an_answer_corrected_to_the_instant_of_the_last_no_longer_answers():
    first, answer, last = told("axb")
    moved = a_sighting(last.occurred_from, "x", kind="x")
    changes = changes_when(UNANSWERED, [first, answer, last], [first, last], answer)
    assert [one.change for one in changes] == ["raised"]
    assert changes_when(UNANSWERED, [first, last], [first, last, moved], moved) == []


def test_the_first_taken_out_may_leave_an_older_chain_that_is_broken():
    old, answer, new, last = told("axab")
    changes = changes_when(UNANSWERED, [old, answer, new, last], [old, answer, last], new)
    assert [one.change for one in changes] == ["withdrawn"]


def test_two_sequences_share_a_step_and_one_answer_ends_both():
    assert links(UNANSWERED, "abb") == ["a0b1", "a0b2"]
    assert links(UNANSWERED, "axbb") == []
    assert links(UNANSWERED, "abxb") == ["a0b1"]


@pytest.mark.parametrize(
    ("within", "first", "edge"),
    [
        (days(10), "2026-01-05T09:00", "2026-01-15T09:00"),
        # Over the nights the clocks change days are exact, and months keep the hour on the wall.
        (days(1), "2026-03-28T12:00", "2026-03-29T13:00"),
        (days(1), "2025-10-25T12:00", "2025-10-26T11:00"),
        (months(1), "2026-03-10T10:00", "2026-04-10T10:00"),
        (months(1), "2026-01-28T10:00", "2026-02-28T10:00"),
        (months(1), "2026-02-28T10:00", "2026-03-31T10:00"),
        (months(12), "2023-02-28T10:00", "2024-02-29T10:00"),
    ],
)
@pytest.mark.parametrize("middle", ["", "x"])
def test_the_window_is_closed_on_both_sides_with_and_without_an_answer(
    within: Duration, first: str, edge: str, middle: str
):
    rule = a_rule(Ordered(steps=("a", "b"), none_of=("x",), within=within), KINDS)
    begins, ends = at(first), at(edge)
    answers = [a_sighting(begins + DAY_LENGTH // 2, kind="x")] if middle else []
    met = [] if middle else [ends]
    assert times_of(finds(rule, a_sighting(begins, kind="a"), *answers, a_sighting(ends, kind="b"))) == met
    assert finds(rule, a_sighting(begins, kind="a"), *answers, a_sighting(ends + 1, kind="b")) == []
    assert finds(rule, a_sighting(begins - 1, kind="a"), *answers, a_sighting(ends, kind="b")) == []


def test_an_answer_long_past_is_looked_for_no_further_back_than_the_window():
    """Evaluated over a day alone, it is found as over everything."""
    reports = told("x....ab")
    last = reports[-1].occurred_from
    assert finds(UNANSWERED, *reports, span=Span(last, last)) == finds(UNANSWERED, *reports)


def test_an_override_shortens_the_window_where_it_holds():
    rule = a_rule(UNANSWERED.limbs[0].condition, KINDS, overrides=(an_override(within=days(1)),))
    assert links(rule, "ab") == ["a0b1"]
    assert links(rule, "a.b") == []


def test_what_nearly_ruled_it_out_is_named_with_the_reason():
    in_time = Selector(tests=(*of_kind("x").tests,), reported_within=days(5))
    reported = Selector(tests=(*of_kind("y").tests, FieldTest("origin", frozenset({"reported"}))))
    rule = a_rule(UNANSWERED.limbs[0].condition, KINDS | {"x": in_time, "y": reported})
    first, last = told("a..b")
    late = a_sighting("2026-01-06T09:00", "late", kind="x", reported_at=at("2026-01-11T09:00:01"))
    found_out = a_sighting("2026-01-07T09:00", "found-out", kind="y", origin="discovered")
    assert [finding.excluded for finding in finds(rule, first, late, found_out, last)] == [
        (Excluded("found-out", "discovered"), Excluded("late", "reported-late"))
    ]


# --- runs: the last step several times in a row

TWICE = a_rule(Ordered(steps=("a", "b"), runs=2, within=days(10)), KINDS)
THRICE_UNANSWERED = a_rule(Ordered(steps=("a", "b"), runs=3, none_of=("x",), within=days(10)), KINDS)


@pytest.mark.parametrize(
    ("story", "chains"),
    [
        ("ab", []),
        ("abb", ["a0b1b2"]),
        ("abbb", ["a0b1b2", "a0b2b3"]),
        ("bab", []),
        # What else happens in between does not matter; nor does another first step behind the first of the row.
        ("abcb", ["a0b1b3"]),
        ("abab", ["a0b1b3"]),
        ("aabb", ["a1b2b3"]),
        # Each strictly after the one before.
        ("a[bb]", []),
        ("[ab]b", []),
        ("[ab]bb", ["a0b1b2"]),
        ("a[bb]b", ["a0b1b2"]),
    ],
)
def test_the_last_step_comes_several_times_one_after_another(story: str, chains: list[str]):
    assert links(TWICE, story) == chains


def test_of_two_at_one_instant_the_larger_id_is_the_evidence_and_both_complete():
    found = finds(TWICE, *told("a[bb][bb]"))
    assert [[item.occurrence_id for item in finding.evidence] for finding in found] == [
        ["i00", "i03", "i06"],
        ["i00", "i03", "i07"],
    ]


@pytest.mark.parametrize(
    ("story", "chains"),
    [
        ("abb", []),
        ("abbb", ["a0b1b2b3"]),
        ("abxbb", []),
        ("abbxb", []),
        ("axbbb", []),
        ("xabbb", ["a1b2b3b4"]),
        ("abbbx", ["a0b1b2b3"]),
        ("abb[bx]", ["a0b1b2b3"]),
        ("a[bx]bb", []),
        # Behind the answer the row begins anew, from a first step of its own.
        ("abxabbb", ["a3b4b5b6"]),
        ("abbxbabb", []),
    ],
)
def test_nothing_that_is_ruled_out_lies_within_the_row(story: str, chains: list[str]):
    assert links(THRICE_UNANSWERED, story) == chains


def test_one_of_the_row_taken_out_or_moved_to_the_instant_of_another_is_one_short():
    first, one, other = told("abb")
    assert [one.change for one in changes_when(TWICE, [first, one, other], [first, other], one)] == ["withdrawn"]
    moved = a_sighting(other.occurred_from, "moved", kind="b")
    assert finds(TWICE, first, other, moved) == []


def test_the_row_must_fit_the_window_from_the_first_step_on():
    assert links(TWICE, "a........bb") == ["a0b9b10"]
    assert links(TWICE, "a.........bb") == []


def test_a_row_on_fewer_reports_than_it_needs_is_not_looked_for():
    assert condition_type(THRICE_UNANSWERED.limbs[0].condition).fewest == 4


def test_a_step_may_stand_in_an_order_twice():
    rule = a_rule(Ordered(steps=("a", "b", "a"), within=days(10)), KINDS)
    assert links(rule, "abaa") == ["a0b1a2", "a0b1a3"]
    assert links(rule, "aab") == []
