"""From a form to an action. What it lacks is said to whoever filled it in; what may be done is decided elsewhere."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Final, get_args

import msgspec

from safety_stream.core.alerts.handling import RATIONALE_AT_MOST, Policy, ladder, partners, unfilled
from safety_stream.core.model.findings import Priority
from safety_stream.core.model.handling import AlertAction, HandlingAction
from safety_stream.core.model.times import LONDON, Instant, to_instant
from safety_stream.web.policy import Person

_LACKS: Final[Mapping[str, str]] = {
    "rationale": "Write why",
    "reason": "Choose a reason",
    "until": "Say until when it is snoozed",
    "into": "Say which alert it is merged into",
    "useful": "Say whether the alert was useful",
}
"""What is said of each field that is left empty."""


class Unfinished(Exception):
    """What is missing of a form, in one sentence, and the field it is missing from."""

    def __init__(self, field: str, sentence: str) -> None:
        """Say both."""
        super().__init__(sentence)
        self.field = field


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

_USEFUL: Final[Mapping[str, bool]] = {"yes": True, "no": False}

_LONGEST: Final = 100
"""Characters of any field but the rationale that anybody can mean."""


def written_in(form: Mapping[str, object]) -> Written:
    """What a form holds."""
    fields = {name: _text(form, name)[:_LONGEST] for name in Written.__struct_fields__}
    return Written(**(fields | {"rationale": _text(form, "rationale")}))


def action_of(form: Mapping[str, object], alert_id: str, person: Person, role: str, now: Instant) -> AlertAction:
    """The action a form asks for, taken by a person in a role. Raises `Unfinished` for what is no action at all."""
    name = _text(form, "action")
    action = next((one for one in get_args(HandlingAction) if one == name), None)
    if action is None:
        raise Unfinished("action", "Choose what to do.")
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
        useful=_USEFUL.get(_text(form, "useful")) if action == "judge" else None,
    )


def check(action: AlertAction, priority: Priority | None, policy: Policy) -> None:
    """Send nothing that can only be refused: what an action lacks is said by its field. Raises `Unfinished`.

    What it must have is the core's to say; what depends on how the alert stands by then is answered by the stage.
    """
    field, _ = unfilled(action, policy)
    too_many = len(action.rationale) - RATIONALE_AT_MOST
    if too_many > 0:
        raise Unfinished(field, f"Write {too_many} characters less: {RATIONALE_AT_MOST} beside a record are enough.")
    if action.action == "refer" and action.to not in partners(policy):
        raise Unfinished("to", "Say which partner it is referred to.")
    if action.action == "escalate" and action.to not in rungs(priority, policy):
        raise Unfinished("to", "Say to whom it is escalated.")
    if action.action == "merge" and not action.into:
        field = "into"
    if field:
        raise Unfinished(field, f"{_LACKS[field]}.")


def rungs(priority: Priority | None, policy: Policy) -> frozenset[str]:
    """Whom an alert of this priority can be escalated to; where it is not told, anybody on a ladder."""
    return frozenset().union(*(ladder(one, policy) for one in ((priority,) if priority else policy.clocks)))


def _text(form: Mapping[str, object], name: str) -> str:
    value = form.get(name, "")
    return value.strip() if isinstance(value, str) else ""


def _until(text: str) -> Instant:
    if not text:
        raise Unfinished("until", f"{_LACKS['until']}.")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        said = "Write the end of the snooze as a day and time: 2026-01-31 08:00."
        raise Unfinished("until", said) from None
    return to_instant(moment.replace(tzinfo=LONDON) if moment.tzinfo is None else moment)


def _seen(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0  # noqa: PLR2004
