"""A partner's table as rows: CSV as systems write it, or a sheet of a workbook, told apart by their first bytes.

A row is a line number and its cells by heading; what is no row is rejected with its line, and the next one is read. A
cell of CSV is text; one of a workbook may be a date or a time of day, because that is how a spreadsheet keeps them.

CSV is read line by line. A workbook is unpacked as a whole, so its size is looked at first: it is for the thousands of
rows that somebody keeps by hand, and what is larger is saved as CSV.
"""

from __future__ import annotations

import csv
import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import date, datetime, time, timedelta
from itertools import zip_longest
from typing import BinaryIO, TextIO, cast

import msgspec

from safety_stream.edge.entries import Reject, UnreadableFile, plain

Cell = str | datetime | date | time
"""What stands in a cell: text without blanks around it ("" for nothing), or a date or time as spreadsheets keep it."""

LINE_AT_MOST = 100_000
"""A line of more characters is no row of a partner's table."""

WORKBOOK_AT_MOST = 64_000_000
"""Bytes of a workbook when it is unpacked, which is when it is in memory as a whole."""

_Line = tuple[int, Sequence[Cell] | str]
"""The number of a line, and its cells or why it has none."""

_ZIP = b"PK\x03\x04"


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """How a file is written: its encoding and what divides its columns, or the sheet of a workbook (None: the first).

    `heading` is the line the headings stand on, from 1; what stands above is passed over.
    """

    encoding: str = "utf-8"
    delimiter: str = ","
    heading: int = 1
    sheet: str | None = None


class Row(msgspec.Struct, frozen=True):
    """The cells of the row that begins on `line`, by their heading."""

    line: int
    cells: Mapping[str, Cell]


class Table(msgspec.Struct, frozen=True):
    """The headings of a file in their order, and its rows, to be read once."""

    headings: Sequence[str]
    rows: Iterator[Row | Reject]


@contextmanager
def open_table(file: BinaryIO, layout: Layout) -> Iterator[Table]:
    """The table in an open file, plain or gzip. Raises `UnreadableFile`, also while rows are read."""
    # Whoever stops reading must leave the file before it is unpacked no more, so all is closed from within.
    with closing(_lines(file, layout)) as lines:
        headings = next((cells for line, cells in lines if line >= layout.heading), ())
        if isinstance(headings, str) or not any(headings):
            raise UnreadableFile(f"there are no headings on line {layout.heading}: say in `heading` where they are")
        names = [str(cell) for cell in headings]
        twice = [place for place, name in enumerate(names, 1) if name and names.index(name) != place - 1]
        if twice:
            raise UnreadableFile(f"heading number {twice[0]} stands twice: give each column a heading of its own")
        yield Table(names, _rows(lines, names))


def _rows(lines: Iterator[_Line], headings: Sequence[str]) -> Iterator[Row | Reject]:
    for line, cells in lines:
        if isinstance(cells, str):
            yield Reject(line=line, reason=cells)
        elif len(cells) > len(headings) and any(cells[len(headings) :]):
            # A comma inside a value moves all that follows into other columns.
            yield Reject(line=line, reason="it has more cells than headings: put values with commas in quotation marks")
        elif any(cells):
            yield Row(line, dict(zip_longest(headings, cells[: len(headings)], fillvalue="")))


def _lines(file: BinaryIO, layout: Layout) -> Generator[_Line, None, None]:
    line = 0
    try:
        with plain(file) as unpacked:
            packed = cast(io.BufferedReader, unpacked)
            found = _sheet(_whole(packed), layout) if packed.peek(4)[:4] == _ZIP else _csv(packed, layout)
            with closing(found) as each:
                for line, cells in each:
                    yield line, cells
    except (EOFError, OSError, UnicodeError, zlib.error) as error:
        raise UnreadableFile(f"broken after line {line} ({error}): fetch or write it again") from error


def _csv(file: io.BufferedReader, layout: Layout) -> Generator[_Line, None, None]:
    with _text(file, layout.encoding) as text:
        lines = _Lines(text)
        # Strict, or a quotation mark that is not closed would take the rest of the file for one cell.
        reader = csv.reader(lines, delimiter=layout.delimiter, strict=True)
        before = dividing = 0
        while True:
            is_broken = False
            try:
                cells = next(reader, None)
            except csv.Error:
                cells, is_broken = [], True
            if cells is None:
                return
            line, before = before + 1, reader.line_num
            if line <= layout.heading:
                dividing = len(cells) - 1
            fault = lines.take_fault()
            if is_broken or (before > line and _swallows(cells, layout.delimiter, dividing)):
                span = f"lines {line} to {before} are" if before > line else "it is"
                fault = f"{span} no row of CSV: look for a quotation mark that is not closed"
            yield line, fault or [cell.strip() for cell in cells]


def _swallows(cells: Sequence[str], delimiter: str, dividing: int) -> bool:
    """Whether a line within a cell is divided like a row of its own: a quotation mark was closed by that of another."""
    within = (part for cell in cells for part in cell.splitlines()[1:])
    return dividing > 0 and any(part.count(delimiter) == dividing for part in within)


@contextmanager
def _text(file: io.BufferedReader, encoding: str) -> Iterator[TextIO]:
    name = "utf-8-sig" if encoding.lower().replace("_", "-") in ("utf-8", "utf8") else encoding
    try:
        # What does not fit the encoding is found row by row.
        text = io.TextIOWrapper(file, encoding=name, errors="surrogateescape", newline="")
    except LookupError:
        raise UnreadableFile("there is no such encoding: utf-8 and cp1252 are usual") from None
    try:
        yield text
    finally:
        text.detach()


class _Lines:
    """The lines of a file, none longer than may be kept in memory; what is wrong with one is asked for afterwards."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self.fault = ""

    def take_fault(self) -> str:
        """What is wrong with the lines read since the last time; "" when nothing is."""
        fault, self.fault = self.fault, ""
        return fault

    def __iter__(self) -> Iterator[str]:
        while text := self._file.readline(LINE_AT_MOST + 1):
            if len(text) > LINE_AT_MOST:
                self.fault = f"it is longer than {LINE_AT_MOST:,} characters"
                while text and not text.endswith(("\n", "\r")):
                    text = self._file.readline(LINE_AT_MOST)
                yield "\n"
            elif "\0" in text or any("\udc80" <= letter <= "\udcff" for letter in text if letter > "\x7f"):
                self.fault = "it is not in the file's encoding: name it in `encoding` (utf-8, cp1252)"
                yield "\n"
            else:
                yield text


def _whole(packed: io.BufferedReader) -> bytes:
    content = packed.read(WORKBOOK_AT_MOST + 1)
    if len(content) > WORKBOOK_AT_MOST:
        raise UnreadableFile(f"the workbook has more than {WORKBOOK_AT_MOST:,} bytes: save the sheet as CSV")
    return content


def _sheet(content: bytes, layout: Layout) -> Generator[_Line, None, None]:
    """The lines of a sheet, numbered as the spreadsheet shows them."""
    try:
        # The extra `partner`: whoever sends no workbooks does without it.
        from python_calamine import CalamineError, CalamineWorkbook  # noqa: PLC0415
    except ModuleNotFoundError:
        raise UnreadableFile(
            "python-calamine is not installed, which workbooks need: pip install 'safety-stream[partner]', or save the "
            "sheet as CSV"
        ) from None
    within = _repacked(content)
    try:
        book = CalamineWorkbook.from_object(within)
        sheet = book.get_sheet_by_index(0) if layout.sheet is None else book.get_sheet_by_name(layout.sheet)
        lines = sheet.to_python(skip_empty_area=False)
    except CalamineError:
        named = "" if layout.sheet is None else ", or has no sheet of that name"
        raise UnreadableFile(f"it is no workbook that can be read{named}: save the sheet as CSV") from None
    for line, cells in enumerate(lines, 1):
        yield line, [_cell(cell) for cell in cells]


def _repacked(content: bytes) -> io.BytesIO:
    """The same workbook, packed anew: what a part says of its size is true then, and none unpacks to more."""
    sound = io.BytesIO()
    left = WORKBOOK_AT_MOST
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as parts, zipfile.ZipFile(sound, "w") as anew:
            for part in parts.infolist():
                left -= part.file_size
                if left < 0:
                    raise UnreadableFile(
                        f"the workbook has more than {WORKBOOK_AT_MOST:,} bytes unpacked: save the sheet as CSV"
                    )
                anew.writestr(part.filename, parts.read(part))
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError, ValueError, RuntimeError):
        raise UnreadableFile("it begins like a workbook and is none that can be read: save it as CSV") from None
    sound.seek(0)
    return sound


def _cell(value: object) -> Cell:
    if isinstance(value, datetime | date | time):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        # A spreadsheet has one kind of number: 12 is kept as 12.0.
        return str(int(value))
    if isinstance(value, timedelta):
        return str(value)
    return str(value).strip()
