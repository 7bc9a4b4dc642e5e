"""A first mapping for a table, drafted from its headings and first rows, to be mended by somebody who knows the table.

A guess is made where heading and cells agree, and only then. What nobody could guess stands in the draft as a comment,
and a word of theirs that is none of ours has nothing beside it: a row that holds one is rejected until somebody has
said what it is. Columns that look like persons go under `left_out`, unless tokens stand in them.

The draft repeats headings, and the words of the column that says what happened: it is the partner's own file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, time
from difflib import get_close_matches
from typing import Final

import msgspec

from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.incidents import Role
from safety_stream.edge.entries import Reject
from safety_stream.edge.mapping import details_taken
from safety_stream.edge.personal import OF_PARTIES, is_code, is_token, looks_personal
from safety_stream.edge.tabular import Cell, Layout, Row, Table

ROWS_LOOKED_AT: Final = 500
"""A default: enough to see every word of a column that has few."""

WORDS_AT_MOST: Final = 60
"""A column of more different words is no list of categories."""

_FORMATS: Final = (
    "%d/%m/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%d/%m/%Y",
    "%d-%m-%Y %H:%M",
    "%d-%m-%Y",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y",
    "%d %b %Y %H:%M",
    "%d %b %Y",
    "%d %B %Y",
    "%d/%m/%y %H:%M",
    "%d/%m/%y",
)
"""As they are written here; ISO 8601 needs none."""

_HOURS: Final = ("%H:%M:%S", "%H:%M")

_ROLES: Final[Mapping[str, Role]] = {
    "victim": "victim",
    "complainant": "victim",
    "suspect": "suspect",
    "offender": "suspect",
    "perpetrator": "perpetrator",
    "witness": "witness",
    "reporter": "reporter",
    "caller": "reporter",
    "missing": "missing",
}

_OCCURRED: Final = re.compile(r"incident|occurred|offence|happened|event|start|from")
_REPORTED: Final = re.compile(r"report|logged|received|created|recorded|opened|call|notified")
_REFERENCE: Final = re.compile(r"\b(ref|reference|id|number|no|urn|case)\b")
_CATEGORY: Final = re.compile(r"\b(category|type|problem|nature|classification|offence)\b")
_CODES: Final = {"lsoa": re.compile(r"E01\d{6}"), "area": re.compile(r"E0[6-9]\d{6}")}
_PLACES: Final = {
    "uprn": re.compile(r"\buprn\b"),
    "easting": re.compile(r"\b(eastings?|x)\b"),
    "northing": re.compile(r"\b(northings?|y)\b"),
    "latitude": re.compile(r"\blat(itude)?\b"),
    "longitude": re.compile(r"\b(longitude|long|lng|lon)\b"),
}
_UNTELLING: Final = frozenset({"asb", "crime", "incident", "other"})
_YES: Final = frozenset({"y", "yes", "true", "t", "1"})
_NO: Final = frozenset({"n", "no", "false", "f", "0"})


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """The text of a mapping, and the columns it makes nothing of."""

    text: str
    not_used: tuple[str, ...]


class _Column(msgspec.Struct, frozen=True):
    """A column and what stands in its first rows, nothing left out but what is empty."""

    heading: str
    cells: tuple[Cell, ...]

    @property
    def says(self) -> str:
        """The heading in small letters and single blanks."""
        return " ".join(re.findall(r"[a-z0-9]+", self.heading.lower()))

    @property
    def texts(self) -> tuple[str, ...]:
        """The cells that are text."""
        return tuple(cell for cell in self.cells if isinstance(cell, str))

    def is_all(self, fits: Callable[[str], object]) -> bool:
        """Whether there are cells, and all of them are text that fits."""
        return bool(self.cells) and len(self.texts) == len(self.cells) and all(map(fits, self.texts))


class _Times(msgspec.Struct, frozen=True):
    """A column of dates, with the one of hours beside it if they are apart."""

    column: _Column
    formats: tuple[str, ...]
    hours: _Column | None = None


def first_rows(table: Table) -> list[Row]:
    """The rows a draft is made of."""
    rows: list[Row] = []
    for row in table.rows:
        if not isinstance(row, Reject):
            rows.append(row)
        if len(rows) == ROWS_LOOKED_AT:
            break
    return rows


def suggest(
    headings: Sequence[str], rows: Sequence[Row], layout: Layout, source: str, kind: str, catalogue: Catalogue
) -> Draft:
    """A draft for a table with these headings and first rows, whose rows are reports of this source and kind."""
    columns = [
        _Column(heading, tuple(cell for row in rows if (cell := row.cells[heading]) != "")) for heading in headings
    ]
    return _Drafting([one for one in columns if one.heading], kind, catalogue).draft(source, layout)


class _Drafting:
    """One draft: columns are taken from those that are left, the surest first."""

    def __init__(self, columns: Sequence[_Column], kind: str, catalogue: Catalogue) -> None:
        self._left = list(columns)
        self._all = columns
        self._kind = kind
        self._catalogue = catalogue

    def draft(self, source: str, layout: Layout) -> Draft:
        parties, vehicles, phones = self._parties(), self._tokens("vehicle"), self._tokens("phone")
        persons = [self._take(one) for one in list(self._left) if looks_personal(one.heading)]
        times = self._times()
        place = self._place()
        fields = [*self._reference(), *self._version(), "action: {value: new}", *self._category(), *_time_lines(times)]
        facts, details = self._facts(), self._details()
        not_used = tuple(one.heading for one in self._left)
        parts = [
            f"source: {source}",
            f"kind: {self._kind}",
            *_file_line(layout),
            *_part("fields", fields),
            *_part("place", place),
            *_part("parties", parties),
            *_part("vehicles", vehicles),
            *_part("phones", phones),
            *_part("facts", facts),
            *_part("details", details),
        ]
        if persons:
            parts.append(f"left_out: [{', '.join(_quoted(one.heading) for one in persons)}]")
        parts += [f"# not used: {_quoted(heading)}" for heading in not_used]
        return Draft(text="\n".join(parts) + "\n", not_used=not_used)

    def _take(self, column: _Column) -> _Column:
        self._left.remove(column)
        return column

    def _first(self, fits: Callable[[_Column], object]) -> _Column | None:
        found = next((one for one in self._left if fits(one)), None)
        return None if found is None else self._take(found)

    def _parties(self) -> list[str]:
        lines = []
        while found := self._first(lambda one: one.is_all(lambda text: is_token(text, OF_PARTIES))):
            role = next((role for word, role in _ROLES.items() if word in found.says), "subject")
            lines.append(f"- {{role: {role}, token: {_token(found)}}}")
        return lines

    def _tokens(self, kind: str) -> list[str]:
        lines = []
        while found := self._first(lambda one: one.is_all(lambda text: is_token(text, {kind}))):
            lines.append(f"- {_token(found)}")
        return lines

    def _times(self) -> dict[str, _Times]:
        dates = []
        for column in list(self._left):
            formats = _formats_of(column)
            if formats is not None:
                dates.append(_Times(self._take(column), formats))
        apart = [self._with_hours(one) for one in dates]
        occurred = next((one for one in apart if _OCCURRED.search(one.column.says)), None)
        reported = next((one for one in apart if one is not occurred and _REPORTED.search(one.column.says)), None)
        rest = [one for one in apart if one not in (occurred, reported)]
        if occurred is None:
            occurred = rest.pop(0) if rest else reported
        if reported is None:
            reported = rest.pop(0) if rest else occurred
        self._left += [one.column for one in rest]
        found = {"occurred_from": occurred, "reported_at": reported, "received_at": reported}
        return {name: one for name, one in found.items() if one is not None}

    def _with_hours(self, dates: _Times) -> _Times:
        """The dates with the hours that stand in the next column, if they do."""
        after = self._all.index(dates.column) + 1
        beside = self._all[after] if after < len(self._all) else None
        if beside is None or beside not in self._left or not _is_of_hours(beside):
            return dates
        hours = self._take(beside)
        if not dates.formats:
            typed = all(isinstance(cell, time) for cell in hours.cells)
            formats: tuple[str, ...] = () if typed else ("%Y-%m-%d %H:%M", "%Y-%m-%d")
        else:
            hour = next((one for one in _HOURS if hours.is_all(_parses(one))), _HOURS[1])
            formats = (f"{dates.formats[0]} {hour}", *dates.formats)
        return _Times(dates.column, formats, hours)

    def _place(self) -> list[str]:
        lines = [_field(name, found) for name, wanted in _CODES.items() if (found := self._of_cells(wanted))]
        for name, wanted in _PLACES.items():
            if found := self._of_heading(wanted, _is_number):
                lines.append(_field(name, found))
        return lines

    def _of_cells(self, wanted: re.Pattern[str]) -> _Column | None:
        return self._first(lambda one: one.is_all(wanted.fullmatch))

    def _of_heading(self, wanted: re.Pattern[str], fits: Callable[[str], object]) -> _Column | None:
        return self._first(lambda one: wanted.search(one.says) and one.is_all(fits))

    def _reference(self) -> list[str]:
        found = self._first(lambda one: _REFERENCE.search(one.says) and one.is_all(is_code) and _differ(one.texts))
        return ["# source_ref: which column is your own reference?"] if found is None else [_field("source_ref", found)]

    def _version(self) -> list[str]:
        found = self._first(lambda one: "version" in one.says and one.is_all(str.isdigit))
        return ["source_version: {value: 1}"] if found is None else [_field("source_version", found)]

    def _category(self) -> list[str]:
        found = self._first(
            lambda one: _CATEGORY.search(one.says) and one.is_all(str.strip) and len({*one.texts}) <= WORDS_AT_MOST
        )
        if found is None:
            return ["# category: which column says what happened? Or name one: {value: …}"]
        lines = ["category:", f"  column: {_quoted(found.heading)}", "  values:"]
        for word in sorted({*found.texts}, key=str.casefold):
            ours = _category_like(word, self._catalogue.categories) or "null  # which of our categories?"
            lines.append(f"    {_quoted(word)}: {ours}")
        return lines

    def _facts(self) -> list[str]:
        lines = []
        for column in list(self._left):
            name = column.says.replace(" ", "-")
            kind = self._catalogue.facts.get(name)
            if kind is None:
                continue
            if kind.type == "number" and column.is_all(str.isdigit):
                lines.append(_field(name, self._take(column)))
            elif kind.values and (words := _values_of(column, kind.values)):
                lines.append(f"{name}: {{column: {_quoted(self._take(column).heading)}, values: {words}}}")
        return lines

    def _details(self) -> list[str]:
        lines = []
        for column in list(self._left):
            name = column.says.replace(" ", "_")
            taking = details_taken(self._kind).get(name)
            if taking == "flag" and (words := _values_of(column, {"true", "false"})):
                lines.append(f"{name}: {{column: {_quoted(self._take(column).heading)}, values: {words}}}")
            elif (taking == "number" and column.is_all(str.isdigit)) or (taking == "code" and column.is_all(is_code)):
                lines.append(_field(name, self._take(column)))
        return lines


def _category_like(theirs: str, ours: Collection[str]) -> str | None:
    """The category that is written nearly the same, or the only one all of whose telling words are in theirs."""
    words = re.findall(r"[a-z0-9]+", theirs.lower())
    close = get_close_matches("-".join(words), ours, 1, 0.75)
    within = [one for one in ours if (telling := {*one.split("-")} - _UNTELLING) and telling <= {*words}]
    return close[0] if close else within[0] if len(within) == 1 else None


def _formats_of(column: _Column) -> tuple[str, ...] | None:
    """The formats of a column of dates, none for those that need none; None where it is none of dates."""
    if column.cells and all(isinstance(cell, date) for cell in column.cells):
        return ()
    if column.is_all(_is_iso):
        return ()
    found: list[str] = []
    left: Sequence[str] = column.texts
    for one in _FORMATS:
        rest = [text for text in left if not _parses(one)(text)]
        if len(rest) < len(left):
            found.append(one)
            left = rest
    return tuple(found) if column.is_all(str.strip) and not left else None


def _parses(form: str) -> Callable[[str], bool]:
    def parses(text: str) -> bool:
        try:
            datetime.strptime(text, form)  # noqa: DTZ007 - only whether it can be read
        except ValueError:
            return False
        return True

    return parses


def _is_iso(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return "-" in text


def _is_of_hours(column: _Column) -> bool:
    return bool(column.cells) and all(
        isinstance(cell, time) or (isinstance(cell, str) and any(_parses(one)(cell) for one in _HOURS))
        for cell in column.cells
    )


def _is_number(text: str) -> bool:
    return re.fullmatch(r"-?\d+(\.\d+)?", text) is not None


def _differ(texts: Sequence[str]) -> bool:
    """Whether most are different: a reference may come again in another version."""
    return len({*texts}) * 2 > len(texts)


def _values_of(column: _Column, ours: Iterable[str]) -> str:
    """The words of a column beside ours, as YAML; "" where they do not fit."""
    words = sorted({*column.texts}, key=str.casefold)
    known = frozenset(ours)
    pairs = []
    for word in words:
        folded = word.casefold()
        if {"true", "false"} == known and folded in _YES | _NO:
            pairs.append(f"{_quoted(word)}: {str(folded in _YES).lower()}")
        elif folded.replace(" ", "-") in known:
            pairs.append(f"{_quoted(word)}: {folded.replace(' ', '-')}")
        else:
            return ""
    return f"{{{', '.join(pairs)}}}" if pairs else ""


def _time_lines(times: Mapping[str, _Times]) -> list[str]:
    lines = []
    for name in ("occurred_from", "reported_at", "received_at"):
        one = times.get(name)
        if one is None:
            lines.append(f"# {name}: which column, and how is it written?")
            continue
        at = f"column: {_quoted(one.column.heading)}"
        if one.hours is not None:
            at = f"columns: [{_quoted(one.column.heading)}, {_quoted(one.hours.heading)}]"
        form = f", format: [{', '.join(map(json.dumps, one.formats))}]" if one.formats else ""
        lines.append(f"{name}: {{{at}{form}}}")
    return lines


def _file_line(layout: Layout) -> list[str]:
    stated = {name: value for name, value in msgspec.structs.asdict(layout).items() if value != getattr(Layout(), name)}
    said = ", ".join(f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in stated.items())
    return [f"file: {{{said}}}"] if said else []


def _field(name: str, column: _Column) -> str:
    return f"{name}: {{column: {_quoted(column.heading)}}}"


def _token(column: _Column) -> str:
    tokenised = ", tokenised: true" if looks_personal(column.heading) else ""
    return f"{{column: {_quoted(column.heading)}{tokenised}}}"


def _part(name: str, lines: Sequence[str]) -> list[str]:
    return [f"{name}:", *(f"  {line}" for line in lines)] if lines else []


def _quoted(text: str) -> str:
    """A text as YAML."""
    return text if _IS_PLAIN(text) and text.lower() not in _NO_TEXT else json.dumps(text, ensure_ascii=False)


_IS_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*( [A-Za-z0-9_]+)*").fullmatch
_NO_TEXT: Final = frozenset({"null", "true", "false"})
