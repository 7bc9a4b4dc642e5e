"""A bulk table as Parquet, with types: days are dates, times are UTC, what is suppressed is null."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from safety_stream.cli.terminal import Wrong
from safety_stream.core.bulk import BulkRow


def write_parquet(path: Path, rows: Sequence[BulkRow]) -> None:
    """Write the rows; the same rows are the same bytes. Raises `Wrong` where pyarrow is not installed."""
    try:
        # The extra `parquet`: whoever never writes a file of this kind does without it.
        import pyarrow  # noqa: ICN001, PLC0415
        import pyarrow.parquet  # noqa: PLC0415
    except ImportError:
        raise Wrong(
            "pyarrow is not installed, which writes Parquet: pip install 'safety-stream[parquet]', or take --format csv"
        ) from None
    text, day, flag = pyarrow.string(), pyarrow.date32(), pyarrow.bool_()
    schema = pyarrow.schema(
        [
            pyarrow.field("area", text, nullable=False),
            pyarrow.field("area_name", text, nullable=False),
            pyarrow.field("indicator", text, nullable=False),
            pyarrow.field("title", text, nullable=False),
            pyarrow.field("period", text, nullable=False),
            pyarrow.field("starts", day, nullable=False),
            pyarrow.field("ends", day, nullable=False),
            pyarrow.field("value", pyarrow.int64(), nullable=True),
            pyarrow.field("shown", flag, nullable=False),
            pyarrow.field("final", flag, nullable=False),
            pyarrow.field("revision", pyarrow.int32(), nullable=False),
            pyarrow.field("as_of", pyarrow.timestamp("ms", tz="UTC"), nullable=False),
            pyarrow.field("caveats", text, nullable=False),
        ]
    )
    table = pyarrow.Table.from_pylist([msgspec.structs.asdict(row) for row in rows], schema=schema)
    pyarrow.parquet.write_table(table, path)
