"""Avro through fastavro: values of any schema, older versions and plain JSON documents, where speed is not the point.

A *datum* is what fastavro takes and gives: dictionaries, lists, symbols of enums as text. Timestamps and dates stay
whole numbers, because the logical types are left out of what fastavro is told.

A *document* is a datum as people write it: times in ISO 8601 with their offset, dates as dates (or either as the whole
number it is in the datum), bytes in base64, fields that have a default left out. Examples, the canonical ingest format
and what commands show are documents.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import date, datetime
from io import BytesIO
from typing import Any, TypeAlias, cast

import fastavro
import msgspec

from safety_stream.core.model.times import to_date, to_datetime, to_day, to_instant
from safety_stream.wire.schema import (
    Array,
    AvroType,
    Enum,
    Field,
    Json,
    Map,
    Nullable,
    Primitive,
    Record,
    to_json,
)

Datum: TypeAlias = "bool | int | float | str | bytes | list[Datum] | dict[str, Datum] | None"
"""A value of some schema, as fastavro has it."""

FAULTS = (EOFError, IndexError, KeyError, TypeError, ValueError, OverflowError, fastavro.read.SchemaResolutionError)
"""What `General.read` raises for bytes that are not what the schema says."""

_WHOLE = {"int": 31, "long": 63}


class DocumentFault(ValueError):
    """A document that does not fit its schema; the message names the field and the mend, never its value."""


class General:
    """Reads and writes the data of one schema."""

    def __init__(self, schema: Record) -> None:
        self.schema = schema
        written: Any = to_json(schema, docs=False, logical=False)
        self._parsed: Any = fastavro.parse_schema(written)

    def write(self, datum: Mapping[str, Datum]) -> bytes:
        """The datum's bytes, without framing. Raises one of `FAULTS` when it does not fit."""
        out = BytesIO()
        fastavro.schemaless_writer(out, self._parsed, datum)
        return out.getvalue()

    def read(self, body: bytes, writer: General | None = None) -> dict[str, Datum]:
        """The datum in `body`, written with this schema or resolved from `writer`'s. Raises one of `FAULTS`."""
        stream = BytesIO(body)
        written = (writer or self)._parsed  # noqa: SLF001 - another of the same class
        datum: Any = fastavro.schemaless_reader(stream, written, self._parsed)
        if stream.tell() != len(body):
            raise ValueError("more bytes than the schema says")
        return cast("dict[str, Datum]", datum)


def default_bytes(field: Field) -> bytes:
    """The bytes of a field that is left at its default. Raises `ValueError` when it has none."""
    if isinstance(field.default, msgspec.UnsetType):
        raise ValueError(f"{field.name} has no default and must be stated")  # noqa: TRY004 - the schema's fault
    return General(Record("uk.safety_stream.One", "", (field,))).write({})


def to_datum(document: Json, of: AvroType, where: str = "") -> Datum:
    """The datum of a document, defaults filled in. Raises `DocumentFault`."""
    match of:
        case Nullable(inner):
            return None if document is None else to_datum(document, inner, where)
        case Record():
            return _record_to_datum(document, of, where)
        case Array(items) if isinstance(document, list):
            return [to_datum(item, items, f"{where}[{index}]") for index, item in enumerate(document)]
        case Map(values) if isinstance(document, dict):
            return {name: to_datum(value, values, f"{where}.{name}") for name, value in document.items()}
        case Enum() if document in of.symbols:
            return str(document)
        case Enum():
            raise DocumentFault(f"{where}: is none of {', '.join(of.symbols)}")
        case Primitive():
            return _single_to_datum(document, of, where)
        case _:
            raise DocumentFault(f"{where}: a list or object is wanted; see the schema")


def to_document(datum: Datum, of: AvroType) -> Json:  # noqa: PLR0911 - a line per type of Avro
    """The document of a datum; what is empty or at its default is written out too."""
    match of, datum:
        case Nullable(inner), _:
            return None if datum is None else to_document(datum, inner)
        case Record(), dict():
            return {field.name: to_document(datum[field.name], field.of) for field in of.fields}
        case Array(items), list():
            return [to_document(item, items) for item in datum]
        case Map(values), dict():
            return {name: to_document(datum[name], values) for name in sorted(datum)}
        case Primitive(_, "timestamp-millis"), int():
            return _time_text(datum)
        case Primitive(_, "date"), int():
            return _date_text(datum)
        case _, bytes():
            return base64.b64encode(datum).decode()
        case _, (None | bool() | int() | float() | str()):
            return datum
        case _:
            raise TypeError("the datum is not of this schema")


def _time_text(instant: int) -> Json:
    try:
        return to_datetime(instant).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except OverflowError:
        # Beyond the years a calendar has: shown as it is, since what is broken must be showable too.
        return instant


def _date_text(day: int) -> Json:
    try:
        return to_date(day).isoformat()
    except (OverflowError, ValueError):
        return day


def _record_to_datum(document: Json, of: Record, where: str) -> Datum:
    if not isinstance(document, dict):
        raise DocumentFault(f"{where or of.name}: an object with named fields is wanted")
    for number, name in enumerate(document, 1):
        if of.field(name) is None:
            # By its number: in a wrong document a person's name may stand where a field's should.
            raise DocumentFault(
                f"{where or of.name}: no such field: number {number} of those stated; see the schema for the names"
            )
    return {field.name: _field_to_datum(document, field, where) for field in of.fields}


def _field_to_datum(document: dict[str, Json], field: Field, where: str) -> Datum:
    at = f"{where}.{field.name}" if where else field.name
    if field.name in document:
        return to_datum(document[field.name], field.of, at)
    if isinstance(field.default, msgspec.UnsetType):
        raise DocumentFault(f"{at}: is missing and has no default; state it")
    # A default is written as its datum, but for bytes, of which there are none.
    return cast("Datum", field.default)


def _single_to_datum(document: Json, of: Primitive, where: str) -> Datum:  # noqa: PLR0911 - a line per type of Avro
    try:
        match of, document:
            case Primitive(_, "timestamp-millis"), str():
                return to_instant(datetime.fromisoformat(document))
            case Primitive(_, "date"), str():
                return to_day(date.fromisoformat(document))
            case Primitive("bytes"), str():
                return base64.b64decode(document, validate=True)
            case Primitive("string", None), str():
                return document
            case Primitive("boolean"), bool():
                return document
            case Primitive("double"), (int() | float()) if not isinstance(document, bool):
                return float(document)
            case Primitive("int" | "long" as name), int() if not isinstance(document, bool):
                if -(1 << _WHOLE[name]) <= document < 1 << _WHOLE[name]:
                    return document
    except (ValueError, binascii.Error):
        pass
    raise DocumentFault(f"{where}: {_WANTED.get(of.logical or of.name, 'another type')} is wanted")


_WANTED = {
    "timestamp-millis": "a time in ISO 8601 with its offset, or milliseconds since 1970,",
    "date": "a date as YYYY-MM-DD",
    "bytes": "base64 text",
    "string": "text",
    "boolean": "true or false",
    "double": "a number",
    "int": "a whole number of at most 32 bits",
    "long": "a whole number of at most 64 bits",
}
