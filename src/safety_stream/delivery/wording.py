"""What a message says: a reference, the priority, the rule's title where the audience may have it, and a link.

Never whom or what an alert is about, never what was found: a message goes through hands that are not the partnership's.
Whoever may know more signs in and follows the link.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urljoin

import msgspec

from safety_stream.core.model.published import ToldReason
from safety_stream.core.model.times import DAY_LENGTH, HOUR, SECOND, Instant, to_iso
from safety_stream.delivery.model import LEAST_URGENT, Message, Notice, Owed, OwedKind

REFERENCE_SHOWN: Final = 8
"""So much of an alert's id tells it from the others."""

REASONS: Final[Mapping[ToldReason, str]] = {
    "new": "new",
    "worsened": "more urgent than before",
    "evidence-added": "more of it",
    "evidence-removed": "rests on less than before",
    "back-dated": "began earlier than was known",
    "withdrawn": "no longer true",
    "restated": "said anew",
    "handled": "somebody has done something about it",
    "overdue": "nobody has answered it in time",
    "reminder": "it is snoozed or merged no more",
    "escalated": "it has been taken up the ladder",
}
"""Why somebody is told now, in words."""


OWED: Final[Mapping[OwedKind, tuple[str, str]]] = {
    "reminder": ("Please answer", "was told what is no longer true, and has not said that its own copy is put right"),
    "escalation": ("Not answered", "was told what is no longer true and has not answered, though it was reminded"),
    "break-glass": (
        "Opened in an emergency",
        "an alert was opened that was not for whoever opened it; it has to be reviewed",
    ),
    "review": ("Review overdue", "an alert was opened in an emergency, and nobody has reviewed that in time"),
}
"""What is owed, in a headline and in a sentence."""

_WHERE: Final[Mapping[OwedKind, str]] = {
    "reminder": "../notices",
    "escalation": "../notices",
    "break-glass": "../reviews",
    "review": "../reviews",
}
"""The page on which it is seen to, from where alerts are."""


class Words(msgspec.Struct, frozen=True):
    """A message in words: one line for a subject or a push, and all of it."""

    subject: str
    text: str


def in_words(message: Message, link: str) -> Words:
    """What people read. `link` is the address of the pages, to which an alert's id is added."""
    if message.form == "trial":
        return Words("Trial: no alert", f"Alerts you subscribed to will come this way. Nothing has happened.\n{link}")
    if message.form == "owed":
        return _owed_in_words(message.owed, link)
    if message.form == "single":
        (notice,) = message.notices
        return Words(_headline(notice), "\n".join(_lines(notice, link)))
    notices = by_urgency(message.notices)
    withdrawn = sum(notice.change == "withdrawn" for notice in notices)
    standing = len(notices) - withdrawn
    subject = f"Alerts held for you: {standing} still true, {withdrawn} withdrawn"
    blocks = ["\n".join([_still_true(notice), *_lines(notice, link)]) for notice in notices]
    return Words(subject, "\n\n".join([f"{subject}.", *blocks]))


def in_data(message: Message, link: str) -> dict[str, object]:
    """What a program reads: the same, and `seq`, the number in the feed from which to read on."""
    if message.form == "trial":
        return {"type": "alerts.trial", "data": {"subscription": message.subscription_id, "link": link}}
    if message.form == "owed":
        entries = [
            {
                "kind": one.kind,
                "of": one.of,
                "reference": one.alert_id,
                "number": one.seq,
                "since": to_iso(one.since),
                "link": urljoin(link, _WHERE[one.kind]),
            }
            for one in message.owed
        ]
        return {"type": "alerts.owed", "data": {"owed": entries}}
    notices = by_urgency(message.notices)
    entries = [_entry(notice, link) for notice in notices]
    newest = to_iso(max(notice.as_of for notice in notices))
    if message.form == "single":
        return {"type": f"alert.{notices[0].change}", "timestamp": newest, "data": entries[0]}
    return {"type": "alerts.digest", "timestamp": newest, "data": {"alerts": entries}}


def by_urgency(notices: Sequence[Notice]) -> list[Notice]:
    """The most urgent first, then the oldest."""
    return sorted(notices, key=lambda notice: (notice.priority or LEAST_URGENT, notice.as_of, notice.notice_id))


def _headline(notice: Notice) -> str:
    what = notice.title or "Alert"
    said = "Withdrawn: " if notice.change == "withdrawn" else ""
    words = " ".join(part for part in (f"{said}{notice.priority or ''}".strip(), what, _reference(notice)) if part)
    return words if notice.late_by is None else f"{words}, late by {_length(notice.late_by)}"


def _lines(notice: Notice, link: str) -> list[str]:
    why = REASONS[notice.reason] if notice.reason is not None else notice.change
    urgency = f"{notice.priority}. " if notice.priority is not None else ""
    late = [] if notice.late_by is None else [f"Late by {_length(notice.late_by)}: nobody was told of it before."]
    return [
        *late,
        f"{urgency}{notice.title or 'Alert'}",
        f"Reference {_reference(notice)}, version {notice.version}: {why}",
        f"{link}{notice.alert_id}",
    ]


def _owed_in_words(owed: Sequence[Owed], link: str) -> Words:
    """By reference alone: whom it is about, and what was found, is on the pages."""
    blocks = []
    for kind, (headline, said) in OWED.items():
        some = [one for one in owed if one.kind == kind]
        if some:
            lines = [f"{one.of}, number {one.seq}: reference {one.alert_id[:REFERENCE_SHOWN]}" for one in some]
            blocks.append("\n".join([f"{headline}: {said}.", *lines, urljoin(link, _WHERE[kind])]))
    headlines = dict.fromkeys(OWED[one.kind][0] for one in owed)
    return Words(f"{', '.join(headlines)} ({len(owed)})", "\n\n".join(blocks))


def _length(millis: Instant) -> str:
    """`14 hours`, or from two days on `3 days`: whole ones, and no less than it is."""
    unit, name = (DAY_LENGTH, "days") if millis >= 2 * DAY_LENGTH else (HOUR, "hours")
    return f"{-(-millis // unit)} {name}"


def _still_true(notice: Notice) -> str:
    return "WITHDRAWN, no longer true:" if notice.change == "withdrawn" else "Still true:"


def _reference(notice: Notice) -> str:
    return notice.alert_id[:REFERENCE_SHOWN]


def _entry(notice: Notice, link: str) -> dict[str, object]:
    return {
        "audience": notice.audience,
        "reference": notice.alert_id,
        "version": notice.version,
        "seq": notice.seq,
        "change": notice.change,
        "reason_for_now": notice.reason,
        "priority": notice.priority,
        "title": notice.title,
        "late_by_seconds": None if notice.late_by is None else notice.late_by // SECOND,
        "link": f"{link}{notice.alert_id}",
    }
