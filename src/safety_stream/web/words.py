"""How things are said on every page: times, clocks, priorities, states, signals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.alerts import Change
from safety_stream.core.model.findings import Family, Priority
from safety_stream.core.model.handling import HandlingAction, HandlingNews, HandlingState
from safety_stream.core.model.judgements import Signal
from safety_stream.core.model.published import ToldReason
from safety_stream.core.model.times import (
    DAY_LENGTH,
    HOUR,
    LONDON,
    MINUTE,
    Day,
    Instant,
    PeriodKind,
    beyond_the_calendar,
    to_date,
    to_datetime,
)

PRIORITIES: Final[Mapping[Priority, str]] = {"P1": "critical", "P2": "high", "P3": "medium", "P4": "information"}
FAMILIES: Final[Mapping[Family, str]] = {
    "repeat-victimisation": "Repeat victimisation",
    "organised-crime": "Organised crime",
    "safeguarding": "Safeguarding",
    "threshold": "Above what is expected",
    "feed": "Partners' feeds",
}
STATES: Final[Mapping[HandlingState, str]] = {
    "new": "new",
    "acknowledged": "acknowledged",
    "assessing": "being assessed",
    "actioned": "acted on",
    "referred": "referred, not yet accepted",
    "accepted": "accepted by a partner",
    "no-further-action": "no further action",
    "snoozed": "snoozed",
    "merged": "merged into another",
    "closed": "closed",
    "reopened": "reopened",
    "withdrawn": "taken back",
    "expired": "expired",
}
SETTLED: Final[frozenset[HandlingState]] = frozenset({"no-further-action", "merged", "closed", "withdrawn", "expired"})
"""Nothing is asked of anybody any more."""

DECIDED: Final[tuple[HandlingState, ...]] = ("actioned", "referred", "accepted", "no-further-action")
"""What was decided about an alert, in the order in which it is told."""

ACTIONS: Final[Mapping[HandlingAction, str]] = {
    "acknowledge": "Acknowledge",
    "assess": "Start to assess",
    "action": "Say what was done",
    "refer": "Refer to a partner",
    "accept": "Accept a referral",
    "bounce": "Send a referral back",
    "no-further-action": "No further action",
    "snooze": "Snooze until a time",
    "wake": "Wake from a snooze",
    "merge": "Merge into another alert",
    "escalate": "Escalate",
    "close": "Close",
    "reopen": "Reopen",
    "note": "Write a note",
    "judge": "Say whether it was useful",
}
HAPPENED: Final[Mapping[HandlingNews, str]] = {
    "acknowledge": "acknowledged",
    "assess": "assessment begun",
    "action": "acted on",
    "refer": "referred",
    "accept": "referral accepted",
    "bounce": "referral sent back",
    "no-further-action": "no further action",
    "snooze": "snoozed",
    "wake": "woken",
    "merge": "merged",
    "escalate": "escalated",
    "close": "closed",
    "reopen": "reopened",
    "note": "note",
    "judge": "judged",
    "raised": "raised",
    "worsened": "became more urgent",
    "told-again": "told again",
    "restated": "restated",
    "withdrawn": "taken back",
    "overdue": "clock ran out",
    "slept": "snooze ended",
    "outlived": "expired",
    "unmerged": "open again, nobody can rely on what it was merged into",
    "forgotten": "ended long ago",
}
CHANGES: Final[Mapping[Change, str]] = {"raised": "raised", "updated": "changed", "withdrawn": "taken back"}
REASONS: Final[Mapping[ToldReason, str]] = {
    "new": "For the first time.",
    "worsened": "It has become more urgent.",
    "evidence-added": "More was reported.",
    "evidence-removed": "Some of what it rests on was taken back; the rest stands.",
    "back-dated": "A late report shows that it began earlier.",
    "withdrawn": "It is no longer true.",
    "restated": "What it says was corrected.",
    "handled": "Somebody has done something about it.",
    "overdue": "Nobody has answered in time.",
    "reminder": "It is snoozed or merged no more.",
    "escalated": "Somebody has taken it up the ladder.",
}
PERIODS: Final[Mapping[PeriodKind, str]] = {
    "day": "day",
    "week": "week",
    "four-weeks": "four weeks",
    "month": "month",
    "quarter": "quarter",
    "year": "year",
}
_FAR = 48 * HOUR
"""Beyond this people think in days."""


class SignalWords(msgspec.Struct, frozen=True):
    """A signal in a word, and the sign that stands for it where there is no room, so that no colour is needed."""

    text: str
    sign: str


SIGNALS: Final[Mapping[Signal | None, SignalWords]] = {
    "none": SignalWords("as expected", "="),
    "improvement": SignalWords("below expected", "▼"),
    "amber": SignalWords("above expected", "▲"),
    "red": SignalWords("far above expected", "▲▲"),
    None: SignalWords("not judged", "·"),
}


def at(instant: Instant) -> str:
    """`31 Jan 2026, 20:00`, London time; of what is beyond any calendar, that it is."""
    if beyond := beyond_the_calendar(instant):
        return beyond
    moment = to_datetime(instant).astimezone(LONDON)
    return f"{moment.day} {moment:%b %Y, %H:%M}"


def iso(instant: Instant) -> str:
    """`2026-01-31T20:00+00:00`, for machines, London time."""
    return to_datetime(instant).astimezone(LONDON).isoformat(timespec="minutes")


def on(day: Day) -> str:
    """`31 Jan 2026`."""
    when = to_date(day)
    return f"{when.day} {when:%b %Y}"


def length(millis: int) -> str:
    """`12 minutes`, `5 hours`, `3 days`: the largest unit that people would use."""
    if millis < HOUR:
        number, unit = millis // MINUTE, "minute"
    elif millis < _FAR:
        number, unit = millis // HOUR, "hour"
    else:
        number, unit = millis // DAY_LENGTH, "day"
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


def ago(instant: Instant, now: Instant) -> str:
    """`5 minutes ago`."""
    return "just now" if now - instant < MINUTE else f"{length(now - instant)} ago"


def listed(words: Sequence[str]) -> str:
    """`a, b and c`."""
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else "".join(words)


def count_of(number: int, what: str) -> str:
    """`1 report`, `3 reports`."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def plain(word: str) -> str:
    """A word of a vocabulary as people say it: `no-further-action` is no further action."""
    return word.replace("-", " ")


def area_name(catalogue: Catalogue, code: str | None) -> str:
    """An area by its name, by its code where the catalogue does not know it."""
    return catalogue.areas.name_of(code) if code else "no area told"
