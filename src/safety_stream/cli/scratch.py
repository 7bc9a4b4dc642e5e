"""Rows for a replay of many years: what the stages remember lies in files, as it does under a worker.

A stage remembers every report there ever was, for it may be corrected at any time. So rows grow with the history, and
in memory there are only the indexes, which are looked through at every step, and what was written lately. The rest is
in the worker's own store, whose pages the system takes back at need.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import lmdb

from safety_stream.core.stages.rows import MemoryRows
from safety_stream.core.stages.stage import Rows
from safety_stream.streaming.store import LmdbStore, Overlay

FRESH: Final = 5_000
"""How many rows a stage writes before they go to its file."""

_INDEX: Final = b"~"


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
        self._store = LmdbStore(folder, "scratch")
        self._index = MemoryRows()
        self._reading = ExitStack()
        self._begin()

    def get(self, key: bytes) -> bytes | None:
        """The value of a row, or None."""
        return self._index.get(key) if key.startswith(_INDEX) else self._fresh.get(key)

    def put(self, key: bytes, value: bytes) -> None:
        """Write a row."""
        if key.startswith(_INDEX):
            self._index.put(key, value)
        else:
            self._fresh.put(key, value)
            self._settle_at_times()

    def delete(self, key: bytes) -> None:
        """Remove a row, if it is there."""
        if key.startswith(_INDEX):
            self._index.delete(key)
        else:
            self._fresh.delete(key)
            self._settle_at_times()

    def scan(self, start: bytes, stop: bytes) -> Iterator[tuple[bytes, bytes]]:
        """The rows with `start <= key < stop`, in order of key, as they stand now."""
        if start.startswith(_INDEX):
            return self._index.scan(start, stop)
        return iter(list(self._fresh.scan(start, stop)))

    def close(self) -> None:
        """Give the file back."""
        self._reading.close()
        self._store.close()

    def _begin(self) -> None:
        self._fresh = Overlay(self._reading.enter_context(self._store.snapshot()))

    def _settle_at_times(self) -> None:
        if len(self._fresh.changes) >= FRESH:
            at = self._store.position
            self._store.apply(sorted(self._fresh.changes.items()), None, base=at, position=at + 1)
            self._reading.close()
            self._begin()
