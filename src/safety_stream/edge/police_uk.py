"""police.uk street-level archives ("...-street.csv") as reports of source `police-uk`.

What the file is, and what follows from it:

- A row is a crime or an anti-social behaviour incident, known to the month, at a point moved to one of a fixed list of
  map points. So precision is `month`, the place is `snapped` and never counts as a place, and there is no person.
- `Crime ID` is the force's crime number, hashed. Anti-social behaviour has none: such a row is named by a digest of its
  content and by its ordinal among equal rows of the file, so that ingesting the file again changes nothing.
- The same id twice in a file: equal rows are one crime told twice and get one reference; rows that differ in what
  happened or where are offences recorded under one number, each counted in the published statistics, so the first
  keeps the id and the others add a digest of their content to it. How a case ended (`Last outcome category`) is no part
  of what happened: two rows that differ in that alone are one.
- The same id in another month's file is a crime the force has dated anew: the version is the number of the month, so
  the later month counts.

Source: data.police.uk, Open Government Licence v3.0.
"""

from __future__ import annotations

import csv
import hashlib
import io
import math
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import BinaryIO, TextIO

from safety_stream.core.catalogue import Areas
from safety_stream.core.model.reports import Report, ReportedPlace
from safety_stream.core.model.times import Period, period_of, start_of, to_day
from safety_stream.edge.entries import Entry, Reject, UnreadableFile, plain

SOURCE = "police-uk"
"""The source every report of such a file belongs to."""

FIRST_MONTH = date(2010, 12, 1)
"""The first month police.uk published at street level: the month that is version 1."""

CATEGORIES = {
    "Anti-social behaviour": "anti-social-behaviour",
    "Bicycle theft": "bicycle-theft",
    "Burglary": "burglary",
    "Criminal damage and arson": "criminal-damage-arson",
    "Drugs": "drugs",
    "Other crime": "other-crime",
    "Other theft": "other-theft",
    "Possession of weapons": "possession-of-weapons",
    "Public order": "public-order",
    "Robbery": "robbery",
    "Shoplifting": "shoplifting",
    "Theft from the person": "theft-from-the-person",
    "Vehicle crime": "vehicle-crime",
    "Violence and sexual offences": "violent-crime",
}
"""The names of `Crime type` since 2013 and the slugs the police.uk API gives the same categories."""

_COLUMNS = ("Crime ID", "Month", "Falls within", "Longitude", "Latitude", "Location", "LSOA code", "Crime type")
_IDENTIFYING = ("Month", "Falls within", "Longitude", "Latitude", "Location", "LSOA code", "Crime type")


def read(file: BinaryIO, areas: Areas | None = None) -> Iterator[Entry | Reject]:
    """The reports of an open street file (CSV or its gzip), in its order.

    With `areas`, each report says its district by its LSOA; without, intake finds it by the LSOA just the same. Raises
    `UnreadableFile` when a column is missing or the file ends in mid-stream.
    """
    line = 0
    references = _References()
    try:
        with plain(file) as packed, _text(packed) as text:
            rows = csv.DictReader(text)
            missing = [name for name in _COLUMNS if name not in (rows.fieldnames or ())]
            if missing:
                raise UnreadableFile(f"no column {missing[0]!r}: this is not a police.uk street file (…-street.csv)")
            for row in rows:
                line = rows.line_num
                yield _entry(line, row, references, areas)
    except (EOFError, OSError, zlib.error, csv.Error) as error:
        raise UnreadableFile(f"broken after line {line} ({error}): fetch it again") from error


@contextmanager
def _text(lines: BinaryIO) -> Iterator[TextIO]:
    # Only codes are taken from the text, so a street name in another encoding is no reason to refuse a row.
    text = io.TextIOWrapper(lines, encoding="utf-8-sig", errors="replace", newline="")
    try:
        yield text
    finally:
        text.detach()


class _References:
    """Which references a file has given so far: what makes them stable and different."""

    def __init__(self) -> None:
        self._contents_of: dict[str, list[str]] = {}
        self._equal_rows: Counter[str] = Counter()

    def of(self, crime_id: str, content: str) -> str:
        """The reference of the next row with this id ("" for none) and content digest."""
        if not crime_id:
            self._equal_rows[content] += 1
            return f"{content}-{self._equal_rows[content]}"
        contents = self._contents_of.setdefault(crime_id, [])
        if content not in contents:
            contents.append(content)
        return crime_id if content == contents[0] else f"{crime_id}~{content[:8]}"


def _entry(line: int, row: dict[str, str], references: _References, areas: Areas | None) -> Entry | Reject:
    if None in row.values() or None in row:
        return Reject(line=line, reason="the number of columns differs from the heading's")
    month = _month(row["Month"])
    if month is None:
        return Reject(line=line, reason="Month is not a month like 2018-07, or is before 2010-12")
    category = CATEGORIES.get(row["Crime type"])
    if category is None:
        return Reject(line=line, reason="Crime type is none of the fourteen of police.uk since 2013")
    place = _place(row, month, areas)
    if isinstance(place, str):
        return Reject(line=line, reason=place)
    started, ended = start_of(month.starts), start_of(month.ends)
    return Entry(
        line=line,
        received_at=ended,
        report=Report(
            source=SOURCE,
            source_ref=references.of(row["Crime ID"].strip(), _digest(row)),
            source_version=_number(row["Month"]),
            action="new",
            kind="police-incident" if category == "anti-social-behaviour" else "police-crime",
            category=category,
            occurred_from=started,
            occurred_to=ended - 1,
            precision="month",
            reported_at=ended,
            place=place,
        ),
    )


def _month(text: str) -> Period | None:
    try:
        first = date.fromisoformat(f"{text}-01")
    except ValueError:
        return None
    return period_of(to_day(first), "month") if first >= FIRST_MONTH else None


def _number(text: str) -> int:
    year, month = text.split("-")
    return (int(year) - FIRST_MONTH.year) * 12 + int(month) - FIRST_MONTH.month + 1


def _place(row: dict[str, str], month: Period, areas: Areas | None) -> ReportedPlace | str | None:
    lsoa = row["LSOA code"].strip() or None
    longitude, latitude = row["Longitude"].strip(), row["Latitude"].strip()
    if not longitude and not latitude:
        if lsoa is None:
            return None
        return ReportedPlace(snapped=True, lsoa=lsoa, area=_area(lsoa, month, areas))
    try:
        point = float(latitude), float(longitude)
    except ValueError:
        return "Longitude or Latitude is not a number"
    if not all(map(math.isfinite, point)):
        return "Longitude or Latitude is not a number"
    return ReportedPlace(latitude=point[0], longitude=point[1], snapped=True, lsoa=lsoa, area=_area(lsoa, month, areas))


def _area(lsoa: str | None, month: Period, areas: Areas | None) -> str | None:
    return areas.district(None, lsoa, month.starts) if areas is not None and lsoa is not None else None


def _digest(row: dict[str, str]) -> str:
    content = "\x1f".join(row[name] for name in _IDENTIFYING)
    return hashlib.sha256(content.encode(errors="replace")).hexdigest()[:32]
