"""Why somebody looks at an alert: what is asked before it is shown, and what was recorded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from safety_stream.core.consulting import Consulting
from safety_stream.core.model.times import to_datetime
from safety_stream.readmodel.people import Recorded
from safety_stream.web import words
from safety_stream.web.views.choices import Choice, choices_of

_ACTS: Final = {
    "reason": "gave a reason",
    "view": "looked",
    "break-glass": "opened it in an emergency",
    "refused": "wanted to open it in an emergency, and was told of none",
}
COLUMNS: Final = ("number", "at", "act", "person", "role", "audience", "alert", "seq", "reason", "session")


class ReasonView(msgspec.Struct, frozen=True, kw_only=True):
    """The page that asks."""

    alert_id: str
    href: str
    reasons: tuple[Choice, ...]
    holds: str


def reason_view(consulting: Consulting, alert_id: str) -> ReasonView:
    """What is asked. Nothing is chosen beforehand: a reason is given, and not left standing."""
    return ReasonView(
        alert_id=alert_id,
        href=f"/alerts/{alert_id}/reason",
        reasons=choices_of(consulting.reasons, ()),
        holds=words.length(consulting.holds),
    )


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """One line of what was recorded."""

    number: int
    at: str
    did: str
    person: str
    role: str
    audience: str
    alert_id: str
    reason: str


class ConsultationsView(msgspec.Struct, frozen=True, kw_only=True):
    """The page of what was recorded."""

    looks: tuple[Look, ...]
    person: str
    alert_id: str
    older_href: str
    csv_href: str


def look_of(recorded: Recorded, consulting: Consulting) -> Look:
    """One line. A reason that the catalogue no longer has is shown as it was recorded."""
    one = recorded.consultation
    return Look(
        number=recorded.number,
        at=words.at(one.at),
        did=_ACTS[one.act],
        person=one.person,
        role=words.plain(one.role),
        audience=one.audience,
        alert_id=one.alert_id,
        reason=consulting.reasons.get(one.reason, one.reason),
    )


def consultation_rows(recorded: Iterable[Recorded]) -> Iterable[Sequence[object]]:
    """Lines of a CSV."""
    for one in recorded:
        told = one.consultation
        yield (
            one.number,
            to_datetime(told.at).isoformat(timespec="milliseconds"),
            told.act,
            told.person,
            told.role,
            told.audience,
            told.alert_id,
            told.seq,
            told.reason,
            told.session,
        )
