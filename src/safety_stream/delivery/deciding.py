"""Decide what a subscription is told of a published alert: now, when quiet hours end, in the digest, or not at all.

Theory of operation
-------------------
`decide` is one function of a subscription, an alert, what the subscription was told of it before, and the time. It
reads no clock and keeps nothing; every answer has its cause, and what is not told now has the time when it will be.

1. A withdrawal goes to whoever was told, whatever the subscription says by now; to nobody else, but where who was told
   is on record no more (`may_have_heard`). What people still do about what is withdrawn is not told.
2. Then the subscription has to want it: audience, area, family, priority, marking. A field the audience may not have
   matches only where the subscription leaves the choice open.
3. What was published too long ago is history: a replay pages nobody and fills no digest.
4. What changes nothing an officer must hear is not told. What is late, old, of no urgency, or may be any of these for
   all the audience is told, waits for the digest. Late is what a version of the alert says: what a clock or people do
   about that alert afterwards is not, and pages as it would otherwise.
5. What is too old to page, of a priority that may not be missed, still stands, and was never told: an outage kept it.
   It is told alone and says how late it is, a moment later, so that what is read just behind it can take its place.
   Where somebody is told to have dealt with it meanwhile, it is a line of the digest.
6. Quiet hours hold the priorities the catalogue names (never P1), which then come as one digest.

Quiet hours hold delivery and never evaluation: alerts were raised long before they come here. What is held is a notice
like any other, so by the time it is told a newer version, or a withdrawal, has taken its place.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import Literal

import msgspec

from safety_stream.core.delivering import Delivering, MinuteOfDay
from safety_stream.core.model.findings import Priority
from safety_stream.core.model.markings import level_of
from safety_stream.core.model.published import OF_HANDLING, PublishedAlert, ToldReason
from safety_stream.core.model.times import LONDON, Instant, to_datetime, to_instant
from safety_stream.delivery.model import LEAST_URGENT, Quiet, Subscription

Wanted = Literal["wanted", "ended", "before", "other-audience", "area", "family", "priority", "marking"]
"""Whether a subscription asked for an alert, else by what it does not match."""

Because = Literal[
    "urgent",
    "wanted",
    "quiet-hours",
    "digest-only",
    "late",
    "old",
    "missed",
    "not-told-how-urgent",
    "history",
    "nothing-to-hear",
    "never-told",
    "unwanted",
]
"""Why so, and not otherwise."""

When = Literal["now", "held", "digest", "never"]


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What to do about an alert: tell it `when`, and because of what.

    `until` is when what is held or kept for the digest is due, and now otherwise. `reason` is the alert's own reason
    for now, kept so that whoever is told learns it.
    """

    when: When
    because: Because
    until: Instant
    reason: ToldReason | None


class Told(msgspec.Struct, frozen=True):
    """What a subscription was last told of an alert. A provider that may have taken a message has told it."""

    version: int
    priority: Priority | None
    title: str | None


AreasOf = Callable[[str], frozenset[str]]
"""An area's code to the codes of all areas it lies in, itself among them."""


def wanted(
    subscription: Subscription, alert: PublishedAlert, areas_of: AreasOf = lambda code: frozenset({code})
) -> Wanted:
    """Whether a subscription asked for an alert, or the first thing it did not ask for."""
    known = {code for code in (alert.area, *(alert.areas or ())) if code is not None}
    lies_in = {above for code in known for above in areas_of(code)}
    asked: tuple[tuple[Wanted, bool], ...] = (
        ("ended", subscription.ended is None),
        ("other-audience", alert.audience == subscription.audience),
        ("before", alert.as_of >= subscription.since),
        ("area", not subscription.areas or not lies_in.isdisjoint(subscription.areas)),
        ("family", not subscription.families or alert.family in subscription.families),
        ("priority", not subscription.priorities or alert.priority in subscription.priorities),
        ("marking", not subscription.markings or level_of(alert.marking or "") in subscription.markings),
    )
    return next((name for name, matches in asked if not matches), "wanted")


def may_have_heard(
    subscription: Subscription,
    withdrawal: PublishedAlert,
    now: Instant,
    bounds: Delivering,
    areas_of: AreasOf = lambda code: frozenset({code}),
) -> bool:
    """Whether a subscription asks for what a withdrawal takes back, as far as the withdrawal says, and not too late."""
    unsaid = {
        "areas": withdrawal.area is None and not withdrawal.areas,
        "families": withdrawal.family is None,
        "priorities": withdrawal.priority is None,
        "markings": withdrawal.marking is None,
    }
    asked = msgspec.structs.replace(subscription, **{choice: () for choice, is_unsaid in unsaid.items() if is_unsaid})
    return wanted(asked, withdrawal, areas_of) == "wanted" and now - withdrawal.as_of <= bounds.tell_within


def decide(
    subscription: Subscription,
    alert: PublishedAlert,
    told: Told | None,
    now: Instant,
    bounds: Delivering,
    areas_of: AreasOf = lambda code: frozenset({code}),
) -> Decision:
    """What to tell a subscription of an alert, and when."""

    def decided(when: When, because: Because, until: Instant = now) -> Decision:
        return Decision(when=when, because=because, until=until, reason=alert.reason)

    if (never := _why_never(subscription, alert, told, now - alert.as_of, bounds, areas_of)) is not None:
        return decided("never", never)
    # A withdrawal may say less than what it takes back did: a rule on trial tells nothing it found.
    priority = alert.priority or (told.priority if told else None)
    quiet = subscription.quiet if priority is None or priority in bounds.held_when_quiet else None
    calm = _why_it_can_wait(alert, priority, now - alert.as_of, bounds)
    if calm == "old" and told is None and _may_not_be_missed(alert, priority, bounds):
        return decided("held", "missed", _out_of(quiet, now + bounds.missed.after))
    if calm is not None:
        return decided("digest", calm, next_digest(subscription, now, bounds))
    if quiet is not None and is_quiet(quiet, now):
        return decided("held", "quiet-hours", next_at(now, quiet.ends))
    return decided("now", "urgent" if priority == "P1" else "wanted")


def next_digest(subscription: Subscription, now: Instant, bounds: Delivering) -> Instant:
    """When the next digest of a subscription is due."""
    at = bounds.digest_at if subscription.digest_at is None else subscription.digest_at
    return _out_of(subscription.quiet, next_at(now, at))


def is_dealt_with(alert: PublishedAlert) -> bool:
    """Whether somebody has taken on an alert, or settled it, as far as its audience is told."""
    return alert.handling is not None and alert.handling.state not in ("new", "reopened", "snoozed")


def _why_never(
    subscription: Subscription,
    alert: PublishedAlert,
    told: Told | None,
    age: Instant,
    bounds: Delivering,
    areas_of: AreasOf,
) -> Because | None:
    if alert.change == "withdrawn":
        if alert.reason in OF_HANDLING:
            return "nothing-to-hear"
        return "never-told" if told is None else None
    if wanted(subscription, alert, areas_of) != "wanted":
        return "unwanted"
    if age > bounds.tell_within:
        return "history"
    return "nothing-to-hear" if alert.notify is False and not _is_late(alert) else None


def _why_it_can_wait(
    alert: PublishedAlert, priority: Priority | None, age: Instant, bounds: Delivering
) -> Because | None:
    if _is_late(alert):
        return "late"
    if priority is None:
        return "not-told-how-urgent"
    if age > bounds.page_within[priority]:
        return "old"
    if priority in bounds.digest_only:
        return "digest-only"
    # A withdrawal that need not be heard still reaches who was told, and disturbs nobody.
    if alert.notify is not True and alert.change != "withdrawn":
        return "not-told-how-urgent"
    return "nothing-to-hear" if alert.notify is False else None


def _is_late(alert: PublishedAlert) -> bool:
    """Whether it is news of the alert itself, of something too long ago to act on at once.

    `late` is said of the newest version, and so of all that happens under it: that nobody answered in time, that it was
    referred, a note.
    """
    return bool(alert.late) and alert.notify is not True and alert.reason not in OF_HANDLING


def _may_not_be_missed(alert: PublishedAlert, priority: Priority | None, bounds: Delivering) -> bool:
    return alert.change != "withdrawn" and alert.notify is True and priority in bounds.missed.priorities


def is_quiet(quiet: Quiet, now: Instant) -> bool:
    """Whether the London clock stands within quiet hours."""
    minute = _shown(now)
    if quiet.starts < quiet.ends:
        return quiet.starts <= minute < quiet.ends
    return minute >= quiet.starts or minute < quiet.ends


def _out_of(quiet: Quiet | None, due: Instant) -> Instant:
    """A digest's time, or when the quiet hours end that it falls into."""
    return next_at(due, quiet.ends) if quiet is not None and is_quiet(quiet, due) else due


def next_at(now: Instant, minute: MinuteOfDay) -> Instant:
    """The next time, after now, that the London clock shows this minute of the day.

    A minute that the clock leaves out in spring comes an hour later by it; one it shows twice in autumn comes twice.
    """
    local = to_datetime(now).astimezone(LONDON)
    for days in range(3):
        day = (local + timedelta(days=days)).date()
        for fold in (0, 1):
            at = to_instant(datetime.combine(day, time(minute // 60, minute % 60, fold=fold), LONDON))
            if at > now and (fold == 0 or _shown(at) == minute):
                return at
    raise AssertionError("a minute of the day comes every day")


def _shown(instant: Instant) -> MinuteOfDay:
    local = to_datetime(instant).astimezone(LONDON)
    return local.hour * 60 + local.minute


def urgency(priorities: list[Priority | None]) -> Priority:
    """The highest of some priorities; one that is not known counts as the least urgent."""
    return min((priority or LEAST_URGENT for priority in priorities), default=LEAST_URGENT)
