"""The handover: what the next shift has to know, on one screen and on one printed sheet, and who has signed it.

Two people sign, each with their own sign-in: who hands over, and then who takes over.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.handling import HandlingState
from safety_stream.core.model.times import LONDON, Instant, to_datetime, to_instant
from safety_stream.readmodel.people import Deed
from safety_stream.web import words
from safety_stream.web.filters import Filter
from safety_stream.web.views.row import AlertRow, Some, alert_row

WORKED_ON: Final[tuple[HandlingState, ...]] = (
    "acknowledged",
    "assessing",
    "actioned",
    "referred",
    "accepted",
    "no-further-action",
    "snoozed",
    "merged",
    "closed",
    "reopened",
)
"""States somebody has brought an alert into, be it settled or not; what was taken back is a list of its own."""


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
    """What the read model says: what is open and urgent, whose clock runs out this shift, whose snooze ends in it.

    `new` is open and was raised in it, `worked` is what was told of it in a state somebody has brought about.
    """

    urgent: Some = Some()
    late: Some = Some()
    snoozed: Some = Some()
    new: Some = Some()
    worked: Some = Some()
    withdrawn: Some = Some()
    blind: Sequence[str] = ()
    silent_feeds: Sequence[str] = ()


class Part(msgspec.Struct, frozen=True):
    """One list of the sheet, how many there are with those it has no room for, and what is said where there are none.

    `href` leads to the inbox that has all of them.
    """

    id: str
    heading: str
    rows: tuple[AlertRow, ...]
    total: int
    empty: str
    href: str


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """A sheet that was handed over: when, by whom and to whom, and by whom it was taken over ("": by nobody yet).

    `can_take` says that the reader may sign for having taken it over: somebody else than who handed it over.
    """

    id: str
    handed: str
    taken: str
    can_take: bool


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

    def part(name: str, heading: str, some: Some, empty: str, chosen: Filter) -> Part:
        rows = tuple(alert_row(alert, catalogue, now) for alert in some.alerts)
        return Part(name, heading, rows, some.total, empty, f"/inbox{chosen.query()}")

    every, urgent, asleep = Filter(), Filter(priorities=("P1", "P2")), Filter(states=("snoozed",))
    worked, gone = Filter(states=WORKED_ON), Filter(states=("withdrawn",))
    parts = (
        part("urgent", "Open, critical and high", lists.urgent, "None is open.", urgent),
        part("clocks", "Clocks that have run out or do so this shift", lists.late, "No clock does.", every),
        part("snoozed", "Snoozes that end this shift", lists.snoozed, "No snooze ends this shift.", asleep),
        part("new", "New since the shift began", lists.new, "Nothing is new.", every),
        part("worked", "Worked on or settled since the shift began", lists.worked, "Nothing was.", worked),
        part("withdrawn", "Taken back since the shift began", lists.withdrawn, "Nothing was taken back.", gone),
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


def signatures(deeds: Sequence[Deed], reader: str) -> tuple[Signature, ...]:
    """Who has signed, of deeds in the order in which they were done; the newest sheet first."""
    taken: dict[str, Deed] = {}
    for one in deeds:
        if one.what == "take-over":
            taken.setdefault(one.of, one)
    return tuple(_signature(one, taken.get(one.of), reader) for one in reversed(deeds) if one.what == "hand-over")


def _signature(handed: Deed, taken: Deed | None, reader: str) -> Signature:
    return Signature(
        id=handed.of,
        handed=f"Handed over by {handed.person} to {handed.said}, {words.at(handed.at)}",
        taken="" if taken is None else f"Taken over by {taken.person}, {words.at(taken.at)}",
        can_take=taken is None and handed.person != reader,
    )


def _blind(lists: Lists) -> Iterable[str]:
    if lists.silent_feeds:
        yield f"Nothing is heard of {words.listed(lists.silent_feeds)}: there no alert means no data."
    yield from lists.blind
