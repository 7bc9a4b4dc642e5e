"""What a subscription is told of an alert, and when: every rule of it alone, and what holds of all of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.delivery.making import BOUNDS, NOON, alert, at, subscription, withdrawn

from safety_stream.core.model.published import OF_HANDLING, PublishedAlert
from safety_stream.core.model.times import DAY_LENGTH, HOUR, LONDON, MINUTE, Instant, to_datetime, to_instant
from safety_stream.delivery.deciding import Because, Told, When, decide, is_quiet, next_at, wanted
from safety_stream.delivery.model import Quiet, Subscription

NIGHT = Quiet(22 * 60, 7 * 60)
TOLD = Told(1, "P2", "Repeat victim, graded")
LANCASHIRE = {"E07000117": frozenset({"E07000117", "E10000017"})}


def decided(
    of: PublishedAlert | None = None, told: Told | None = None, now: Instant = NOON, **changes: Any
) -> tuple[When, Because]:
    found = decide(subscription(**changes), of or alert(), told, now, BOUNDS)
    return found.when, found.because


# Who wants what.


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "wanted"),
        ({"ended": NOON}, "ended"),
        ({"audience": "school"}, "other-audience"),
        ({"since": NOON + 1}, "before"),
        ({"areas": ("E07000118",)}, "area"),
        ({"areas": ("E07000118", "E07000117")}, "wanted"),
        ({"families": ("threshold",)}, "family"),
        ({"priorities": ("P1",)}, "priority"),
        ({"priorities": ("P1", "P2")}, "wanted"),
        ({"markings": ("OFFICIAL",)}, "marking"),
    ],
)
def test_a_subscription_chooses(changes: dict[str, Any], expected: str):
    assert wanted(subscription(**changes), alert()) == expected


def test_an_area_stands_for_all_within_it():
    chosen = subscription(areas=("E10000017",))

    assert wanted(chosen, alert()) == "area"
    assert wanted(chosen, alert(), LANCASHIRE.__getitem__) == "wanted"


@pytest.mark.parametrize(
    ("field", "asked"),
    [
        ("family", {"families": ("threshold",)}),
        ("priority", {"priorities": ("P1",)}),
        ("marking", {"markings": ("OFFICIAL",)}),
    ],
)
def test_what_an_audience_may_not_know_cannot_be_chosen_by(field: str, asked: dict[str, Any]):
    assert wanted(subscription(**asked), alert(**{field: None})) == field
    assert wanted(subscription(), alert(**{field: None})) == "wanted"


# When.


def test_what_is_wanted_is_told_at_once():
    assert decided() == ("now", "wanted")


def test_what_nobody_asked_for_is_not_told():
    assert decided(priorities=("P1",)) == ("never", "unwanted")


def test_quiet_hours_hold_until_they_end():
    found = decide(subscription(quiet=NIGHT), alert(as_of=at(23), priority="P3"), None, at(23), BOUNDS)

    assert (found.when, found.because, found.until) == ("held", "quiet-hours", at(7, day=15))


@pytest.mark.parametrize(("priority", "because"), [("P1", "urgent"), ("P2", "wanted")])
def test_what_must_be_decided_within_hours_is_not_held(priority: str, because: str):
    assert decided(alert(priority=priority, as_of=at(23)), now=at(23), quiet=NIGHT) == ("now", because)


def test_late_findings_wait_for_the_digest():
    found = decide(subscription(), alert(late=True, notify=False, priority="P1"), None, NOON, BOUNDS)

    assert (found.when, found.because, found.until) == ("digest", "late", at(8, 30, day=15))


@pytest.mark.parametrize("reason", ["overdue", "escalated", "reminder", "handled"])
def test_what_a_clock_or_people_do_pages_though_a_late_report_has_come_meanwhile(reason: str):
    of = alert(priority="P1", late=True, notify=True, reason=reason)

    assert decided(of) == ("now", "urgent")
    assert decided(of, quiet=NIGHT, now=at(23)) == ("now", "urgent")
    assert decided(of, now=NOON + 13 * HOUR) == ("held", "missed")


def test_a_note_on_what_is_late_fills_no_digest():
    assert decided(alert(late=True, notify=False, reason="handled")) == ("never", "nothing-to-hear")


def test_a_digest_comes_when_the_subscriber_wants_it():
    assert decide(subscription(digest_at=13 * 60), alert(late=True, notify=False), None, NOON, BOUNDS).until == at(13)


def test_a_digest_that_falls_into_quiet_hours_comes_when_they_end():
    late = alert(late=True, notify=False)

    assert decide(subscription(digest_at=2 * 60, quiet=NIGHT), late, None, NOON, BOUNDS).until == at(7, day=15)


def test_what_nobody_must_hear_is_not_told():
    assert decided(alert(notify=False)) == ("never", "nothing-to-hear")


def test_information_comes_in_the_digest():
    assert decided(alert(priority="P4")) == ("digest", "digest-only")


@pytest.mark.parametrize("field", ["priority", "notify"])
def test_what_an_audience_is_not_told_the_urgency_of_pages_nobody(field: str):
    assert decided(alert(**{field: None})) == ("digest", "not-told-how-urgent")


def test_a_replayed_month_pages_nobody_and_fills_no_digest():
    assert decided(now=NOON + 30 * DAY_LENGTH) == ("never", "history")


@pytest.mark.parametrize(("priority", "hours"), [("P1", 12), ("P2", 12), ("P3", 24)])
def test_what_is_some_hours_old_waits_for_the_digest(priority: str, hours: int):
    before = Told(1, "P3", None)

    assert decided(alert(priority=priority), before, NOON + hours * HOUR)[0] == "now"
    assert decided(alert(priority=priority), before, NOON + hours * HOUR + 1) == ("digest", "old")


@pytest.mark.parametrize("priority", ["P1", "P2"])
def test_what_was_missed_is_told_alone_a_minute_later_even_at_night(priority: str):
    found = decide(subscription(quiet=NIGHT), alert(priority=priority), None, NOON + 13 * HOUR, BOUNDS)

    assert (found.when, found.because, found.until) == ("held", "missed", NOON + 13 * HOUR + MINUTE)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"priority": "P3"}, ("digest", "old")),
        ({"late": True, "notify": False}, ("digest", "late")),
        ({"notify": False}, ("never", "nothing-to-hear")),
        ({"notify": None}, ("digest", "old")),
    ],
)
def test_what_nobody_had_to_be_paged_for_was_not_missed(changes: dict[str, Any], expected: tuple[When, Because]):
    assert decided(alert(**changes), now=NOON + 30 * HOUR) == expected


# Withdrawals.


def test_the_end_of_what_nobody_heard_of_is_not_told():
    assert decided(withdrawn()) == ("never", "never-told")


@pytest.mark.parametrize(
    "changes", [{}, {"ended": NOON}, {"areas": ("E07000118",)}, {"priorities": ("P1",)}, {"since": NOON + 1}]
)
def test_who_was_told_is_told_of_the_end_whatever_the_subscription_says_by_now(changes: dict[str, Any]):
    assert decided(withdrawn(), TOLD, **changes) == ("now", "wanted")


def test_a_withdrawal_that_says_nothing_is_as_urgent_as_what_it_takes_back():
    bare = withdrawn(priority=None, title=None, area=None, areas=None, late=None)

    assert decided(bare, TOLD) == ("now", "wanted")
    assert decided(bare, Told(1, "P1", None)) == ("now", "urgent")


def test_an_old_withdrawal_disturbs_nobody_and_still_comes():
    assert decided(withdrawn(), TOLD, NOON + 30 * DAY_LENGTH) == ("digest", "old")
    assert decided(withdrawn(notify=False), TOLD) == ("digest", "nothing-to-hear")


def test_what_is_still_done_about_what_is_withdrawn_is_not_told():
    assert decided(withdrawn(reason="handled", notify=False), TOLD) == ("never", "nothing-to-hear")


# What holds of all.

INSTANTS = st.integers(min_value=at(0, day=1), max_value=at(0, day=1) + 400 * DAY_LENGTH)
MINUTES = st.integers(min_value=0, max_value=1_439)
ALERTS = st.builds(
    lambda as_of, **changes: alert(as_of=as_of, **changes),
    as_of=INSTANTS,
    change=st.sampled_from(["raised", "updated", "withdrawn"]),
    priority=st.sampled_from(["P1", "P2", "P3", "P4", None]),
    late=st.sampled_from([True, False, None]),
    notify=st.sampled_from([True, False, None]),
    reason=st.sampled_from(["new", "worsened", "handled", "overdue", "reminder", "escalated", None]),
    area=st.sampled_from(["E07000117", "E07000118", None]),
)


@st.composite
def subscriptions(draw: st.DrawFn) -> Subscription:
    starts, ends = draw(st.lists(MINUTES, min_size=2, max_size=2, unique=True))
    return subscription(
        quiet=draw(st.sampled_from([None, Quiet(starts, ends)])),
        digest_at=draw(st.none() | MINUTES),
        areas=draw(st.sampled_from([(), ("E07000117",)])),
        priorities=draw(st.sampled_from([(), ("P1", "P2")])),
        ended=draw(st.sampled_from([None, NOON])),
    )


@given(subscriptions(), ALERTS, st.sampled_from([None, TOLD]), INSTANTS)
def test_of_all_decisions(chosen: Subscription, of: PublishedAlert, told: Told | None, now: Instant):
    found = decide(chosen, of, told, now, BOUNDS)

    assert found == decide(chosen, of, told, now, BOUNDS)
    assert found.reason == of.reason
    # What waits has a time, outside quiet hours; what does not wait has none.
    assert (now < found.until <= now + 49 * HOUR) if found.when in ("held", "digest") else found.until == now
    if found.when in ("held", "digest") and found.because != "missed" and chosen.quiet is not None:
        assert not is_quiet(chosen.quiet, found.until)
    # What is late comes in the digest; what happens to it afterwards comes as if it were not.
    if of.late and of.notify is not True:
        assert found.when in ("digest", "never")
    if of.late and (of.notify or of.reason in OF_HANDLING):
        assert found == decide(chosen, msgspec.structs.replace(of, late=False), told, now, BOUNDS)
    if of.priority in ("P1", "P2"):
        assert found.when != "held" or found.because == "missed"
    if found.because == "missed":
        assert told is None
        assert of.change != "withdrawn"
        assert of.notify
    if of.change == "withdrawn":
        assert (found.when == "never") == (told is None or of.reason in OF_HANDLING)
    else:
        assert now - of.as_of <= BOUNDS.tell_within or found.when == "never"
        assert of.notify is not False or found.when in ("digest", "never")
    if found.because == "quiet-hours":
        assert is_quiet(chosen.quiet, now)
        assert not is_quiet(chosen.quiet, found.until)
        length = (chosen.quiet.ends - chosen.quiet.starts) % (24 * 60) * MINUTE
        assert found.until - now <= length + HOUR


@given(subscriptions(), ALERTS, INSTANTS)
def test_quiet_hours_change_when_it_is_told_and_never_whether(chosen: Subscription, of: PublishedAlert, now: Instant):
    def told_at_all(quiet: Quiet | None) -> bool:
        return decide(subscription(quiet=quiet), of, None, now, BOUNDS).when == "never"

    assert told_at_all(chosen.quiet) == told_at_all(None)


@given(INSTANTS, MINUTES)
def test_a_minute_of_the_day_comes_next_within_a_day_and_the_clock_shows_it(now: Instant, minute: int):
    found = next_at(now, minute)
    local = to_datetime(found).astimezone(LONDON)
    shown = local.hour * 60 + local.minute

    assert now < found <= now + 25 * HOUR
    assert shown == minute or (local.month == 3 and 60 <= minute < 120 and shown == minute + 60)


def test_a_night_of_the_change_of_clocks_has_its_quiet_hours_too():
    before_the_change = to_instant(datetime(2026, 3, 28, 23, tzinfo=UTC))

    assert next_at(before_the_change, 7 * 60) == before_the_change + 7 * HOUR
    assert not is_quiet(NIGHT, before_the_change + 7 * HOUR)
    assert is_quiet(NIGHT, before_the_change + 7 * HOUR - MINUTE)


def test_quiet_hours_that_end_in_the_hour_that_comes_twice_hold_nobody_for_a_day():
    in_the_second = to_instant(datetime(2026, 10, 25, 1, 10, tzinfo=UTC))

    assert is_quiet(Quiet(22 * 60, 90), in_the_second)
    assert next_at(in_the_second, 90) == in_the_second + 20 * MINUTE


def test_quiet_hours_that_could_mean_always_are_refused():
    with pytest.raises(ValueError, match="different times"):
        Quiet(60, 60)
