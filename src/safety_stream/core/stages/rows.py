"""Rows in memory: what a replay and the tests give the steps."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator

_INDEX = b"~"


class MemoryRows:
    """An ordered map of bytes in a dictionary.

    Rows whose key begins with `~` are indexes: they are scanned at every step and kept in order as they come. All
    others are looked up by key; scanning them sorts them first.
    """

    def __init__(self) -> None:
        """Begin empty."""
        self._rows: dict[bytes, bytes] = {}
        self._index: list[bytes] = []

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self._rows)

    def get(self, key: bytes) -> bytes | None:
        """The value of a row, or None."""
        return self._rows.get(key)

    def put(self, key: bytes, value: bytes) -> None:
        """Write a row."""
        if key.startswith(_INDEX) and key not in self._rows:
            insort(self._index, key)
        self._rows[key] = value

    def delete(self, key: bytes) -> None:
        """Remove a row, if it is there."""
        if self._rows.pop(key, None) is not None and key.startswith(_INDEX):
            del self._index[bisect_left(self._index, key)]

    def scan(self, start: bytes, stop: bytes) -> Iterator[tuple[bytes, bytes]]:
        """The rows with `start <= key < stop`, in order of key, as they stand now."""
        ordered = self._index if start.startswith(_INDEX) else sorted(self._rows)
        found = ordered[bisect_left(ordered, start) : bisect_left(ordered, stop)]
        return iter([(key, self._rows[key]) for key in found])
