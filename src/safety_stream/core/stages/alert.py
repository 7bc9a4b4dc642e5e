"""Alert: changes of findings in, versions of alerts out, one version for each change.

Each rule is remembered as it was when it last spoke (`rule/<id>`). When it leaves the catalogue its findings are
withdrawn, and the alerts that rest on them are taken back in its own words.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from safety_stream.core.alerts.condition import AlertState, advance
from safety_stream.core.catalogue import Audience, Catalogue
from safety_stream.core.model.findings import FindingChange, Priority
from safety_stream.core.model.ids import alert_id
from safety_stream.core.model.markings import is_above
from safety_stream.core.model.stretches import subject_of
from safety_stream.core.model.times import Instant
from safety_stream.core.rules.engine import HUB_RULE
from safety_stream.core.rules.rule import Rule
from safety_stream.core.stages.stage import Output, Record, Rows, Step, Table, unreadable


def make_step(catalogue: Catalogue, _partitions: int) -> Step:
    """The alert step for these rules and audiences."""
    rules = {rule.id: rule for rule in (*catalogue.rules, HUB_RULE)}
    packed = {rule.id: _packed(rule) for rule in rules.values()}

    def rule_of(rows: Rows, rule_id: str) -> Rule | None:
        """The rule, remembered; one that has left the catalogue is retired; None if it was never there."""
        row = f"rule/{rule_id}".encode()
        kept = rows.get(row)
        if rule_id not in rules:
            return None if kept is None else msgspec.structs.replace(_unpacked(kept), status="retired")
        if kept != packed[rule_id]:
            rows.put(row, packed[rule_id])
        return rules[rule_id]

    def reach(rule: Rule, priority: Priority, marking: str) -> tuple[str, ...]:
        # A trial rule reaches nobody: its alerts can be read on alert-changes by the catalogue's owner alone. Those who
        # were told of an alert before its rule went on trial have it taken back (`publish.py`).
        if rule.status != "stable":
            return ()
        return tuple(sorted(a.id for a in catalogue.audiences if _hears(a, rule, priority, marking)))

    def step(rows: Rows, records: Sequence[Record], idle_at: Instant | None) -> list[Output]:
        del idle_at
        states = Table(rows, "alert/", AlertState)
        outputs = []
        for record in records:
            change = record.value
            rule = rule_of(rows, change.finding.rule_id) if isinstance(change, FindingChange) else None
            if rule is None or not isinstance(change, FindingChange):
                raise unreadable("alert", record)
            key = alert_id(rule.id, subject_of(change.finding.key))
            advanced = advance(states.get(key) or AlertState(), change, rule, reach)
            if advanced is None:
                continue
            state, version = advanced
            states.put(key, state)
            outputs.append(
                Output(topic="alert-changes", key=version.alert_id, value=version, received_at=record.received_at)
            )
        states.flush()
        return outputs

    return step


# Sets have no order of their own, and the same rule must be the same bytes.
_packed = msgspec.msgpack.Encoder(order="deterministic").encode
_unpacked = msgspec.msgpack.Decoder(Rule).decode


def _hears(audience: Audience, rule: Rule, priority: Priority, marking: str) -> bool:
    return (
        audience.id in rule.audiences
        and rule.family in audience.families
        and priority in audience.priorities
        and not is_above(marking, audience.marked_at_most)
    )
