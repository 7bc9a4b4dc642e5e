"""Alert: changes of findings in, versions of alerts out, one version for each change."""

from __future__ import annotations

from collections.abc import Sequence

from safety_stream.core.alerts.condition import AlertState, advance
from safety_stream.core.catalogue import Audience, Catalogue
from safety_stream.core.model.findings import FindingChange, Priority
from safety_stream.core.model.ids import alert_id
from safety_stream.core.model.times import Instant
from safety_stream.core.rules.engine import HUB_RULE
from safety_stream.core.rules.rule import Rule
from safety_stream.core.stages.stage import Output, Record, Rows, Step, Table, unreadable


def make_step(catalogue: Catalogue, _partitions: int) -> Step:
    """The alert step for these rules and audiences."""
    rules = {rule.id: rule for rule in (*catalogue.rules, HUB_RULE)}

    def reach(rule: Rule, priority: Priority) -> tuple[str, ...]:
        # A trial rule reaches nobody: its alerts can be read on alert-changes by the catalogue's owner alone.
        if rule.status != "stable":
            return ()
        return tuple(sorted(a.id for a in catalogue.audiences if _hears(a, rule, priority)))

    def step(rows: Rows, records: Sequence[Record], idle_at: Instant | None) -> list[Output]:
        del idle_at
        states = Table(rows, "alert/", AlertState)
        outputs = []
        for record in records:
            change = record.value
            if not isinstance(change, FindingChange) or change.finding.rule_id not in rules:
                raise unreadable("alert", record)
            rule = rules[change.finding.rule_id]
            key = alert_id(rule.id, change.finding.key)
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


def _hears(audience: Audience, rule: Rule, priority: Priority) -> bool:
    return audience.id in rule.audiences and rule.family in audience.families and priority in audience.priorities
