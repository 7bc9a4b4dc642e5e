"""Whether records of one schema version can be read by those who hold another.

Theory of operation
-------------------
Avro resolves a writer's schema against a reader's, field by field by name. `breaches(reader, writer)` follows the
resolution rules of the Avro specification and says every place where they fail, instead of stopping at the first.
BACKWARD means that the new version reads what was written with the old ones; FULL also the other way about, so that
partners and the backbone may change over in any order. TRANSITIVE means against every older version, not the last only,
because topics are replayed for years.

Two checks go beyond the specification: a logical type must stay (milliseconds read as days would pass), and a record or
enum keeps its full name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from safety_stream.wire.schema import Array, AvroType, Enum, Map, Nullable, Primitive, Record

Mode = Literal["FULL_TRANSITIVE", "BACKWARD_TRANSITIVE"]

PARTNER_FACING = ("incident-report", "published-alert", "published-indicator")
"""Subjects that others write or read with schemas of their own choosing."""

_PROMOTIONS = {
    "int": {"long", "double"},
    "long": {"double"},
    "string": {"bytes"},
    "bytes": {"string"},
}


class Breach(msgspec.Struct, frozen=True):
    """One place where a reader cannot take what a writer may write: the field's path, what is wrong, how to mend it."""

    where: str
    what: str
    mend: str


def mode_of(subject: str) -> Mode:
    """The compatibility a subject must keep."""
    return "FULL_TRANSITIVE" if subject in PARTNER_FACING else "BACKWARD_TRANSITIVE"


def check_version(newest: Record, older: Sequence[tuple[int, Record]], mode: Mode) -> list[Breach]:
    """Every breach of `newest` against each `(version, schema)` before it, oldest first."""
    found = []
    for number, schema in older:
        found += [_told(breach, f"records of version {number}") for breach in breaches(newest, schema)]
        if mode == "FULL_TRANSITIVE":
            found += [_told(breach, f"readers of version {number}") for breach in breaches(schema, newest)]
    return found


def breaches(  # noqa: PLR0911 - a line per pair of types
    reader: AvroType, writer: AvroType, where: str = ""
) -> list[Breach]:
    """Every place where `reader` cannot read what `writer` writes."""
    match reader, writer:
        case Nullable(wanted), Nullable(given):
            return breaches(wanted, given, where)
        case Nullable(wanted), _:
            return breaches(wanted, writer, where)
        case _, Nullable():
            return [
                Breach(where, "may be null, which the reader's type cannot be", "keep it nullable in every version")
            ]
        case Record(), Record():
            return _of_records(reader, writer, where)
        case Enum(), Enum():
            return _of_enums(reader, writer, where)
        case Array(wanted), Array(given):
            return breaches(wanted, given, f"{where}[]")
        case Map(wanted), Map(given):
            return breaches(wanted, given, f"{where}{{}}")
        case Primitive(), Primitive():
            return _of_primitives(reader, writer, where)
        case _:
            return [Breach(where, f"is {_word(writer)} to the writer and {_word(reader)} to the reader", _ANOTHER)]


_ANOTHER = "keep the type and add a new nullable field for the other"


def _of_records(reader: Record, writer: Record, where: str) -> list[Breach]:
    found = _of_names(reader.name, writer.name, where)
    for field in reader.fields:
        at = f"{where}.{field.name}" if where else field.name
        given = writer.field(field.name)
        if given is not None:
            found += breaches(field.of, given.of, at)
        elif isinstance(field.default, msgspec.UnsetType):
            found.append(
                Breach(at, "is not written, and has no default to the reader", "make it nullable with default null")
            )
    return found


def _of_enums(reader: Enum, writer: Enum, where: str) -> list[Breach]:
    found = _of_names(reader.name, writer.name, where)
    unknown = [symbol for symbol in writer.symbols if symbol not in reader.symbols]
    if unknown and reader.default not in reader.symbols:
        what = f"has symbols the reader does not know ({', '.join(unknown)}), and the reader has no default symbol"
        found.append(Breach(where, what, "give the enum a default symbol in its first version"))
    return found


def _of_primitives(reader: Primitive, writer: Primitive, where: str) -> list[Breach]:
    if reader.name != writer.name and reader.name not in _PROMOTIONS.get(writer.name, ()):
        return [Breach(where, f"is {_word(writer)} to the writer and {_word(reader)} to the reader", _ANOTHER)]
    if reader.logical != writer.logical:
        given, wanted = writer.logical or "a plain number", reader.logical or "a plain number"
        what = f"means {given} to the writer and {wanted} to the reader"
        return [Breach(where, what, _ANOTHER)]
    return []


def _of_names(reader: str, writer: str, where: str) -> list[Breach]:
    if reader == writer:
        return []
    return [Breach(where, f"is named {writer} by the writer and {reader} by the reader", "keep the name")]


def _word(of: AvroType) -> str:
    match of:
        case Primitive(name):
            return name
        case Enum(name) | Record(name):
            return name
        case Array():
            return "an array"
        case Map():
            return "a map"
        case Nullable(inner):
            return f"nullable {_word(inner)}"


def _told(breach: Breach, against: str) -> Breach:
    return Breach(breach.where, f"{breach.what} (against {against})", breach.mend)
