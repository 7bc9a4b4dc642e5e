"""What of the pages' database is older than its class allows goes, a slice at a time, but for what is held.

Each slice is one transaction, and looks at no more rows than its bound; whoever keeps the copy takes another with every
round. So it may be killed at any time, and a database that was never purged is not locked for long.

An alert goes with all that was told of it, and only when nobody has anything to do about it and nothing has been told
of it since the cut-off. What is held is looked at again in each round: a released hold needs no other step.

What a finding rests on goes when it is as old as that, and nothing that is left names the finding: no alert, and no
other finding. It is older than any rule looks back, so nothing new will.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from sqlalchemy import Connection, Engine, Table, delete, select, tuple_, union

from safety_stream.core.model.published import PublishedAlert
from safety_stream.core.model.times import Instant
from safety_stream.core.retention import HOLD, RELEASE, Holding, Retention
from safety_stream.database import beginning
from safety_stream.readmodel.owed import Owed
from safety_stream.readmodel.people import Consultations, Deeds
from safety_stream.readmodel.rows import OPEN, value_of
from safety_stream.readmodel.tables import (
    ALERT_AREAS,
    ALERT_CAUSES,
    ALERT_RESTS,
    ALERT_VERSIONS,
    ALERTS,
    DEAD_LETTERS,
    ENTRIES,
    FINDING_RESTS,
    INDICATOR_REVISIONS,
)

SLICE: Final = 500
"""Alerts, or rows, that one transaction takes away at most."""

_BEFORE_ALL: Final = (-(2**63), "")
"""Where going over findings begins: by when they changed last, then by id."""

_KEPT_ENTRIES: Final = (HOLD, RELEASE)
"""What of `audit.entries` says what is held stays as long as it may hold something."""


class Purger:
    """Purges one database. What it goes over is remembered, so that what is held does not keep it from the rest."""

    def __init__(self, engine: Engine, retention: Retention, at_once: int = SLICE) -> None:
        """Purge this database by these classes, so many alerts or rows in a transaction."""
        self._at_once = at_once
        self._engine = beginning(engine, "BEGIN IMMEDIATE")
        self._owed = Owed(engine)
        self._consultations = Consultations(engine)
        self._deeds = Deeds(engine)
        self._retention = retention
        self._behind: tuple[str, str] = ("", "")
        self._behind_finding = _BEFORE_ALL

    def purge(self, now: Instant) -> dict[str, int]:
        """Take one slice away of each; how many rows of what went."""
        holding = self._owed.holding(now)
        gone: dict[str, int] = {}
        if (before := self._retention.cutoff("alerts", now)) is not None:
            gone["alerts"] = self._purge_alerts(before, holding)
            gone["findings"] = self._purge_findings(before)
        if (before := self._retention.cutoff("aggregates", now)) is not None:
            gone["aggregates"] = self._purge_rows(INDICATOR_REVISIONS, "as_of", before)
        if (before := self._retention.cutoff("refused", now)) is not None:
            gone["refused"] = self._purge_rows(DEAD_LETTERS, "received_at", before)
        if (before := self._retention.cutoff("entries", now)) is not None:
            gone["entries"] = self._purge_entries(before)
        if (before := self._retention.cutoff("consultations", now)) is not None:
            held = partial(self._owed.held_alerts, now)
            gone["consultations"] = self._consultations.purge(before, self._at_once, held)
        if (before := self._retention.cutoff("deeds", now)) is not None:
            gone["deeds"] = self._deeds.purge(before, self._at_once)
        return gone

    def _purge_alerts(self, before: Instant, holding: Holding) -> int:
        alerts = ALERTS.c
        with self._engine.begin() as connection:
            old = connection.execute(
                select(alerts.audience, alerts.alert_id)
                .join(
                    ALERT_VERSIONS,
                    (ALERT_VERSIONS.c.audience == alerts.audience) & (ALERT_VERSIONS.c.seq == alerts.seq),
                )
                .where(ALERT_VERSIONS.c.as_of < before, alerts.shelf != OPEN)
                .where(tuple_(alerts.audience, alerts.alert_id) > tuple_(*self._behind))
                .order_by(alerts.audience, alerts.alert_id)
                .limit(self._at_once)
            ).all()
            # Where it ended it begins anew with the next round.
            self._behind = (old[-1][0], old[-1][1]) if len(old) == self._at_once else ("", "")
            lost = [(audience, alert_id) for audience, alert_id in old if not _is_held(connection, alert_id, holding)]
            for audience, alert_id in lost:
                for table in (ALERT_AREAS, ALERT_VERSIONS, ALERTS):
                    connection.execute(delete(table).where(table.c.audience == audience, table.c.alert_id == alert_id))
            for _, alert_id in lost:
                left = select(alerts.alert_id).where(alerts.alert_id == alert_id).limit(1)
                if connection.execute(left).first() is None:
                    for table in (ALERT_CAUSES, ALERT_RESTS):
                        connection.execute(delete(table).where(table.c.alert_id == alert_id))
        return len(lost)

    def _purge_findings(self, before: Instant) -> int:
        of, alerts = FINDING_RESTS.c, ALERT_RESTS.c
        with self._engine.begin() as connection:
            old = connection.execute(
                select(of.as_of, of.finding_id)
                .where(of.as_of < before, tuple_(of.as_of, of.finding_id) > tuple_(*self._behind_finding))
                .distinct()
                .order_by(of.as_of, of.finding_id)
                .limit(self._at_once)
            ).all()
            self._behind_finding = (old[-1][0], old[-1][1]) if len(old) == self._at_once else _BEFORE_ALL
            ids = {finding_id for _, finding_id in old}
            named = union(
                select(alerts.incident_id).where(alerts.incident_id.in_(ids)),
                select(of.incident_id).where(of.incident_id.in_(ids)),
            )
            lost = ids.difference(connection.execute(named).scalars())
            connection.execute(delete(FINDING_RESTS).where(of.finding_id.in_(lost)))
        return len(lost)

    def _purge_rows(self, table: Table, time: str, before: Instant) -> int:
        keys = list(table.primary_key.columns)
        with self._engine.begin() as connection:
            old = connection.execute(
                select(*keys).where(table.c[time] < before).order_by(table.c[time], *keys).limit(self._at_once)
            ).all()
            if old:
                connection.execute(delete(table).where(tuple_(*keys).in_([tuple(row) for row in old])))
        return len(old)

    def _purge_entries(self, before: Instant) -> int:
        of = ENTRIES.c
        with self._engine.begin() as connection:
            chosen = select(of.seq).where(of.as_of < before, of.what.not_in(_KEPT_ENTRIES))
            old = connection.execute(chosen.order_by(of.seq).limit(self._at_once)).scalars().all()
            if old:
                connection.execute(delete(ENTRIES).where(of.seq.in_(old)))
        return len(old)


def _is_held(connection: Connection, alert_id: str, holding: Holding) -> bool:
    """Whether an alert is held, by whatever any audience was told of it: nobody's copy shows all."""
    versions = [
        value_of(body, PublishedAlert)
        for (body,) in connection.execute(select(ALERT_VERSIONS.c.body).where(ALERT_VERSIONS.c.alert_id == alert_id))
    ]
    reports = connection.execute(select(ALERT_RESTS.c.incident_id).where(ALERT_RESTS.c.alert_id == alert_id))
    return holding.keeps_alert(alert_id, versions, frozenset(reports.scalars()))
