"""What `schemas check` says: every issue of the schemas at once, each with its mend.

It proves that ids are append-only and every version unchanged, that everything is documented and whatever can hold
words says what it may hold of a person, that every version can be read by and from the older ones as its subject
demands, that the examples are reports, and that three implementations agree on the bytes: fastavro, avro-python3 (the
reference implementation, slow, never used to run anything) and our own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import msgspec

from safety_stream.core.model.dead_letters import Refused
from safety_stream.core.model.sensitivity import SENSITIVITIES
from safety_stream.wire import reports
from safety_stream.wire.codecs import STRUCTS, Codecs
from safety_stream.wire.compatibility import check_version, mode_of
from safety_stream.wire.framing import HEADER_LENGTH, header
from safety_stream.wire.general import Datum, DocumentFault, General, to_datum, to_document
from safety_stream.wire.registry import REGISTRY_FILE, Entry, Registered, Registry, read_entries
from safety_stream.wire.schema import (
    Array,
    AvroType,
    Enum,
    Json,
    Map,
    Nullable,
    Primitive,
    Record,
    SchemaFault,
    fingerprint,
    read_schema,
    read_shared_type,
    to_json,
    type_file,
)
from safety_stream.wire.specialised import Unsuitable

EXAMPLES_PER_KIND = 2


class Issue(msgspec.Struct, frozen=True, kw_only=True):
    """One fault: in which file, at which field or line, what is wrong and how to mend it.

    An "error" breaks the contract or a guarantee; a "warning" misleads readers of the schemas.
    """

    severity: Literal["error", "warning"]
    file: str
    where: str
    what: str
    mend: str


def check_schemas(folder: Path) -> list[Issue]:
    """Every issue of the schemas in `folder`, worst first, then by file. Empty when all is well."""
    entries, found = _entries(folder)
    schemas: dict[str, Record] = {}
    for file in _schema_files(folder):
        try:
            schemas[file] = read_schema(folder, file)
        except SchemaFault as fault:
            found.append(_error(file, "", str(fault), "see the message"))
    found += _check_shared_types(folder, schemas)
    found += [issue for file in (*_schema_files(folder), *_type_files(folder)) for issue in _check_words(folder, file)]
    found += [issue for file, schema in schemas.items() for issue in _check_defaults(file, schema)]
    found += [issue for file, schema in schemas.items() for issue in _check_facts(file, schema)]
    found += [issue for file, schema in schemas.items() for issue in _check_tags(file, schema)]
    found += _check_entries(entries, schemas)
    registered = [
        Registered(id=one.id, subject=one.subject, version=one.version, schema=schemas[one.file])
        for one in entries
        if one.file in schemas
    ]
    found += _check_compatibility(registered)
    if not any(issue.severity == "error" for issue in found):
        registry = Registry(registered)
        found += _check_examples(folder, registry)
        found += _check_conformance(registry)
    return sorted(found, key=lambda issue: (issue.severity, issue.file, issue.where))


def registry_line(folder: Path, file: str, schema_id: int) -> str:
    """The line to add to the registry for a new schema file, as JSON. Raises `SchemaFault`."""
    subject, _, version = file.removesuffix(".avsc").rpartition("/v")
    entry = Entry(
        id=schema_id,
        subject=subject,
        version=int(version),
        file=file,
        sha256=fingerprint(read_schema(folder, file)),
    )
    return msgspec.json.format(msgspec.json.encode(entry), indent=0).decode()


def _error(file: str, where: str, what: str, mend: str) -> Issue:
    return Issue(severity="error", file=file, where=where, what=what, mend=mend)


def _schema_files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.glob("*/v*.avsc"))


def _type_files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.glob("types/*.avsc"))


# The registry.


def _entries(folder: Path) -> tuple[list[Entry], list[Issue]]:
    try:
        return read_entries(folder), []
    except (OSError, msgspec.DecodeError) as fault:
        return [], [_error(REGISTRY_FILE, "", f"cannot be read: {fault}", "restore it from the last release")]


def _check_entries(entries: Sequence[Entry], schemas: dict[str, Record]) -> list[Issue]:
    found = []
    versions: dict[str, int] = {}
    for place, entry in enumerate(entries, start=1):
        where = f"id {entry.id}"
        if entry.id != place:
            mend = "restore the list from the last release and add new lines at the end, ids counting on"
            found.append(_error(REGISTRY_FILE, where, f"stands in place {place}: ids are append-only", mend))
        versions[entry.subject] = versions.get(entry.subject, 0) + 1
        wanted = f"{entry.subject}/v{versions[entry.subject]}.avsc"
        if entry.version != versions[entry.subject] or entry.file != wanted:
            what = f"is version {entry.version} in {entry.file}, where {wanted} is due"
            found.append(_error(REGISTRY_FILE, where, what, "versions of a subject count from 1 in order"))
        found += _check_unchanged(entry, schemas.get(entry.file))
    listed = {entry.file for entry in entries}
    for number, file in enumerate((file for file in schemas if file not in listed), start=len(entries) + 1):
        line = json.dumps({"id": number, **_subject_of(file), "file": file, "sha256": fingerprint(schemas[file])})
        found.append(_error(file, "", "is not registered", f"add to {REGISTRY_FILE}, at the end: {line}"))
    return found


def _subject_of(file: str) -> dict[str, str | int]:
    subject, _, version = file.removesuffix(".avsc").rpartition("/v")
    return {"subject": subject, "version": int(version)}


def _check_unchanged(entry: Entry, schema: Record | None) -> list[Issue]:
    if schema is None:
        return [
            _error(entry.file, "", "is registered and cannot be read", "restore it: records written with it are kept")
        ]
    if fingerprint(schema) != entry.sha256:
        what = f"is not what was registered as id {entry.id} (now {fingerprint(schema)})"
        mend = "restore it, its shared types too; put the change into a new version, with a new line in the registry"
        return [_error(entry.file, "", what, mend)]
    return []


# The words and defaults of each file.


def _check_shared_types(folder: Path, schemas: dict[str, Record]) -> list[Issue]:
    used = {name for schema in schemas.values() for name in _names(schema)}
    found = []
    for file in _type_files(folder):
        try:
            shared = read_shared_type(folder, file)
        except SchemaFault as fault:
            found.append(_error(file, "", str(fault), "see the message"))
            continue
        if file != type_file(shared.name):
            found.append(
                _error(file, shared.name, "is not where it is looked for", f"name the file {type_file(shared.name)}")
            )
        elif shared.name not in used:
            found.append(
                Issue(severity="warning", file=file, where=shared.name, what="is used by no subject", mend="remove it")
            )
    return found


def _names(of: AvroType) -> Iterator[str]:
    match of:
        case Nullable(inner) | Array(inner) | Map(inner):
            yield from _names(inner)
        case Enum(name):
            yield name
        case Record(name, _, fields):
            yield name
            for field in fields:
                yield from _names(field.of)


def _check_words(folder: Path, file: str) -> list[Issue]:
    """What the file itself defines, so that a shared type is complained of once."""
    try:
        written: Json = json.loads((folder / file).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return list(_undocumented(written, file, ""))


def _undocumented(written: Json, file: str, where: str) -> Iterator[Issue]:
    if isinstance(written, list):
        for one in written:
            yield from _undocumented(one, file, where)
    if not isinstance(written, dict):
        return
    kind, name = written.get("type"), str(written.get("name", ""))
    if kind in ("record", "enum") and not written.get("doc"):
        yield _error(file, name, "has no doc", "say in a sentence what it is")
    symbols = written.get("symbols")
    if kind == "enum" and not (isinstance(symbols, list) and written.get("default") in symbols):
        yield _error(file, name, "has no default symbol", 'add "default": one of its symbols, such as UNKNOWN')
    fields = written.get("fields")
    for field in fields if isinstance(fields, list) else []:
        if isinstance(field, dict):
            at = f"{name}.{field.get('name')}"
            if not field.get("doc"):
                yield _error(file, at, "has no doc", "say in a sentence what it holds, with its unit")
            yield from _undocumented(field.get("type"), file, at)
    for inner in ("type", "items", "values"):
        yield from _undocumented(written.get(inner), file, where)


def _check_defaults(file: str, schema: Record) -> Iterator[Issue]:
    for where, field in _fields(schema, ""):
        if not isinstance(field.default, msgspec.UnsetType) and not _fits(field.default, field.of):
            yield _error(
                file, where, "has a default that is not of its type", "mend the default; of nullable fields it is null"
            )


def _check_facts(file: str, schema: Record) -> Iterator[Issue]:
    details = reports.details_of(schema) if file.startswith(f"{reports.SUBJECT}/") else {}
    read = {f"{name}.{field.name}" for name, record in details.items() for field in record.fields}
    for where, field in _fields(schema, ""):
        if field.fact is not None and where not in read:
            yield _error(file, where, "is marked as a fact, and nobody reads it", "mark fields of native details only")
    for name, record in details.items():
        facts = [field.fact for field in record.fields if field.fact is not None]
        for fact in sorted({fact for fact in facts if facts.count(fact) > 1}):
            yield _error(file, name, f"has two fields for the fact {fact}", "mark one of them")


def _check_tags(file: str, schema: Record) -> Iterator[Issue]:
    """Whatever can hold words can hold something about a person, so somebody has to have thought about it."""
    for where, field in _fields(schema, ""):
        if field.sensitivity is None and _can_hold_words(field.of):
            yield _error(
                file, where, "is not tagged", f'add "sensitivity": what it may hold, of {", ".join(SENSITIVITIES)}'
            )


def _can_hold_words(of: AvroType) -> bool:
    match of:
        case Nullable(inner) | Array(inner):
            return _can_hold_words(inner)
        case Map():
            return True
        case Primitive(name):
            return name in ("string", "bytes")
    return False


def _fields(of: AvroType, where: str) -> Iterator[tuple[str, Any]]:
    match of:
        case Nullable(inner) | Array(inner) | Map(inner):
            yield from _fields(inner, where)
        case Record():
            for field in of.fields:
                at = f"{where}.{field.name}" if where else field.name
                yield at, field
                yield from _fields(field.of, at)


def _fits(default: Json, of: AvroType) -> bool:  # noqa: PLR0911 - a line per type of Avro
    match of, default:
        case Nullable(), _:
            return default is None
        case Enum(_, _, symbols), str():
            return default in symbols
        case Array(items), list():
            return all(_fits(one, items) for one in default)
        case Map(values), dict():
            return all(_fits(one, values) for one in default.values())
        case Record(), dict():
            return all(field.name in default and _fits(default[field.name], field.of) for field in of.fields)
        case Primitive("boolean"), bool():
            return True
        case Primitive("int" | "long"), int():
            return not isinstance(default, bool)
        case Primitive("double"), int() | float():
            return not isinstance(default, bool)
        case Primitive("string" | "bytes"), str():
            return True
    return False


# Versions against one another.


def _check_compatibility(registered: Sequence[Registered]) -> Iterator[Issue]:
    by_subject: dict[str, list[Registered]] = {}
    for one in registered:
        older = by_subject.setdefault(one.subject, [])
        mode = mode_of(one.subject)
        for breach in check_version(one.schema, [(before.version, before.schema) for before in older], mode):
            yield _error(
                f"{one.subject}/v{one.version}.avsc", breach.where, f"{breach.what}; {mode} is due", breach.mend
            )
        older.append(one)


# Examples.


def _check_examples(folder: Path, registry: Registry) -> Iterator[Issue]:
    if reports.SUBJECT not in registry.subjects():
        return
    newest = registry.newest(reports.SUBJECT)
    files = sorted((folder / reports.SUBJECT / "examples").glob("*.json"))
    decode = Codecs(registry).decoder((reports.SUBJECT,), reports.LARGEST_REPORT)
    for path in files:
        yield from _check_example(path, f"{reports.SUBJECT}/examples/{path.name}", newest, decode)
    for details in reports.details_of(newest.schema):
        kind = details.replace("_", "-")
        count = sum(path.name.startswith(f"{kind}-") for path in files)
        if count < EXAMPLES_PER_KIND:
            where = f"{reports.SUBJECT}/examples"
            yield _error(where, kind, f"has {count} examples", f"add {kind}-<what it shows>.json until there are two")


def _check_example(path: Path, file: str, newest: Registered, decode: Any) -> Iterator[Issue]:  # noqa: ANN401
    try:
        datum = to_datum(json.loads(path.read_bytes()), newest.schema)
        assert isinstance(datum, dict)  # noqa: S101 - a record's datum is one
        general_codec = General(newest.schema)
        body = general_codec.write(datum)
        report = decode(header(newest.id) + body)
    except (ValueError, DocumentFault) as fault:
        yield _error(file, "", f"does not fit the schema: {fault}", "mend the example")
        return
    except Refused as refused:
        yield _error(file, "", f"is refused: {refused}", "mend the example")
        return
    again = to_datum(to_document(general_codec.read(body), newest.schema), newest.schema)
    if again != datum:
        yield _error(file, "", "reads back as something else", "this is a defect of the codec")
    if report.details != (report.kind.replace("-", "_"),) or not path.name.startswith(f"{report.kind}-"):
        yield _error(file, "kind", "file name, kind and details do not agree", "name it <kind>-<what it shows>.json")


# Three implementations.


def _check_conformance(registry: Registry) -> Iterator[Issue]:
    try:
        codecs = Codecs(registry)
    except Unsuitable as fault:
        yield _error("", "", str(fault), "make the schema and the Struct in core/model agree")
        return
    for subject in registry.subjects():
        for one in registry.versions(subject):
            for name, datum in samples(one.schema).items():
                for what in _disagreements(one, datum, codecs, is_newest=one is registry.newest(subject)):
                    file = f"{subject}/v{one.version}.avsc"
                    yield _error(file, f"sample {name}", what, "this is a defect of a library or of the codec")


def _disagreements(one: Registered, datum: dict[str, Datum], codecs: Codecs, *, is_newest: bool) -> Iterator[str]:
    fast, reference = General(one.schema), Reference(one.schema)
    body = fast.write(datum)
    if reference.write(datum) != body:
        yield "fastavro and avro-python3 write different bytes"
    if reference.read(body) != fast.read(body):
        yield "fastavro and avro-python3 read different values"
    try:
        value = codecs.decode((one.subject,), header(one.id) + body)
    except Refused as refused:
        yield f"our reader refuses it: {refused}"
        return
    if is_newest and one.subject in STRUCTS and codecs.encode(value)[HEADER_LENGTH:] != body:
        yield "our writer writes different bytes"


class Reference:
    """One schema in avro-python3, the reference implementation: the oracle, five to seven times slower."""

    def __init__(self, schema: Record) -> None:
        # Imported here, because only checks and tests need it.
        import avro.io  # noqa: PLC0415
        import avro.schema  # noqa: PLC0415

        self._io: Any = avro.io
        self._parsed: Any = avro.schema.parse(json.dumps(to_json(schema, docs=False)))

    def write(self, datum: dict[str, Datum]) -> bytes:
        """The datum's bytes, without framing."""
        out = BytesIO()
        self._io.DatumWriter(self._parsed).write(datum, self._io.BinaryEncoder(out))
        return out.getvalue()

    def read(self, body: bytes) -> dict[str, Datum]:
        """The datum in `body`."""
        datum: dict[str, Datum] = self._io.DatumReader(self._parsed).read(self._io.BinaryDecoder(BytesIO(body)))
        return datum


def samples(schema: Record) -> dict[str, dict[str, Datum]]:
    """Two values of a schema: `full`, everything filled in, and `bare`, everything empty that may be."""
    made: dict[str, dict[str, Datum]] = {}
    for name, is_full in (("full", True), ("bare", False)):
        datum = _sample(schema, is_full=is_full, at="")
        assert isinstance(datum, dict)  # noqa: S101 - a record's datum is one
        made[name] = datum
    return made


def _sample(of: AvroType, *, is_full: bool, at: str) -> Datum:  # noqa: C901, PLR0911 - a line per type of Avro
    match of:
        case Nullable(inner):
            return _sample(inner, is_full=is_full, at=at) if is_full else None
        case Array(items):
            return [_sample(items, is_full=is_full, at=f"{at}-{index}") for index in range(2)] if is_full else []
        case Map(values):
            return {f"{at}-key": _sample(values, is_full=is_full, at=at)} if is_full else {}
        case Record(_, _, fields):
            return {field.name: _sample(field.of, is_full=is_full, at=field.name) for field in fields}
        case Enum(_, _, symbols):
            return symbols[-1] if is_full else symbols[1]
        case Primitive("string"):
            return f"{at} £1" if is_full else ""
        case Primitive("bytes"):
            return bytes(range(256)) if is_full else b""
        case Primitive("boolean"):
            return is_full
        case Primitive("double"):
            return 53.7632 if is_full else 0.0
        case Primitive(_, "timestamp-millis"):
            return 1_767_225_600_123 if is_full else -2_208_988_800_000
        case Primitive(_, "date"):
            return 20_454 if is_full else -25_567
        case Primitive():
            return 1
