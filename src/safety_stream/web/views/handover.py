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

SHOWN_AT_MOST: Final = 200
"""Alerts of a list that a sheet shows: a shift that has more than that has another trouble, and is told so."""


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
    """What the read model says, whole: alerts open and urgent, all open, all snoozed, all taken back this shift."""

    urgent: Sequence[PublishedAlert]
    waiting: Sequence[PublishedAlert]
    snoozed: Sequence[PublishedAlert]
    withdrawn: Sequence[PublishedAlert]
    blind: Sequence[str]
    silent_feeds: Sequence[str]


class Part(msgspec.Struct, frozen=True):
    """One list of the sheet, how many there are besides those shown, and what is said where there are none."""

    id: str
    heading: str
    rows: tuple[AlertRow, ...]
    total: int
    empty: str


class HandoverView(msgspec.Struct, frozen=True, kw_only=True):
    """Everything on the sheet. Signing it notes `to_note`: what the sheet showed, whatever has come meanwhile."""

    shift: str
    made_at: str
    audience: str
    parts: tuple[Part, ...]
    blind: tuple[str, ...]
    is_cut: bool
    to_note: tuple[AlertRow, ...]


def handover_view(lists: Lists, audience: str, catalogue: Catalogue, shift: Shift, now: Instant) -> HandoverView:
    """The sheet at the end of `shift`."""

    def part(name: str, heading: str, alerts: Iterable[PublishedAlert], empty: str) -> Part:
        found = tuple(alerts)
        rows = tuple(alert_row(alert, catalogue, now) for alert in found[:SHOWN_AT_MOST])
        return Part(name, heading, rows, len(found), empty)

    breaching = (alert for alert in lists.waiting if _runs_out(alert, shift.ends))
    ending = (alert for alert in lists.snoozed if _wakes(alert, shift.ends))
    new = (alert for alert in lists.waiting if alert.change == "raised" and alert.as_of >= shift.began)
    parts = (
        part("urgent", "Open, critical and high", lists.urgent, "None is open."),
        part("clocks", "Clocks that have run out or do so this shift", breaching, "No clock runs out this shift."),
        part("snoozed", "Snoozes that end this shift", ending, "No snooze ends this shift."),
        part("new", "New since the shift began", new, "Nothing is new."),
        part("withdrawn", "Taken back since the shift began", lists.withdrawn, "Nothing was taken back."),
    )
    return HandoverView(
        shift=f"{words.at(shift.began)} to {words.at(shift.ends)}",
        made_at=words.at(now),
        audience=audience,
        parts=parts,
        blind=tuple(_blind(lists)),
        is_cut=any(one.total > len(one.rows) for one in parts),
        to_note=tuple({row.id: row for one in parts[:3] for row in one.rows}.values()),
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
