"""Publish alerts: what leaves is projected, numbered without gap, and on record.

Theory of operation
-------------------
For every audience the door remembers which alerts it was told of, so that a withdrawal reaches everyone who was told,
and nobody hears of the end of what they never heard the beginning of. A projection is the audience's list of fields:
what is not listed does not leave.

What people did about an alert, and whether its clocks have run out, is told to those who were told of the alert and may
know how it is handled; whoever may not hears of its condition alone. So it is after a withdrawal, too, until the alert
has been forgotten. An alert that goes up its ladder is told to the rung it has gone to, as it is by then, and to that
rung as to the others from then on: what it goes by is `HandledAlert.rungs`.

A rule on trial is told of to nobody, and what was told of it before is taken back with the next version of its alert:
nobody may go on hearing what it finds through an alert that was opened while it was released. Such a withdrawal says
nothing that the trial found. So it is for one audience when an alert has come to be marked higher than that audience
may be told.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from safety_stream.core.alerts.handling import OF_CONDITION
from safety_stream.core.catalogue import Audience, Catalogue
from safety_stream.core.model.alerts import AlertVersion, Change
from safety_stream.core.model.handling import HandledAlert
from safety_stream.core.model.markings import is_above
from safety_stream.core.model.published import PublishedAlert, ToldReason
from safety_stream.core.model.times import Instant
from safety_stream.core.stages.publishing import Door
from safety_stream.core.stages.stage import Output, Record, Rows, Step, Table, unreadable

_NAMES_A_REPORT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12} [a-z]+").fullmatch
RATIONALE = "rationale"
"""Who did what with an alert, and why in their own words: a part of `handling` that an audience is given by itself."""

_ALWAYS = frozenset({"alert_id", "version", "change", "as_of"})
_APART = _ALWAYS | {RATIONALE}
_KNOWN_ANYWAY = frozenset({"episode", "reason", "rule_id", "family", "subject", "notify", "marking", "cause"})
"""What may be said of an alert to those who were told of it, once they may not be told of it any more."""


class Told(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Where an audience was last told of an alert: the number in its feed, and the version.

    `is_over`: it was told that the alert is withdrawn. Then it hears what people still do about it, and if the alert is
    raised again, that is the first it hears.
    """

    seq: int
    version: int
    is_over: bool = False


def make_step(catalogue: Catalogue, _partitions: int) -> Step:
    """The step that tells alert versions to this catalogue's audiences."""

    def step(rows: Rows, records: Sequence[Record], idle_at: Instant | None) -> list[Output]:
        del idle_at
        door = _AlertDoor(rows, catalogue)
        for record in records:
            if isinstance(record.value, HandledAlert):
                door.tell(record.value, record.received_at)
            else:
                raise unreadable("publish-alerts", record)
        return door.close()

    return step


class _AlertDoor(Door):
    """Tells alerts: remembers who was told of what."""

    def __init__(self, rows: Rows, catalogue: Catalogue) -> None:
        super().__init__(rows, "audit.alerts")
        self._audiences = catalogue.audiences
        self._on_trial = frozenset(rule.id for rule in catalogue.rules if rule.status == "trial")
        self._told = Table(rows, "told/", Told)

    def tell(self, handled: HandledAlert, received_at: Instant) -> None:
        """Tell news of an alert to those it reaches and those who were told before."""
        if handled.handling.what == "forgotten":
            self._forget(handled.alert.alert_id)
            return
        for audience in self._audiences:
            self._tell_one(audience, handled, received_at)

    def _tell_one(self, audience: Audience, handled: HandledAlert, received_at: Instant) -> None:
        why_not = self._why_not(audience, handled.alert)
        if why_not:
            handled, audience = taken_back(handled, why_not), _as_known_anyway(audience)
        version, is_of_handling = handled.alert, handled.handling.what not in OF_CONDITION
        row = f"{audience.id}/{version.alert_id}"
        told = self._told.get(row)
        if told is not None and told.is_over and not is_of_handling:
            told = None
        if told is None and not _hears_first(audience, handled):
            return
        if told is not None and is_of_handling and "handling" not in audience.fields:
            return
        topic = f"alerts.{audience.id}"
        seq = self.next_number(topic)
        if why_not:
            self._told.delete(row)
        else:
            self._told.put(row, Told(seq, version.version, version.change == "withdrawn"))
        self.put_out(topic, version.alert_id, project(handled, audience, seq, told), received_at)
        disclosed = tuple(sorted(audience.fields))
        self.put_on_record(audience.id, topic, (seq, seq), version.alert_id, disclosed, received_at)

    def _why_not(self, audience: Audience, alert: AlertVersion) -> str:
        """Why an audience is told nothing of an alert as it is; "" if it may be."""
        if alert.rule_id in self._on_trial:
            return f"rule {alert.rule_id} is on trial"
        if is_above(alert.marking, audience.marked_at_most):
            return "it is marked higher than may be told"
        return ""

    def _forget(self, alert_id: str) -> None:
        """Forget who was told of an alert, once all of them know that it is over: else its withdrawal has to come."""
        for audience in self._audiences:
            row = f"{audience.id}/{alert_id}"
            told = self._told.get(row)
            if told is not None and told.is_over:
                self._told.delete(row)

    def close(self) -> list[Output]:
        """Remember everything and give the outputs."""
        self.numbers.flush()
        self._told.flush()
        return self.outputs


def project(handled: HandledAlert, audience: Audience, seq: int, told: Told | None) -> PublishedAlert:
    """The fields of an alert this audience may have; to those who hear of it first, it is raised."""
    alert, handling = handled.alert, handled.handling
    if RATIONALE not in audience.fields:
        # What nobody did has a reason that is no person's words.
        reason = "" if handling.actor else handling.reason
        handling = msgspec.structs.replace(
            handling, actor="", role="", reason=reason, rationale="", owner="", merged_into=""
        )
    fields = {name: getattr(alert, name, None) for name in audience.fields if name not in _APART}
    said = {
        "handling": handling,
        "notify": _must_be_heard(handled, audience, told),
        "reason": _reason(handled, told),
        "cause": cause_told(alert.cause),
    }
    fields |= {name: value for name, value in said.items() if name in fields}
    return PublishedAlert(
        seq=seq,
        audience=audience.id,
        alert_id=alert.alert_id,
        version=alert.version,
        change=_change(handled, told),
        as_of=handled.as_of,
        prior_seq=told.seq if told else None,
        prior_version=told.version if told else None,
        **fields,
    )


_REASONS: Final[dict[str, ToldReason]] = {
    "overdue": "overdue",
    "escalate": "escalated",
    "slept": "reminder",
    "unmerged": "reminder",
}


def _reason(handled: HandledAlert, told: Told | None) -> ToldReason:
    what = handled.handling.what
    if what in OF_CONDITION:
        return "new" if told is None else handled.alert.reason
    return _REASONS.get(what, "new" if told is None else "handled")


def _must_be_heard(handled: HandledAlert, audience: Audience, told: Told | None) -> bool:
    """Whether this audience must hear of it now.

    Whoever hears of an alert for the first time does, unless it is late, or sleeps; whom it has gone up the ladder to
    does whatever it is. Whom it is referred to must hear of that, and of a referral that comes back everybody else.
    """
    handling = handled.handling
    if told is None and handling.what not in ("overdue", "escalate"):
        return not handled.alert.late and handling.state not in ("snoozed", "merged")
    if handling.what == "refer":
        return audience.id == handling.referred_to
    if handling.what in ("accept", "bounce"):
        return audience.id != handling.role
    return handled.notify or handling.what == "escalate"


def _hears_first(audience: Audience, handled: HandledAlert) -> bool:
    """Whether an audience that has heard nothing of an alert hears of it now.

    One that the alert reaches does by news of the alert itself, a rung of the ladder from when it has gone there.
    """
    alert = handled.alert
    if alert.change == "withdrawn":
        return False
    if audience.id in handled.rungs:
        return alert.family in audience.families and alert.priority in audience.priorities
    return audience.id in alert.audiences and handled.handling.what in OF_CONDITION


def _change(handled: HandledAlert, told: Told | None) -> Change:
    if told is None:
        return "raised"
    is_news_of_alert = handled.handling.what in OF_CONDITION or handled.alert.change == "withdrawn"
    return handled.alert.change if is_news_of_alert else "updated"


def taken_back(handled: HandledAlert, cause: str) -> HandledAlert:
    """The alert as it is said, to those who were told of it, once they may not be told of it any more."""
    alert = msgspec.structs.replace(handled.alert, change="withdrawn", reason="withdrawn", notify=True, cause=cause)
    handling = msgspec.structs.replace(handled.handling, state="withdrawn", what="withdrawn")
    return msgspec.structs.replace(handled, alert=alert, handling=handling, notify=True)


def _as_known_anyway(audience: Audience) -> Audience:
    fields = tuple(name for name in audience.fields if name in _KNOWN_ANYWAY or name in _ALWAYS)
    return msgspec.structs.replace(audience, fields=fields)


def cause_told(cause: str) -> str:
    """A cause as it may leave: which report it was, and that one was erased or restricted, stays inside.

    Inside, a report's cause is its incident id and action.
    """
    return "a report came, changed or was taken back" if _NAMES_A_REPORT(cause) else cause
