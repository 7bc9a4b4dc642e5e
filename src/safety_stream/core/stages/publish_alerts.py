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
on `withheld`, each time. The newest of an alert waits. As soon as a record comes (or the idle clock does) by which
other grants of the audience are in force than when it began to wait, what waits is gone over slice by slice, the most
urgent first, and told as published then: who has waited for a page must not take it for history. Where the newest has
come to be barred, nothing of the alert waits any more. What an audience was told before and is no longer true is taken
back all the same: whoever holds what was wrong must hear of it (UK GDPR article 19), and it says nothing they do not
know.

A renewal may let go of tens of thousands of alerts, and what happens now must not wait for them:

    record, or tick of the clock      other grants are in force: `Waiting.reached` says that going over has begun
    records                           are told at once; of an alert that still waits, what waits is told before its news
    tick, or nothing (`~more`)        the next slice of all that waits, by priority; `reached` moves on

Rows and outputs are committed as one, so a crash between two slices changes nothing. Time never goes back for what
waits, whatever record comes; and a slice that no tick brings tells as of the newest time heard. Should the grants
change again meanwhile, it is begun anew: what was passed over may be told by now.

`withheld` says as well what became of what waited: told, under which number, or over. So it answers by itself what
waits at present, and it is a chain like those of the audit (`core/audit.py`), since its records say what nobody was
told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from heapq import merge
from itertools import islice
from typing import Final, get_args

import msgspec

from safety_stream.core.alerts.handling import OF_CONDITION
from safety_stream.core.audit import chained
from safety_stream.core.catalogue import Audience, Catalogue
from safety_stream.core.model.alerts import Alert, Change
from safety_stream.core.model.findings import Priority
from safety_stream.core.model.handling import HandledAlert
from safety_stream.core.model.markings import is_above, level_of
from safety_stream.core.model.published import PublishedAlert, ToldReason
from safety_stream.core.model.sharing import WaitsBecause, Withheld, WithheldState
from safety_stream.core.model.times import Instant
from safety_stream.core.policy import Policy, Verdict
from safety_stream.core.stages.publishing import Door
from safety_stream.core.stages.recording import Number
from safety_stream.core.stages.stage import Output, Record, Rows, Scanned, Step, Table, mark_more, unreadable

_UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_NAMES_A_REPORT = re.compile(rf"{_UUID} [a-z]+").fullmatch
_NAMES_A_DECISION = re.compile(rf"(?P<what>[a-z ]+): decision {_UUID}").fullmatch
RATIONALE = "rationale"
"""Who did what with an alert, and why in their own words: a part of `handling` that an audience is given by itself."""

WITHHELD = "withheld"
"""The topic that says what was not told to whom, and why."""

SLICE = 250
"""So many alerts that waited are looked at in one step: an eighth of a second, for which a live alert may wait."""

PRIORITIES: Final[tuple[Priority, ...]] = get_args(Priority)

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
            door.see_who_may_hear_now(idle_at)
        for record in records:
            if isinstance(record.value, HandledAlert):
                door.tell(record.value, record.received_at)
            else:
                raise unreadable("publish-alerts", record)
        if not records:
            door.tell_a_slice_of_what_waited()
        return door.close()

    return step


class Waiting(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What waits for an audience: the grants that were in force when it was last looked at; with others it is again.

    `at` is the newest time at which it was, `because` why it waits, `counts` how many alerts of each priority do.
    `reached` is how far it has been gone over (the end of a row's key), None while it is not.
    """

    in_force: tuple[str, ...]
    at: Instant = 0
    because: WaitsBecause = "ended"
    counts: dict[Priority, int] = {}
    reached: str | None = None


def waiting_now(rows: Scanned) -> Mapping[tuple[str, str, str], int]:
    """How many alerts wait at present, by audience, why, and priority; nought where none does any more."""
    found: dict[tuple[str, str, str], int] = {}
    for row, packed in rows.scan(_WAITING.encode(), _WAITING.encode() + b"\xff"):
        waiting = _WAITING_DECODER.decode(packed)
        because = waiting.because if waiting.reached is None else "being-told"
        for priority in PRIORITIES:
            audience = row[len(_WAITING) :].decode()
            found[audience, because, priority] = waiting.counts.get(priority, 0)
    return found


class _AlertDoor(Door):
    """Tells alerts: remembers who was told of what, and what waits for an agreement."""

    def __init__(self, rows: Rows, catalogue: Catalogue) -> None:
        super().__init__(rows, "audit.alerts")
        self._rows = rows
        self._audiences = catalogue.audiences
        self._policy = Policy(catalogue.sharing, catalogue.areas, catalogue.purposes)
        self._on_trial = frozenset(rule.id for rule in catalogue.rules if rule.status == "trial")
        self._told = Table(rows, "told/", Told)
        self._waiting = Table(rows, _WAITING, Waiting)

    def tell(self, handled: HandledAlert, received_at: Instant) -> None:
        """Tell news of an alert to those it reaches and those who were told before."""
        self.see_who_may_hear_now(received_at)
        alert_id = handled.alert.alert_id
        for audience in self._going_over():
            held = self._held(audience, alert_id)
            if held is not None:
                self._tell_held(audience, held[1])
        if handled.handling.what == "forgotten":
            self._forget(alert_id, received_at)
            return
        for audience in self._audiences:
            self._tell_one(audience, handled, received_at)

    def see_who_may_hear_now(self, at: Instant) -> None:
        """Begin to go over what waits for audiences for which other grants are in force by now."""
        for audience in self._audiences:
            waiting = self._waiting.get(audience.id)
            if waiting is None:
                continue
            newest = max(at, waiting.at)
            in_force = self._policy.in_force(audience.id, newest)
            if in_force != waiting.in_force:
                begun = msgspec.structs.replace(waiting, in_force=in_force, at=newest, reached="")
                self._waiting.put(audience.id, begun)
            elif waiting.reached is not None and newest > waiting.at:
                self._waiting.put(audience.id, msgspec.structs.replace(waiting, at=newest))

    def tell_a_slice_of_what_waited(self) -> None:
        """Look again at the next of what waits for those that may hear of it now, the most urgent of all first."""
        going_over = self._going_over()
        taken = list(islice(merge(*map(self._rows_left, going_over), key=_end_of_row), SLICE))
        for audience, end, packed in taken:
            self._move_on(audience, end)
            self._tell_held(audience, _unpacked(packed))
        if len(taken) < SLICE:
            for audience in going_over:
                self._end_going_over(audience)

    def _going_over(self) -> list[Audience]:
        known = ((audience, self._waiting.get(audience.id)) for audience in self._audiences)
        return [audience for audience, waiting in known if waiting is not None and waiting.reached is not None]

    def _rows_left(self, audience: Audience) -> Iterator[tuple[Audience, str, bytes]]:
        waiting = self._waiting.get(audience.id)
        start, stop = _held_of(audience)
        after = start if waiting is None or not waiting.reached else start + waiting.reached.encode() + b"\x00"
        for row, packed in self._rows.scan(after, stop):
            yield audience, row[len(start) :].decode(), packed

    def _move_on(self, audience: Audience, end: str) -> None:
        waiting = self._waiting.get(audience.id)
        if waiting is not None:
            self._waiting.put(audience.id, msgspec.structs.replace(waiting, reached=end))

    def _end_going_over(self, audience: Audience) -> None:
        waiting = self._waiting.get(audience.id)
        if waiting is None:
            return
        if next(self._rows.scan(*_held_of(audience)), None) is None:
            self._waiting.delete(audience.id)
        else:
            because = self._policy.why_waits(audience.id, waiting.at)
            self._waiting.put(audience.id, msgspec.structs.replace(waiting, because=because, reached=None))

    def _tell_held(self, audience: Audience, held: HandledAlert) -> None:
        """Tell what waited, if it may be by now; else it goes on waiting."""
        waiting = self._waiting.get(audience.id)
        at = 0 if waiting is None else waiting.at
        self._tell_one(audience, msgspec.structs.replace(held, as_of=max(held.as_of, at)), at, is_new=False)

    def _tell_one(
        self, audience: Audience, handled: HandledAlert, received_at: Instant, *, is_new: bool = True
    ) -> None:
        alert, is_of_handling = handled.alert, handled.handling.what not in OF_CONDITION
        told = self._told.get(f"{audience.id}/{alert.alert_id}")
        if told is not None and told.is_over and not is_of_handling:
            told = None
        if told is None and not _hears_first(audience, handled):
            self._hold_or_drop(audience, handled, received_at)
            return
        verdict = self._verdict(audience, alert, received_at)
        if told is None and verdict.bars:
            waited = self._drop(audience, alert.alert_id)
            self._say_that_it_is_barred(audience, alert, verdict, received_at, waited=waited)
        elif told is not None and is_of_handling and not verdict.bars and "handling" not in verdict.granted:
            if not is_new:
                self._end_waiting(audience, alert.alert_id, received_at)
        elif verdict.lapsed and (is_of_handling or alert.change != "withdrawn"):
            self._hold(audience, handled, received_at)
            if is_new:
                self._say(audience, alert, "waits", received_at, verdict.why, agreements=verdict.lapsed)
        else:
            self._tell_them(audience, handled, verdict, told, received_at)

    def _tell_them(
        self, audience: Audience, handled: HandledAlert, verdict: Verdict, told: Told | None, received_at: Instant
    ) -> None:
        """Tell what the verdict gives, or where it gives nothing any more take back what was told."""
        version, row = handled.alert, f"{audience.id}/{handled.alert.alert_id}"
        waited = self._drop(audience, version.alert_id)
        topic = f"alerts.{audience.id}"
        seq = self.next_number(topic)
        if verdict.bars:
            handled = taken_back(handled, self._why_not(audience, version) or MAY_NOT_BE_TOLD)
            self._told.delete(row)
            self._say_that_it_is_barred(audience, version, verdict, received_at, waited=waited)
        else:
            self._told.put(row, Told(seq, version.version, version.change == "withdrawn"))
            if waited:
                self._say(audience, version, "told", received_at, f"it was told under number {seq}", told_as=seq)
        if not verdict.fields:
            handled = _without_conditions(handled)
        fields = frozenset(verdict.fields) or _known_anyway(audience)
        self.put_out(topic, version.alert_id, project(handled, audience.id, fields, seq, told), received_at)
        purposes = " and ".join(verdict.purposes) or None
        self.put_on_record(
            audience.id, topic, (seq, seq), version.alert_id, tuple(sorted(fields)), received_at, reason=purposes
        )

    def _verdict(self, audience: Audience, alert: Alert, at: Instant) -> Verdict:
        why_not = self._why_not(audience, alert)
        return Verdict(why=why_not) if why_not else self._policy.of_alert(audience.id, alert, at)

    def _held(self, audience: Audience, alert_id: str) -> tuple[bytes, HandledAlert] | None:
        """What waits of an alert, and its row. Rows are looked at only where something waits at all."""
        if self._waiting.get(audience.id) is None:
            return None
        for row in _held_rows(audience, alert_id):
            packed = self._rows.get(row)
            if packed is not None:
                return row, _unpacked(packed)
        return None

    def _hold(self, audience: Audience, handled: HandledAlert, at: Instant) -> None:
        """Keep the newest of an alert for when an agreement is in force."""
        in_force = self._policy.in_force(audience.id, at)
        waiting = self._waiting.get(audience.id) or Waiting(in_force)
        if waiting.reached is None:
            waiting = msgspec.structs.replace(waiting, because=self._policy.why_waits(audience.id, at))
        if in_force != waiting.in_force:
            # Held back by a day gone by, as in a backfill: by today's it may be told.
            waiting = msgspec.structs.replace(waiting, reached="")
        self._waiting.put(audience.id, msgspec.structs.replace(waiting, at=max(at, waiting.at)))
        self._keep(audience, handled, self._held(audience, handled.alert.alert_id))

    def _keep(self, audience: Audience, handled: HandledAlert, held: tuple[bytes, HandledAlert] | None) -> None:
        if held is not None:
            self._drop(audience, handled.alert.alert_id)
        newest = _newest_of(held and held[1], handled)
        self._rows.put(_held_row(audience, newest.alert), _packed(newest))
        self._count(audience, newest.alert.priority, 1)

    def _hold_or_drop(self, audience: Audience, handled: HandledAlert, at: Instant) -> None:
        """What somebody did about an alert that waits, waits with it; when it is over or for others, nothing does."""
        held = self._held(audience, handled.alert.alert_id)
        if held is None:
            return
        if handled.handling.what in OF_CONDITION or handled.alert.change == "withdrawn":
            self._end_waiting(audience, handled.alert.alert_id, at)
        else:
            self._keep(audience, handled, held)

    def _drop(self, audience: Audience, alert_id: str) -> bool:
        """Keep nothing of an alert any more; whether something waited."""
        held = self._held(audience, alert_id)
        if held is None:
            return False
        row, handled = held
        self._rows.delete(row)
        self._count(audience, handled.alert.priority, -1)
        return True

    def _end_waiting(self, audience: Audience, alert_id: str, at: Instant) -> None:
        """What waits of an alert is never told: it is over, or for others."""
        held = self._held(audience, alert_id)
        if held is not None:
            self._drop(audience, alert_id)
            self._say(audience, held[1].alert, "over", at, "there is nothing left to tell")

    def _count(self, audience: Audience, priority: Priority, more: int) -> None:
        waiting = self._waiting.get(audience.id)
        if waiting is not None:
            counts = waiting.counts | {priority: max(0, waiting.counts.get(priority, 0) + more)}
            self._waiting.put(audience.id, msgspec.structs.replace(waiting, counts=dict(sorted(counts.items()))))

    def _say_that_it_is_barred(
        self, audience: Audience, alert: Alert, verdict: Verdict, at: Instant, *, waited: bool
    ) -> None:
        """Put it out if the policy bars it; what a rule on trial found, or a ceiling keeps, is no refusal."""
        if not self._why_not(audience, alert):
            self._say(audience, alert, "barred", at, verdict.why)
        elif waited:
            self._say(audience, alert, "over", at, "there is nothing left to tell")

    def _say(
        self,
        audience: Audience,
        alert: Alert,
        state: WithheldState,
        at: Instant,
        why: str,
        *,
        agreements: tuple[str, ...] = (),
        told_as: int | None = None,
    ) -> None:
        """Put it out that news was not told, and why; or what became of what waited."""
        last = self.numbers.get(WITHHELD) or Number()
        withheld = Withheld(
            seq=last.seq + 1,
            audience=audience.id,
            alert_id=alert.alert_id,
            version=alert.version,
            change=alert.change,
            why=why,
            agreements=agreements,
            as_of=at,
            state=state,
            priority=alert.priority,
            told_as=told_as,
            previous_hash=last.hash,
        )
        withheld = msgspec.structs.replace(withheld, hash=chained(withheld))
        self.numbers.put(WITHHELD, Number(withheld.seq, withheld.hash or ""))
        self.put_out(WITHHELD, alert.alert_id, withheld, at)

    def _why_not(self, audience: Audience, alert: Alert) -> str:
        """Why an audience is told nothing of an alert as it is; "" if it may be."""
        if alert.rule_id in self._on_trial:
            return f"rule {alert.rule_id} is on trial"
        if is_above(alert.marking, audience.marked_at_most):
            return "it is marked higher than may be told"
        return ""

    def _forget(self, alert_id: str, at: Instant) -> None:
        """Forget who was told of an alert, once all of them know that it is over: else its withdrawal has to come."""
        for audience in self._audiences:
            row = f"{audience.id}/{alert_id}"
            told = self._told.get(row)
            if told is not None and told.is_over:
                self._told.delete(row)
            self._end_waiting(audience, alert_id, at)

    def close(self) -> list[Output]:
        """Remember everything, and whether there is more to tell of what waited, and give the outputs."""
        has_more = bool(self._going_over())
        self.numbers.flush()
        self._told.flush()
        self._waiting.flush()
        mark_more(self._rows, has_more=has_more)
        return self.outputs


_packed = msgspec.msgpack.Encoder().encode
_unpacked = msgspec.msgpack.Decoder(HandledAlert).decode
_WAITING: Final = "waiting/"
_WAITING_DECODER = msgspec.msgpack.Decoder(Waiting)


def _end_of_row(left: tuple[Audience, str, bytes]) -> str:
    return left[1]


def _newest_of(held: HandledAlert | None, handled: HandledAlert) -> HandledAlert:
    """What waits once more has come: the newest, told as the news that waits, and heard if either must be."""
    if held is None:
        return handled
    handling = handled.handling
    if handling.what not in OF_CONDITION:
        handling = msgspec.structs.replace(handling, what=held.handling.what)
    return msgspec.structs.replace(handled, handling=handling, notify=handled.notify or held.notify)


def _held_row(audience: Audience, alert: Alert) -> bytes:
    """Where what waits of an alert is: by priority, so that the most urgent is told first."""
    return f"held/{audience.id}/{alert.priority}/{alert.alert_id}".encode()


def _held_rows(audience: Audience, alert_id: str) -> Iterator[bytes]:
    """Wherever what waits of an alert may be; last where a store has it that was written before there was an order."""
    for priority in PRIORITIES:
        yield f"held/{audience.id}/{priority}/{alert_id}".encode()
    yield f"held/{audience.id}/{alert_id}".encode()


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
    alert = msgspec.structs.replace(
        handled.alert, change="withdrawn", reason="withdrawn", late=False, notify=True, cause=cause
    )
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

    Inside, a report's cause is its incident id and action. So does which decision about two persons it was: by its id
    two alerts could be known to be about one of them, where no subject is told. What is left names rules, feeds and
    series, and nobody.
    """
    if _NAMES_A_REPORT(cause):
        return "a report came, changed or was taken back"
    decided = _NAMES_A_DECISION(cause)
    return decided["what"] if decided else cause
