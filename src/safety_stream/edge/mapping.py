"""A mapping: what an analyst writes to say what the columns of their table mean (docs/partner-kit.md).

It is YAML as the catalogue uses it, and checked like it: all at once, each issue with its line and its mend. What a
report may say is taken from where it is said already: the envelope from `canonical`, facts, categories and sources from
the catalogue, native details from the newest schema. So a mapping that has no issue can only fail row by row.

Each field is taken in one of seven ways, and none of them lets text through as it stands (`personal`):

| taken as | from a cell | else |
|---|---|---|
| time | by one of the `format`s, in Europe/London; without one, ISO 8601 or a spreadsheet's own date | |
| word | by `values`: their word, our word; what is not among them is rejected, or becomes `otherwise` | `value` |
| flag | by `values`: their word, true or false | `value` |
| number | digits | `value` |
| code | as it stands, with a digit and without blanks | `value` |
| area | by `values`: their word, the code of a district or OUTSIDE; without `values` as a code | `value` |
| token | as it stands, in the shape `safety-stream tokens make` gives it | |
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, Literal, Self, get_args

import msgspec
from pydantic import Field, StringConstraints, ValidationError, model_validator

from safety_stream.catalogue.documents import Document, UnreadableError, Where, parse_document, read_document
from safety_stream.catalogue.formats.parts import Name, Strict
from safety_stream.catalogue.issues import Issue
from safety_stream.catalogue.places import Place, listing
from safety_stream.catalogue.refusals import Mistake
from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.incidents import OUTSIDE, Action, Origin, Role
from safety_stream.core.model.times import Precision
from safety_stream.edge.personal import CODE_WANTED, OF_PARTIES, is_code, looks_personal
from safety_stream.edge.tabular import Layout
from safety_stream.wire import reports, schema

Taking = Literal["time", "day", "word", "flag", "number", "decimal", "code", "area", "token"]
"""How a field is taken from a cell; a `day` is a time of which only the date is wanted."""

RepeatedHour = Literal["refuse", "earlier", "later"]
"""What a time is in the hour that the clocks of autumn go through twice."""

Heading = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
Stated = str | int | float | bool
_Format = Annotated[str, StringConstraints(min_length=2, max_length=64)]
_COLUMNS_AT_MOST: Final = 2
_SAMPLES: Final = (datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 11, 30, tzinfo=UTC))

_FIELDS: Final[Mapping[str, Taking]] = {
    "source_ref": "code",
    "source_version": "number",
    "action": "word",
    "category": "word",
    "subtype": "word",
    "origin": "word",
    "grade": "word",
    "occurred_from": "time",
    "occurred_to": "time",
    "precision": "word",
    "reported_at": "time",
    "received_at": "time",
    "count": "number",
    "marking": "word",
}
"""How the fields of the envelope are taken."""

_PLACE: Final[Mapping[str, Taking]] = {
    "uprn": "code",
    "easting": "number",
    "northing": "number",
    "latitude": "decimal",
    "longitude": "decimal",
    "precision_m": "number",
    "snapped": "flag",
    "lsoa": "code",
    "area": "area",
}
"""And those of the place."""

REQUIRED: Final = ("source_ref", "source_version", "action", "category", "occurred_from", "reported_at")
"""Fields without which there is no report."""

_WORDS: Final[Mapping[str, Collection[str]]] = {
    "action": get_args(Action),
    "origin": get_args(Origin),
    "precision": get_args(Precision),
    "grade": get_args(reports.Grade)[1:],
    "marking": get_args(reports.Marking),
}
"""The words of fields that have a closed list; the categories are the catalogue's."""

_TIMES: Final = frozenset({"time", "day"})
_PARTS: Final[Mapping[str, frozenset[str]]] = {
    "columns": _TIMES,
    "value": frozenset({"word", "flag", "number", "decimal", "code", "area"}),
    "values": frozenset({"word", "flag", "area"}),
    "otherwise": frozenset({"word", "flag", "area"}),
    "format": _TIMES,
    "tokenised": frozenset({"token"}),
}
"""Which ways of taking a field each part of an entry is for."""

_BY_LOGICAL: Final[Mapping[str, Taking]] = {"timestamp-millis": "time", "date": "day"}
_BY_NAME: Final[Mapping[str, Taking]] = {
    "boolean": "flag",
    "double": "decimal",
    "int": "number",
    "long": "number",
    "string": "code",
}

_IS_WORD: Final = re.compile(r"[a-z0-9-]{1,32}").fullmatch


class CellEntry(Strict):
    """Where one field comes from: a `column` (or a date's and a time's `columns`), or a fixed `value`."""

    column: Heading | None = None
    columns: Annotated[list[Heading], Field(min_length=1, max_length=_COLUMNS_AT_MOST)] | None = None
    value: Stated | None = None
    values: dict[str | int, Stated | None] | None = None
    otherwise: Stated | None = None
    format: _Format | list[_Format] | None = None
    tokenised: bool = False

    @model_validator(mode="after")
    def _has_one_origin(self) -> Self:
        if sum(one is not None for one in (self.column, self.columns, self.value)) != 1:
            raise ValueError("exactly one of column, columns and value says where a field comes from")
        return self

    @property
    def headings(self) -> tuple[str, ...]:
        """The columns it reads."""
        return tuple(self.columns or ()) if self.column is None else (self.column,)

    @property
    def formats(self) -> tuple[str, ...]:
        """The formats of a time, the likelier first."""
        if self.format is None:
            return ()
        return (self.format,) if isinstance(self.format, str) else tuple(self.format)


class FileEntry(Strict):
    """How the file is written: see `tabular.Layout`."""

    encoding: Annotated[str, StringConstraints(min_length=1, max_length=32)] = "utf-8"
    delimiter: Annotated[str, StringConstraints(min_length=1, max_length=1)] = ","
    heading: Annotated[int, Field(ge=1, le=1_000)] = 1
    sheet: Heading | None = None


class PartyEntry(Strict):
    """A person of each row: in which role, by which token, whether a child. A row without a token has none."""

    role: Role
    token: CellEntry
    child: CellEntry | None = None


class MappingFile(Strict):
    """A mapping: whose reports the rows are, of what kind, and where each field of them comes from."""

    source: Name
    kind: Name
    file: FileEntry = FileEntry()
    repeated_hour: RepeatedHour = "refuse"
    fields: dict[str, CellEntry]
    place: dict[str, CellEntry] = Field(default_factory=dict)
    flags: list[CellEntry] = Field(default_factory=list)
    parties: list[PartyEntry] = Field(default_factory=list)
    vehicles: list[CellEntry] = Field(default_factory=list)
    phones: list[CellEntry] = Field(default_factory=list)
    facts: dict[str, CellEntry] = Field(default_factory=dict)
    details: dict[str, CellEntry] = Field(default_factory=dict)
    left_out: list[Heading] = Field(default_factory=list)


class Taken(msgspec.Struct, frozen=True):
    """One field: its path in a canonical line, how it is taken, and from where; a token is one of these `kinds`."""

    path: Where
    taking: Taking
    entry: CellEntry
    kinds: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """The field as a reason names it: `place.uprn`."""
        return ".".join(str(step) for step in self.path)


class ColumnMapping(msgspec.Struct, frozen=True, kw_only=True):
    """A mapping without errors. `digest` is of its text: another mapping makes other reports of the same file."""

    source: str
    kind: str
    layout: Layout
    repeated_hour: RepeatedHour
    taken: tuple[Taken, ...]
    roles: tuple[Role, ...]
    left_out: frozenset[str]
    digest: str

    @property
    def headings(self) -> tuple[str, ...]:
        """Every column it reads, each once."""
        return tuple(dict.fromkeys(heading for one in self.taken for heading in one.entry.headings))


class BadMapping(Exception):
    """A mapping that has errors; `issues` are all of them."""

    def __init__(self, issues: Sequence[Issue]) -> None:
        self.issues = tuple(issues)
        super().__init__("the mapping has errors:\n" + "\n".join(str(issue) for issue in self.issues))


def read_mapping(path: Path, catalogue: Catalogue) -> ColumnMapping:
    """The mapping in a file. Raises `BadMapping` with every issue, and `OSError`."""
    try:
        document = read_document(path)
    except UnreadableError as error:
        raise BadMapping([Issue(path.name, error.line, "error", error.what, error.mend)]) from None
    return _checked(document, path.name, catalogue)


def parse_mapping(text: str, catalogue: Catalogue) -> ColumnMapping:
    """The mapping a text says, likewise."""
    try:
        document = parse_document(text)
    except UnreadableError as error:
        raise BadMapping([Issue("mapping", error.line, "error", error.what, error.mend)]) from None
    return _checked(msgspec.structs.replace(document, content=text.encode()), "mapping", catalogue)


def _checked(document: Document, name: str, catalogue: Catalogue) -> ColumnMapping:
    issues: set[Issue] = set()
    at = Place(issues, name, document)
    try:
        stated = MappingFile.model_validate(document.value)
    except ValidationError as error:
        for detail in error.errors(include_url=False, include_input=False):
            at.refuse(Mistake(detail["loc"], detail["type"], detail["msg"]), MappingFile)
        raise BadMapping(sorted(issues)) from None
    taken = tuple(_Checker(at, stated, catalogue).taken())
    if issues:
        raise BadMapping(sorted(issues))
    return ColumnMapping(
        source=stated.source,
        kind=stated.kind,
        layout=Layout(**stated.file.model_dump()),
        repeated_hour=stated.repeated_hour,
        taken=taken,
        roles=tuple(party.role for party in stated.parties),
        left_out=frozenset(stated.left_out),
        digest=hashlib.sha256(document.content).hexdigest()[:16],
    )


class _Checker:
    """Goes through a mapping, tells what cannot be meant, and gives the fields that can."""

    def __init__(self, at: Place, stated: MappingFile, catalogue: Catalogue) -> None:
        self._at = at
        self._stated = stated
        self._catalogue = catalogue
        self._source = catalogue.sources.get(stated.source)

    def taken(self) -> Iterator[Taken]:
        """Every field, each held against what it may say."""
        self._check_source()
        stated = self._stated
        for name in REQUIRED:
            if name not in stated.fields:
                self._at.error(("fields",), f"fields: {name} is missing", "say where it comes from")
        yield from self._known_of("fields", stated.fields, _FIELDS, ())
        yield from self._known_of("place", stated.place, _PLACE, ("place",))
        for number, entry in enumerate(stated.flags):
            yield self._one(("flags", number), ("flags", number), "word", entry, None)
        for number, party in enumerate(stated.parties):
            where = ("parties", number)
            yield self._token((*where, "token"), (*where, "token"), party.token, OF_PARTIES)
            if party.child is not None:
                yield self._one((*where, "child"), (*where, "child"), "flag", party.child, None)
        for name, entries, kind in (("vehicles", stated.vehicles, "vehicle"), ("phones", stated.phones, "phone")):
            for number, entry in enumerate(entries):
                yield self._token((name, number), (name, number), entry, frozenset({kind}))
        yield from self._facts()
        yield from self._details()

    def _check_source(self) -> None:
        self._at.know(("source",), "source", self._stated.source, self._catalogue.sources)
        if self._source is not None:
            self._at.know(("kind",), f"kind of source {self._source.id}", self._stated.kind, self._source.kinds)

    def _known_of(
        self, part: str, entries: Mapping[str, CellEntry], known: Mapping[str, Taking], under: tuple[str, ...]
    ) -> Iterator[Taken]:
        for name, entry in entries.items():
            if name not in known:
                self._at.error((part, name), f"unknown field {name}", f"use one of {listing(known)}")
                continue
            yield self._one((part, name), (*under, name), known[name], entry, self._words_of(name))

    def _words_of(self, name: str) -> Collection[str] | None:
        if name == "area":
            return districts(self._catalogue)
        return self._catalogue.categories if name == "category" else _WORDS.get(name)

    def _facts(self) -> Iterator[Taken]:
        for name, entry in self._stated.facts.items():
            kind = self._catalogue.facts.get(name)
            if kind is None:
                self._at.know(("facts", name), "fact", name, self._catalogue.facts)
            else:
                taking: Taking = "number" if kind.type == "number" else "word"
                yield self._one(("facts", name), ("facts", name), taking, entry, kind.values)

    def _details(self) -> Iterator[Taken]:
        if not self._stated.details:
            return
        own = self._stated.kind.replace("-", "_")
        known = _details_of(self._stated.kind)
        for name, entry in self._stated.details.items():
            taking, words = known.get(name, (None, None))
            if taking is None:
                plain = [one for one, (takes, _) in known.items() if takes]
                what = f"details of kind {self._stated.kind} have no field {name} of one value"
                self._at.error(("details", name), what, f"use one of {listing(plain)}")
            else:
                yield self._one(("details", name), ("details", own, name), taking, entry, words)

    def _token(self, where: Where, path: Where, entry: CellEntry, kinds: frozenset[str]) -> Taken:
        if self._source is not None and self._source.identity in ("place-only", "aggregate"):
            self._at.error(
                where, f"source {self._source.id} is {self._source.identity}: it names nobody", "leave it out"
            )
        if entry.column is None:
            self._at.error(where, "a token comes from one column", "name it as `column`")
        return msgspec.structs.replace(self._one(where, path, "token", entry, None), kinds=kinds)

    def _one(self, where: Where, path: Where, taking: Taking, entry: CellEntry, words: Collection[str] | None) -> Taken:
        self._check_headings(where, taking, entry)
        self._check_parts(where, taking, entry)
        for at, value in _stated_in(entry):
            self._check_value((*where, *at), taking, value, words)
        for text in entry.formats if taking in _TIMES else ():
            self._check_format((*where, "format"), text)
        return Taken(path, taking, entry)

    def _check_headings(self, where: Where, taking: Taking, entry: CellEntry) -> None:
        for heading in entry.headings:
            if looks_personal(heading) and not (taking == "token" and entry.tokenised):
                self._at.error(
                    where,
                    "a column that looks like a person's goes into no field",
                    "make tokens of it (safety-stream tokens make) and say `tokenised: true`, or put it under left_out",
                )

    def _check_parts(self, where: Where, taking: Taking, entry: CellEntry) -> None:
        """Of the parts of an entry, those that mean nothing to this field, and those it cannot do without."""
        for name, means in _PARTS.items():
            if getattr(entry, name) not in (None, False) and taking not in means:
                self._at.error((*where, name), f"{name} means nothing for a {taking}", "leave it out")
        if taking in ("word", "flag") and entry.headings and entry.values is None:
            self._at.error(
                where, f"a {taking} from a column needs `values`", "say for each of their words which of ours it is"
            )
        if entry.otherwise is not None and entry.values is None:
            self._at.error((*where, "otherwise"), "otherwise means nothing without `values`", "leave it out")

    def _check_value(self, where: Where, taking: Taking, value: Stated, words: Collection[str] | None) -> None:
        if taking == "flag" and not isinstance(value, bool):
            self._at.error(where, "it is neither true nor false", "write one of them, without quotation marks")
        elif taking in ("number", "decimal") and (isinstance(value, bool) or not isinstance(value, int | float)):
            self._at.error(where, "it is no number", "write it in digits, without quotation marks")
        elif taking == "code" and not is_code(str(value)):
            self._at.error(where, f"it {CODE_WANTED}", "write another")
        elif taking == "area":
            # What is no district's would count as outside, and nobody would see that it was misspelt.
            self._at.know(where, "district", as_word(value), words)
        elif taking == "word":
            text = as_word(value)
            if words is not None:
                self._at.know(where, "word", text, words)
            elif not _IS_WORD(text):
                self._at.error(where, "a word has 1 to 32 lower-case letters, digits and hyphens", "write another")

    def _check_format(self, where: Where, text: str) -> None:
        said = set(re.findall(r"%-?(.)", text))
        if "Z" in said:
            self._at.error(where, "%Z reads the name of a zone and forgets it", "write %z, or leave the zone out")
        elif "p" in said and "I" not in said:
            self._at.error(where, "%p says nothing beside %H", "write %I %p, or leave %p out")
        elif "I" in said and "p" not in said:
            self._at.error(where, "%I is an hour of a half day, and nothing says which half", "write %H, or add %p")
        try:
            told = [datetime.strptime(f"{day:{text}}", text).date() for day in _SAMPLES]  # noqa: DTZ007 - a day
        except (ValueError, re.error):
            told = []
        if [(one.year, one.month) for one in told] != [(one.year, one.month) for one in _SAMPLES]:
            self._at.error(
                where, "by this format no day can be told", "write it like `%d/%m/%Y %H:%M`: see strftime.org"
            )


def _stated_in(entry: CellEntry) -> Iterator[tuple[Where, Stated]]:
    if entry.value is not None:
        yield ("value",), entry.value
    if entry.otherwise is not None:
        yield ("otherwise",), entry.otherwise
    for theirs, ours in (entry.values or {}).items():
        if ours is not None:
            yield ("values", theirs), ours


def districts(catalogue: Catalogue) -> dict[str, str]:
    """Where a report may say that it happened, by code with the names: districts, also of the past, and OUTSIDE."""
    return {
        one.code: one.name for one in catalogue.areas.by_code.values() if one.kind == "district" or one.code == OUTSIDE
    }


def folded(text: str) -> str:
    """A word of theirs with case and blanks aside: words that differ in nothing else are the same."""
    return " ".join(text.casefold().split())


def as_word(value: Stated) -> str:
    """A stated value as a word: true and false are words of facts."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def details_taken(kind: str) -> dict[str, Taking]:
    """The fields of the native details of a kind that one cell can hold, and how each is taken."""
    return {name: taking for name, (taking, _) in _details_of(kind).items() if taking is not None}


def _details_of(kind: str) -> dict[str, tuple[Taking | None, Collection[str] | None]]:
    newest = reports.shipped_registry().newest(reports.SUBJECT).schema
    record = reports.details_of(newest).get(kind.replace("-", "_"))
    return {field.name: _taking_of(field.of) for field in record.fields} if record else {}


def _taking_of(of: schema.AvroType) -> tuple[Taking | None, Collection[str] | None]:
    """How a field of native details is taken, and which words it may be; None for what no cell can hold."""
    if isinstance(of, schema.Nullable):
        return _taking_of(of.of)
    if isinstance(of, schema.Enum):
        return "word", of.symbols
    if not isinstance(of, schema.Primitive):
        return None, None
    return _BY_LOGICAL.get(of.logical or "") or _BY_NAME.get(of.name), None
