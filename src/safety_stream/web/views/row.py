"""An alert in a list: what it is, how urgent, by when something is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.findings import Priority
from safety_stream.core.model.published import PublishedAlert
from safety_stream.core.model.times import HOUR, Instant
from safety_stream.readmodel.rows import state_of
from safety_stream.web import words

SOON: Final = HOUR
"""A clock that runs out within this is marked: the eye has to find it first."""

UNTITLED: Final = "Alert whose title this audience is not told"


SHOWN_AT_MOST: Final = 200
"""Alerts of a list that a page shows besides those one leafs through; of more it says how many there are, and where."""


class Some(msgspec.Struct, frozen=True):
    """The first alerts of a list, and how many there are of it."""

    alerts: Sequence[PublishedAlert] = ()
    total: int = 0


class Clock(msgspec.Struct, frozen=True):
    """By when something is asked for, in words; `level` is late, soon or calm, and is said in the words too."""

    text: str
    level: str
    due: Instant


class AlertRow(msgspec.Struct, frozen=True, kw_only=True):
    """An alert in a list. `is_new` says that it has changed since the reader last looked."""

    id: str
    version: int
    href: str
    title: str
    sentence: str
    priority: Priority | None
    priority_words: str
    area: str
    state: str
    owner: str
    clock: Clock | None
    told: str
    why_now: str
    is_new: bool
    is_withdrawn: bool
    is_late: bool
    child: bool


def alert_row(alert: PublishedAlert, catalogue: Catalogue, now: Instant, *, is_new: bool = False) -> AlertRow:
    """An alert as a list shows it."""
    handling = alert.handling
    return AlertRow(
        id=alert.alert_id,
        version=alert.version,
        href=f"/alerts/{alert.alert_id}",
        title=alert.title or UNTITLED,
        sentence=alert.explanation or "",
        priority=alert.priority,
        priority_words=words.PRIORITIES[alert.priority] if alert.priority else "priority not told",
        area=area_words(alert, catalogue),
        state=words.STATES[state_of(alert)],
        owner=handling.owner if handling else "",
        clock=clock_of(alert, now),
        told=words.ago(alert.as_of, now),
        why_now=words.REASONS[alert.reason] if alert.reason else "",
        is_new=is_new,
        is_withdrawn=alert.change == "withdrawn",
        is_late=bool(alert.late),
        child=bool(alert.child),
    )


def area_words(alert: PublishedAlert, catalogue: Catalogue) -> str:
    """Where it is: the area of what completed it, and how many more it touches."""
    name = words.area_name(catalogue, alert.area)
    more = len(set(alert.areas or ()) - {alert.area})
    return f"{name} and {words.count_of(more, 'other area')}" if more else name


def clock_of(alert: PublishedAlert, now: Instant) -> Clock | None:
    """The next thing that is asked for; None where nothing is."""
    handling = alert.handling
    if handling is None or state_of(alert) in words.SETTLED:
        return None
    asked = [
        (due, what)
        for due, what in ((handling.acknowledge_by, "Acknowledge"), (handling.decide_by, "Decide"))
        if due is not None
    ]
    if asked:
        return _asked(*min(asked), now)
    if handling.snoozed_until is not None:
        return Clock(f"Snoozed until {words.at(handling.snoozed_until)}", "calm", handling.snoozed_until)
    return None


def _asked(due: Instant, what: str, now: Instant) -> Clock:
    if due < now:
        return Clock(f"{what}: late by {words.length(now - due)}", "late", due)
    level = "soon" if due - now <= SOON else "calm"
    return Clock(f"{what} within {words.length(due - now)}", level, due)
