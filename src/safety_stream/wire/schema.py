"""Avro schemas as values: read from `.avsc` files with their shared types, told apart by a fingerprint.

The house uses a part of Avro on purpose: records, enums, arrays, maps, primitives and `["null", X]`. Any other union is
refused, because a union that grows cannot be read by those who hold the older one; a nullable field can. All names are
in one namespace. A type used by several subjects has a file of its own under `types/` and is referred to by its full
name; a version that needs another shape of it defines it in its own file, and so leaves older versions as they were.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import msgspec

from safety_stream.core.model.sensitivity import SENSITIVITIES, Sensitivity, closest

NAMESPACE = "uk.safety_stream"

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
"""Anything JSON can say."""

PRIMITIVES = frozenset({"boolean", "int", "long", "double", "string", "bytes"})
LOGICAL = {"timestamp-millis": "long", "date": "int"}
"""The logical types in use, and what they are made of."""


class SchemaFault(Exception):
    """A schema that cannot be used; the message names the place and the mend."""


class Primitive(msgspec.Struct, frozen=True):
    """A single value; `logical` says what an int or long means (see `LOGICAL`)."""

    name: str
    logical: str | None = None


class Enum(msgspec.Struct, frozen=True):
    """A closed list of symbols; `default` is what a reader takes for one it does not know."""

    name: str
    doc: str
    symbols: tuple[str, ...]
    default: str | None


class Array(msgspec.Struct, frozen=True):
    """Any number of items."""

    items: AvroType


class Map(msgspec.Struct, frozen=True):
    """Values by text key."""

    values: AvroType


class Nullable(msgspec.Struct, frozen=True):
    """Null, or one other thing."""

    of: AvroType


class Field(msgspec.Struct, frozen=True):
    """A field of a record; `default` is UNSET when it has none.

    `fact` is the name under which a rule may read it, if any, and `sensitivity` what it may hold of a person: marks on
    the field that mean nothing to Avro.
    """

    name: str
    of: AvroType
    doc: str
    default: Json | msgspec.UnsetType = msgspec.UNSET
    fact: str | None = None
    sensitivity: Sensitivity | None = None


class Record(msgspec.Struct, frozen=True):
    """Named fields in order."""

    name: str
    doc: str
    fields: tuple[Field, ...]

    def field(self, name: str) -> Field | None:
        """The field of that name, or None."""
        return next((field for field in self.fields if field.name == name), None)


AvroType: TypeAlias = "Primitive | Enum | Array | Map | Nullable | Record"


def read_schema(folder: Path, file: str) -> Record:
    """The schema in `folder/file`, shared types put in. Raises `SchemaFault`."""
    parsed = _Reader(folder).named(file)
    if not isinstance(parsed, Record):
        raise SchemaFault(f"{file}: a subject is a record, not an enum")
    return parsed


def read_shared_type(folder: Path, file: str) -> Record | Enum:
    """The shared type in `folder/file`. Raises `SchemaFault`."""
    return _Reader(folder).named(file)


def to_json(of: AvroType, *, docs: bool = True, logical: bool = True) -> Json:
    """The schema as Avro's own JSON, complete in itself: each named type is defined where it first occurs."""
    return _Writer(docs=docs, logical=logical).json(of)


def fingerprint(of: AvroType) -> str:
    """SHA-256, in hexadecimal, of what the schema means: all of it but the words of its documentation."""
    canonical = json.dumps(to_json(of, docs=False), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def is_same(one: AvroType, other: AvroType) -> bool:
    """Whether the two mean the same, whatever their documentation says."""
    return one == other or to_json(one, docs=False) == to_json(other, docs=False)


def type_file(name: str) -> str:
    """The file of a shared type by its full name: `uk.safety_stream.AgeBand` is in `types/age-band.avsc`."""
    return f"types/{re.sub(r'(?<=[a-z0-9])(?=[A-Z])', '-', name.rpartition('.')[2]).lower()}.avsc"


class _Reader:
    """Reads one schema: remembers the named types met so far, and the file it is in for messages."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, Record | Enum] = {}
        self._open: list[str] = []

    def named(self, file: str) -> Record | Enum:
        try:
            written: Json = json.loads((self._folder / file).read_text(encoding="utf-8"))
        except OSError as fault:
            raise SchemaFault(
                f"{file}: cannot be read ({fault.strerror}); put the file there or mend the name"
            ) from None
        except ValueError as fault:
            raise SchemaFault(f"{file}: is not JSON ({fault})") from None
        parsed = self._type(written, file)
        if not isinstance(parsed, Record | Enum):
            raise SchemaFault(f"{file}: a schema file defines one record or enum")
        return parsed

    def _type(self, written: Json, where: str) -> AvroType:  # noqa: PLR0911 - a line per type of Avro
        if isinstance(written, str):
            return Primitive(written) if written in PRIMITIVES else self._reference(written, where)
        if isinstance(written, list):
            if len(written) != 2 or written[0] != "null":  # noqa: PLR2004 - null and one other
                raise SchemaFault(f'{where}: the only union in use is ["null", X]; add a nullable field instead')
            return Nullable(self._type(written[1], where))
        if not isinstance(written, dict):
            raise SchemaFault(f"{where}: a type is a name, a list or an object")
        kind = written.get("type")
        if kind == "array":
            return Array(self._type(written.get("items"), f"{where}[]"))
        if kind == "map":
            return Map(self._type(written.get("values"), f"{where}{{}}"))
        if kind in ("record", "enum"):
            return self._definition(written, where)
        if isinstance(kind, str) and kind in PRIMITIVES:
            return self._primitive(written, kind, where)
        return self._type(kind, where)

    def _primitive(self, written: dict[str, Json], kind: str, where: str) -> Primitive:
        logical = written.get("logicalType")
        if logical is None:
            return Primitive(kind)
        if not isinstance(logical, str) or LOGICAL.get(logical) != kind:
            known = ", ".join(f"{name} ({base})" for name, base in LOGICAL.items())
            raise SchemaFault(f"{where}: logical type {logical!r} on {kind} is not in use; use one of {known}")
        return Primitive(kind, logical)

    def _reference(self, name: str, where: str) -> Record | Enum:
        if name in self._open:
            raise SchemaFault(f"{where}: {name} contains itself; records here are finite")
        if name not in self._known:
            if not name.startswith(f"{NAMESPACE}."):
                raise SchemaFault(f"{where}: {name!r} is no type; refer to a shared one as {NAMESPACE}.<Name>")
            self.named(type_file(name))
        if name not in self._known:
            raise SchemaFault(f"{where}: {type_file(name)} does not define {name}")
        return self._known[name]

    def _definition(self, written: dict[str, Json], where: str) -> Record | Enum:
        name = f"{written.get('namespace', NAMESPACE)}.{written.get('name')}"
        where = where if where.endswith(".avsc") else f"{where} ({name})"
        if not re.fullmatch(rf"{NAMESPACE}\.[A-Z][A-Za-z0-9]*", name):
            raise SchemaFault(f"{where}: {name} must be {NAMESPACE}.<Name>, in capitalised words")
        if name in self._known:
            raise SchemaFault(
                f"{where}: {name} is defined twice; define it before its first use, or take the shared one"
            )
        doc = str(written.get("doc", ""))
        made: Record | Enum
        if written["type"] == "enum":
            default = written.get("default")
            made = Enum(name, doc, _texts(written.get("symbols"), where), None if default is None else str(default))
        else:
            self._open.append(name)
            made = Record(
                name, doc, tuple(self._field(field, where) for field in _objects(written.get("fields"), where))
            )
            self._open.pop()
        self._known[name] = made
        return made

    def _field(self, written: dict[str, Json], where: str) -> Field:
        name = str(written.get("name", ""))
        at = f"{where}: {name}" if where.endswith(".avsc") else f"{where}.{name}"
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            raise SchemaFault(f"{at}: a field's name is in snake case")
        of = self._type(written.get("type"), at)
        doc = str(written.get("doc", ""))
        return Field(name, of, doc, _default(written), _fact(written, of, at), _sensitivity(written, at))


def _default(written: dict[str, Json]) -> Json | msgspec.UnsetType:
    return written.get("default", msgspec.UNSET)


def _fact(written: dict[str, Json], of: AvroType, where: str) -> str | None:
    name = written.get("fact")
    if name is None:
        return None
    if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        raise SchemaFault(f"{where}: the name of a fact is a word in kebab case")
    match of.of if isinstance(of, Nullable) else of:
        case Enum() | Primitive("int" | "long" | "boolean" | "string", None):
            return name
    raise SchemaFault(f"{where}: only a whole number, a word, yes or no can be a fact, or null; take the mark away")


def _sensitivity(written: dict[str, Json], where: str) -> Sensitivity | None:
    tag = written.get("sensitivity")
    known = next((one for one in SENSITIVITIES if one == tag), None)
    if tag is not None and known is None:
        raise SchemaFault(f"{where}: {tag!r} is no sensitivity; use one of {', '.join(SENSITIVITIES)}")
    return known


def sensitivity_of(field: Field) -> Sensitivity:
    """How closely a field is kept: as its own tag says, and as the closest of what is in it."""
    return closest([field.sensitivity or "none", *_within(field.of)])


def _within(of: AvroType) -> Iterator[Sensitivity]:
    match of:
        case Nullable(inner) | Array(inner) | Map(inner):
            yield from _within(inner)
        case Record():
            for field in of.fields:
                yield sensitivity_of(field)


def _texts(written: Json, where: str) -> tuple[str, ...]:
    if not isinstance(written, list) or not all(isinstance(one, str) for one in written):
        raise SchemaFault(f"{where}: the symbols are a list of words")
    return tuple(str(one) for one in written)


def _objects(written: Json, where: str) -> list[dict[str, Json]]:
    if not isinstance(written, list):
        raise SchemaFault(f"{where}: the fields are a list")
    return [one for one in written if isinstance(one, dict)]


class _Writer:
    """Writes one schema; a named type is written out once and referred to afterwards."""

    def __init__(self, *, docs: bool, logical: bool) -> None:
        self._docs = docs
        self._logical = logical
        self._written: set[str] = set()

    def json(self, of: AvroType) -> Json:
        match of:
            case Primitive(name, logical):
                return {"type": name, "logicalType": logical} if logical and self._logical else name
            case Nullable(inner):
                return ["null", self.json(inner)]
            case Array(items):
                return {"type": "array", "items": self.json(items)}
            case Map(values):
                return {"type": "map", "values": self.json(values)}
            case Enum() | Record():
                return self._definition(of)

    def _definition(self, of: Enum | Record) -> Json:
        if of.name in self._written:
            return of.name
        self._written.add(of.name)
        namespace, _, name = of.name.rpartition(".")
        made: dict[str, Json] = {"name": name, "namespace": namespace}
        if self._docs:
            made["doc"] = of.doc
        if isinstance(of, Enum):
            made |= {"type": "enum", "symbols": list(of.symbols)}
            return made if of.default is None else made | {"default": of.default}
        return made | {"type": "record", "fields": [self._field(field) for field in of.fields]}

    def _field(self, field: Field) -> Json:
        made: dict[str, Json] = {"name": field.name, "type": self.json(field.of)}
        if self._docs:
            made["doc"] = field.doc
            if field.fact is not None:
                made["fact"] = field.fact
            if field.sensitivity is not None:
                made["sensitivity"] = field.sensitivity
        return made if isinstance(field.default, msgspec.UnsetType) else made | {"default": field.default}
