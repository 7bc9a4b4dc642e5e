"""The handover: what the next shift has to know, on one screen and on one printed sheet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.published import PublishedAlert
from safety_stream.core.model.times import LONDON, Instant, to_datetime, to_instant
from safety_stream.web import words
from safety_stream.web.views.row import AlertRow, alert_row

ASKED_AT_MOST: Final = 200
"""Alerts of a list of the handover: a shift that has more than that has another trouble, and is told so."""


class Shift(msgspec.Struct, frozen=True):
    """From when to when people are on duty together."""

    began: Instant
    ends: Instant


def shift_of(now: Instant, starts: Sequence[int]) -> Shift:
    """The shift an instant is in, shifts starting at these hours of each London day."""
    local = to_datetime(now).astimezone(LONDON)
    turns = sorted(
        to_instant(datetime(day.year, day.month, day.day, hour, tzinfo=LONDON))
        for day in (local.date() + timedelta(days=step) for step in (-1, 0, 1))
        for hour in starts
    )
    began = max(turn for turn in turns if turn <= now)
    return Shift(began, min(turn for turn in turns if turn > now))


class Lists(msgspec.Struct, frozen=True, kw_only=True):
    """What the read model says: urgent alerts that are open, all that are snoozed, all told since the shift began."""

    urgent: Sequence[PublishedAlert]
    waiting: Sequence[PublishedAlert]
    snoozed: Sequence[PublishedAlert]
    withdrawn: Sequence[PublishedAlert]
    blind: Sequence[str]
    silent_feeds: Sequence[str]


class Part(msgspec.Struct, frozen=True):
    """One list of the sheet, and what is said where it is empty."""

    id: str
    heading: str
    rows: tuple[AlertRow, ...]
    empty: str


class HandoverView(msgspec.Struct, frozen=True, kw_only=True):
    """Everything on the sheet."""

    shift: str
    made_at: str
    audience: str
    parts: tuple[Part, ...]
    blind: tuple[str, ...]
    is_cut: bool
    to_note: tuple[AlertRow, ...]


def handover_view(lists: Lists, audience: str, catalogue: Catalogue, shift: Shift, now: Instant) -> HandoverView:
    """The sheet at the end of `shift`."""

    def rows(alerts: Iterable[PublishedAlert]) -> tuple[AlertRow, ...]:
        return tuple(alert_row(alert, catalogue, now) for alert in alerts)

    urgent = rows(lists.urgent)
    breaching = rows(alert for alert in lists.waiting if _runs_out(alert, shift.ends))
    ending = rows(alert for alert in lists.snoozed if _wakes(alert, shift.ends))
    new = rows(alert for alert in lists.waiting if alert.change == "raised" and alert.as_of >= shift.began)
    parts = (
        Part("urgent", "Open, critical and high", urgent, "None is open."),
        Part("clocks", "Clocks that have run out or do so this shift", breaching, "No clock runs out this shift."),
        Part("snoozed", "Snoozes that end this shift", ending, "No snooze ends this shift."),
        Part("new", "New since the shift began", new, "Nothing is new."),
        Part("withdrawn", "Taken back since the shift began", rows(lists.withdrawn), "Nothing was taken back."),
    )
    return HandoverView(
        shift=f"{words.at(shift.began)} to {words.at(shift.ends)}",
        made_at=words.at(now),
        audience=audience,
        parts=parts,
        blind=tuple(_blind(lists)),
        is_cut=any(len(part.rows) >= ASKED_AT_MOST for part in parts),
        to_note=tuple({row.id: row for part in parts[:3] for row in part.rows}.values()),
    )


def _runs_out(alert: PublishedAlert, ends: Instant) -> bool:
    handling = alert.handling
    return handling is not None and any(
        due is not None and due < ends for due in (handling.acknowledge_by, handling.decide_by)
    )


def _wakes(alert: PublishedAlert, ends: Instant) -> bool:
    handling = alert.handling
    return handling is not None and handling.snoozed_until is not None and handling.snoozed_until < ends


def _blind(lists: Lists) -> Iterable[str]:
    if lists.silent_feeds:
        yield f"Nothing is heard of {words.listed(lists.silent_feeds)}: there no alert means no data."
    yield from lists.blind
