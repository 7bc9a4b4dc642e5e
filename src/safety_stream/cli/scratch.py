"""Rows for a replay of many years: what the stages remember lies in files, as it does under a worker.

A stage remembers every report there ever was, for it may be corrected at any time. So rows grow with the history, and
in memory there are only the indexes, which are looked through at every step, and what was written lately.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import takewhile
from pathlib import Path
from typing import Final

import lmdb

from safety_stream.core.stages.rows import MemoryRows
from safety_stream.core.stages.stage import Rows

FRESH: Final = 5_000
"""How many rows a stage writes before they go to its file."""

_INDEX: Final = b"~"
_MAP_BYTES: Final = 64 << 30  # Address space, not disk: the file grows with what is in it.


@contextmanager
def scratch() -> Iterator[Callable[[str], Rows]]:
    """What makes rows for the stage so named; all of them go when the context ends. Raises `OSError`."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="safety-stream-")))

        def make_rows(stage: str) -> Rows:
            rows = ScratchRows(folder / stage)
            stack.callback(rows.close)
            return rows

        try:
            yield make_rows
        except lmdb.Error as error:
            mend = "set TMPDIR to a folder with more room"
            raise OSError(f"{folder}: what the stages remember cannot be kept there ({error}): {mend}") from error


class ScratchRows:
    """The rows of one stage in a folder of their own. Implements `core.stages.stage.Rows`."""

    def __init__(self, folder: Path) -> None:
        """Begin empty."""
        self._folder = folder
        self._index = MemoryRows()
        self._fresh: dict[bytes, bytes | None] = {}
        self._open()

    def get(self, key: bytes) -> bytes | None:
        """The value of a row, or None."""
        if key.startswith(_INDEX):
            return self._index.get(key)
        return self._fresh[key] if key in self._fresh else self._reading.get(key)

    def put(self, key: bytes, value: bytes) -> None:
        """Write a row."""
        if key.startswith(_INDEX):
            self._index.put(key, value)
        else:
            self._write(key, value)

    def delete(self, key: bytes) -> None:
        """Remove a row, if it is there."""
        if key.startswith(_INDEX):
            self._index.delete(key)
        else:
            self._write(key, None)

    def scan(self, start: bytes, stop: bytes) -> Iterator[tuple[bytes, bytes]]:
        """The rows with `start <= key < stop`, in order of key, as they stand now."""
        if start.startswith(_INDEX):
            return self._index.scan(start, stop)
        if self._fresh:
            self._settle()
        cursor = self._reading.cursor()
        if not cursor.set_range(start):
            return iter(())
        return iter(list(takewhile(lambda row: row[0] < stop, cursor)))

    def close(self) -> None:
        """Give the file back."""
        self._reading.abort()
        self._environment.close()

    def _open(self) -> None:
        # Nobody else has it, and it need not outlive anything: neither a lock nor a flush is wanted.
        self._environment = lmdb.open(
            str(self._folder), map_size=_MAP_BYTES, lock=False, sync=False, metasync=False, readahead=False
        )
        self._reading = self._environment.begin()

    def _write(self, key: bytes, value: bytes | None) -> None:
        self._fresh[key] = value
        if len(self._fresh) >= FRESH:
            self._settle()

    def _settle(self) -> None:
        self._reading.abort()
        with self._environment.begin(write=True) as writing:
            for key, value in sorted(self._fresh.items()):
                if value is None:
                    writing.delete(key)
                else:
                    writing.put(key, value)
        self._fresh.clear()
        # Opened anew, because pages that were touched stay with the process until it gives the file back.
        self._environment.close()
        self._open()
