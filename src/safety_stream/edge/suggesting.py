"""A first mapping for a table, drafted from its headings and first rows, to be mended by somebody who knows the table.

A guess is made where heading and cells agree, and only then. What nobody could guess stands in the draft as a comment,
and a word of theirs that is none of ours has nothing beside it: a row that holds one is rejected until somebody has
said what it is. Columns that look like persons go under `left_out`, unless tokens stand in them.

Of times the heading decides, and it is enough that most cells can be read: a table kept by hand has an `unknown` in
every column, and a report at another time than that of the incident is wrong without anybody noticing. How many cells
cannot be read is said beside the field, and so is a time that is taken only because no column says the one wanted.

The draft repeats headings, and the words of the columns that say what happened and in which district: it is the
partner's own file.
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
from safety_stream.edge.mapping import details_taken, districts, folded
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
_AFTERWARDS: Final = re.compile(
    r"\b(to|until|end|ends|ended|finish|finished|closed?|closure|resolved|completed|updated|amended|modified|changed|"
    r"review|reviewed|due|target|next|expires|expiry)\b"
)
"""Of times that are neither when something happened nor when it was reported."""
_SAYS_WHEN: Final = re.compile(r"occurred|happened|(incident|offence|event|start|from).*(date|time|when)|when")
_IS_NAME_OF_A_PLACE: Final = re.compile(r"[A-Za-z][A-Za-z'&. -]{0,30}").fullmatch
_WORDS_OF_TIMES: Final = frozenset({"date", "time", "day", "hour", "of", "the", "at", "on"})
_REFERENCE: Final = re.compile(r"\b(ref|reference|id|number|no|urn|case)\b")
_CATEGORY: Final = re.compile(r"\b(category|type|problem|nature|classification|offence)\b")
_CODES: Final = {"lsoa": re.compile(r"E01\d{6}"), "area": re.compile(r"E0[6-9]\d{6}")}
_DISTRICT: Final = re.compile(r"district|area|borough|council|authority|locality|where")
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
    """The text of a mapping, the columns it makes nothing of, and what of it may be wrong though it can be read."""

    text: str
    not_used: tuple[str, ...]
    look_at: tuple[str, ...] = ()


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


class _Read(msgspec.Struct, frozen=True):
    """How the cells of a column are read, none of `formats` for those that need none; and how many cannot be."""

    column: _Column
    formats: tuple[str, ...]
    unread: int

    @property
    def is_most(self) -> bool:
        """Whether most of its cells can be read."""
        return self.unread * 2 < len(self.column.cells)

    def comments(self) -> list[str]:
        """What to know of the cells that cannot be read."""
        if not self.unread:
            return []
        of = f"{self.unread} of {len(self.column.cells)} cells of {_quoted(self.column.heading)}"
        return [f"{of} cannot be read: add how they are written to `format`, or their rows are rejected"]


class _Times(msgspec.Struct, frozen=True):
    """A column of dates, with the one of hours if they are apart, and the formats of both together."""

    dates: _Read
    formats: tuple[str, ...]
    hours: _Read | None = None

    @property
    def says(self) -> str:
        """What the heading of its dates says."""
        return self.dates.column.says

    def comments(self) -> list[str]:
        """What to know of the cells that cannot be read."""
        return [*self.dates.comments(), *(self.hours.comments() if self.hours else ())]


class _Chosen(msgspec.Struct, frozen=True):
    """A field of time, whence it is taken, and why that is no more than a guess, if it is one."""

    name: str
    times: _Times | None
    guessed: str = ""


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
        self._districts = _by_name(districts(catalogue))
        self._look_at: list[str] = []

    def draft(self, source: str, layout: Layout) -> Draft:
        parties, vehicles, phones = self._parties(), self._tokens("vehicle"), self._tokens("phone")
        persons = [self._take(one) for one in list(self._left) if looks_personal(one.heading)]
        times = self._times()
        place = self._place()
        time_lines, of_times = _time_lines(times)
        self._look_at += of_times
        fields = [*self._reference(), *self._version(), "action: {value: new}", *self._category(), *time_lines]
        facts, details = self._facts(), self._details()
        not_used = tuple(one.heading for one in self._left)
        parts = [
            f"source: {source}",
            f"kind: {self._kind}",
            *_file_line(layout),
            *_part("fields", fields),
            *_part("place", place),
            *self._no_district(place),
            *_part("parties", parties),
            *_part("vehicles", vehicles),
            *_part("phones", phones),
            *_part("facts", facts),
            *_part("details", details),
        ]
        if persons:
            parts.append(f"left_out: [{', '.join(_quoted(one.heading) for one in persons)}]")
        parts += [f"# not used: {_quoted(heading)}" for heading in not_used]
        return Draft(text="\n".join(parts) + "\n", not_used=not_used, look_at=tuple(self._look_at))

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

    def _times(self) -> list[_Chosen]:
        found = [read for column in self._left if (read := _dates_in(column)).is_most]
        for read in found:
            self._take(read.column)
        every = [self._with_hours(read) for read in found]
        free = [one for one in every if not _AFTERWARDS.search(one.says)]
        reported = next((one for one in free if _REPORTED.search(one.says)), None)
        free = [one for one in free if not _REPORTED.search(one.says)]
        occurred = next((one for one in free if _OCCURRED.search(one.says)), None)
        free = [one for one in free if one is not occurred]
        no_occurred, no_reported = "", ""
        if occurred is None:
            occurred, no_occurred = free.pop(0) if free else reported, self._why_guessed()
        if reported is None:
            reported, no_reported = free.pop(0) if free else occurred, "guessed: no column says when it was reported"
        for one in every:
            if one not in (occurred, reported):
                self._left += [one.dates.column, *([one.hours.column] if one.hours else ())]
        return [
            _Chosen("occurred_from", occurred, no_occurred),
            _Chosen("reported_at", reported, no_reported),
            _Chosen("received_at", reported),
        ]

    def _why_guessed(self) -> str:
        """Why no column is sure to say when it happened, naming one that does so by its heading alone."""
        why = "guessed: no column says when it happened"
        for one in self._left:
            if _SAYS_WHEN.search(one.says) and not _is_another_time(one.says):
                return f"{why} so that it can be read: see {_quoted(one.heading)}"
        return why

    def _with_hours(self, dates: _Read) -> _Times:
        """The dates with the column of their hours: one that is called like them, or the next one."""
        alone = _Times(dates, dates.formats)
        if not _is_of_days(dates):
            return alone
        stem = _stem(dates.column)
        after = self._all.index(dates.column) + 1
        called_alike = [one for one in self._left if stem and _stem(one) == stem]
        for beside in (*called_alike, *self._all[after : after + 1]):
            if beside in self._left and not _are_of_two_times(dates.column, beside):
                hours = _hours_in(beside)
                if hours.is_most:
                    self._take(beside)
                    return _Times(dates, _formats_of_both(dates, hours), hours)
        return alone

    def _place(self) -> list[str]:
        lines = [_field(name, found) for name, wanted in _CODES.items() if (found := self._of_cells(wanted))]
        lines += self._district() if not any(line.startswith("area:") for line in lines) else []
        for name, wanted in _PLACES.items():
            if found := self._of_heading(wanted, _is_number):
                lines.append(_field(name, found))
        return lines

    def _district(self) -> list[str]:
        """The district by its name, of a column that is called like one if there is any."""
        found = self._first(lambda one: _DISTRICT.search(one.says) and self._is_of_districts(one))
        guessed = "" if found else "  # guessed: is this where it happened?"
        found = found or self._first(self._is_of_districts)
        if found is None:
            return []
        if guessed:
            self._look_at.append(f"place.area: guessed: is {_quoted(found.heading)} where it happened?")
        known, unknown = [], []
        for name, word in sorted({folded(text): text for text in reversed(found.texts)}.items()):
            code = self._districts.get(name)
            if code is None:
                # Among names of districts may be free text, and a mapping is shown to others.
                told = _quoted(word) if _IS_NAME_OF_A_PLACE(word) else "another word, which is not repeated here"
                unknown.append(f"    # {told}: which district, or OUTSIDE? Its rows are rejected until it is said")
            else:
                known.append(f"    {_quoted(word)}: {code}")
        if unknown:
            of = f"{len(unknown)} of {len(known) + len(unknown)} words of {_quoted(found.heading)}"
            self._look_at.append(f"place.area: {of} name no district: say in `values` which they are")
        return [f"area:{guessed}", f"  column: {_quoted(found.heading)}", "  values:", *known, *unknown]

    def _is_of_districts(self, column: _Column) -> bool:
        """Whether most of its cells are names of districts, and it is a list of few words."""
        named = sum(folded(text) in self._districts for text in column.texts)
        return named * 2 > len(column.cells) and len({*column.texts}) <= WORDS_AT_MOST

    def _no_district(self, place: Sequence[str]) -> list[str]:
        """What a table costs that says no district: nobody finds it out from what is not there."""
        if any(line.startswith(("area:", "lsoa:")) for line in place):
            return []
        cost = "which column names the district? What names none counts in no district"
        self._look_at.append(f"place.area: {cost}")
        return [f"# place.area: {cost}"]

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


def _by_name(districts: Mapping[str, str]) -> dict[str, str]:
    """Their codes by name; a name that two have tells nobody which is meant."""
    names = [folded(name) for name in districts.values()]
    return {name: code for name, code in zip(names, districts, strict=True) if names.count(name) == 1}


def _category_like(theirs: str, ours: Collection[str]) -> str | None:
    """The category that is written nearly the same, or the only one all of whose telling words are in theirs."""
    words = re.findall(r"[a-z0-9]+", theirs.lower())
    close = get_close_matches("-".join(words), ours, 1, 0.75)
    within = [one for one in ours if (telling := {*one.split("-")} - _UNTELLING) and telling <= {*words}]
    return close[0] if close else within[0] if len(within) == 1 else None


def _dates_in(column: _Column) -> _Read:
    """How the dates of a column are read, with what is none of them."""
    is_text = [text for text in column.texts if not _is_iso(text)]
    formats, left = _formats_in(column.texts, _FORMATS)
    strange = sum(isinstance(cell, time) for cell in column.cells)
    if len(is_text) <= len(left):
        return _Read(column, (), len(is_text) + strange)
    return _Read(column, formats, len(left) + strange)


def _hours_in(column: _Column) -> _Read:
    """How the hours of a column are read, with what is none of them; one kept as a time of day is written in full."""
    formats, left = _formats_in(column.texts, _HOURS)
    typed = any(isinstance(cell, time) for cell in column.cells)
    strange = sum(isinstance(cell, date) for cell in column.cells)
    in_full = [one for one in _HOURS[:1] if typed and one not in formats]
    return _Read(column, (*in_full, *formats), len(left) + strange)


def _formats_in(texts: Sequence[str], known: Sequence[str]) -> tuple[tuple[str, ...], Sequence[str]]:
    """Those of the known formats by which some of the texts are read, and the texts that are read by none."""
    found: list[str] = []
    left: Sequence[str] = texts
    for one in known:
        rest = [text for text in left if not _parses(one)(text)]
        if len(rest) < len(left):
            found.append(one)
            left = rest
    return tuple(found), left


def _formats_of_both(dates: _Read, hours: _Read) -> tuple[str, ...]:
    """The formats of a date and its hour, and of the date where the hour is empty; none if a spreadsheet kept both."""
    if not dates.formats and not hours.column.texts:
        return ()
    days = dates.formats or ("%Y-%m-%d",)
    return (*(f"{day} {hour}" for day in days for hour in hours.formats), *days)


def _is_of_days(dates: _Read) -> bool:
    """Whether none of the dates has an hour."""
    return not any("%H" in one for one in dates.formats) and not any(
        isinstance(cell, datetime) or (isinstance(cell, str) and not dates.formats and _is_iso(cell) and ":" in cell)
        for cell in dates.column.cells
    )


def _stem(column: _Column) -> frozenset[str]:
    """What a heading says beside that it is of times."""
    return frozenset(column.says.split()) - _WORDS_OF_TIMES


def _are_of_two_times(one: _Column, other: _Column) -> bool:
    """Whether one of two headings speaks of when it happened, and the other of another time."""
    return any(
        _OCCURRED.search(first.says) and not _is_another_time(first.says) and _is_another_time(second.says)
        for first, second in ((one, other), (other, one))
    )


def _is_another_time(says: str) -> bool:
    return bool(_REPORTED.search(says) or _AFTERWARDS.search(says))


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


def _time_lines(chosen: Sequence[_Chosen]) -> tuple[list[str], list[str]]:
    """The fields of time, and what of them somebody must look at."""
    lines, look_at = [], []
    said: set[str] = set()
    for one in chosen:
        if one.times is None:
            lines.append(f"# {one.name}: which column, and how is it written?")
            continue
        dates, hours = one.times.dates.column, one.times.hours
        at = f"column: {_quoted(dates.heading)}"
        if hours is not None:
            at = f"columns: [{_quoted(dates.heading)}, {_quoted(hours.column.heading)}]"
        form = f", format: [{', '.join(map(json.dumps, one.times.formats))}]" if one.times.formats else ""
        # What is to know of a column is said once, however many fields are taken from it.
        comments = [comment for comment in (one.guessed, *one.times.comments()) if comment and comment not in said]
        said.update(comments)
        lines.append(f"{one.name}: {{{at}{form}}}{'  # ' if comments else ''}{'; '.join(comments)}")
        look_at += [f"{one.name}: {comment}" for comment in comments]
    return lines, look_at


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
