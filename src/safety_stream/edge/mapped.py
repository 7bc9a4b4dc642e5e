"""Any partner's table, CSV or a workbook, as reports: by a mapping that says what its columns mean (`edge.mapping`).

Each row becomes a line of canonical JSON and is read like one, so that there is one set of rules for what a report may
say, and one way to say what is wrong. Here is only what comes before: what a cell is by the mapping.

Times are in Europe/London unless the cell states a zone. An hour that the clocks of spring leave out is no time; of the
hour that those of autumn repeat the mapping says which is meant, or the row is rejected. A time without an hour is
known to the day, one without a day to the month: the report covers all of it, as far as it was past when it was
reported, and says so in `precision`, unless the mapping takes these fields from elsewhere.

No reason repeats a value. Headings are repeated, but only those that the mapping itself names.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, time
from typing import BinaryIO, Final, Literal, NamedTuple

import msgspec

from safety_stream.core.catalogue import Areas
from safety_stream.core.model.times import (
    Instant,
    PeriodKind,
    day_of,
    period_of,
    start_of,
    to_date,
    to_iso,
)
from safety_stream.edge import canonical
from safety_stream.edge.beside import NO_LINE, OTHER_ROW, Beside, Following, TokenFile
from safety_stream.edge.clocks import LEFT_OUT, YEARS, shown
from safety_stream.edge.entries import Entry, Fault, Reject, UnreadableFile
from safety_stream.edge.mapping import ColumnMapping, RepeatedHour, Stated, Taken, as_word, folded
from safety_stream.edge.personal import CODE_WANTED, NOT_MADE, is_code, is_token, looks_personal, may_be_nhs_number
from safety_stream.edge.tabular import Cell, Row, Table, open_table

Value = str | int | float | bool
Line = dict[str, object]
Known = Literal["instant", "day", "month"]

_IS_INTEGER: Final = re.compile(r"[-+]?[0-9]{1,15}", re.ASCII).fullmatch
_IS_DECIMAL: Final = re.compile(r"[-+]?[0-9]{1,9}(\.[0-9]{1,17})?", re.ASCII).fullmatch
_HOURS: Final = re.compile(r"%-?[HIXcM]")
_DAYS: Final = re.compile(r"%-?[djxcUW]")


class Moment(NamedTuple):
    """The first instant of what a cell says, and how much of the calendar that is."""

    at: Instant
    known: Known


class _Wrong(Exception):
    """What is wrong with a cell, as a reason goes on after its column."""


def adapter_of(
    mapping: ColumnMapping, tokens: TokenFile | None = None
) -> Callable[[BinaryIO, Areas | None], Iterator[Entry | Reject]]:
    """The adapter for tables that this mapping is of: like every adapter's `read`, with the same promises.

    With `tokens` the persons, vehicles and phones of each row are those of its line there, beside the mapping's own; a
    row that has no line there would be a report that forgets its persons, and is rejected.
    """

    def read(file: BinaryIO, areas: Areas | None = None) -> Iterator[Entry | Reject]:
        # A report says its own place.
        del areas
        beside = None if tokens is None else Following(tokens.lines())
        with open_table(file, mapping.layout) as table:
            check_headings(table, mapping)
            for row in table.rows:
                if isinstance(row, Reject):
                    yield row
                elif beside is None:
                    yield entry_of(row, mapping)
                else:
                    of_row = beside.of(row.line)
                    yield entry_of(row, mapping, of_row) if of_row else Reject(line=row.line, reason=NO_LINE)

    return read


def check_headings(table: Table, mapping: ColumnMapping) -> None:
    """See that a table has the columns, and none of persons that nobody spoke of. Raises `UnreadableFile`."""
    missing = [heading for heading in mapping.headings if heading not in table.headings]
    if missing:
        raise UnreadableFile(f"there is no column {missing[0]!r}, which the mapping names: mend the one or the other")
    spoken_of = {*mapping.headings, *mapping.left_out}
    for number, heading in enumerate(table.headings, 1):
        if looks_personal(heading) and heading not in spoken_of:
            # By its number: in a file without headings a person stands there.
            raise UnreadableFile(
                f"column number {number} looks like a person's and the mapping does not name it: put it under left_out"
            )


def entry_of(row: Row, mapping: ColumnMapping, beside: Beside | None = None) -> Entry | Reject:
    """The report in a row, with the tokens that were made of it, or why there is none."""
    line: Line = {"source": mapping.source, "kind": mapping.kind}
    faults: list[Fault] = []
    moments: dict[str, Moment] = {}
    for taken in mapping.taken:
        try:
            value = _taken(row, taken, mapping.repeated_hour)
        except _Wrong as wrong:
            faults.append(Fault(taken.name, str(wrong)))
            continue
        if isinstance(value, Moment):
            moments[taken.name] = value
        elif value is not None:
            _put(line, taken.path, value)
    if "category" not in line and not faults:
        faults.append(Fault("category", "says nothing: say in `values` which of our categories its words are"))
    if faults:
        return _reject(row.line, faults, mapping)
    _put_times(line, moments)
    _tidy(line, mapping)
    if beside is not None:
        if beside.reference != line.get("source_ref"):
            return Reject(line=row.line, reason=OTHER_ROW)
        _add_tokens(line, beside)
    entry = canonical.parse(json.dumps(line), row.line)
    if isinstance(entry, Reject) and entry.faults:
        return _reject(row.line, entry.faults, mapping)
    return entry


def _taken(row: Row, taken: Taken, repeated_hour: RepeatedHour) -> Value | Moment | None:
    """What a field is by the mapping; None for nothing. Raises `_Wrong`."""
    entry = taken.entry
    if entry.value is not None:
        return as_word(entry.value) if taken.taking in ("word", "code", "area") else entry.value
    cells = [row.cells[heading] for heading in entry.headings]
    if taken.taking in ("time", "day"):
        moment = moment_of(cells, entry.formats, repeated_hour)
        return to_date(day_of(moment.at)).isoformat() if moment and taken.taking == "day" else moment
    cell = cells[0]
    text = cell if isinstance(cell, str) else cell.isoformat()
    if taken.taking in ("word", "flag") or entry.values is not None:
        return _word(text, entry.values or {}, entry.otherwise, as_text=taken.taking != "flag")
    return _PLAIN[taken.taking](text, taken) if text else None


def _word(
    text: str, values: Mapping[str | int, Stated | None], otherwise: Stated | None, *, as_text: bool
) -> Value | None:
    wanted = folded(text)
    for theirs, ours in values.items():
        if folded(str(theirs)) == wanted:
            return None if ours is None else as_word(ours) if as_text else ours
    if otherwise is not None:
        return as_word(otherwise) if as_text else otherwise
    if not text:
        return None
    raise _Wrong("holds a word that is not among its `values`: add it there, or say what it is `otherwise`")


def _number(text: str, _taken: Taken) -> int:
    if not _IS_INTEGER(text):
        raise _Wrong("is no whole number in digits")
    return int(text)


def _decimal(text: str, _taken: Taken) -> float:
    if not _IS_DECIMAL(text) or not math.isfinite(float(text)):
        raise _Wrong("is no number in digits, with a point before its fraction")
    return float(text)


def _code(text: str, taken: Taken) -> str:
    if not is_code(text):
        raise _Wrong(f"is taken as it stands, so it {CODE_WANTED}")
    # Of the place it is a UPRN, and one of eleven of those checks like the number of a patient.
    if taken.path[0] != "place" and may_be_nhs_number(text):
        raise _Wrong("may be an NHS number, which goes into no field: give the reference a letter before its digits")
    return text


def _token(text: str, taken: Taken) -> str:
    if not is_token(text, taken.kinds):
        raise _Wrong(NOT_MADE)
    return text


_PLAIN: Final[Mapping[str, Callable[[str, Taken], Value]]] = {
    "number": _number,
    "decimal": _decimal,
    "code": _code,
    "area": _code,
    "token": _token,
}


def moment_of(cells: Sequence[Cell], formats: Sequence[str], repeated_hour: RepeatedHour) -> Moment | None:
    """The moment in the cells of a date, or of a date and a time of day; None for nothing. Raises `_Wrong`."""
    if not any(_is_filled(cell) for cell in cells):
        return None
    told, known = _told(cells, formats)
    if told.year not in YEARS:
        raise _Wrong("is not of the years 1900 to 2999")
    return Moment(_instant(told, repeated_hour), known)


def _is_filled(cell: Cell) -> bool:
    # A midnight is no nothing.
    return not isinstance(cell, str) or cell != ""


def _told(cells: Sequence[Cell], formats: Sequence[str]) -> tuple[datetime, Known]:
    first, rest = cells[0], [cell for cell in cells[1:] if _is_filled(cell)]
    if isinstance(first, date) and (not rest or isinstance(rest[0], time)):
        # As a spreadsheet keeps it; a datetime is a date, too.
        if rest and isinstance(rest[0], time):
            return datetime.combine(first, rest[0]), "instant"
        return (first, "instant") if isinstance(first, datetime) else (datetime.combine(first, time()), "day")
    text = " ".join(cell if isinstance(cell, str) else cell.isoformat() for cell in cells if _is_filled(cell))
    for one in formats:
        try:
            told = datetime.strptime(text, one)  # noqa: DTZ007 - the zone comes next
        except (ValueError, OverflowError):
            continue
        return told, "instant" if _HOURS.search(one) else "day" if _DAYS.search(one) else "month"
    if not formats:
        try:
            return datetime.fromisoformat(text), "instant" if len(text) > len("2026-01-31") else "day"
        except (ValueError, OverflowError):
            pass
    wanted = "is in none of its formats" if formats else "is no date like 2026-01-31 or 2026-01-31T09:30"
    raise _Wrong(f"{wanted}: say in `format` how it is written, like `%d/%m/%Y %H:%M`")


def _instant(told: datetime, repeated_hour: RepeatedHour) -> Instant:
    at = shown(told)
    if at is None:
        raise _Wrong(LEFT_OUT)
    earlier, later = at
    if earlier != later and repeated_hour == "refuse":
        raise _Wrong(
            "is in the hour that the clocks of autumn go through twice: state the zone, or say in `repeated_hour` "
            "which is meant"
        )
    return later if repeated_hour == "later" else earlier


def _put_times(line: Line, moments: Mapping[str, Moment]) -> None:
    """The times of a report; what is known to the day or month covers it, as far as it was past when reported."""
    occurred, reported = moments.get("occurred_from"), moments.get("reported_at")
    at: dict[str, Instant] = {name: moment.at for name, moment in moments.items()}
    if occurred and reported:
        at["reported_at"] = _not_before(reported, occurred.at)
        if received := moments.get("received_at"):
            at["received_at"] = _not_before(received, at["reported_at"])
        if occurred.known != "instant" and "occurred_to" not in moments:
            at["occurred_to"] = max(occurred.at, min(_last_of(occurred), at["reported_at"]))
        ended = moments.get("occurred_to")
        if ended and ended.known != "instant":
            at["occurred_to"] = max(occurred.at, min(_last_of(ended), at["reported_at"]))
        if occurred.known != "instant":
            line.setdefault("precision", occurred.known)
    for name, instant in at.items():
        _put(line, tuple(name.split(".")), to_iso(instant))


def _not_before(moment: Moment, other: Instant) -> Instant:
    """Of a day on which something is known to have been before: not before that."""
    return max(moment.at, other) if other <= _last_of(moment) else moment.at


def _last_of(moment: Moment) -> Instant:
    kind: PeriodKind = "month" if moment.known == "month" else "day"
    return moment.at if moment.known == "instant" else start_of(period_of(day_of(moment.at), kind).ends) - 1


def _put(line: Line, path: Sequence[str | int], value: Value) -> None:
    """Put a value where its path leads; a list is kept by its indices until the line is whole."""
    at = line
    for step in path[:-1]:
        at = at.setdefault(str(step), {})  # type: ignore[assignment]  # what was put there is such a dictionary
    at[str(path[-1])] = value


def _tidy(line: Line, mapping: ColumnMapping) -> None:
    """Make lists of what was kept by index; a party without a token is nobody."""
    for name in ("flags", "vehicles", "phones"):
        found = line.get(name)
        if isinstance(found, dict):
            line[name] = list(dict.fromkeys(found.values()))
    parties = line.get("parties")
    if isinstance(parties, dict):
        line["parties"] = [
            {"role": mapping.roles[int(number)], **party} for number, party in parties.items() if "token" in party
        ]


def _add_tokens(line: Line, beside: Beside) -> None:
    parties = [msgspec.to_builtins(party) for party in beside.parties]
    for name, more in (("parties", parties), ("vehicles", beside.vehicles), ("phones", beside.phones)):
        if more:
            stated = line.get(name)
            line[name] = [*(stated if isinstance(stated, list) else ()), *more]


def _reject(line: int, faults: Sequence[Fault], mapping: ColumnMapping) -> Reject:
    by_field = {taken.name: taken.entry.headings for taken in mapping.taken}
    said = tuple(_of_column(fault, by_field.get(fault.field, ())) for fault in faults[: canonical.FAULTS_SAID])
    more = [f"and {len(faults) - len(said)} more"] if len(faults) > len(said) else []
    return Reject(line=line, reason="; ".join([*map(str, said), *more]), faults=said)


def _of_column(fault: Fault, headings: Sequence[str]) -> Fault:
    named = " and ".join(repr(heading) for heading in headings)
    return Fault(fault.field, f"{fault.reason} (column {named})" if named else fault.reason)
