"""Steps in strict order of time, the latest chain, within a window."""

from __future__ import annotations

from tests.core.rules.making import a_rule, a_sighting, at, days, facts_of, finds, months, of_kind, times_of

from safety_stream.core.rules.rule import Ordered

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
