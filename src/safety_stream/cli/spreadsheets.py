"""Tables as CSV, to be opened in a spreadsheet or loaded: the same rows are the same bytes."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from datetime import date
from io import StringIO

import msgspec

from safety_stream.core.model.times import to_iso

_BEGINS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a spreadsheet runs, or looks behind, in place of showing it."""

Cell = str | float | date | tuple[str, ...] | None


def as_csv(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """The table in UTF-8, a line for each row, the columns' names on the first."""
    text = StringIO(newline="")
    # As RFC 4180 has it; and a cell that holds either half of it is quoted then.
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([_cell(one) for one in row] for row in rows)
    return text.getvalue().encode()


def as_cells(row: msgspec.Struct, columns: Sequence[str]) -> list[Cell]:
    """The fields of a row in this order; an `as_of` is a time in UTC."""
    cells = {name: getattr(row, name) for name in columns}
    at = cells.get("as_of")
    return list((cells | {"as_of": to_iso(at)} if isinstance(at, int) else cells).values())


def _cell(value: Cell) -> str | float:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return value
    text = " ".join(value) if isinstance(value, tuple) else str(value)
    # A leading apostrophe makes it text.
    return f"'{text}" if text.startswith(_BEGINS_A_FORMULA) else text
