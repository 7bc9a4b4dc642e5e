"""What is owed, as the copy has it: which notices are open, and which opened alerts nobody has reviewed.

What a notice is, is said by `core.putting_right` alone: here only what it has to be told is looked up, of the alerts
that can have one.

An alert may rest on what was found elsewhere: then it names a finding in the place of a report, and that finding names
reports, or findings again. Mostly no report is disputed and none is held, and of those that are a few alerts are to be
found; so it is gone up from these reports, and never down from all alerts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import CTE, ColumnElement, Engine, Select, and_, select, union

from safety_stream.core.model.alerts import Change
from safety_stream.core.model.published import AuditRecord, PublishedAlert
from safety_stream.core.model.times import Instant
from safety_stream.core.oversight import BROKEN, REVIEWED, Use, uses_in
from safety_stream.core.putting_right import Notice, Notices
from safety_stream.core.retention import HOLD, RELEASE, Holding, holds_in
from safety_stream.core.stages.enter import ACKNOWLEDGED
from safety_stream.readmodel.rows import ASKED_AT_ONCE, value_of
from safety_stream.readmodel.tables import (
    ALERT_CAUSES,
    ALERT_RESTS,
    ALERT_VERSIONS,
    DISPUTES,
    ENTRIES,
    FINDING_RESTS,
    OFFSETS,
    PROJECTION,
)


class _OfNotices(msgspec.Struct, frozen=True):
    """What of a record a notice is made of: the rest is passed over."""

    seq: int
    audience: str
    alert_id: str
    version: int
    change: Change
    as_of: Instant
    prior_seq: int | None = None
    prior_version: int | None = None


_TOLD: Final = msgspec.msgpack.Decoder(_OfNotices)


class Owed:
    """What is owed, to be read. Threads may share one."""

    def __init__(self, engine: Engine) -> None:
        """Read the tables of this database."""
        self._engine = engine

    def notices(self, audience: str | None = None) -> list[Notice]:
        """Every notice there is, of one audience or of all, oldest first, with its acknowledgement if it has one."""
        causes, told, rests, report = ALERT_CAUSES.c, ALERT_VERSIONS.c, ALERT_RESTS.c, DISPUTES.c.incident_id
        above = _with_all_above(select(report.label("name"), report.label("report")), FINDING_RESTS.c.stands)
        # Not a join, for which SQLite would go over all that alerts rest on.
        disputed = select(rests.alert_id, rests.incident_id).where(
            rests.stands, rests.incident_id.in_(select(above.c.name))
        )
        concerned = union(select(causes.alert_id), disputed.with_only_columns(rests.alert_id))
        chosen = select(told.body).where(told.alert_id.in_(concerned)).order_by(told.audience, told.seq)
        if audience is not None:
            chosen = chosen.where(told.audience == audience)
        notices = Notices({row[0]: row[1] for row in self._rows(select(DISPUTES))})
        for alert_id, version, incident_id, action in self._rows(select(ALERT_CAUSES)):
            notices.caused(alert_id, version, incident_id, action)
        beneath: defaultdict[str, set[str]] = defaultdict(set)
        for name, incident_id in self._rows(select(above)):
            beneath[name].add(incident_id)
        reports: defaultdict[str, set[str]] = defaultdict(set)
        for alert_id, name in self._rows(disputed):
            reports[alert_id] |= beneath[name]
        for alert_id, under in reports.items():
            notices.rests(alert_id, under)
        for (body,) in self._rows(chosen):
            notices.take(PublishedAlert(**msgspec.structs.asdict(_TOLD.decode(body))))
        for record in self.entries({ACKNOWLEDGED}):
            notices.take(record)
        return notices.all()

    def held_alerts(self, now: Instant) -> frozenset[str]:
        """The alerts under a legal hold now: themselves, by a report they rest or rested on, or by a person."""
        holding = self.holding(now)
        told = ALERT_VERSIONS.c
        found = set(holding.of("alert"))
        of = ALERT_RESTS.c
        for some in _slices(holding.of("report")):
            found |= {row[0] for row in self._rows(select(of.alert_id).where(of.incident_id.in_(some)))}
        if holding.of("report") or holding.of("subject"):
            for alert_id, body in self._rows(select(told.alert_id, told.body)):
                if alert_id not in found and holding.keeps_alert(alert_id, [value_of(body, PublishedAlert)], ()):
                    found.add(alert_id)
        return frozenset(found)

    def holding(self, now: Instant) -> Holding:
        """What stands under a hold now. With a report so does every finding, in its place, that rests or rested on it.

        Whoever asks whether an alert is held need not know then what lies beneath what it names.
        """
        holds = holds_in(self.entries({HOLD, RELEASE}))
        above: defaultdict[str, list[str]] = defaultdict(list)
        for some in _slices(Holding(holds, now).of("report")):
            for finding_id, report in self._rows(_findings_above(some)):
                above[report].append(finding_id)
        in_their_place = [
            msgspec.structs.replace(hold, of=finding_id)
            for hold in holds
            if hold.kind == "report"
            for finding_id in above.get(hold.of, ())
        ]
        return Holding([*holds, *in_their_place], now)

    def uses(self) -> list[Use]:
        """Every alert that was opened in an emergency, in order, each with its review if there has been one."""
        return uses_in(self.entries({BROKEN, REVIEWED}))

    def entries(self, what: Collection[str]) -> list[AuditRecord]:
        """What was put on record of these kinds, in order."""
        of = ENTRIES.c
        rows = self._rows(select(of.body).where(of.what.in_(sorted(what))).order_by(of.seq))
        return [value_of(body, AuditRecord) for (body,) in rows]

    def is_current(self, now: Instant, within: Instant) -> bool:
        """Whether the copy was compared with the topics so lately, and lacks nothing of what notices are made of.

        Whoever goes by a copy that lacks the answers asks people who have answered.
        """
        of = OFFSETS.c
        looked_at = self._rows(select(PROJECTION.c.looked_at))[0][0]
        behind = self._rows(select(of.topic).where(of.end_offset > of.next_offset).limit(1))
        return looked_at is not None and now - looked_at <= within and not behind

    def _rows(self, chosen: Select[Any]) -> list[tuple[Any, ...]]:
        with self._engine.connect() as connection:
            return [tuple(row) for row in connection.execute(chosen)]


def _slices(names: Collection[str]) -> Iterator[list[str]]:
    """The names in order, no more of them at once than one statement takes."""
    waiting = sorted(names)
    for start in range(0, len(waiting), ASKED_AT_ONCE):
        yield waiting[start : start + ASKED_AT_ONCE]


def _findings_above(reports: Sequence[str]) -> Select[Any]:
    """Which findings rest or rested on which of these reports, at any depth."""
    of = FINDING_RESTS.c
    directly = select(of.finding_id.label("name"), of.incident_id.label("report")).where(of.incident_id.in_(reports))
    return select(_with_all_above(directly))


def _with_all_above(names: Select[Any], *only: ColumnElement[bool]) -> CTE:
    """These pairs of a name and the report it is or rests on, with each the findings that name the name, and so on.

    Of what findings rest on `only` that counts. No pair comes twice, so it ends.
    """
    above, of = names.cte("above", recursive=True), FINDING_RESTS.c
    return above.union(select(of.finding_id, above.c.report).join(above, and_(of.incident_id == above.c.name, *only)))
