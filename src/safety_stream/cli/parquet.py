"""Bulk tables as Parquet, with types: days are dates, times are UTC, what is suppressed or cannot be said is null."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec

from safety_stream.cli.terminal import Wrong
from safety_stream.core.bulk import BulkRow

_DAYS: Final = frozenset({"starts", "ends", "opened", "complete_to", "residents_on"})
_WHOLE: Final = frozenset({"low", "high", "late", "residents"})
_FRACTIONS: Final = frozenset({"expected"})
_FLAGS: Final = frozenset({"shown", "final", "is_provisional", "is_estimate", "from_rounded"})
_MAY_BE_NULL: Final = frozenset(
    {
        "value",
        "signal",
        "expected",
        "low",
        "high",
        "opened",
        "complete_to",
        "late",
        "causes",
        "residents",
        "residents_on",
    }
)


def write_parquet(path: Path, kind: type[msgspec.Struct], rows: Iterable[msgspec.Struct]) -> None:
    """Write the rows; the same rows are the same bytes. Raises `Wrong` where pyarrow is not installed."""
    try:
        # The extra `parquet`: whoever never writes a file of this kind does without it.
        import pyarrow  # noqa: ICN001, PLC0415
        import pyarrow.parquet  # noqa: PLC0415
    except ImportError:
        raise Wrong(
            "pyarrow is not installed, which writes Parquet: pip install 'safety-stream[parquet]', or take --format csv"
        ) from None
    types = {
        "value": pyarrow.int64() if kind is BulkRow else pyarrow.float64(),
        "revision": pyarrow.int32(),
        "as_of": pyarrow.timestamp("ms", tz="UTC"),
        **dict.fromkeys(_DAYS, pyarrow.date32()),
        **dict.fromkeys(_WHOLE, pyarrow.int64()),
        **dict.fromkeys(_FRACTIONS, pyarrow.float64()),
        **dict.fromkeys(_FLAGS, pyarrow.bool_()),
    }
    fields = [
        pyarrow.field(name, types.get(name, pyarrow.string()), nullable=name in _MAY_BE_NULL)
        for name in kind.__struct_fields__
    ]
    table = pyarrow.Table.from_pylist([msgspec.structs.asdict(row) for row in rows], schema=pyarrow.schema(fields))
    pyarrow.parquet.write_table(table, path)
