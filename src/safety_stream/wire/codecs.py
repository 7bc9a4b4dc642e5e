"""Bytes to model values and back, for every subject: the only door between Kafka and the core.

A value is written with the newest version of its subject. It is read whatever version it was written with: straight
from the bytes when that version's fields mean the same as the newest one's, else resolved to the newest first.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import lru_cache
from typing import Any, cast

import msgspec

from safety_stream.core.model.alerts import AlertVersion
from safety_stream.core.model.dead_letters import DeadLetter, Refused
from safety_stream.core.model.feeds import FeedStatus
from safety_stream.core.model.findings import FindingChange
from safety_stream.core.model.handling import ActionAnswer, AlertAction, HandledAlert
from safety_stream.core.model.incidents import IncidentVersion
from safety_stream.core.model.indicators import IndicatorValue
from safety_stream.core.model.judgements import Judgement
from safety_stream.core.model.links import PersonLink
from safety_stream.core.model.published import AuditEntry, AuditRecord, PublishedAlert, PublishedIndicator
from safety_stream.core.model.reports import Report
from safety_stream.core.model.sharing import Withheld
from safety_stream.core.model.sightings import SightingChange
from safety_stream.core.model.tallies import Tally
from safety_stream.wire import general, reports, specialised
from safety_stream.wire.framing import HEADER_LENGTH, header, schema_id_of
from safety_stream.wire.registry import Registered, Registry
from safety_stream.wire.schema import Record, is_same
from safety_stream.wire.specialised import Reader

STRUCTS: dict[str, type[msgspec.Struct]] = {
    "action-answer": ActionAnswer,
    "alert": AlertVersion,
    "alert-action": AlertAction,
    "audit": AuditRecord,
    "audit-entry": AuditEntry,
    "dead-letter": DeadLetter,
    "feed-status": FeedStatus,
    "finding-change": FindingChange,
    "handled-alert": HandledAlert,
    "incident-version": IncidentVersion,
    "indicator": IndicatorValue,
    "judgement": Judgement,
    "person-link": PersonLink,
    "published-alert": PublishedAlert,
    "published-indicator": PublishedIndicator,
    "sighting-change": SightingChange,
    "tally": Tally,
    "withheld": Withheld,
}
"""What each internal or published subject is in the core: the same fields in the same order."""

Decode = Callable[[bytes | None], msgspec.Struct]
"""The value of a record, or `Refused` raised."""


class Codecs:
    """The codecs of every subject of a registry. Raises `Unsuitable` at once when a schema and its Struct differ."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._readers: dict[int, Reader[msgspec.Struct]] = {}
        self._writers: dict[type[msgspec.Struct], Callable[[Any], bytes]] = {}
        for subject in registry.subjects():
            newest = registry.newest(subject)
            if subject in STRUCTS:
                shape = STRUCTS[subject]
                self._writers[shape] = specialised.writer_of(newest.schema, shape, header(newest.id))
            elif subject == reports.SUBJECT:
                self._writers[Report] = reports.ReportWriter(newest).report

    def encode(self, value: msgspec.Struct) -> bytes:
        """The framed bytes of a model value, by its type. Raises `KeyError` for a type no subject is for."""
        return self._writers[type(value)](value)

    def decode(self, subjects: Collection[str], raw: bytes | None, limit: int | None = None) -> msgspec.Struct:
        """One value of one of `subjects`; see `decoder`, which spares the look-up. Raises `Refused`."""
        return self.decoder(subjects, limit)(raw)

    def decoder(self, subjects: Collection[str], limit: int | None = None) -> Decode:
        """A function that reads records carrying `subjects`, of at most `limit` bytes (None: any size).

        It raises `Refused`: empty, oversize, unreadable-framing, unknown-schema (an id that is not registered, or of
        another subject), schema-violation (naming the field). Raises `KeyError` for a subject that is not registered.
        """
        readers = {
            header(one.id): self._reader(one) for subject in subjects for one in self._registry.versions(subject)
        }

        def decode(raw: bytes | None) -> msgspec.Struct:
            reader = readers.get(raw[:HEADER_LENGTH]) if raw else None
            if raw is None or reader is None or (limit is not None and len(raw) > limit):
                raise self._refusal(raw, subjects, limit)
            try:
                return reader.read(raw, HEADER_LENGTH)
            except specialised.FAULTS as fault:
                raise _violation(reader.field_of(fault), fault) from None

        return decode

    def _reader(self, written: Registered) -> Reader[msgspec.Struct]:
        # Compiling one takes some milliseconds, so it happens when a version is first asked for, and once.
        if written.id not in self._readers:
            self._readers[written.id] = self._made_reader(written)
        return self._readers[written.id]

    def _made_reader(self, written: Registered) -> Reader[msgspec.Struct]:
        if written.subject == reports.SUBJECT:
            return cast("Reader[msgspec.Struct]", reports.report_reader(written.schema))
        newest = self._registry.newest(written.subject).schema
        shape = STRUCTS[written.subject]
        if written.schema is newest or _is_direct(written.schema, newest, shape):
            return specialised.reader_of(written.schema, shape)
        return _upgrading(written.schema, newest, shape)

    def _refusal(self, raw: bytes | None, subjects: Collection[str], limit: int | None) -> Refused:
        try:
            schema_id = schema_id_of(raw, limit)
        except Refused as refused:
            return refused
        known = self._registry.by_id(schema_id)
        what = f"is of subject {known.subject}" if known else "is not registered"
        return Refused(
            "unknown-schema", f"schema id {schema_id} {what}; this topic carries {', '.join(sorted(subjects))}"
        )


def _violation(field: str, fault: Exception) -> Refused:
    if isinstance(fault, IndexError):
        what = "the bytes end before it or do not fit it"
    elif isinstance(fault, KeyError):
        what = "not a symbol that may be written"
    elif isinstance(fault, UnicodeDecodeError):
        what = "not UTF-8 text"
    elif isinstance(fault, specialised.Unreadable):
        what = str(fault)
    else:
        what = "not what the schema says"
    return Refused("schema-violation", f"{field or 'the record'}: {what}; write it with the schema its id names")


def _is_direct(written: Record, newest: Record, shape: type[msgspec.Struct]) -> bool:
    """Whether the Struct's own defaults are all that the older version lacks."""
    defaults = {
        field.name
        for field in msgspec.structs.fields(shape)
        if field.default is not msgspec.NODEFAULT or field.default_factory is not msgspec.NODEFAULT
    }
    for field in newest.fields:
        older = written.field(field.name)
        if field.name not in defaults if older is None else not is_same(older.of, field.of):
            return False
    return True


def _upgrading(written: Record, newest: Record, shape: type[msgspec.Struct]) -> Reader[msgspec.Struct]:
    """A reader that resolves a value to the newest version, writes it so, and reads that."""
    old, new, reader = general.General(written), general.General(newest), specialised.reader_of(newest, shape)

    def read(raw: bytes, p: int) -> msgspec.Struct:
        try:
            body = new.write(new.read(raw[p:], old))
        except general.FAULTS as fault:
            raise specialised.Unreadable("cannot be resolved to the newest version") from fault
        return reader.read(body, 0)

    return Reader(read, reader.fields)


@lru_cache(maxsize=1)
def shipped_codecs() -> Codecs:
    """The codecs of the schemas that ship, made once."""
    return Codecs(reports.shipped_registry())


def decode_report(raw: bytes | None) -> Report:
    """One partner's report, of any registered version. Raises `Refused`."""
    return _shipped_reports()(raw)


@lru_cache(maxsize=1)
def _shipped_reports() -> Callable[[bytes | None], Report]:
    decode: Callable[[bytes | None], Any] = shipped_codecs().decoder((reports.SUBJECT,), reports.LARGEST_REPORT)
    return decode
