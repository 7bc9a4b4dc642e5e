"""What is owed, as the copy has it: which notices are open, and which opened alerts nobody has reviewed.

What a notice is, is said by `core.putting_right` alone: here only what it has to be told is looked up, of the alerts
that can have one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from typing import Any, Final

import msgspec
from sqlalchemy import Engine, Select, and_, select, union

from safety_stream.core.model.alerts import Change
from safety_stream.core.model.published import AuditRecord, PublishedAlert
from safety_stream.core.model.times import Instant
from safety_stream.core.oversight import BROKEN, REVIEWED, Use, uses_in
from safety_stream.core.putting_right import Notice, Notices
from safety_stream.core.retention import HOLD, RELEASE, Holding, holds_in
from safety_stream.core.stages.enter import ACKNOWLEDGED
from safety_stream.readmodel.rows import value_of
from safety_stream.readmodel.tables import (
    ALERT_CAUSES,
    ALERT_RESTS,
    ALERT_VERSIONS,
    DISPUTES,
    ENTRIES,
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
        causes, told = ALERT_CAUSES.c, ALERT_VERSIONS.c
        disputed = select(ALERT_RESTS.c.alert_id, ALERT_RESTS.c.incident_id).join(
            DISPUTES, and_(DISPUTES.c.incident_id == ALERT_RESTS.c.incident_id, ALERT_RESTS.c.stands)
        )
        concerned = union(select(causes.alert_id), disputed.with_only_columns(ALERT_RESTS.c.alert_id))
        chosen = select(told.body).where(told.alert_id.in_(concerned)).order_by(told.audience, told.seq)
        if audience is not None:
            chosen = chosen.where(told.audience == audience)
        notices = Notices({row[0]: row[1] for row in self._rows(select(DISPUTES))})
        for alert_id, version, incident_id, action in self._rows(select(ALERT_CAUSES)):
            notices.caused(alert_id, version, incident_id, action)
        reports: defaultdict[str, set[str]] = defaultdict(set)
        for alert_id, incident_id in self._rows(disputed):
            reports[alert_id].add(incident_id)
        for alert_id, under in reports.items():
            notices.rests(alert_id, under)
        for (body,) in self._rows(chosen):
            notices.take(PublishedAlert(**msgspec.structs.asdict(_TOLD.decode(body))))
        for record in self.entries({ACKNOWLEDGED}):
            notices.take(record)
        return notices.all()

    def held_alerts(self, now: Instant) -> frozenset[str]:
        """The alerts under a legal hold now: themselves, by a report they rest or rested on, or by a person."""
        holding = Holding(holds_in(self.entries({HOLD, RELEASE})), now)
        told = ALERT_VERSIONS.c
        found = set(holding.of("alert"))
        if reports := sorted(holding.of("report")):
            of = ALERT_RESTS.c
            found |= {row[0] for row in self._rows(select(of.alert_id).where(of.incident_id.in_(reports)))}
        if holding.of("report") or holding.of("subject"):
            for alert_id, body in self._rows(select(told.alert_id, told.body)):
                if alert_id not in found and holding.keeps_alert(alert_id, [value_of(body, PublishedAlert)], ()):
                    found.add(alert_id)
        return frozenset(found)

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
