"""STATS19 road casualty statistics as reports of source `collisions`: one zip of the three files of an edition.

What the files are, and what follows from it:

- The Department for Transport publishes collisions, vehicles and casualties apart, joined by the collision's index;
  only together do they say what happened, so they come as one file: `zip collisions.zip *.csv`. Each is told by its
  headings, those of before 2024 (`accident_index`) included, and not by its name.
- A collision says how many vehicles and casualties it has and how severe it is, which is as severe as the worst of
  them. Where the other files say something else they are not of one edition, or cut short, and it is rejected.
- Of vehicles and casualties nothing is taken but their number and how badly people were hurt: no age, no sex, no home.
- Times are as the clock showed. In the hour that the clocks of autumn go through twice it is one of two instants, and
  the report covers both; where no time was written down, the day is known.
- Nothing says when a report came in: it is known at the end of its day, as the police knew of it.
- Nor does anything say which edition it is: the version is 1. A severity that changed in a later edition is a row for
  a mapping with a version of its own.

Vehicles and casualties are read first, and of each collision a few numbers kept. Lines are those of the collisions'
file; what is wrong with a row of another file is told after them, its line counted on from theirs.

Source: road safety open data, Open Government Licence v3.0; codes as in its data guide.
"""

from __future__ import annotations

import lzma
import shutil
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from tempfile import SpooledTemporaryFile
from typing import IO, BinaryIO, Final, TypeVar, cast

import msgspec

from safety_stream.core.catalogue import Areas
from safety_stream.core.model.facts import Fact
from safety_stream.core.model.reports import Report, ReportedPlace
from safety_stream.core.model.times import Instant, start_of, to_day
from safety_stream.edge.clocks import LEFT_OUT, YEARS, shown
from safety_stream.edge.entries import Entry, Reject, UnreadableFile, plain
from safety_stream.edge.personal import is_code
from safety_stream.edge.stated import Wrong
from safety_stream.edge.tabular import Layout, Row, Table, open_table
from safety_stream.wire.schema import Json

T = TypeVar("T")

SOURCE = "collisions"
"""The source every report of such a file belongs to."""

SEVERITIES: Final = {"1": "fatal", "2": "serious", "3": "slight"}
"""The codes of severity, of collisions and of casualties."""

COLLISIONS_AT_MOST = 2_000_000
"""A default: ten years of Great Britain. Of so many a few numbers each are kept in memory."""

MISFITS_AT_MOST = 10_000
"""Rows of vehicles and casualties that fit no collision; where there are more, the files are not of one edition."""

_IN_MEMORY: Final = 16_000_000
_MISSING: Final = ("", "-1", "NULL")
_ALSO_CALLED: Final = {
    "accident_index": "collision_index",
    "accident_severity": "collision_severity",
    "lsoa_of_accident_location": "lsoa_of_collision_location",
}
_TOLD_BY: Final = {"casualties": "casualty_severity", "vehicles": "vehicle_type", "collisions": "collision_severity"}
"""The column that only one of the files has; the first that fits."""

_NEEDED: Final = ("collision_index", "date", "time", "number_of_vehicles", "number_of_casualties")
_GSS_CODES: Final = ("lsoa_of_collision_location", "local_authority_ons_district")
_CODES: Final = {
    "road_class": "first_road_class",
    "road_number": "first_road_number",
    "junction": "junction_detail",
    "light": "light_conditions",
    "weather": "weather_conditions",
    "surface": "road_surface_conditions",
}
"""Fields of the native details, and the columns their codes are in."""


class _Counted(msgspec.Struct):
    """What the other files say of a collision."""

    vehicles: int = 0
    casualties: list[int] = msgspec.field(default_factory=lambda: [0, 0, 0])
    is_met: bool = False


class _Beside(msgspec.Struct):
    """The vehicles and casualties of an edition, counted, and the rows that are none."""

    by_index: dict[str, _Counted]
    rejects: list[tuple[int, str]]
    lines: dict[str, int]


def read(file: BinaryIO, areas: Areas | None = None) -> Iterator[Entry | Reject]:
    """The collisions of an open zip of the three files, in their order. Raises `UnreadableFile`."""
    del areas
    line = 0
    try:
        with _members(file) as (edition, members):
            beside = _counted(edition, members)
            for row in _rows(edition, members["collisions"]):
                line = row.line
                yield row if isinstance(row, Reject) else _entry(row, beside.by_index)
            yield from _misfits(beside, line)
    except (EOFError, OSError, zlib.error, lzma.LZMAError, zipfile.BadZipFile) as error:
        raise UnreadableFile(f"broken after line {line} ({error}): zip it again") from error


@contextmanager
def _members(file: BinaryIO) -> Iterator[tuple[zipfile.ZipFile, Mapping[str, str]]]:
    """The zip, and which of its members is which of the three files."""
    with SpooledTemporaryFile(_IN_MEMORY) as copy:
        # A zip is read from its end, where a packed file cannot begin.
        with plain(file) as unpacked:
            shutil.copyfileobj(unpacked, copy)
        with _sound(lambda: zipfile.ZipFile(cast(IO[bytes], copy))) as edition:
            members: dict[str, str] = {}
            for name in (one.filename for one in edition.infolist() if one.filename.lower().endswith(".csv")):
                with _table(edition, name) as table:
                    headings = {_ALSO_CALLED.get(one, one) for one in table.headings}
                found = next((sort for sort, column in _TOLD_BY.items() if column in headings), None)
                if found in members:
                    raise UnreadableFile(f"there are two files of {found}: zip those of one edition")
                if found is not None:
                    members[found] = name
            missing = [sort for sort in _TOLD_BY if sort not in members]
            if missing:
                raise UnreadableFile(f"there is no file of {missing[0]}: zip the three CSV files of one edition")
            yield edition, members


@contextmanager
def _table(edition: zipfile.ZipFile, name: str) -> Iterator[Table]:
    with _sound(lambda: edition.open(name)) as member, open_table(cast(BinaryIO, member), Layout()) as table:
        yield table


def _sound(opened: Callable[[], T]) -> T:
    """What was opened of a zip. Raises `BadZipFile` for all that can be wrong with it, where there are many errors."""
    try:
        return opened()
    except (ValueError, RuntimeError, struct.error) as error:
        # Offsets that lead nowhere, a password, a way of packing that nobody knows.
        raise zipfile.BadZipFile(str(error)) from error


def _rows(edition: zipfile.ZipFile, name: str) -> Iterator[Row | Reject]:
    """The rows of a member, by today's headings."""
    with _table(edition, name) as table:
        missing = "collision_index" not in {_ALSO_CALLED.get(one, one) for one in table.headings}
        if missing:
            raise UnreadableFile("there is no column collision_index in one of the files: they cannot be joined")
        for row in table.rows:
            if isinstance(row, Reject):
                yield row
            else:
                cells = {_ALSO_CALLED.get(heading, heading): cell for heading, cell in row.cells.items()}
                yield Row(row.line, cells)


def _counted(edition: zipfile.ZipFile, members: Mapping[str, str]) -> _Beside:
    beside = _Beside({}, [], {"vehicles": 0, "casualties": 0})
    for sort in beside.lines:
        for row in _rows(edition, members[sort]):
            beside.lines[sort] = row.line
            reason = row.reason if isinstance(row, Reject) else _count(row, sort, beside.by_index)
            if reason is not None:
                beside.rejects.append((_after(beside, sort, row.line), f"line {row.line} of {sort}: {reason}"))
            if len(beside.rejects) > MISFITS_AT_MOST or len(beside.by_index) > COLLISIONS_AT_MOST:
                raise UnreadableFile("too many rows of vehicles or casualties are of no collision: zip one edition")
    return beside


def _after(beside: _Beside, sort: str, line: int) -> int:
    return line if sort == "vehicles" else beside.lines["vehicles"] + line


def _count(row: Row, sort: str, by_index: dict[str, _Counted]) -> str | None:
    index = str(row.cells["collision_index"])
    if not is_code(index):
        return "collision_index is no index of letters and digits"
    counted = by_index.setdefault(index, _Counted())
    if sort == "vehicles":
        counted.vehicles += 1
        return None
    severity = str(row.cells["casualty_severity"])
    if severity not in SEVERITIES:
        return "casualty_severity is none of 1, 2 and 3"
    counted.casualties[int(severity) - 1] += 1
    return None


def _misfits(beside: _Beside, last: int) -> Iterator[Reject]:
    for line, reason in beside.rejects:
        yield Reject(line=last + line, reason=reason)
    after = last + sum(beside.lines.values())
    orphans = sum(not counted.is_met for counted in beside.by_index.values())
    if orphans:
        reason = f"{orphans:,} collisions have vehicles or casualties and are not among the collisions: zip one edition"
        yield Reject(line=after + 1, reason=reason)


def _entry(row: Row, by_index: Mapping[str, _Counted]) -> Entry | Reject:
    try:
        return _made(row, {name: str(cell) for name, cell in row.cells.items()}, by_index)
    except Wrong as wrong:
        return Reject(line=row.line, reason=str(wrong))


def _made(row: Row, cells: Mapping[str, str], by_index: Mapping[str, _Counted]) -> Entry:
    missing = [name for name in _NEEDED if name not in cells]
    if missing:
        raise Wrong(f"there is no column {missing[0]}")
    index = cells["collision_index"]
    if not is_code(index):
        raise Wrong("collision_index is no index of letters and digits")
    severity = SEVERITIES.get(cells["collision_severity"])
    if severity is None:
        raise Wrong("collision_severity is none of 1, 2 and 3")
    counted = by_index.get(index, _Counted())
    counted.is_met = True
    _check_counted(cells, counted)
    occurred, until = _when(cells)
    killed, seriously, _ = counted.casualties
    day_ends = start_of(to_day(_day(cells)) + 1)
    return Entry(
        line=row.line,
        received_at=day_ends,
        details={"collision": _details(index, severity, cells, counted)},
        report=Report(
            source=SOURCE,
            source_ref=index,
            source_version=1,
            action="new",
            kind="collision",
            subtype=severity,
            category="collision",
            occurred_from=occurred,
            occurred_to=until,
            precision="day" if cells["time"] in _MISSING else "instant",
            reported_at=max(occurred, until or occurred) if cells["time"] not in _MISSING else day_ends,
            place=_place(cells),
            facts=(Fact("collision-killed", str(killed)), Fact("collision-ksi", str(killed + seriously))),
            details=("collision",),
        ),
    )


def _check_counted(cells: Mapping[str, str], counted: _Counted) -> None:
    for column, found in (
        ("number_of_vehicles", counted.vehicles),
        ("number_of_casualties", sum(counted.casualties)),
    ):
        if cells[column] != str(found):
            raise Wrong(f"{column} is not how many there are in the other file: zip the files of one edition, whole")
    worst = next((str(code) for code, many in enumerate(counted.casualties, 1) if many), None)
    if worst is not None and worst != cells["collision_severity"]:
        raise Wrong("collision_severity is not that of the worst hurt: zip the files of one edition")


def _day(cells: Mapping[str, str]) -> date:
    try:
        return datetime.strptime(cells["date"], "%d/%m/%Y").replace(tzinfo=UTC).date()
    except ValueError:
        raise Wrong("date is no day like 31/01/2026") from None


_FIRST_YEAR: Final = 1979
"""The first year there are STATS19 data of."""


def _when(cells: Mapping[str, str]) -> tuple[Instant, Instant | None]:
    day = _day(cells)
    if day.year < _FIRST_YEAR or day.year not in YEARS:
        raise Wrong("date is before 1979, when STATS19 began, or in no year there is")
    if cells["time"] in _MISSING:
        return start_of(to_day(day)), start_of(to_day(day) + 1) - 1
    try:
        hour = datetime.strptime(cells["time"], "%H:%M").replace(tzinfo=UTC).time()
    except ValueError:
        raise Wrong("time is no time of day like 17:30, and not -1 for none") from None
    at = shown(datetime.combine(day, hour))
    if at is None:
        raise Wrong(f"time {LEFT_OUT}")
    return at[0], at[1] if at[1] > at[0] else None


def _place(cells: Mapping[str, str]) -> ReportedPlace | None:
    lsoa, district = (_gss(cells.get(name, "")) for name in _GSS_CODES)
    easting, northing = (_metres(cells.get(f"location_{name}_osgr", "")) for name in ("easting", "northing"))
    if (easting is None) != (northing is None):
        raise Wrong("location_easting_osgr and location_northing_osgr go together: state both, or neither")
    if easting is None and lsoa is None and district is None:
        return None
    return ReportedPlace(easting=easting, northing=northing, lsoa=lsoa, area=district)


def _gss(text: str) -> str | None:
    if text in _MISSING:
        return None
    if not (len(text) == 9 and text[0].isascii() and text[0].isupper() and text[1:].isascii() and text[1:].isdigit()):  # noqa: PLR2004
        raise Wrong("lsoa_of_collision_location or local_authority_ons_district is no GSS code, and not -1 for none")
    return text


def _metres(text: str) -> int | None:
    if text in _MISSING:
        return None
    whole = text.removesuffix(".0")
    if not (whole.isascii() and whole.isdigit() and int(whole[:8]) <= 1_300_000):  # noqa: PLR2004 - the grid's north
        raise Wrong("location_easting_osgr or location_northing_osgr is no number of metres on the national grid")
    return int(whole)


def _details(index: str, severity: str, cells: Mapping[str, str], counted: _Counted) -> dict[str, Json]:
    details: dict[str, Json] = {
        "accident_index": index,
        "severity": severity.upper(),
        "vehicles": counted.vehicles,
        "casualties": sum(counted.casualties),
    }
    for field, column in _CODES.items():
        code = cells.get(column, "")
        if code not in _MISSING:
            details[field] = _code(column, code)
    limit = cells.get("speed_limit", "")
    if limit not in _MISSING:
        details["speed_limit_mph"] = int(_code("speed_limit", limit))
    return details


def _code(column: str, code: str) -> str:
    if not (code.isascii() and code.isdigit() and len(code) <= 4):  # noqa: PLR2004 - no code has more
        raise Wrong(f"{column} is no code in digits")
    return code
