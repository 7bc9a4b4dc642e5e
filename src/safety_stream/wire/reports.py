"""Partners' `IncidentReport` and the core's `Report`: the same claim, with and without the native details.

A report is read straight from its bytes. The envelope's fields that a rule may use become the `Report`; everything
else, the native details above all, is passed over and stays in the partner's own record. Of the details only the names
are kept, so that intake can refuse a report whose details are of another kind than it says.

Whether the source exists, may send this kind and may speak of persons, and whether the times are possible, is intake's
to check: it needs the catalogue.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from math import isfinite
from typing import Literal, get_args
from uuid import UUID, uuid5

import msgspec

from safety_stream.core.model.dead_letters import Refused
from safety_stream.core.model.incidents import Action, Origin
from safety_stream.core.model.reports import Report, ReportedParty, ReportedPlace
from safety_stream.core.model.times import Instant, Precision
from safety_stream.wire.framing import header
from safety_stream.wire.general import Datum, DocumentFault, General, to_datum
from safety_stream.wire.registry import Registered, Registry, read_registry
from safety_stream.wire.schema import Json, Nullable, Record
from safety_stream.wire.specialised import Reader, Unsuitable, reader_of_fields, symbol_of

SUBJECT = "incident-report"
LARGEST_REPORT = 262_144
"""Bytes a partner's record may have, framing included. A default: a report has some hundreds of bytes."""

_EVENTS = UUID("5d3c1f0a-7a52-5c1e-9a44-0f6d2b8e9c31")

Grade = Literal["unknown", "A", "B", "C", "D", "E"]
Marking = Literal["OFFICIAL", "OFFICIAL-SENSITIVE"]


class _Evaluation(msgspec.Struct, frozen=True):
    """The part of the grading that rules read."""

    information_grade: Grade


_ENVELOPE: dict[str, object] = {
    "source": str,
    "source_ref": str,
    "source_version": int,
    "action": Action,
    "kind": str,
    "subtype": str,
    "category": str,
    "flags": tuple[str, ...],
    "origin": Origin,
    "evaluation": _Evaluation | None,
    "occurred_from": Instant,
    "occurred_to": Instant | None,
    "precision": Precision,
    "reported_at": Instant,
    "location": ReportedPlace | None,
    "parties": tuple[ReportedParty, ...],
    "vehicles": tuple[str, ...],
    "phones": tuple[str, ...],
    "group_token": str | None,
    "count": int,
    "marking": Marking,
}


def details_of(schema: Record) -> dict[str, Record]:
    """The native detail records a version of the schema has, by the name of their field."""
    return {
        field.name: field.of.of
        for field in schema.fields
        if isinstance(field.of, Nullable) and isinstance(field.of.of, Record) and field.of.of.name.endswith("Details")
    }


def report_reader(schema: Record) -> Reader[Report]:
    """A reader of one version of the schema. Its `read` also raises `Refused`."""
    return reader_of_fields(schema, _ENVELOPE | dict.fromkeys(details_of(schema), bool), _report)


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
    **details: bool,
) -> Report:
    if location is not None and not (isfinite(location.latitude or 0) and isfinite(location.longitude or 0)):
        raise Refused("schema-violation", "location: latitude and longitude must be finite numbers of degrees, or null")
    return Report(
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
        details=tuple([name for name, is_filled in details.items() if is_filled]),
    )


class ReportWriter:
    """Writes reports with one version of the schema: for partners' adapters, generated counties and tests."""

    def __init__(self, registered: Registered) -> None:
        self._general = General(registered.schema)
        self._header = header(registered.id)
        self._details = details_of(registered.schema)

    def report(self, report: Report, details: Mapping[str, Mapping[str, Json]] | None = None) -> bytes:
        """The framed bytes of `report`.

        `details` are the native details by field name (snake case), as documents (see `general`); without them, each
        name in `report.details` is filled with an empty record. Raises `DocumentFault` for details that do not fit, and
        `Unsuitable` for a kind of details this version lacks.
        """
        filled = {name: {} for name in report.details} if details is None else details
        document: dict[str, Datum] = _envelope_of(report)
        for name in self._details:
            document[name] = None
        for name, native in filled.items():
            if name not in self._details:
                raise Unsuitable(f"this version of {SUBJECT} has no details {name}; write with a newer one")
            document[name] = to_datum(dict(native), self._details[name], name)
        return self._header + self._general.write(document)

    def document(self, document: Json) -> bytes:
        """The framed bytes of a whole report written as a document. Raises `DocumentFault` naming the field."""
        datum = to_datum(document, self._general.schema)
        if not isinstance(datum, dict):
            raise DocumentFault("a report is an object with named fields")
        return self._header + self._general.write(datum)


def event_id(report: Report) -> str:
    """The id of a report's message, the same whenever it is sent again."""
    return str(uuid5(_EVENTS, f"{report.source}\x1f{report.source_ref}\x1f{report.source_version}\x1f{report.action}"))


def _envelope_of(report: Report) -> dict[str, Datum]:
    place = report.place
    return {
        "event_id": event_id(report),
        "source": report.source,
        "source_ref": report.source_ref,
        "source_version": report.source_version,
        "action": symbol_of(report.action),
        "kind": report.kind,
        "subtype": report.subtype,
        "category": report.category,
        "flags": list(report.flags),
        "origin": symbol_of(report.origin),
        "evaluation": None if report.grade is None else {"information_grade": _grade_symbol(report.grade)},
        "occurred_from": report.occurred_from,
        "occurred_to": report.occurred_to,
        "precision": symbol_of(report.precision),
        "reported_at": report.reported_at,
        "location": None if place is None else msgspec.structs.asdict(place),
        "parties": [
            {"role": symbol_of(party.role), "token": party.token, "child": party.child} for party in report.parties
        ],
        "vehicles": list(report.vehicles),
        "phones": list(report.phones),
        "group_token": report.group,
        "count": report.count,
        "marking": symbol_of(report.marking),
    }


def _grade_symbol(grade: str) -> str:
    if grade not in get_args(Grade):
        raise Unsuitable(f"an information grade is one of {', '.join(get_args(Grade)[1:])}")
    return symbol_of(grade)


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
