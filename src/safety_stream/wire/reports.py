"""Partners' `IncidentReport` and the core's `Report`: the same claim, with and without the native details.

A report is read straight from its bytes. The envelope's fields that a rule may use become the `Report`; everything
else, the native details above all, is passed over and stays in the partner's own record. Of the details the names are
kept, so that intake can refuse a report whose details are of another kind than it says, and what the fields say that
the schema marks as facts: `"fact": "dash-score"`.

Whether the source exists, may send this kind and may speak of persons, and whether the times are possible, is intake's
to check: it needs the catalogue.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from math import isfinite
from typing import Literal, cast
from uuid import UUID

import msgspec
from msgspec.structs import replace

from safety_stream.core.model.dead_letters import Refused
from safety_stream.core.model.facts import Fact
from safety_stream.core.model.ids import uuid5_text
from safety_stream.core.model.incidents import Action, Origin
from safety_stream.core.model.reports import Report, ReportedParty, ReportedPlace
from safety_stream.core.model.times import Instant, Precision
from safety_stream.wire.framing import header
from safety_stream.wire.general import DocumentFault, General, default_bytes, to_datum
from safety_stream.wire.registry import Registered, Registry, read_registry
from safety_stream.wire.schema import Json, Nullable, Record
from safety_stream.wire.specialised import Reader, Unsuitable, reader_of_fields, writer_of

SUBJECT = "incident-report"
LARGEST_REPORT = 262_144
"""Bytes a partner's record may have, framing included. A default: a report has some hundreds of bytes."""

_EVENTS = UUID("5d3c1f0a-7a52-5c1e-9a44-0f6d2b8e9c31").bytes

Grade = Literal["unknown", "A", "B", "C", "D", "E"]
Marking = Literal["OFFICIAL", "OFFICIAL-SENSITIVE"]


class _Evaluation(msgspec.Struct, frozen=True):
    """The part of the grading that rules and the policy read."""

    information_grade: Grade
    handling: Literal["unknown", "P", "C"]


class _Envelope(msgspec.Struct, frozen=True):
    """What a report says, under the names and in the order it has on the wire; the rest is at its default."""

    event_id: str
    source: str
    source_ref: str
    source_version: int
    action: Action
    kind: str
    subtype: str
    category: str
    flags: tuple[str, ...]
    origin: Origin
    evaluation: _Evaluation | None
    occurred_from: Instant
    occurred_to: Instant | None
    precision: Precision
    reported_at: Instant
    location: ReportedPlace | None
    parties: tuple[ReportedParty, ...]
    vehicles: tuple[str, ...]
    phones: tuple[str, ...]
    group_token: str | None
    count: int
    marking: Marking


class _Stated(msgspec.Struct, frozen=True):
    """What a report says after the native details, from the third version on."""

    facts: tuple[Fact, ...]


_READ = {
    field.name: field.type
    for shape in (_Envelope, _Stated)
    for field in msgspec.structs.fields(shape)
    if field.name != "event_id"
}
_FILLED = b"\x02"


def details_of(schema: Record) -> dict[str, Record]:
    """The native detail records a version of the schema has, by the name of their field."""
    return {
        field.name: field.of.of
        for field in schema.fields
        if isinstance(field.of, Nullable) and isinstance(field.of.of, Record) and field.of.of.name.endswith("Details")
    }


def report_reader(schema: Record) -> Reader[Report]:
    """A reader of one version of the schema. Its `read` also raises `Refused`."""
    return reader_of_fields(schema, _READ, details_of(schema), _report)


def _report(  # noqa: PLR0913 - the envelope's fields, by the names they have on the wire
    *,
    source: str,
    source_ref: str,
    source_version: int,
    action: Action,
    kind: str,
    subtype: str,
    category: str,
    flags: tuple[str, ...],
    origin: Origin,
    evaluation: _Evaluation | None,
    occurred_from: Instant,
    occurred_to: Instant | None,
    precision: Precision,
    reported_at: Instant,
    location: ReportedPlace | None,
    parties: tuple[ReportedParty, ...],
    vehicles: tuple[str, ...],
    phones: tuple[str, ...],
    group_token: str | None,
    count: int,
    marking: Marking,
    filled: tuple[str, ...],
    native: tuple[tuple[str, str], ...],
    facts: tuple[Fact, ...] = (),
) -> Report:
    if location is not None and not (isfinite(location.latitude or 0) and isfinite(location.longitude or 0)):
        raise Refused("schema-violation", "location: latitude and longitude must be finite numbers of degrees, or null")
    report = Report(
        source=source,
        source_ref=source_ref,
        source_version=source_version,
        action=action,
        kind=kind,
        subtype=subtype,
        category=category,
        flags=flags,
        origin=origin,
        grade=None if evaluation is None or evaluation.information_grade == "unknown" else evaluation.information_grade,
        occurred_from=occurred_from,
        occurred_to=occurred_to,
        precision=precision,
        reported_at=reported_at,
        place=location,
        parties=parties,
        vehicles=vehicles,
        phones=phones,
        group=group_token,
        count=count,
        marking=marking,
        details=filled,
    )
    if evaluation is not None and evaluation.handling != "unknown":
        report = replace(report, handling=evaluation.handling)
    if not facts and not native:
        # By far the commonest; two fields fewer by name are noticed.
        return report
    return replace(report, facts=facts, native=tuple([Fact(*one) for one in sorted(native)]))


class ReportWriter:
    """Writes reports with one version of the schema: for partners' adapters, generated counties and tests."""

    def __init__(self, registered: Registered) -> None:
        self._schema = registered.schema
        self._general = General(registered.schema)
        self._header = header(registered.id)
        self._details = {name: General(record) for name, record in details_of(registered.schema).items()}
        # The envelope is written straight from the report; from the first native detail on, field by field.
        names = [field.name for field in registered.schema.fields]
        start = min((names.index(name) for name in self._details), default=len(names))
        head = Record(self._schema.name, self._schema.doc, self._schema.fields[:start])
        self._head = writer_of(head, _Envelope, self._header, default_bytes)
        self._tail = {field.name: default_bytes(field) for field in self._schema.fields[start:]}
        stated = tuple(field for field in self._schema.fields[start:] if field.name in _Stated.__struct_fields__)
        # Older versions have no place for facts.
        self._facts_at = names.index(stated[0].name) - start if stated else None
        self._stated = writer_of(Record(self._schema.name, self._schema.doc, stated), _Stated, b"") if stated else None
        self._empty = {name: _FILLED + general.write({}) for name, general in self._details.items()}

    def report(self, report: Report, details: Mapping[str, Mapping[str, Json]] | None = None) -> bytes:
        """The framed bytes of `report`.

        `details` are the native details by field name (snake case), as documents (see `general`); without them, each
        name in `report.details` is filled with an empty record. Raises `DocumentFault` for details and fields that do
        not fit, and `Unsuitable` for a kind of details this version lacks and for numbers the schema cannot hold.
        """
        filled = {name: {} for name in report.details} if details is None else details
        for number, name in enumerate(filled, 1):
            if name not in self._details:
                # By its number: in a wrong document a person's name may stand where a record's should.
                raise Unsuitable(
                    f"this version of {SUBJECT} has no details like number {number} of those stated: it has "
                    f"{', '.join(self._details)}"
                )
        tail = [self._native(name, filled[name]) if name in filled else left for name, left in self._tail.items()]
        envelope = _envelope_of(report)
        try:
            if report.facts:
                self._add_facts(report.facts, tail)
            return self._head(envelope) + b"".join(tail)
        except (KeyError, TypeError, AttributeError) as error:
            # Values are looked at one by one only when one of them is known to be wrong.
            fault = _fault_of(envelope) or _fault_of(_Stated(report.facts))
            raise error if fault is None else fault from None

    def document(self, document: Json) -> bytes:
        """The framed bytes of a whole report written as a document. Raises `DocumentFault` naming the field."""
        datum = to_datum(document, self._schema)
        if not isinstance(datum, dict):
            raise DocumentFault("a report is an object with named fields")
        return self._header + self._general.write(datum)

    def _add_facts(self, facts: tuple[Fact, ...], tail: list[bytes]) -> None:
        if self._stated is None or self._facts_at is None:
            raise Unsuitable(f"this version of {SUBJECT} has no facts: write it with a newer one")
        tail[self._facts_at] = self._stated(_Stated(facts))

    def _native(self, name: str, native: Mapping[str, Json]) -> bytes:
        if not native:
            return self._empty[name]
        datum = to_datum(dict(native), self._details[name].schema, name)
        if not isinstance(datum, dict):
            raise DocumentFault(f"{name}: an object with named fields is wanted")
        return _FILLED + self._details[name].write(datum)


def event_id(report: Report) -> str:
    """The id of a report's message, the same whenever it is sent again."""
    name = f"{report.source}\x1f{report.source_ref}\x1f{report.source_version}\x1f{report.action}"
    return uuid5_text(_EVENTS, name)


def _envelope_of(report: Report) -> _Envelope:
    return _Envelope(
        event_id=event_id(report),
        source=report.source,
        source_ref=report.source_ref,
        source_version=report.source_version,
        action=report.action,
        kind=report.kind,
        subtype=report.subtype,
        category=report.category,
        flags=report.flags,
        origin=report.origin,
        evaluation=_evaluation_of(report),
        occurred_from=report.occurred_from,
        occurred_to=report.occurred_to,
        precision=report.precision,
        reported_at=report.reported_at,
        location=report.place,
        parties=report.parties,
        vehicles=report.vehicles,
        phones=report.phones,
        group_token=report.group,
        count=report.count,
        marking=cast("Marking", report.marking),
    )


def _evaluation_of(report: Report) -> _Evaluation | None:
    if report.grade is None and report.handling is None:
        return None
    return _Evaluation(cast("Grade", report.grade or "unknown"), report.handling or "unknown")


def _fault_of(stated: _Envelope | _Stated) -> DocumentFault | None:
    """Which field holds what no schema has room for. Never the value: in a wrong one a person's name may stand."""
    try:
        msgspec.convert(msgspec.to_builtins(stated), type(stated))
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$.")
        what = "is none of the words the schema has" if what.startswith("Invalid enum value") else what
        return DocumentFault(f"{where.rstrip('`')}: {what}")
    return None


@lru_cache(maxsize=8)
def report_writer(version: int | None = None) -> ReportWriter:
    """The writer of a version (default: the newest) of the schemas that ship. Raises `KeyError`."""
    registry = shipped_registry()
    return ReportWriter(registry.newest(SUBJECT) if version is None else registry.version(SUBJECT, version))


@lru_cache(maxsize=1)
def shipped_registry() -> Registry:
    """The file registry that ships, read once."""
    return read_registry()


def encode_report(
    report: Report, *, details: Mapping[str, Mapping[str, Json]] | None = None, version: int | None = None
) -> bytes:
    """The framed bytes of a report; see `ReportWriter.report`."""
    return report_writer(version).report(report, details)


def encode_document(document: Json, *, version: int | None = None) -> bytes:
    """The framed bytes of a report written as a JSON document; see `ReportWriter.document`."""
    return report_writer(version).document(document)
