"""Nothing until a deadline: what cancels, and when it may be said that nothing did."""

from __future__ import annotations

import msgspec
import pytest
from tests.core.rules.making import (
    BOUNDS,
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

from safety_stream.core.model.open_days import Ahead, Closed, OpenDays
from safety_stream.core.model.times import DAY_LENGTH, HOUR, Duration, Instant, day_of
from safety_stream.core.rules.changing import Applied, what_differs
from safety_stream.core.rules.condition import Now
from safety_stream.core.rules.engine import Picture, RuleSet, wakes
from safety_stream.core.rules.rule import Absent, Rule

RULE = a_rule(
    Absent(after="left", unless="seen", within=Duration(millis=72 * HOUR), feeds=("feed-a", "feed-b")),
    {"left": of_kind("left"), "seen": of_kind("seen")},
)
LEFT = a_sighting("2026-01-05T20:00", kind="left")
DEADLINE = "2026-01-08T20:00"
ALL = known(DEADLINE, feed_a=DEADLINE, feed_b=DEADLINE)


def test_it_completes_at_the_deadline_once_every_clock_is_at_it():
    found = finds(RULE, LEFT, now=ALL)
    assert times_of(found) == [at(DEADLINE)]
    assert (found[0].occurrence_id, facts_of(found[0])) == (LEFT.incident_id, {"deadline": "2026-01-08 20:00"})


@pytest.mark.parametrize(
    "now",
    [
        known("2026-01-08T19:59:59", feed_a=DEADLINE, feed_b=DEADLINE),
        known(DEADLINE, feed_a="2026-01-08T19:59:59", feed_b=DEADLINE),
        known(DEADLINE, feed_a=DEADLINE, feed_b="2026-01-08T19:59:59"),
        known(DEADLINE, feed_a=DEADLINE),
    ],
)
def test_it_is_not_there_while_a_clock_is_behind_or_a_feed_unheard(now: Now):
    assert finds(RULE, LEFT, now=now) == []


@pytest.mark.parametrize(
    ("when", "is_cancelled"),
    [("2026-01-05T20:00", False), ("2026-01-05T20:00:01", True), (DEADLINE, True), ("2026-01-08T20:00:01", False)],
)
def test_what_is_later_than_the_trigger_and_no_later_than_the_deadline_cancels(when: str, is_cancelled: bool):
    """Cancel and trigger at one instant: nothing was cancelled."""
    found = finds(RULE, LEFT, a_sighting(when, "seen", kind="seen"), now=ALL)
    assert (found == []) == is_cancelled


def test_one_cancelling_occurrence_serves_every_trigger_before_it():
    again = a_sighting("2026-01-06T20:00", kind="left")
    seen = a_sighting("2026-01-07T20:00", kind="seen")
    assert finds(RULE, LEFT, again, seen) == []
    assert len(finds(RULE, LEFT, again, now=known(feed_a="2030-01-01T00:00", feed_b="2030-01-01T00:00"))) == 2


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (known("2026-01-06T00:00"), {("as_of", at(DEADLINE))}),
        (known(DEADLINE), {("feed:feed-a", at(DEADLINE))}),
        (known(DEADLINE, feed_a=DEADLINE), {("feed:feed-b", at(DEADLINE))}),
        (ALL, set()),
    ],
)
def test_the_first_clock_that_is_behind_is_the_one_to_wait_for(now: Now, expected: set[tuple[str, Instant]]):
    rules = RuleSet([RULE], BOUNDS)
    assert wakes(rules, KEY, Picture(a_timeline(LEFT), BOUNDS), now) == expected


def test_nobody_waits_for_what_is_cancelled():
    rules = RuleSet([RULE], BOUNDS)
    timeline = a_timeline(LEFT, a_sighting("2026-01-06T20:00", kind="seen"))
    assert wakes(rules, KEY, Picture(timeline, BOUNDS), known("2026-01-06T00:00")) == set()


def test_hours_over_the_night_the_clocks_go_back_are_hours():
    left = a_sighting("2026-10-24T20:00", kind="left")
    now = known("2027-01-01T00:00", feed_a="2027-01-01T00:00", feed_b="2027-01-01T00:00")
    assert facts_of(finds(RULE, left, now=now)[0]) == {"deadline": "2026-10-27 19:00"}


def test_a_deadline_in_months_is_clamped():
    rule = a_rule(
        Absent(after="left", unless="seen", within=months(1), feeds=()),
        {"left": of_kind("left")} | {"seen": of_kind("seen")},
    )
    assert times_of(finds(rule, a_sighting("2026-01-31T20:00", kind="left"))) == [at("2026-02-28T20:00")]


def test_an_override_is_chosen_by_the_day_it_began():
    starts = at("2026-01-08T00:00") // DAY_LENGTH
    rule = a_rule(
        Absent(after="left", unless="seen", within=days(3), feeds=()),
        {"left": of_kind("left"), "seen": of_kind("seen")},
        overrides=(an_override(within=days(9), valid_from=starts),),
    )
    assert times_of(finds(rule, LEFT)) == [at(DEADLINE)]


MONDAY = day_of(at("2026-01-12T00:00"))
SCHOOL = OpenDays(id="school", opens=540, closed=(Closed(MONDAY, MONDAY + 1),), known_from=MONDAY, known_to=MONDAY + 9)
FRIDAY = a_sighting("2026-01-09T22:00", kind="left")


def before_school(number: int = 1) -> Rule:
    return a_rule(
        Absent(after="left", unless="seen", before=Ahead(SCHOOL, number), feeds=()),
        {"left": of_kind("left"), "seen": of_kind("seen")},
    )


def test_it_completes_when_the_next_open_day_begins():
    found = finds(before_school(), FRIDAY)
    assert times_of(found) == [at("2026-01-14T09:00")]
    assert facts_of(found[0]) == {"deadline": "2026-01-14 09:00"}
    assert times_of(finds(before_school(2), FRIDAY)) == [at("2026-01-15T09:00")]


@pytest.mark.parametrize(
    ("when", "is_cancelled"),
    [
        ("2026-01-09T22:00", False),
        ("2026-01-11T12:00", True),
        ("2026-01-14T09:00", True),
        ("2026-01-14T09:00:01", False),
    ],
)
def test_what_comes_before_that_day_begins_cancels(when: str, is_cancelled: bool):
    assert (finds(before_school(), FRIDAY, a_sighting(when, "seen", kind="seen")) == []) == is_cancelled


def test_it_is_waited_for_until_then():
    rules = RuleSet([before_school()], BOUNDS)
    asked = wakes(rules, KEY, Picture(a_timeline(FRIDAY), BOUNDS), known("2026-01-12T00:00"))
    assert asked == {("as_of", at("2026-01-14T09:00"))}


def test_an_area_may_have_it_switched_off():
    rule = msgspec.structs.replace(before_school(), overrides=(an_override(enabled=False),))
    assert finds(rule, FRIDAY) == []


def test_another_calendar_is_another_rule():
    other = msgspec.structs.replace(SCHOOL, closed=())
    changed = msgspec.structs.replace(
        before_school(), limbs=a_rule(Absent(after="left", unless="seen", before=Ahead(other), feeds=())).limbs
    )
    was, now = (Applied((rule,), BOUNDS, {}) for rule in (before_school(), changed))
    assert what_differs(was, now).causes == {"a-rule": "rule a-rule changed within version 1"}
    assert what_differs(was, was).causes == {}
