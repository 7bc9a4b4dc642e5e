"""A partner's file of persons, row by row, and what is made of each: lines for a report and lines for the steward.

A row is read, normalised, turned into tokens and forgotten: memory does not grow with the file. Nothing that is written
or said holds a value of the file but its reference, and that only where it looks like one.

A file of reports' lines has `line`, `reference`, `parties`, `vehicles` and `phones` as canonical JSON Lines have them.
A file for linking has the person's other tokens, for the steward's restricted store and for no topic. A file of links
has decisions as `canonical` reads them: old token and new token are one person.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Final, Literal, TextIO, get_args

import msgspec

from safety_stream.core.model.incidents import Role
from safety_stream.edge.tokens.keys import Epoch
from safety_stream.edge.tokens.names import CACHED
from safety_stream.edge.tokens.tables import Tables
from safety_stream.edge.tokens.tokens import FIELDS, Claims, Fault, Minter, Normaliser, Person, Refused, Tokens
from safety_stream.edge.tokens.unusable import BadSetup

LINE_AT_MOST: Final = 100_000
"""A line of more characters is no row about a person."""

DECIDED_BY: Final = "token-rotation"
ROLES: Final[tuple[Role, ...]] = get_args(Role)
BESIDE: Final = ("reference", "role")
"""What a row may have beside what is said of the person."""

Form = Literal["csv", "jsonl"]

_ALSO_CALLED: Final[Mapping[str, str]] = {
    "last_name": "surname",
    "family_name": "surname",
    "first_name": "forename",
    "forenames": "forename",
    "given_name": "forename",
    "given_names": "forename",
    "date_of_birth": "born",
    "dob": "born",
    "birth_date": "born",
    "gender": "sex",
    "post_code": "postcode",
    "previous_surname": "other_surnames",
    "maiden_name": "other_surnames",
    "nhs": "nhs_number",
    "vrm": "vehicle",
    "registration": "vehicle",
    "telephone": "phone",
    "mobile": "phone",
    "source_ref": "reference",
    "ref": "reference",
}
"""Headings that mean a field without being told."""

_IS_REFERENCE = re.compile(r"(?=[^0-9]*[0-9])[A-Za-z0-9][A-Za-z0-9/_.:-]{0,63}", re.ASCII).fullmatch
_TELLING: Final = 2
"""Of a value of no more letters, a reference may have the same ones by chance."""

_NOT_HEADING = re.compile(r"[^a-z0-9]+")
_NOT_VALUE = re.compile(r"[^A-Z0-9]+")


class Row(msgspec.Struct, frozen=True):
    """A person as the row that begins on `line` states it."""

    line: int
    person: Person
    reference: str
    role: str

    def __repr__(self) -> str:
        return f"Row(line={self.line})"


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with a row: with all of it (`is_refused`), or with a field that was left out of it."""

    line: int
    field: str
    reason: str
    is_refused: bool


class Party(msgspec.Struct, frozen=True, omit_defaults=True):
    """A party as a report's line has it."""

    role: str
    token: str | None = None


class ReportPart(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What goes into a report."""

    line: int
    reference: str = ""
    parties: tuple[Party, ...]
    vehicles: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()


class ForLinking(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the steward links by: every token of a person, of every epoch in use."""

    line: int
    reference: str = ""
    token: str | None = None
    verified: tuple[str, ...] = ()
    secondary: tuple[str, ...] = ()
    weak: tuple[str, ...] = ()
    places: tuple[str, ...] = ()


class SamePerson(msgspec.Struct, frozen=True, kw_only=True):
    """That an old token and a new one are one person's, as a line of `canonical.read_links`."""

    first: str
    second: str
    state: str
    method: str
    decided_by: str
    decided_at: str


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """All that is made of one row."""

    report: ReportPart
    linking: ForLinking
    links: tuple[SamePerson, ...]
    faults: tuple[Said, ...]


class Workshop:
    """Makes rows into lines, by the keys of one purpose of every epoch in use, the newest first.

    `normalisers` are by the digest of their tables: each epoch's tokens are made with those it was made for.
    """

    def __init__(
        self, normalisers: Mapping[str, Normaliser], epochs: Sequence[Epoch], purpose: str, role: str = "subject"
    ) -> None:
        self._normalisers = normalisers
        self._minters = [(epoch, Minter(epoch, purpose)) for epoch in epochs]
        self._newest = epochs[0]
        self._beside = Beside(role)

    def make(self, row: Row) -> Made:
        """What is made of a row. Raises `Refused`."""
        role, reference = self._beside.read(row)
        claims = self._normalisers[self._newest.tables].claims(row.person)
        each = [(epoch, minter.tokens(self._claims(row.person, epoch, claims))) for epoch, minter in self._minters]
        newest, now = each[0]
        return Made(
            report=ReportPart(
                line=row.line,
                reference=reference,
                parties=(Party(role, now.of_party),),
                vehicles=now.vehicles,
                phones=now.phones,
            ),
            linking=_for_linking(row.line, reference, now, [one for _, one in each]),
            links=tuple([_same(one, now, newest) for _, one in each[1:] if one.of_party and now.of_party]),
            faults=tuple([_said(row.line, fault) for fault in claims.faults]),
        )

    def _claims(self, person: Person, epoch: Epoch, newest: Claims) -> Claims:
        if epoch.tables == self._newest.tables:
            return newest
        try:
            return self._normalisers[epoch.tables].claims(person)
        except Refused:
            # By older tables there was nobody to make a token of, so there is none to map.
            return Claims()


class Checked(msgspec.Struct, kw_only=True):
    """What would become of a file: how many rows, and of how many what is known."""

    rows: int = 0
    refused: int = 0
    with_primary: int = 0
    with_birth: int = 0
    with_default_birth: int = 0
    stated: Counter[str] = msgspec.field(default_factory=Counter)
    usable: Counter[str] = msgspec.field(default_factory=Counter)
    why: Counter[str] = msgspec.field(default_factory=Counter)

    def count_unread(self, said: Said) -> None:
        """One more row that could not even be read."""
        self.rows += 1
        self.refused += 1
        self.why[f"refused: {said.reason}"] += 1

    def count(self, row: Row, claims: Claims | Refused, faulty: Collection[str]) -> None:
        """One more row, and which of its fields hold what they should not."""
        self.rows += 1
        stated = [name for name in FIELDS if getattr(row.person, name).strip()]
        self.stated.update(stated)
        self.usable.update(name for name in stated if name not in faulty)
        if isinstance(claims, Refused):
            self.refused += 1
            self.why[f"refused: {claims}"] += 1
            return
        self.why.update(f"left out: field {fault.field}: {fault.reason}" for fault in claims.faults)
        self.with_primary += claims.person is not None
        self.with_birth += claims.has_birth and not claims.birth_is_weak
        self.with_default_birth += claims.birth_is_weak
        if claims.person is None:
            self.why[f"weak: {_why_weak(row.person, claims)}"] += 1


def rows_of(file: TextIO, form: Form, columns: Mapping[str, str]) -> Iterator[Row | Said]:
    """The rows of an open file. `columns` says which column or key a field is in, where its name does not.

    Raises `BadSetup` when no column is known, or one that was named is missing.
    """
    unknown = sorted(set(columns) - {*FIELDS, *BESIDE})
    if unknown:
        raise BadSetup(f"a column is mapped to a field there is not; there are {', '.join((*FIELDS, *BESIDE))}")
    return _csv_rows(file, columns) if form == "csv" else _json_rows(file, columns)


def opened(file: io.BufferedReader, encoding: str) -> TextIO:
    """The text of an open file; what does not fit the encoding is found row by row. Raises `BadSetup`."""
    name = "utf-8-sig" if encoding.lower().replace("_", "-") in ("utf-8", "utf8") else encoding
    try:
        return io.TextIOWrapper(file, encoding=name, errors="surrogateescape", newline="")
    except LookupError:
        raise BadSetup("there is no such encoding: utf-8 and cp1252 are usual") from None


def normalisers_for(
    epochs: Iterable[Epoch], tables: Iterable[Tables], as_of: date, *, for_linking: bool
) -> dict[str, Normaliser]:
    """A normaliser for every epoch, by its tables' digest. Raises `BadSetup` for tables that are not there."""
    known = {one.digest: one for one in tables}
    for epoch in epochs:
        if epoch.tables not in known:
            raise BadSetup(
                f"epoch {epoch.epoch} was made for other tables ({epoch.tables}): name their folder with --tables, "
                "or rotate to a new epoch"
            )
    wanted = {epoch.tables for epoch in epochs}
    return {digest: Normaliser(known[digest], as_of, for_linking=for_linking) for digest in sorted(wanted)}


def _known_role(role: str) -> Role:
    for one in ROLES:
        if one == role:
            return one
    raise Refused("role", f"is none of {', '.join(ROLES)}")


class Beside:
    """Reads what stands beside a person in a row: its role, and the reference, which leaves the partner as it is.

    `role` is that of rows that state none.
    """

    def __init__(self, role: str) -> None:
        self._role = _known_role(role)
        # Values repeat, and this is asked of every one of them.
        self._words = lru_cache(CACHED)(_words)

    def read(self, row: Row) -> tuple[Role, str]:
        """Role and reference. Raises `Refused`."""
        role = _known_role(row.role.strip().lower()) if row.role else self._role
        return role, self._reference(row.reference.strip(), row.person) if row.reference else ""

    def _reference(self, reference: str, person: Person) -> str:
        if not reference:
            return ""
        if not _IS_REFERENCE(reference):
            raise Refused("reference", "has up to 64 letters, digits and /_.:- and a digit among them, or is left out")
        plain = _NOT_VALUE.sub("", reference.upper())
        for name, value in zip(FIELDS, msgspec.structs.astuple(person), strict=True):
            if value:
                for word in self._words(value):
                    if word == plain or (len(word) > _TELLING and word in plain):
                        raise Refused(
                            "reference", f"repeats the field {name}, which must not leave: name another column"
                        )
        return reference


def _words(value: str) -> tuple[str, ...]:
    """A value as a reference might repeat it: whole, and word by word."""
    upper = value.upper()
    words = (_NOT_VALUE.sub("", word) for word in (upper, *upper.split()))
    return tuple(dict.fromkeys(word for word in words if len(word) > 1))


def _for_linking(line: int, reference: str, now: Tokens, each: Sequence[Tokens]) -> ForLinking:
    return ForLinking(
        line=line,
        reference=reference,
        token=now.of_party,
        verified=_together([one.verified for one in each]),
        secondary=_together([one.secondary for one in each]),
        weak=_together([one.weak for one in each]),
        places=_together([one.places for one in each]),
    )


def _together(tokens: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    return tokens[0] if len(tokens) == 1 else tuple(chain.from_iterable(tokens))


def _same(old: Tokens, new: Tokens, epoch: Epoch) -> SamePerson:
    first, second = sorted((old.of_party or "", new.of_party or ""))
    return SamePerson(
        first=first,
        second=second,
        state="linked",
        method="verified-id" if new.primary is None else "full-name-and-birth",
        decided_by=DECIDED_BY,
        # When the epoch began, so that the same pair is the same decision in every file.
        decided_at=f"{epoch.begins.isoformat()}T00:00:00Z",
    )


def _said(line: int, fault: Fault) -> Said:
    return Said(line=line, field=fault.field, reason=fault.reason, is_refused=False)


def _why_weak(person: Person, claims: Claims) -> str:
    if not claims.has_birth:
        return "no date of birth"
    if claims.birth_is_weak:
        return "the date of birth is a default"
    return "no whole forename" if person.surname.strip() else "no surname"


def _csv_rows(file: TextIO, columns: Mapping[str, str]) -> Iterator[Row | Said]:
    lines = _Lines(file)
    reader = csv.reader(lines, strict=True)
    try:
        heading = next(reader, None)
    except csv.Error:
        heading = None
    if heading is None or lines.take_fault():
        raise BadSetup("the file has no heading that can be read: is it CSV, and in the --encoding that was said?")
    places = _places(heading, columns)
    before = reader.line_num
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield _no_row(before + 1, "no row of CSV: look for a quotation mark that is not closed")
            before = reader.line_num
            continue
        line, before = before + 1, reader.line_num
        if lines.take_fault():
            yield _no_row(line, _BAD_LINE)
        elif len(cells) > len(heading):
            # A comma inside a value moves all that follows into other columns.
            yield _no_row(line, "has more cells than the heading: put values with commas in quotation marks")
        elif any(cells):
            stated = {field: cells[place] for field, place in places.items() if place < len(cells)}
            yield _row(line, stated)


def _json_rows(file: TextIO, columns: Mapping[str, str]) -> Iterator[Row | Said]:
    lines = _Lines(file)
    names = {name: name for name in (*FIELDS, *BESIDE)} | dict(columns)
    for line, text in enumerate(lines, 1):
        if lines.take_fault():
            yield _no_row(line, _BAD_LINE)
        elif text.strip():
            try:
                found = json.loads(text)
            except (ValueError, RecursionError):
                found = None
            if not isinstance(found, dict):
                yield _no_row(line, "no object of JSON: one person per line, with named fields")
                continue
            stated = {field: found[name] for field, name in names.items() if found.get(name) is not None}
            wrong = next((field for field, value in stated.items() if not isinstance(value, str)), None)
            if wrong is None:
                yield _row(line, stated)
            else:
                yield Said(line=line, field=wrong, reason="is no text: write it in quotation marks", is_refused=True)


_BAD_LINE: Final = f"longer than {LINE_AT_MOST:,} characters, or not in the file's encoding: name it with --encoding"


def _no_row(line: int, reason: str) -> Said:
    return Said(line=line, field="", reason=reason, is_refused=True)


def _row(line: int, stated: dict[str, str]) -> Row:
    reference, role = stated.pop("reference", ""), stated.pop("role", "")
    return Row(line, Person(**stated), reference, role)


def _places(heading: Sequence[str], columns: Mapping[str, str]) -> dict[str, int]:
    """Where each field is. A heading is never repeated: in a file without one it is a person."""
    exact = {title: place for place, title in enumerate(heading)}
    places = {}
    for field, title in columns.items():
        if title not in exact:
            raise BadSetup(f"the heading has no column by the name that was given for {field}: look at its first line")
        places[field] = exact[title]
    for place, title in enumerate(heading):
        name = _NOT_HEADING.sub("_", title.strip().lower()).strip("_")
        field = _ALSO_CALLED.get(name, name)
        if field in (*FIELDS, *BESIDE) and field not in columns and place not in places.values():
            if field in places:
                raise BadSetup(f"two columns may be {field}: say which with --column {field}=NAME")
            places[field] = place
    if not {"surname", "nhs_number", "upn", "pnc"} & set(places):
        raise BadSetup("the first line names no column of persons: map them, like --column surname=NAME")
    return places


class _Lines:
    """The lines of a file, none longer than may be kept in memory; what is wrong with one is asked for afterwards."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._fault = False

    def take_fault(self) -> bool:
        """Whether a line read since the last time was too long or badly encoded."""
        fault, self._fault = self._fault, False
        return fault

    def __iter__(self) -> Iterator[str]:
        while text := self._file.readline(LINE_AT_MOST + 1):
            if len(text) > LINE_AT_MOST:
                self._fault = True
                while text and not text.endswith(("\n", "\r")):
                    text = self._file.readline(LINE_AT_MOST)
                text = "\n"
            elif not text.isascii() and any("\udc80" <= letter <= "\udcff" for letter in text):
                self._fault = True
            yield text


def read_columns(mapped: Iterable[str]) -> dict[str, str]:
    """The mapping of `FIELD=COLUMN` words. Raises `BadSetup`."""
    columns = {}
    for word in mapped:
        field, equals, title = word.partition("=")
        if not (field and equals and title):
            raise BadSetup("write --column FIELD=COLUMN, like --column born='Date of Birth'")
        columns[field] = title
    return columns


def form_of(path: Path) -> Form:
    """What kind of file it is, by its name."""
    return "jsonl" if path.suffix.lower() in (".jsonl", ".ndjson", ".json") else "csv"


def each_made(rows: Iterable[Row | Said], workshop: Workshop, said: Callable[[Said], None]) -> Iterator[Made]:
    """What is made of each row that is not refused; of the others, and of fields left out, it is said why."""
    for row in rows:
        if isinstance(row, Said):
            said(row)
            continue
        try:
            made = workshop.make(row)
        except Refused as refused:
            said(Said(line=row.line, field=refused.field, reason=refused.reason, is_refused=True))
            continue
        for fault in made.faults:
            said(fault)
        yield made
