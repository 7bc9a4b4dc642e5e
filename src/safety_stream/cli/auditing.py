"""The work of `audit`: chains, notices and answers, read from Kafka or from files."""

from __future__ import annotations

import gzip
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, Final

import msgspec
from confluent_kafka.admin import AdminClient

from safety_stream.cli.published import moment
from safety_stream.cli.spreadsheets import Cell
from safety_stream.cli.subscriptions import database_of as outbox_of
from safety_stream.cli.subscriptions import with_extra
from safety_stream.cli.terminal import Wrong, how_many, needing
from safety_stream.cli.told import told_in
from safety_stream.config import Connection
from safety_stream.core import subject_access
from safety_stream.core.audit import Chain, Chained, Checkpoint, Fault, Verified, subject_of, verified
from safety_stream.core.catalogue import Catalogue, PersonBounds
from safety_stream.core.erasing import Request, requests_in
from safety_stream.core.model.alerts import AlertVersion
from safety_stream.core.model.dead_letters import Refused
from safety_stream.core.model.incidents import IncidentVersion
from safety_stream.core.model.links import PersonLink
from safety_stream.core.model.published import AuditEntry, AuditRecord, PublishedAlert
from safety_stream.core.model.sightings import persons_of
from safety_stream.core.model.times import Day, Instant, start_of, to_iso
from safety_stream.core.oversight import Use, uses_in
from safety_stream.core.persons import Persons, named_in, standing
from safety_stream.core.putting_right import FINDINGS, Certificate, Notice, Notices, Tracing
from safety_stream.core.register import highest_of
from safety_stream.core.retention import Hold, hold_ordered, holds_in
from safety_stream.core.stages.enter import check_entry
from safety_stream.core.stages.publish_alerts import WITHHELD
from safety_stream.streaming.reading import (
    committed_offsets,
    high_watermarks,
    low_watermarks,
    read_between,
    read_to_end,
)
from safety_stream.wire.codecs import shipped_codecs
from safety_stream.wire.records import Records
from safety_stream.wire.topology import AUDIT_TOPICS, CHAINED_TOPICS, row_of

if TYPE_CHECKING:
    from safety_stream.readmodel.people import Consultations

ON_RECORD: Final = "audit.entries"
_ORDERS: Final = "orders"
_ENTERING: Final = "safety-stream.enter"
"""The group that puts orders on record."""

PATIENCE_SECONDS: Final = 30.0
"""How long one waits for an order to be on record: a worker needs a second."""

_LOOKS_EVERY_SECONDS: Final = 0.5

LOOKS_AT_MOST: Final = 100_000
"""So many looks at one alert are read: nobody looks more often."""

OF_PAGES: Final = "pages.consultations"
"""The chain of looks in the pages' database (`readmodel.people.CHAIN`), for whoever has no database's libraries."""

MEND: Final = "name a file that `audit export` wrote, or write it again"


class ExportedRecord(AuditRecord, frozen=True, kw_only=True):
    """A record as a file has it: with the chain it is of, and its time as people read it."""

    chain: str
    partition: int
    at: str


COLUMNS: Final = ("chain", "partition", "at", *AuditRecord.__struct_fields__)


def verified_in_kafka(kafka: Connection, checkpoints: Sequence[Checkpoint]) -> Iterator[Verified]:
    """Every chain Kafka holds, and every one a checkpoint knows of, verified. Raises `NoSuchTopic`."""
    starts, ends = low_watermarks(kafka, CHAINED_TOPICS), high_watermarks(kafka, CHAINED_TOPICS)
    known = {mark.chain for checkpoint in checkpoints for mark in checkpoint.marks}
    for chain in sorted({*known, *(Chain(*at) for at in ends)}):
        records: Iterable[Chained] = ()
        if chain in ends:
            records = _chained(kafka, chain, starts[chain], ends[chain])
        yield verified(chain, records, checkpoints)


def verified_in_file(path: Path, checkpoints: Sequence[Checkpoint], *, is_whole: bool) -> list[Verified]:
    """Every chain of a file, and every one a checkpoint knows of, verified. Raises `UnreadableFile`.

    `withheld` is in no such file.
    """
    chains: dict[Chain, list[AuditRecord]] = {}
    if is_whole:
        marks = (mark for checkpoint in checkpoints for mark in checkpoint.marks)
        chains = {mark.chain: [] for mark in marks if mark.topic in AUDIT_TOPICS}
    for record in told_in(path, msgspec.json.Decoder(ExportedRecord).decode, MEND):
        chains.setdefault(Chain(record.chain, record.partition), []).append(record)
    return [verified(chain, chains[chain], checkpoints, is_whole=is_whole) for chain in sorted(chains)]


def verified_on_pages(database: str, checkpoints: Sequence[Checkpoint]) -> Verified:
    """The chain of looks in the pages' database, verified. Raises `Wrong`."""
    return _consultations(database).verified(checkpoints)


def in_words(fault: Fault) -> str:
    """A fault in one line."""
    return f"{fault.chain} number {fault.seq}: {fault.kind}: {fault.said}"


def read_checkpoints(path: Path) -> list[Checkpoint]:
    """The checkpoints of a file, in their order. Raises `UnreadableFile`."""
    return list(told_in(path, msgspec.json.Decoder(Checkpoint).decode, "name a file that `audit checkpoint` wrote"))


def add_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write one more at the end of a file."""
    with path.open("ab") as file:
        file.write(msgspec.json.encode(checkpoint) + b"\n")


def records_of(kafka: Connection, first: Day | None, last: Day | None) -> Iterator[ExportedRecord]:
    """The records of the days from `first` to `last` (both included), chain by chain in order, and what lies between.

    Each chain is read twice, and never held.
    """
    starts, ends = low_watermarks(kafka, AUDIT_TOPICS), high_watermarks(kafka, AUDIT_TOPICS)
    since = None if first is None else start_of(first)
    until = None if last is None else start_of(last + 1)
    for at in sorted(ends):
        run = run_of(_records(kafka, at, starts[at], ends[at]), since, until)
        for place, record in enumerate(_records(kafka, at, starts[at], ends[at])):
            if place in run:
                beside = {"chain": at[0], "partition": at[1], "at": to_iso(record.as_of)}
                yield msgspec.convert(msgspec.structs.asdict(record) | beside, ExportedRecord)


def run_of(records: Iterable[AuditRecord], since: Instant | None, until: Instant | None) -> range:
    """The places in a chain from the first record as of `since` or later to the last as of before `until`.

    Times in a chain go back and forth (a backfill brings old ones), and a record less would break it.
    """
    first: int | None = None
    last = -1
    for place, record in enumerate(records):
        if first is None and (since is None or record.as_of >= since):
            first = place
        if until is None or record.as_of < until:
            last = place
    return range(last + 1 if first is None else first, last + 1)


def as_row(record: ExportedRecord) -> list[Cell]:
    """A record as a row of a table."""
    return [getattr(record, name) for name in COLUMNS]


def write_lines(path: Path, records: Iterable[ExportedRecord]) -> int:
    """Write a record a line, gzipped where the name ends so; returns how many."""
    written = 0
    with gzip.open(path, "wb") if path.suffix == ".gz" else path.open("wb") as file:
        for record in records:
            file.write(msgspec.json.encode(record) + b"\n")
            written += 1
    return written


def tokens_of(kafka: Connection, token: str, bounds: PersonBounds) -> tuple[str, ...]:
    """The tokens of the person this one is of, by the decisions of stewards that stand."""
    links = [value for _, value in _values(kafka, ["incidents"]) if isinstance(value, PersonLink)]
    return Persons(standing(links), bounds).tokens(token)


def versions_of(kafka: Connection) -> Iterator[IncidentVersion]:
    """Every version of every report, as intake took it."""
    return (value for _, value in _values(kafka, ["incidents"]) if isinstance(value, IncidentVersion))


def held_about(kafka: Connection, tokens: Iterable[str]) -> subject_access.PersonAnswer:
    """All that is held about whoever goes by these tokens."""
    search = subject_access.Search(tokens)
    for topic in subject_access.TOPICS:
        for at, value in _values(kafka, [topic]):
            search.take(at, value)
    return search.answer()


def with_looks_on_pages(answer: subject_access.PersonAnswer, database: str) -> subject_access.PersonAnswer:
    """The answer, and who was shown one of its alerts on the pages. Raises `Wrong`."""
    recorded = _consultations(database)
    looks = [
        subject_access.Use(
            at=one.consultation.at,
            verb="consultation",
            chain="pages",
            seq=one.number,
            to=one.consultation.audience,
            topic=f"alerts.{one.consultation.audience}",
            number=one.consultation.seq,
            fields=(),
            alert_id=alert.alert_id,
            incident_id="",
            actor=one.consultation.person,
            reason=one.consultation.reason,
        )
        for alert in answer.alerts
        for one in recorded.newest(LOOKS_AT_MOST, alert_id=alert.alert_id)
        if one.consultation.act == "view"
    ]
    together = sorted((*answer.consultations, *looks), key=lambda use: (use.at, use.chain, use.seq))
    return msgspec.structs.replace(answer, consultations=tuple(together))


class Ordered(msgspec.Struct, frozen=True):
    """What was ordered about a person: the newest request to erase each of their tokens, each erasure, and holds.

    These are on the person, on a report that names them or an alert about them, whether they stand or are over.
    """

    holds: tuple[Hold, ...]
    erasure_requests: tuple[Request, ...]
    erasures: tuple[AuditRecord, ...]


def ordered_about(kafka: Connection, answer: subject_access.PersonAnswer) -> Ordered:
    """What was ordered about whoever this answer is of."""
    subjects = {subject_of(token) for token in answer.tokens}
    of = {
        "subject": subjects,
        "report": {one.incident_id for one in answer.reports},
        "alert": {one.alert_id for one in answer.alerts},
        "topic": set[str](),
    }
    on_record = [value for _, value in _values(kafka, [ON_RECORD]) if isinstance(value, AuditRecord)]
    requests = requests_in(one for one in on_record if one.subject in subjects)
    return Ordered(
        holds=tuple(one for one in holds_of(kafka) if one.of in of[one.kind]),
        erasure_requests=tuple(dict.fromkeys(requests.values())),
        erasures=tuple(one for one in on_record if one.verb == "erasure" and one.subject in subjects),
    )


def has_report(kafka: Connection, incident_id: str) -> bool:
    """Whether intake ever took this report."""
    return any(version.incident_id == incident_id for version in versions_of(kafka))


def has_person(kafka: Connection, tokens: Collection[str]) -> bool:
    """Whether any report that is still kept named whoever goes by these tokens, or any alert is about them."""
    if any(not named_in(version).isdisjoint(tokens) for version in versions_of(kafka)):
        return True
    alerts = (value for _, value in _values(kafka, ["alert-changes"]))
    return any(isinstance(value, AlertVersion) and not persons_of(value.subject).isdisjoint(tokens) for value in alerts)


def has_alert(kafka: Connection, alert_id: str) -> bool:
    """Whether there ever was this alert."""
    values = (value for _, value in _values(kafka, ["alert-changes"]))
    return any(isinstance(value, AlertVersion) and value.alert_id == alert_id for value in values)


def notices_of(kafka: Connection) -> list[Notice]:
    """Every notice there is, by what the topics hold now."""
    stands = highest_of(value for _, value in _values(kafka, ["incidents"]) if isinstance(value, IncidentVersion))
    notices = Notices({one.incident_id: one.received_at for one in stands.values() if one.action == "dispute"})
    _tell(kafka, notices, (*FINDINGS, "alert-changes"))
    return notices.all()


def uses_of(kafka: Connection) -> list[Use]:
    """Every alert that was opened in an emergency, in order, each with its review if there has been one."""
    records = [value for _, value in _values(kafka, [ON_RECORD]) if isinstance(value, AuditRecord)]
    return uses_in(records)


def holds_of(kafka: Connection) -> list[Hold]:
    """Every legal hold on record, in order, and then what is ordered and not on record yet.

    A release counts only once it is on record: what is held for a second too long is lost to nobody.
    """
    # First what is to come: what goes on record in between is found twice, and not missed.
    to_come = list(_holds_to_come(kafka))
    on_record = (value for _, value in _values(kafka, [ON_RECORD]) if isinstance(value, AuditRecord))
    return [*holds_in(on_record), *to_come]


def _holds_to_come(kafka: Connection) -> Iterator[Hold]:
    begins = low_watermarks(kafka, [_ORDERS])
    read_on = begins | committed_offsets(kafka, _ENTERING, begins)
    wire = Records()
    for one in read_between(kafka, read_on, high_watermarks(kafka, [_ORDERS])):
        try:
            entry = wire.value(_ORDERS, one.value)
            if isinstance(entry, AuditEntry):
                check_entry(entry)
        except Refused:
            # It will be a dead letter.
            continue
        hold = hold_ordered(entry, one.timestamp) if isinstance(entry, AuditEntry) else None
        if hold is not None:
            yield hold


def not_put_on_record(
    kafka: Connection, entries: Sequence[AuditEntry], since: Mapping[tuple[str, int], int]
) -> list[AuditEntry]:
    """Those of these that are not on record within the time one waits for that, and one that is refused never is.

    `since` is where the record ended before.
    """
    wire, until, waiting = Records(), monotonic() + PATIENCE_SECONDS, list(entries)
    while True:
        ends = high_watermarks(kafka, [ON_RECORD])
        for one in read_between(kafka, since, ends):
            found = wire.value(ON_RECORD, one.value)
            if isinstance(found, AuditRecord):
                put = _recorded(found)
                there = next((entry for entry in waiting if _as_recorded(entry) == put), None)
                if there is not None:
                    waiting.remove(there)
        if not waiting or monotonic() >= until:
            return waiting
        since = ends
        sleep(_LOOKS_EVERY_SECONDS)


def _as_recorded(entry: AuditEntry) -> tuple[str | None, ...]:
    """What the record of an order says (`core/stages/enter.py`)."""
    reason = entry.reason if entry.kind == "erasure" else f"{entry.kind}: {entry.reason}"
    return (entry.actor, reason, entry.subject, entry.alert_id, entry.incident_id, entry.topic)


def _recorded(record: AuditRecord) -> tuple[str | None, ...]:
    return (record.actor, record.reason, record.subject, record.alert_id, record.incident_id, record.topic)


def requests_of(kafka: Connection) -> dict[str, Request]:
    """The newest request on record for the erasure of each subject."""
    return requests_in(value for _, value in _values(kafka, [ON_RECORD]) if isinstance(value, AuditRecord))


def _consultations(database: str) -> Consultations:
    """Who looked at which alert, as the pages' database has it. Raises `Wrong`."""
    with needing("web", "which this needs"):
        from safety_stream.cli.projecting import database_of  # noqa: PLC0415 - the extra `web`
        from safety_stream.readmodel.people import Consultations  # noqa: PLC0415
    return Consultations(database_of(database, Path()))


def certificate_of(kafka: Connection, incident_id: str, catalogue: Catalogue, at: Instant) -> Certificate | None:
    """What was put right of a report; None where there is no such report. Not signed yet."""
    tracing = Tracing(incident_id, catalogue)
    for topic in ("incidents", "audit.changes", *FINDINGS, *_family(kafka, "indicators.")):
        for where, value in _values(kafka, [topic]):
            tracing.take(where, value)
    stands = tracing.standing()
    disputed = {} if stands is None or stands.action != "dispute" else {incident_id: stands.received_at}
    notices = Notices(disputed, incident_id)
    _tell(kafka, notices, (*FINDINGS, "alert-changes"), after=(WITHHELD,))
    return tracing.certificate(notices.of_the_report(), notices.untold_of_the_report(), at)


def with_deliveries(made: Certificate, outbox: str) -> Certificate:
    """The certificate, and by which messages its notices were told. Raises `Wrong`."""
    deliveries = with_extra("safety_stream.delivery.deliveries")
    engine = outbox_of(outbox, Path())
    found = deliveries.deliveries_of(engine, [(one.audience, one.seq) for one in made.notices])
    return msgspec.structs.replace(made, deliveries=tuple(found))


def write_certificate(path: Path, certificate: Certificate) -> None:
    """Write it as one JSON document."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(certificate)) + b"\n")


def read_certificate(path: Path) -> Certificate:
    """The certificate in a file; nothing is known yet of who made it. Raises `Wrong`."""
    written = path.read_bytes()
    try:
        made = msgspec.json.decode(written, type=Certificate)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Wrong(f"{path} holds no whole certificate ({error}): get it again from whoever made it") from None
    read = msgspec.json.decode(msgspec.json.encode(made))
    if read | msgspec.json.decode(written) != read:
        # What is not read is not signed either.
        raise Wrong(f"{path} says something that no certificate does: get it again, or run the version that made it")
    return made


def open_of(made: Certificate) -> dict[str, object]:
    """What is left to do, by a certificate."""
    return {
        "notices": [one for one in made.notices if not one.acknowledged_by],
        "untold": made.untold,
        "resting": made.resting if made.stands_as in ("restrict", "withdraw", "erase") else (),
    }


def certificate_in_words(made: Certificate) -> Iterator[str]:
    """What a certificate says, a line each."""
    yield f"Report {made.incident_id} of {made.source} stands as {made.stands_as}"
    for act in made.acts:
        yield f"  {moment(act.as_of)}  {act.action}: on record as {act.chain} {act.seq}"
    for finding in made.findings:
        yield f"  {moment(finding.as_of)}  finding {finding.finding_id} of {finding.rule_id} {finding.change}"
    for notice in made.notices:
        by, number = notice.acknowledged_by, notice.seq
        answer = f"acknowledged by {by} {moment(notice.acknowledged_at)}" if by else "open"
        yield f"  {moment(notice.told_at)}  {notice.audience} was told, number {number}: {notice.change}; {answer}"
    for untold in made.untold or ():
        waits = f"was not told: {untold.action} of it waits for {', '.join(untold.agreements)}; open"
        yield f"  {moment(untold.since)}  {untold.audience} {waits} ({WITHHELD} {untold.seq})"
    for one in made.deliveries:
        yield f"  {moment(one.sent_at)}  {one.audience} number {one.seq} by {one.channel}: {one.status}"
    for value in made.values:
        cell = f"{value.indicator} of {value.area}"
        yield f"  {moment(value.as_of)}  {value.profile} was told {cell} anew, number {value.seq}"
    if made.untold is None:
        yield "What was withheld is not in it: it was made by a version that did not look there"
    if made.resting:
        yield f"{how_many(len(made.resting), 'finding')} rest on it still"
    yield "Everything has been put right" if made.is_complete else "Something is left to do"


def alert_of(kafka: Connection, audience: str, number: int) -> str:
    """The alert that a number of an audience's feed was about. Raises `Wrong` when there is no such number."""
    for _, value in _values(kafka, [f"alerts.{audience}"]):
        if isinstance(value, PublishedAlert) and value.seq == number:
            return value.alert_id
    raise Wrong(f"{audience} was never told a number {number}: see safety-stream audit notices --audience {audience}")


def _tell(kafka: Connection, notices: Notices, first: Sequence[str], after: Sequence[str] = ()) -> None:
    for topic in (*first, *_family(kafka, "alerts."), "audit.entries", *after):
        for _, value in _values(kafka, [topic]):
            notices.take(value)


def _family(kafka: Connection, prefix: str) -> list[str]:
    """The topics there are whose name begins so, sorted."""
    admin = AdminClient(kafka.settings() | {"log_level": 0})
    return sorted(name for name in admin.list_topics(timeout=10).topics if name.startswith(prefix))


def _values(kafka: Connection, topics: Sequence[str]) -> Iterator[tuple[str, msgspec.Struct]]:
    wire = Records()
    for record in read_to_end(kafka, topics):
        yield record.topic, wire.value(record.topic, record.value)


def _records(kafka: Connection, at: tuple[str, int], start: int, end: int) -> Iterator[AuditRecord]:
    for record in _chained(kafka, at, start, end):
        if isinstance(record, AuditRecord):
            yield record


def _chained(kafka: Connection, at: tuple[str, int], start: int, end: int) -> Iterator[Chained]:
    decode = shipped_codecs().decoder(row_of(at[0]).subjects)
    for record in read_between(kafka, {at: start}, {at: end}):
        value = decode(record.value)
        if isinstance(value, Chained):
            yield value
