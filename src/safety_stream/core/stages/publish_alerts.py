"""Publish alerts: what leaves is projected, numbered without gap, and on record.

Theory of operation
-------------------
For every audience the door remembers which alerts it was told of, so that a withdrawal reaches everyone who was told,
and nobody hears of the end of what they never heard the beginning of. A projection is what the policy grants the
audience of this alert at this time (`core/policy.py`): what is granted by no agreement in force does not leave.

What people did about an alert, and whether its clocks have run out, is told to those who were told of the alert and may
know how it is handled; whoever may not hears of its condition alone. So it is after a withdrawal, too, until the alert
has been forgotten. An alert that goes up its ladder is told to the rung it has gone to, as it is by then, and to that
rung as to the others from then on: what it goes by is `HandledAlert.rungs`.

A rule on trial is told of to nobody, and what was told of it before is taken back with the next version of its alert:
nobody may go on hearing what it finds through an alert that was opened while it was released. Such a withdrawal says
nothing that the trial found. So it is for one audience when an alert has come to be marked higher than that audience
may be told, or to be such as no grant of its covers. Why the policy bars it is put out on `withheld` alone: that one of
them is a party to it, or that an organisation has spoken in confidence, would tip them off. Of the marking such a
withdrawal tells the level, and never a condition.

When the agreements by which an audience would be told have ended, or not begun, news is held back, and that is put out
on `withheld`, each time. The newest of an alert waits, and is told as soon as a record comes (or the idle clock does)
by which other grants of the audience are in force than when it began to wait, as published then: who has waited for a
page must not take it for history. Where the newest has come to be barred, nothing of the alert waits any more. What an
audience was told before and is no longer true is taken back all the same: whoever holds what was wrong must hear of it
(UK GDPR article 19), and it says nothing they do not know.
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
from safety_stream.core.model.markings import is_above, level_of
from safety_stream.core.model.published import PublishedAlert, ToldReason
from safety_stream.core.model.sharing import Withheld
from safety_stream.core.model.times import Instant
from safety_stream.core.policy import Policy, Verdict
from safety_stream.core.stages.publishing import Door
from safety_stream.core.stages.stage import Output, Record, Rows, Step, Table, unreadable

_NAMES_A_REPORT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12} [a-z]+").fullmatch
RATIONALE = "rationale"
"""Who did what with an alert, and why in their own words: a part of `handling` that an audience is given by itself."""

WITHHELD = "withheld"
"""The topic that says what was not told to whom, and why."""

MAY_NOT_BE_TOLD: Final = "it may not be told any more"
"""All that an audience hears of why something was taken back that the policy bars."""

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
        door = _AlertDoor(rows, catalogue)
        if idle_at is not None:
            door.tell_what_waited(idle_at)
        for record in records:
            if isinstance(record.value, HandledAlert):
                door.tell(record.value, record.received_at)
            else:
                raise unreadable("publish-alerts", record)
        return door.close()

    return step


class Waiting(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The grants of an audience that were in force when news for it was last held back: with others it is looked at."""

    in_force: tuple[str, ...]


class _AlertDoor(Door):
    """Tells alerts: remembers who was told of what, and what waits for an agreement."""

    def __init__(self, rows: Rows, catalogue: Catalogue) -> None:
        super().__init__(rows, "audit.alerts")
        self._rows = rows
        self._audiences = catalogue.audiences
        self._policy = Policy(catalogue.sharing, catalogue.areas, catalogue.purposes)
        self._on_trial = frozenset(rule.id for rule in catalogue.rules if rule.status == "trial")
        self._told = Table(rows, "told/", Told)
        self._waiting = Table(rows, "waiting/", Waiting)

    def tell(self, handled: HandledAlert, received_at: Instant) -> None:
        """Tell news of an alert to those it reaches and those who were told before."""
        self.tell_what_waited(received_at)
        if handled.handling.what == "forgotten":
            self._forget(handled.alert.alert_id)
            return
        for audience in self._audiences:
            self._tell_one(audience, handled, received_at)

    def tell_what_waited(self, at: Instant) -> None:
        """Look again at what was held back from audiences for which other grants are in force by now."""
        for audience in self._audiences:
            waiting = self._waiting.get(audience.id)
            if waiting is None or waiting.in_force == self._policy.in_force(audience.id, at):
                continue
            self._waiting.delete(audience.id)
            for row, packed in list(self._rows.scan(*_held_of(audience))):
                self._rows.delete(row)
                held = _unpacked(packed)
                self._tell_one(audience, msgspec.structs.replace(held, as_of=max(held.as_of, at)), at, is_new=False)

    def _tell_one(
        self, audience: Audience, handled: HandledAlert, received_at: Instant, *, is_new: bool = True
    ) -> None:
        alert, is_of_handling = handled.alert, handled.handling.what not in OF_CONDITION
        told = self._told.get(f"{audience.id}/{alert.alert_id}")
        if told is not None and told.is_over and not is_of_handling:
            told = None
        if told is None and not _hears_first(audience, handled):
            self._hold_or_drop(audience, handled)
            return
        verdict = self._verdict(audience, alert, received_at)
        if told is None and verdict.bars:
            self._drop(audience, alert.alert_id)
            self._withhold_if_barred(audience, alert, verdict, received_at)
        elif told is not None and is_of_handling and not verdict.bars and "handling" not in verdict.granted:
            pass
        elif verdict.lapsed and (is_of_handling or alert.change != "withdrawn"):
            self._hold(audience, handled, received_at)
            if is_new:
                self._withhold(audience, alert, verdict, received_at)
        else:
            self._tell_them(audience, handled, verdict, told, received_at)

    def _tell_them(
        self, audience: Audience, handled: HandledAlert, verdict: Verdict, told: Told | None, received_at: Instant
    ) -> None:
        """Tell what the verdict gives, or where it gives nothing any more take back what was told."""
        version, row = handled.alert, f"{audience.id}/{handled.alert.alert_id}"
        self._drop(audience, version.alert_id)
        topic = f"alerts.{audience.id}"
        seq = self.next_number(topic)
        if verdict.bars:
            handled = taken_back(handled, self._why_not(audience, version) or MAY_NOT_BE_TOLD)
            self._told.delete(row)
            self._withhold_if_barred(audience, version, verdict, received_at)
        else:
            self._told.put(row, Told(seq, version.version, version.change == "withdrawn"))
        if not verdict.fields:
            handled = _without_conditions(handled)
        fields = frozenset(verdict.fields) or _known_anyway(audience)
        self.put_out(topic, version.alert_id, project(handled, audience.id, fields, seq, told), received_at)
        purposes = " and ".join(verdict.purposes) or None
        self.put_on_record(
            audience.id, topic, (seq, seq), version.alert_id, tuple(sorted(fields)), received_at, reason=purposes
        )

    def _verdict(self, audience: Audience, alert: AlertVersion, at: Instant) -> Verdict:
        why_not = self._why_not(audience, alert)
        return Verdict(why=why_not) if why_not else self._policy.of_alert(audience.id, alert, at)

    def _held(self, audience: Audience, alert_id: str) -> HandledAlert | None:
        """What waits of an alert. Rows are looked at only where something waits at all."""
        if self._waiting.get(audience.id) is None:
            return None
        packed = self._rows.get(_held_row(audience, alert_id))
        return None if packed is None else _unpacked(packed)

    def _hold(self, audience: Audience, handled: HandledAlert, at: Instant) -> None:
        """Keep the newest of an alert for when an agreement is in force."""
        held = self._held(audience, handled.alert.alert_id)
        self._rows.put(_held_row(audience, handled.alert.alert_id), _packed(_newest_of(held, handled)))
        self._waiting.put_if_other(audience.id, Waiting(self._policy.in_force(audience.id, at)))

    def _hold_or_drop(self, audience: Audience, handled: HandledAlert) -> None:
        """What somebody did about an alert that waits, waits with it; when it is over or for others, nothing does."""
        held = self._held(audience, handled.alert.alert_id)
        if held is None:
            return
        if handled.handling.what in OF_CONDITION or handled.alert.change == "withdrawn":
            self._drop(audience, handled.alert.alert_id)
        else:
            self._rows.put(_held_row(audience, handled.alert.alert_id), _packed(_newest_of(held, handled)))

    def _drop(self, audience: Audience, alert_id: str) -> None:
        if self._held(audience, alert_id) is not None:
            self._rows.delete(_held_row(audience, alert_id))

    def _withhold_if_barred(self, audience: Audience, alert: AlertVersion, verdict: Verdict, at: Instant) -> None:
        """Put it out if the policy bars it; what a rule on trial found, or a ceiling keeps, is no refusal."""
        if not self._why_not(audience, alert):
            self._withhold(audience, alert, verdict, at)

    def _withhold(self, audience: Audience, alert: AlertVersion, verdict: Verdict, at: Instant) -> None:
        """Put it out that news was not told, and why."""
        withheld = Withheld(
            seq=self.next_number(WITHHELD),
            audience=audience.id,
            alert_id=alert.alert_id,
            version=alert.version,
            change=alert.change,
            why=verdict.why,
            agreements=verdict.lapsed,
            as_of=at,
        )
        self.put_out(WITHHELD, alert.alert_id, withheld, at)

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
            self._drop(audience, alert_id)

    def close(self) -> list[Output]:
        """Remember everything and give the outputs."""
        self.numbers.flush()
        self._told.flush()
        self._waiting.flush()
        return self.outputs


_packed = msgspec.msgpack.Encoder().encode
_unpacked = msgspec.msgpack.Decoder(HandledAlert).decode


def _newest_of(held: HandledAlert | None, handled: HandledAlert) -> HandledAlert:
    """What waits once more has come: the newest, told as the news that waits, and heard if either must be."""
    if held is None:
        return handled
    handling = handled.handling
    if handling.what not in OF_CONDITION:
        handling = msgspec.structs.replace(handling, what=held.handling.what)
    return msgspec.structs.replace(handled, handling=handling, notify=handled.notify or held.notify)


def _held_row(audience: Audience, alert_id: str) -> bytes:
    return f"held/{audience.id}/{alert_id}".encode()


def _held_of(audience: Audience) -> tuple[bytes, bytes]:
    """From where to where the rows of what waits for an audience are."""
    return f"held/{audience.id}/".encode(), f"held/{audience.id}0".encode()


def project(
    handled: HandledAlert, audience: str, granted: frozenset[str], seq: int, told: Told | None
) -> PublishedAlert:
    """The fields of an alert this audience is granted; to those who hear of it first, it is raised."""
    alert, handling = handled.alert, handled.handling
    if RATIONALE not in granted:
        # What nobody did has a reason that is no person's words.
        reason = "" if handling.actor else handling.reason
        handling = msgspec.structs.replace(
            handling, actor="", role="", reason=reason, rationale="", owner="", merged_into=""
        )
    fields = {name: getattr(alert, name, None) for name in granted if name not in _APART}
    said = {
        "handling": handling,
        "notify": _must_be_heard(handled, audience, told),
        "reason": _reason(handled, told),
        "cause": cause_told(alert.cause),
    }
    fields |= {name: value for name, value in said.items() if name in fields}
    return PublishedAlert(
        seq=seq,
        audience=audience,
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


def _must_be_heard(handled: HandledAlert, audience: str, told: Told | None) -> bool:
    """Whether this audience must hear of it now.

    Whoever hears of an alert for the first time does, unless it is late, or sleeps; whom it has gone up the ladder to
    does whatever it is. Whom it is referred to must hear of that, and of a referral that comes back everybody else.
    """
    handling = handled.handling
    if told is None and handling.what not in ("overdue", "escalate"):
        return not handled.alert.late and handling.state not in ("snoozed", "merged")
    if handling.what == "refer":
        return audience == handling.referred_to
    if handling.what in ("accept", "bounce"):
        return audience != handling.role
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


def _without_conditions(handled: HandledAlert) -> HandledAlert:
    """The alert as it is said to those who may not know who has spoken of it in confidence."""
    alert = msgspec.structs.replace(handled.alert, marking=level_of(handled.alert.marking))
    return msgspec.structs.replace(handled, alert=alert)


def _known_anyway(audience: Audience) -> frozenset[str]:
    return frozenset(audience.fields) & (_KNOWN_ANYWAY | _ALWAYS)


def cause_told(cause: str) -> str:
    """A cause as it may leave: which report it was, and that one was erased or restricted, stays inside.

    Inside, a report's cause is its incident id and action.
    """
    return "a report came, changed or was taken back" if _NAMES_A_REPORT(cause) else cause
