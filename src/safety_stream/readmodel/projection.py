"""From records of what was published to rows: in order, each once, whatever is delivered twice.

# Theory of operation

A record counts by where it stands: `(topic, partition, offset)`. With the rows that records become, in the same
transaction, goes the offset after the last of them; a record before that offset has been dealt with and is passed over.
So it does not matter how records are cut into batches, how often they are delivered or where a process was killed: the
tables are always those of all records up to the offsets. Writers take turns: each begins by changing the one row of
`projection`, which both databases keep locked until it has committed, and only then looks at the offsets.

Numbered feeds count from 1 without gap. What is missing all the same (the topic had lost it before it was read) or
comes a second time is written down as a fault and shown; it never stops the copy, and never goes unsaid.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, Connection, Table, and_, bindparam, case, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from safety_stream.core.model.alerts import AlertVersion
from safety_stream.core.model.dead_letters import DeadLetter
from safety_stream.core.model.feeds import FeedStatus
from safety_stream.core.model.findings import FindingChange
from safety_stream.core.model.published import AuditRecord, PublishedAlert, PublishedIndicator
from safety_stream.core.model.times import Instant
from safety_stream.core.putting_right import act_of, reports_under
from safety_stream.core.rules.carrying import reports_of
from safety_stream.readmodel.rows import (
    ASKED_AT_ONCE,
    KEPT_ENTRIES,
    Row,
    alert_row,
    areas_told,
    changed_seq_of,
    entry_row,
    indicator_row,
    revision_row,
    value_of,
    version_row,
)
from safety_stream.readmodel.tables import (
    ALERT_AREAS,
    ALERT_CAUSES,
    ALERT_RESTS,
    ALERT_VERSIONS,
    ALERTS,
    DEAD_LETTERS,
    DISPUTES,
    ENTRIES,
    FAULTS,
    FEED_PARTITIONS,
    FEEDS,
    FINDING_RESTS,
    INDICATOR_REVISIONS,
    INDICATOR_SERIES,
    INDICATORS,
    OFFSETS,
    PROJECTION,
    TOPICS,
)

FAMILIES: Final = (
    "alerts.",
    "indicators.",
    "feed-status",
    "dead-letters.",
    "findings",
    "alert-changes",
    "audit.changes",
    "audit.entries",
)
"""The topics, and families of topics, that are copied; of the last four only what is owed (`owed.py`)."""


class TopicRecord(msgspec.Struct, frozen=True):
    """A record of a topic, read."""

    topic: str
    partition: int
    offset: int
    value: msgspec.Struct


class AnotherTopic(Exception):
    """A topic is not the one that was copied: it was made anew, or the broker is another. Offsets say nothing of it."""


class Place(NamedTuple):
    """A partition of a topic."""

    topic: str
    partition: int


class Applied(msgspec.Struct, frozen=True):
    """What became of records: how many were new, how many had been dealt with before, and faults newly noticed."""

    new: int
    passed_over: int
    faults: int


def apply(connection: Connection, records: Iterable[TopicRecord]) -> Applied:
    """Bring the tables from where they are to behind these records, which are in order within a partition.

    The transaction is the caller's: what is not committed has not happened. Raises `TypeError` for what is not copied.
    """
    _take_turn(connection)
    batch = _Batch(next_offsets(connection), _newest_numbers(connection))
    for record in records:
        batch.take(record)
    batch.write(connection)
    return Applied(batch.new, batch.passed_over, len(batch.faults))


def claim(connection: Connection, topic_ids: Mapping[str, str]) -> None:
    """Make sure that these are the topics this copy is of, by what Kafka calls each; new ones are taken on.

    Raises `AnotherTopic`.
    """
    _take_turn(connection)
    rows = connection.execute(select(TOPICS.c.topic, TOPICS.c.topic_id).where(TOPICS.c.topic_id.is_not(None)))
    known = {str(topic): str(topic_id) for topic, topic_id in rows}
    for topic, topic_id in sorted(topic_ids.items()):
        if known.get(topic, topic_id) != topic_id:
            raise AnotherTopic(
                f"{topic} is not the topic this copy was made of (it was made anew, or this is another Kafka): begin "
                "another copy in an empty database"
            )
    fresh: list[Row] = [
        {"topic": topic, "topic_id": topic_id, "newest_seq": 0} for topic, topic_id in sorted(topic_ids.items())
    ]
    _upsert(connection, TOPICS, fresh, only=("topic_id",))


def next_offsets(connection: Connection) -> dict[Place, int]:
    """From where to read on, for every partition anything was read of."""
    rows = connection.execute(select(OFFSETS.c.topic, OFFSETS.c.partition, OFFSETS.c.next_offset))
    return {Place(topic, partition): offset for topic, partition, offset in rows}


def reached(connection: Connection, offsets: Mapping[Place, int]) -> None:
    """Note that nothing of these partitions is left before these offsets: ends of transactions, or nothing at all."""
    _take_turn(connection)
    known = next_offsets(connection)
    _put_offsets(connection, {at: offset for at, offset in offsets.items() if offset > known.get(at, -1)})


def note_ends(connection: Connection, ends: Mapping[Place, int], looked_at: Instant) -> None:
    """Note where partitions ended at an instant, so that it can be said how far behind the copy is, and as of when."""
    _take_turn(connection)
    connection.execute(update(PROJECTION).values(looked_at=looked_at))
    rows: list[Row] = [
        {"topic": at.topic, "partition": at.partition, "next_offset": 0, "end_offset": end}
        for at, end in sorted(ends.items())
    ]
    _upsert(connection, OFFSETS, rows, only=("end_offset",))


def _take_turn(connection: Connection) -> None:
    connection.execute(update(PROJECTION).values(writes=PROJECTION.c.writes + 1))


def _newest_numbers(connection: Connection) -> dict[str, int]:
    rows = connection.execute(select(TOPICS.c.topic, TOPICS.c.newest_seq))
    return {str(topic): int(seq) for topic, seq in rows}


class _Batch:
    """The records of one transaction, as the rows they become. Of what has one current row, the last one counts."""

    def __init__(self, offsets: dict[Place, int], numbers: dict[str, int]) -> None:
        self.new = 0
        self.passed_over = 0
        self.faults: list[Row] = []
        self._offsets = offsets
        self._numbers = numbers
        self._moved: dict[Place, int] = {}
        self._alerts: list[PublishedAlert] = []
        self._indicators: list[PublishedIndicator] = []
        self._feeds: list[FeedStatus] = []
        self._letters: list[tuple[TopicRecord, DeadLetter]] = []
        self._findings: list[FindingChange] = []
        self._versions: list[AlertVersion] = []
        self._records: list[tuple[str, AuditRecord]] = []

    def take(self, record: TopicRecord) -> None:
        """One record; one that has been dealt with is passed over."""
        at = Place(record.topic, record.partition)
        if record.offset < self._offsets.get(at, 0):
            self.passed_over += 1
            return
        self._offsets[at] = self._moved[at] = record.offset + 1
        self.new += 1
        told = record.value
        if isinstance(told, PublishedAlert | PublishedIndicator) and not self._is_next(record, told.seq):
            return
        match told:
            case PublishedAlert() as alert:
                self._alerts.append(alert)
            case PublishedIndicator() as value:
                self._indicators.append(value)
            case FeedStatus() as status:
                self._feeds.append(status)
            case DeadLetter() as letter:
                self._letters.append((record, letter))
            case FindingChange() as change:
                self._findings.append(change)
            case AlertVersion() as version:
                self._versions.append(version)
            case AuditRecord() as put:
                self._records.append((record.topic, put))
            case other:
                raise TypeError(f"{record.topic}: a {type(other).__name__} is not copied for pages; read other topics")

    def _is_next(self, record: TopicRecord, seq: int) -> bool:
        """Whether this number is new, noting what is missing before it; one given before is noted and left out."""
        newest = self._numbers.get(record.topic, 0)
        if seq <= newest:
            self._note(record, "repeated", seq, seq)
            return False
        if seq > newest + 1:
            self._note(record, "missing", newest + 1, seq - 1)
        self._numbers[record.topic] = seq
        return True

    def _note(self, record: TopicRecord, kind: str, first: int, last: int) -> None:
        self.faults.append(
            {
                "topic": record.topic,
                "at_offset": record.offset,
                "kind": kind,
                "first_seq": first,
                "last_seq": last,
            }
        )

    def write(self, connection: Connection) -> None:
        """All of it."""
        _write_alerts(connection, self._alerts)
        _write_indicators(connection, self._indicators)
        _write_feeds(connection, self._feeds)
        _write_findings(connection, self._findings)
        _write_causes(connection, self._versions)
        _write_disputes(connection, [put for topic, put in self._records if topic == "audit.changes"])
        entries = [entry_row(put) for topic, put in self._records if topic == "audit.entries"]
        _upsert(connection, ENTRIES, [row for row in entries if row["what"] in KEPT_ENTRIES])
        _insert(connection, DEAD_LETTERS, [_letter_row(record, letter) for record, letter in self._letters])
        _insert(connection, FAULTS, self.faults)
        numbered = {at.topic for at in self._moved} & self._numbers.keys()
        rows: list[Row] = [
            {"topic": topic, "topic_id": None, "newest_seq": self._numbers[topic]} for topic in sorted(numbered)
        ]
        _upsert(connection, TOPICS, rows, only=("newest_seq",))
        _put_offsets(connection, self._moved)


def _write_alerts(connection: Connection, alerts: list[PublishedAlert]) -> None:
    before = _areas_before(connection, alerts)
    _insert(connection, ALERT_VERSIONS, [version_row(alert, before[alert.audience, alert.seq]) for alert in alerts])
    current = {(alert.audience, alert.alert_id): alert for alert in alerts}
    rows = [alert_row(alert) for alert in current.values()]
    changed: dict[tuple[str, str], int] = {}
    for alert in alerts:
        at = (alert.audience, alert.alert_id)
        changed[at] = max(changed.get(at, 0), changed_seq_of(alert))
    for at, row in zip(current, rows, strict=True):
        row["changed_seq"] = changed[at]
    _upsert(connection, ALERTS, rows, never_less="changed_seq")
    if current:
        connection.execute(
            delete(ALERT_AREAS).where(
                ALERT_AREAS.c.audience == bindparam("of_audience"), ALERT_AREAS.c.alert_id == bindparam("of_alert")
            ),
            [{"of_audience": audience, "of_alert": alert_id} for audience, alert_id in current],
        )
    areas: list[Row] = [
        {"audience": alert.audience, "alert_id": alert.alert_id, "area": area}
        for alert in current.values()
        for area in sorted(areas_told(alert) | before[alert.audience, alert.seq])
    ]
    _insert(connection, ALERT_AREAS, areas)


def _areas_before(connection: Connection, alerts: Sequence[PublishedAlert]) -> dict[tuple[str, int], frozenset[str]]:
    """The areas last told of an alert before the version each record tells, by audience and number.

    Who was told there has to see that it moved or was taken back; once it goes on elsewhere it is theirs no more.
    """
    told = _standing(connection, alerts)
    found: dict[tuple[str, int], frozenset[str]] = {}
    for alert in alerts:
        last, before = told.get((alert.audience, alert.alert_id), (None, frozenset[str]()))
        # What is told of its handling goes to those whom the version itself was told to. What a rule on trial takes
        # back may keep its number, and tells no area.
        is_same = last is not None and (last.version, areas_told(last)) == (alert.version, areas_told(alert))
        if last is not None and not is_same:
            before = areas_told(last) or before
        told[alert.audience, alert.alert_id] = (alert, before)
        found[alert.audience, alert.seq] = before
    return found


def _standing(
    connection: Connection, alerts: Sequence[PublishedAlert]
) -> dict[tuple[str, str], tuple[PublishedAlert, frozenset[str]]]:
    """The last record there is of each of these alerts, and the areas told before its version."""
    ids: dict[str, list[str]] = {}
    for alert in alerts:
        ids.setdefault(alert.audience, []).append(alert.alert_id)
    found: dict[tuple[str, str], tuple[PublishedAlert, frozenset[str]]] = {}
    for audience, alert_ids in ids.items():
        for start in range(0, len(alert_ids), ASKED_AT_ONCE):
            chosen = (
                select(ALERT_VERSIONS.c.body, ALERT_VERSIONS.c.areas_before)
                .select_from(ALERTS)
                .join(
                    ALERT_VERSIONS,
                    and_(ALERT_VERSIONS.c.audience == ALERTS.c.audience, ALERT_VERSIONS.c.seq == ALERTS.c.seq),
                )
                .where(ALERTS.c.audience == audience)
                .where(ALERTS.c.alert_id.in_(alert_ids[start : start + ASKED_AT_ONCE]))
            )
            for body, before in connection.execute(chosen):
                last = value_of(body, PublishedAlert)
                found[audience, last.alert_id] = (last, frozenset(before.split()))
    return found


def _write_indicators(connection: Connection, values: list[PublishedIndicator]) -> None:
    _insert(connection, INDICATOR_REVISIONS, [revision_row(value) for value in values])
    current = {(value.profile, value.period, value.indicator, value.area, value.starts): value for value in values}
    _upsert(connection, INDICATORS, [indicator_row(value) for value in current.values()])
    newest: dict[tuple[str, str, str, str], int] = {}
    for profile, kind, indicator, area, starts in current:
        series = (profile, kind, indicator, area)
        newest[series] = max(starts, newest.get(series, starts))
    rows: list[Row] = [
        {"profile": profile, "kind": kind, "indicator": indicator, "area": area, "newest_starts": starts}
        for (profile, kind, indicator, area), starts in newest.items()
    ]
    _upsert(connection, INDICATOR_SERIES, rows, never_less="newest_starts")


def _write_feeds(connection: Connection, told: list[FeedStatus]) -> None:
    """Feeds never go back, as in `core.stages.stage.Clock`."""
    if not told:
        return
    before = {
        (source, partition): newest
        for source, partition, newest in connection.execute(select(FEEDS.c.source, FEEDS.c.partition, FEEDS.c.newest))
    }
    changed: dict[tuple[str, int], Row] = {}
    spoken: dict[int, Row] = {}
    for status in told:
        spoken[status.partition] = {"partition": status.partition, "as_of": status.as_of}
        for source, newest in status.newest.items():
            at = (source, status.partition)
            if at not in before or newest > before[at]:
                before[at] = newest
                changed[at] = {
                    "source": source,
                    "partition": status.partition,
                    "newest": newest,
                    "heard_at": status.as_of,
                }
    _upsert(connection, FEED_PARTITIONS, list(spoken.values()))
    _upsert(connection, FEEDS, list(changed.values()))


def _write_findings(connection: Connection, changes: list[FindingChange]) -> None:
    """Which reports findings rest on or rested on, and findings in the place of reports."""
    current = {change.finding.finding_id: change for change in changes}
    if not current:
        return
    connection.execute(
        update(FINDING_RESTS)
        .where(FINDING_RESTS.c.finding_id == bindparam("of_finding"))
        .values(stands=False, as_of=bindparam("changed_at")),
        [{"of_finding": finding_id, "changed_at": change.as_of} for finding_id, change in current.items()],
    )
    # What it rested on stays, as in `alert_rests`: an alert that rested on it then is held for it.
    rests: dict[tuple[str, str], Row] = {}
    for change in changes:
        finding_id = change.finding.finding_id
        last = current[finding_id]
        for report in sorted(reports_of(change.finding)):
            rests[finding_id, report] = {
                "finding_id": finding_id,
                "incident_id": report,
                "stands": change is last and change.change != "withdrawn",
                "as_of": last.as_of,
            }
    _upsert(connection, FINDING_RESTS, list(rests.values()))


def _write_causes(connection: Connection, versions: list[AlertVersion]) -> None:
    """Which reports alerts rest on or rested on, and by what was done to which report a version of one came about."""
    causes: list[Row] = []
    for version in versions:
        done = act_of(version.cause)
        if done is not None:
            incident, action = done
            causes.append(
                {
                    "alert_id": version.alert_id,
                    "version": version.version,
                    "incident_id": incident,
                    "action": action,
                }
            )
    _upsert(connection, ALERT_CAUSES, causes)
    current = {version.alert_id: version for version in versions}
    if current:
        connection.execute(
            update(ALERT_RESTS).where(ALERT_RESTS.c.alert_id == bindparam("of_alert")).values(stands=False),
            [{"of_alert": alert_id} for alert_id in current],
        )
    # What it rested on stays: a report may be held that only an earlier version names, or a withdrawn one did.
    rests: dict[tuple[str, str], Row] = {
        (version.alert_id, report): {
            "alert_id": version.alert_id,
            "incident_id": report,
            "stands": version is current[version.alert_id],
        }
        for version in versions
        for report in sorted(reports_under(version))
    }
    _upsert(connection, ALERT_RESTS, list(rests.values()))


def _write_disputes(connection: Connection, records: list[AuditRecord]) -> None:
    """Which reports are disputed as they stand: the last that was done to each says so."""
    last = {record.incident_id: record for record in records if record.incident_id is not None}
    if not last:
        return
    connection.execute(
        delete(DISPUTES).where(DISPUTES.c.incident_id == bindparam("of_report")),
        [{"of_report": incident_id} for incident_id in last],
    )
    disputed: list[Row] = [
        {"incident_id": incident_id, "since": record.as_of}
        for incident_id, record in last.items()
        if record.reason == "dispute"
    ]
    _insert(connection, DISPUTES, disputed)


def _letter_row(record: TopicRecord, letter: DeadLetter) -> Row:
    return {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "stage": letter.stage,
        "reason": letter.reason,
        "source_topic": letter.topic,
        "received_at": letter.received_at,
    }


def _put_offsets(connection: Connection, offsets: Mapping[Place, int]) -> None:
    rows: list[Row] = [
        {"topic": at.topic, "partition": at.partition, "next_offset": offset, "end_offset": None}
        for at, offset in sorted(offsets.items())
    ]
    _upsert(connection, OFFSETS, rows, only=("next_offset",))


def _insert(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    if rows:
        connection.execute(insert(table), rows)


def _upsert(
    connection: Connection,
    table: Table,
    rows: Sequence[Row],
    *,
    only: Sequence[str] = (),
    never_less: str = "",
) -> None:
    """Put rows in place of those with their keys; of one that is there change `only` these columns (none named: all).

    A column that must never get less keeps the greater value.
    """
    if not rows:
        return
    keys = [column.name for column in table.primary_key]
    postgres = connection.dialect.name == "postgresql"
    statement = (postgresql.insert if postgres else sqlite.insert)(table)
    changes: dict[str, ColumnElement[object]] = {
        name: statement.excluded[name] for name in only or table.columns.keys() if name not in keys
    }
    if never_less:
        old, new = table.c[never_less], statement.excluded[never_less]
        changes[never_less] = case((new > old, new), else_=old)
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changes), rows)
