"""Differences of findings, hubs, and rules that do not run."""

from __future__ import annotations

from itertools import pairwise

import msgspec
from tests.core.rules.making import BOUNDS, KEY, a_rule, a_sighting, a_timeline, at, days, finds, known, of_kind

from safety_stream.core.catalogue import Bounds
from safety_stream.core.model.findings import Finding
from safety_stream.core.model.sightings import Sighting
from safety_stream.core.model.times import HOUR
from safety_stream.core.rules.condition import Now
from safety_stream.core.rules.engine import HUB_RULE, Picture, RuleSet, difference, evaluate, revise
from safety_stream.core.rules.rule import Count

RULE = a_rule(Count(of="harm", at_least=2, within=days(28)))
RULES = RuleSet([RULE], BOUNDS)
NOW = known()
TOLD = [a_sighting(f"2026-01-{day:02d}T10:00") for day in (5, 6, 7)]


def found(*sightings: Sighting) -> dict[str, Finding]:
    return evaluate(RULES, KEY, a_timeline(*sightings), NOW)


def test_a_finding_that_comes_is_raised():
    assert [change.change for change in difference(found(TOLD[0]), found(*TOLD[:2]), 7, "why")] == ["raised"]


def test_a_finding_that_goes_is_withdrawn_with_all_it_said():
    before = found(*TOLD[:2])
    gone = difference(before, found(TOLD[0]), 7, "why")
    assert [(change.change, change.finding, change.as_of, change.cause) for change in gone] == [
        ("withdrawn", *before.values(), 7, "why")
    ]


def test_a_finding_that_says_something_else_is_updated_under_its_id():
    """Taking out the first leaves the third with less evidence, and the second alone."""
    changes = difference(found(*TOLD), found(*TOLD[1:]), 7, "why")
    assert [(change.change, len(change.finding.evidence)) for change in changes] == [("withdrawn", 2), ("updated", 2)]


def test_nothing_comes_of_nothing():
    assert difference(found(*TOLD), found(*TOLD), 7, "why") == []


def test_a_late_report_is_found_where_it_belongs_and_updates_what_follows():
    old = Picture(a_timeline(TOLD[0], TOLD[2]), BOUNDS)
    new = Picture(a_timeline(*TOLD), BOUNDS)
    revision = revise(RULES, KEY, old, new, TOLD[1], NOW)
    changes = difference(revision.before, revision.after, 7, "why")
    assert [(change.change, change.finding.completed_at) for change in changes] == [
        ("raised", TOLD[1].occurred_from),
        ("updated", TOLD[2].occurred_from),
    ]


def test_a_report_at_the_far_edge_of_the_window_is_still_asked_about():
    """Before anything is looked at, reports too old to count are told by their times alone: not one too many."""
    first, last = a_sighting("2026-01-05T10:00"), a_sighting("2026-02-02T10:00")
    revision = revise(
        RULES, KEY, Picture(a_timeline(first), BOUNDS), Picture(a_timeline(first, last), BOUNDS), last, NOW
    )
    assert [finding.completed_at for finding in revision.after.values()] == [last.occurred_from]
    old, late = Picture(a_timeline(last), BOUNDS), Picture(a_timeline(first, last), BOUNDS)
    assert revise(RULES, KEY, old, late, first, NOW).after == revision.after


def test_a_change_that_concerns_no_step_is_not_looked_into():
    rules = RuleSet([a_rule(Count(of="harm", at_least=1, within=days(28)), {"harm": of_kind("asb-case")})], BOUNDS)
    revision = revise(rules, KEY, Picture(a_timeline(), BOUNDS), Picture(a_timeline(TOLD[0]), BOUNDS), TOLD[0], NOW)
    assert (revision.before, revision.after) == ({}, {})


def test_a_retired_rule_finds_nothing_and_one_on_trial_does():
    assert finds(msgspec.structs.replace(RULE, status="retired"), *TOLD) == []
    assert len(finds(msgspec.structs.replace(RULE, status="trial"), *TOLD)) == 2


def test_a_rule_reads_only_its_own_kinds_of_key():
    assert evaluate(RULES, "person:t1", a_timeline(*TOLD), NOW) == {}


FEW = Bounds(hub=2, kept=3, cell_metres=500, cell_days=92)


def test_a_hub_has_one_finding_that_says_so_and_no_other():
    hub = evaluate(RuleSet([RULE], FEW), KEY, a_timeline(*TOLD, bounds=FEW), NOW)
    assert [(one.rule_id, one.family, one.priority, one.occurrence_id, one.key) for one in hub.values()] == [
        ("hub", "feed", "P4", "hub", KEY)
    ]
    assert [one.completed_at for one in hub.values()] == [TOLD[2].occurred_from]


def test_becoming_a_hub_withdraws_everything_else_and_coming_back_raises_it_again():
    rules = RuleSet([RULE], FEW)
    two, three = (Picture(a_timeline(*TOLD[:n], bounds=FEW), FEW) for n in (2, 3))
    grown = revise(rules, KEY, two, three, TOLD[2], NOW)
    shrunk = revise(rules, KEY, three, two, TOLD[2], NOW)
    kinds = [
        [(change.change, change.finding.rule_id) for change in difference(it.before, it.after, 7, "why")]
        for it in (grown, shrunk)
    ]
    assert kinds == [[("withdrawn", "a-rule"), ("raised", "hub")], [("withdrawn", "hub"), ("raised", "a-rule")]]


def test_more_of_what_is_beyond_the_bound_changes_nothing():
    rules = RuleSet([RULE], FEW)
    more = [*TOLD, *(a_sighting(at("2026-02-01T10:00") + number * HOUR) for number in range(4))]
    pictures = [Picture(a_timeline(*more[:size], bounds=FEW), FEW) for size in range(3, 8)]
    changes = [
        difference(revision.before, revision.after, 7, "why")
        for size, (old, new) in enumerate(pairwise(pictures))
        for revision in [revise(rules, KEY, old, new, more[size + 3], NOW)]
    ]
    assert changes == [[], [], [], []]


def test_the_hub_rule_is_built_in_and_has_nothing_to_evaluate():
    assert (HUB_RULE.id, HUB_RULE.limbs) == ("hub", ())


def test_a_feed_nobody_has_heard_of_is_never_complete():
    assert Now(as_of=10, complete_to={}).awaited_clock(5, ["a-feed"]) == "feed:a-feed"


def test_a_long_timeline_is_evaluated_like_a_short_one():
    """Where only a stretch of it is looked at, the same is found there."""
    told = [a_sighting(at("2025-01-01T10:00") + day * 24 * HOUR) for day in range(200)]
    old, new = a_timeline(*told[:100], *told[101:]), a_timeline(*told)
    revision = revise(RULES, KEY, Picture(old, BOUNDS), Picture(new, BOUNDS), told[100], NOW)
    whole = difference(evaluate(RULES, KEY, old, NOW), evaluate(RULES, KEY, new, NOW), 7, "why")
    assert difference(revision.before, revision.after, 7, "why") == whole
    assert len(whole) == 29
