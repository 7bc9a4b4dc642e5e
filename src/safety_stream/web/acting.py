"""From a form to an action. What it lacks is said to whoever filled it in; what may be done is decided elsewhere."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Final, get_args

import msgspec

from safety_stream.core.alerts.handling import RATIONALE_AT_MOST
from safety_stream.core.model.handling import AlertAction, HandlingAction
from safety_stream.core.model.times import LONDON, Instant, to_instant
from safety_stream.web.policy import Person

_NEEDS: Final[Mapping[HandlingAction, tuple[str, str]]] = {
    "snooze": ("until", "say until when it is snoozed"),
    "refer": ("to", "say which partner it is referred to"),
    "merge": ("into", "say which alert it is merged into"),
    "judge": ("useful", "say whether the alert was useful"),
    "note": ("rationale", "write the note"),
}


class Unfinished(Exception):
    """What is missing of a form, in one sentence."""


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wrote into the form of an alert, so that it is not lost where nothing came of it."""

    action: str = ""
    rationale: str = ""
    reason: str = ""
    until: str = ""
    to: str = ""
    into: str = ""
    useful: str = ""


NOTHING: Final = Written()

_LONGEST: Final = 100
"""Characters of any field but the rationale that anybody can mean."""


def written_in(form: Mapping[str, object]) -> Written:
    """What a form holds."""
    fields = {name: _text(form, name)[:_LONGEST] for name in Written.__struct_fields__}
    return Written(**(fields | {"rationale": _text(form, "rationale")}))


def action_of(form: Mapping[str, object], alert_id: str, person: Person, role: str, now: Instant) -> AlertAction:
    """The action a form asks for, taken by a person in a role. Raises `Unfinished`."""
    name = _text(form, "action")
    action = next((one for one in get_args(HandlingAction) if one == name), None)
    if action is None:
        raise Unfinished("Choose what to do.")
    field, mend = _NEEDS.get(action, ("", ""))
    if field and not _text(form, field):
        raise Unfinished(f"{mend[:1].upper()}{mend[1:]}.")
    too_many = len(_text(form, "rationale")) - RATIONALE_AT_MOST
    if too_many > 0:
        raise Unfinished(f"Write {too_many} characters less: {RATIONALE_AT_MOST} beside a record are enough.")
    return AlertAction(
        action_id=str(uuid.uuid4()),
        alert_id=alert_id,
        action=action,
        actor=person.id,
        role=role,
        acted_at=now,
        rationale=_text(form, "rationale"),
        reason=_text(form, "reason"),
        until=_until(_text(form, "until")) if action == "snooze" else None,
        to=_text(form, "to") if action in ("refer", "escalate") else "",
        into=_text(form, "into") if action == "merge" else "",
        seen=_seen(_text(form, "seen")),
        useful=_text(form, "useful") == "yes" if action == "judge" else None,
    )


def _text(form: Mapping[str, object], name: str) -> str:
    value = form.get(name, "")
    return value.strip() if isinstance(value, str) else ""


def _until(text: str) -> Instant:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Unfinished("Write the end of the snooze as a day and time: 2026-01-31 08:00.") from None
    return to_instant(moment.replace(tzinfo=LONDON) if moment.tzinfo is None else moment)


def _seen(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0  # noqa: PLR2004
