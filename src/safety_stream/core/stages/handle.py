"""Handle: versions of alerts and people's actions in, alerts with how far they have been handled and answers out.

One partition, as its two inputs have: an action meets the alert as it is. Of each alert its case is remembered
(`case/<id>`, `core/alerts/handling.py`), of what can fall due the next time in the wake-up index, and which alerts are
merged into which (`merged/<into>/<id>`). Time is the newest received of anything read, or the idle clock; what has
fallen due by then goes out before the record that moved it. When the catalogue says other clocks, or they are read
otherwise than before (`_READING`), every case is asked for by them, and what is merged into what it could not be merged
into now is open again.

An action that cannot be read is refused, as a partner's report is: people and other systems write them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from safety_stream.core.alerts.handling import (
    GONE,
    UNDECIDED,
    Case,
    act,
    conditions_beyond,
    is_forgotten,
    is_more,
    lose_target,
    meet,
    neglect_of,
    next_deadline,
    pass_time,
    told,
)
from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.alerts import Alert, AlertVersion
from safety_stream.core.model.dead_letters import Refused
from safety_stream.core.model.handling import ActionAnswer, AlertAction
from safety_stream.core.model.times import Instant
from safety_stream.core.policy import Policy
from safety_stream.core.stages.intake import dead_letter
from safety_stream.core.stages.stage import CLOCK_ROW, Clock, Output, Record, Rows, Step, Table, Wakes, unreadable

ACTIONS_TOPIC = "alert-actions"

_POLICY_ROW = b"policy"
_READING: Final = 2
"""Raised whenever the same clocks let something else fall due than before."""

_ENCODER = msgspec.msgpack.Encoder(order="deterministic")


def make_step(catalogue: Catalogue, _partitions: int) -> Step:
    """The handle step by this catalogue's clocks and roles."""
    sharing = Policy(catalogue.sharing, catalogue.areas, catalogue.purposes)

    def step(rows: Rows, records: Sequence[Record], idle_at: Instant | None) -> list[Output]:
        desk = _Desk(rows, catalogue, sharing)
        for record in records:
            desk.take(record)
        if idle_at is not None:
            desk.move_to(idle_at)
        return desk.close()

    return step


class _Desk:
    """All cases during one step, and what goes out."""

    def __init__(self, rows: Rows, catalogue: Catalogue, sharing: Policy) -> None:
        self._policy = catalogue.handling
        self._sharing = sharing
        self._cases = Table(rows, "case/", Case)
        self._wakes = Wakes(rows)
        self._clocks = Table(rows, "", Clock)
        self._clock = self._clocks.get(CLOCK_ROW) or Clock()
        self._outputs: list[Output] = []
        self._rows = rows
        self._follow_policy()

    def take(self, record: Record) -> None:
        """Fold one record in."""
        self.move_to(record.received_at)
        value = record.value
        if isinstance(value, AlertVersion):
            self._meet(value, record.received_at)
        elif isinstance(value, AlertAction):
            self._act(value, record.received_at)
        elif isinstance(value, Refused) and record.topic == ACTIONS_TOPIC:
            self._outputs.append(dead_letter("handle", record, value))
        else:
            raise unreadable("handle", record)

    def move_to(self, now: Instant) -> None:
        """Move time on, and let fall due what does, in order."""
        self._clock = self._clock.at(now)
        while due := self._wakes.due("as_of", self._clock.as_of):
            for _, alert_id in due:
                self._let_fall_due(alert_id)

    def close(self) -> list[Output]:
        """Remember everything and give the outputs."""
        self._clocks.put_if_other(CLOCK_ROW, self._clock)
        self._clocks.flush()
        self._cases.flush()
        return self._outputs

    def _meet(self, version: AlertVersion, received_at: Instant) -> None:
        before = self._cases.get(version.alert_id)
        case = meet(before, version)
        self._put(before, case, received_at)
        if case is before or case.handling.state != "merged" or not is_more(version):
            return
        if why := neglect_of(self._cases.get(case.handling.merged_into)):
            self._put(case, lose_target(case, why, version.as_of), received_at)

    def _act(self, action: AlertAction, received_at: Instant) -> None:
        before = self._cases.get(action.alert_id)
        case, why = act(before, action, self._clock.as_of, self._policy, self._cases.get, self._why_untold)
        if case is not None:
            self._put(before, case, received_at)
        answer = ActionAnswer(
            action_id=action.action_id,
            alert_id=action.alert_id,
            done=not why,
            why=why,
            state=case.handling.state if case else None,
            number=case.handling.number if case else 0,
            as_of=self._clock.as_of,
        )
        self._outputs.append(
            Output(topic="action-answers", key=action.action_id, value=answer, received_at=received_at)
        )

    def _why_untold(self, partner: str, alert: Alert) -> str:
        """Why the policy bars a partner from an alert, whatever agreement comes; "" where it does not."""
        verdict = self._sharing.of_alert(partner, alert, self._clock.as_of)
        return verdict.why if verdict.bars else ""

    def _let_fall_due(self, alert_id: str) -> None:
        case = self._cases.get(alert_id)
        if case is None:
            return
        after = pass_time(case, self._clock.as_of, self._policy)
        if after is not None:
            self._put(case, after, after.handling.as_of)
        elif (following := next_deadline(case, self._policy)) is not None:
            # What was asked for by an earlier round, or by other clocks, wakes nobody who has nothing due now.
            self._wakes.ask("as_of", following, alert_id)

    def _follow_policy(self) -> None:
        """Ask to be woken for every case by the clocks there are now, where these are others than before."""
        now = _ENCODER.encode((_READING, self._policy.clocks, self._policy.remembered))
        if self._rows.get(_POLICY_ROW) == now:
            return
        self._rows.put(_POLICY_ROW, now)
        for row, _ in list(self._rows.scan(b"case/", b"case0")):
            alert_id = row.decode().removeprefix("case/")
            case = self._cases.get(alert_id)
            following = None if case is None else next_deadline(case, self._policy)
            if case is None or following is None:
                continue
            if following <= self._clock.as_of and case.handling.state in UNDECIDED:
                # What is due by these clocks and was not by the last falls due now: nobody is told what is long past.
                case = msgspec.structs.replace(case, not_before=self._clock.as_of)
                self._cases.put(alert_id, case)
                following = self._clock.as_of
            self._wakes.ask("as_of", following, alert_id)
        self._open_what_may_not_be_merged()

    def _open_what_may_not_be_merged(self) -> None:
        """Open again what an earlier release let be merged into an alert that is looked after less soon."""
        for row, _ in list(self._rows.scan(b"merged/", b"merged0")):
            _, into, alert_id = row.decode().split("/")
            case, target = self._cases.get(alert_id), self._cases.get(into)
            if case is None or case.handling.state != "merged":
                continue
            if target is None:
                why = "forgotten"
            elif target.alert.priority > case.alert.priority:
                why = "less-urgent"
            elif case.is_paged and not target.is_paged:
                why = "nobody-paged"
            elif conditions_beyond(target, case):
                why = "more-conditions"
            else:
                continue
            self._put(case, lose_target(case, why, self._clock.as_of), self._clock.as_of)

    def _put(self, before: Case | None, case: Case, received_at: Instant) -> None:
        """Remember a case, ask to be woken for it, and tell of what has happened to it."""
        if case == before:
            return
        alert_id = case.alert.alert_id
        if is_forgotten(case):
            self._cases.delete(alert_id)
        else:
            self._cases.put(alert_id, case)
        self._ask_for(before, case)
        self._note_merging(before, case)
        if before is None or before.handling.number != case.handling.number:
            self._outputs.append(
                Output(topic="handled-alerts", key=alert_id, value=told(case, self._policy), received_at=received_at)
            )
            is_otherwise_told = before is not None and (
                case.alert.priority > before.alert.priority or conditions_beyond(case, before)
            )
            if case.handling.what in GONE or is_otherwise_told:
                self._open_merged(case, received_at)

    def _ask_for(self, before: Case | None, case: Case) -> None:
        alert_id = case.alert.alert_id
        last = None if before is None else next_deadline(before, self._policy)
        following = next_deadline(case, self._policy)
        if last is not None and last != following:
            self._wakes.forget("as_of", last, alert_id)
        if following is not None:
            self._wakes.ask("as_of", following, alert_id)

    def _note_merging(self, before: Case | None, case: Case) -> None:
        """Keep what is merged into what findable from there."""
        was, now = "" if before is None else before.handling.merged_into, case.handling.merged_into
        if was and was != now:
            self._rows.delete(_merged_row(was, case.alert.alert_id))
        if now and was != now:
            self._rows.put(_merged_row(now, case.alert.alert_id), b"")

    def _open_merged(self, target: Case, received_at: Instant) -> None:
        """Open again what was merged into an alert that is gone, looked after less soon, or told to fewer."""
        start = _merged_row(target.alert.alert_id, "")
        for row, _ in list(self._rows.scan(start, start[:-1] + b"0")):
            merged = self._cases.get(row[len(start) :].decode())
            if merged is None:
                continue
            if target.handling.what in GONE:
                self._put(merged, lose_target(merged, target.handling.state, target.handling.as_of), received_at)
            elif target.alert.priority > merged.alert.priority:
                self._put(merged, lose_target(merged, "less-urgent", target.handling.as_of), received_at)
            elif conditions_beyond(target, merged):
                self._put(merged, lose_target(merged, "more-conditions", target.handling.as_of), received_at)


def _merged_row(into: str, alert_id: str) -> bytes:
    return f"merged/{into}/{alert_id}".encode()
