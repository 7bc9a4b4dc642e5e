"""Rows in memory: what a replay and the tests give the steps."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator

_INDEX = b"~"

_FEW = 64
"""So many new rows of an index are put into their places one by one; more are sorted in, all at once."""


class MemoryRows:
    """An ordered map of bytes in a dictionary.

    Rows whose key begins with `~` are indexes: they are scanned at every step, and what came since the last time is
    mostly little. All others are looked up by key. A scan puts those in order that came since the last one.
    """

    def __init__(self) -> None:
        """Begin empty."""
        self._rows: dict[bytes, bytes] = {}
        self._index: list[bytes] = []
        self._not_in_index: set[bytes] = set()
        self._ordered: list[bytes] = []
        self._unordered: set[bytes] = set()

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self._rows)

    def get(self, key: bytes) -> bytes | None:
        """The value of a row, or None."""
        return self._rows.get(key)

    def put(self, key: bytes, value: bytes) -> None:
        """Write a row."""
        if key not in self._rows:
            (self._not_in_index if key.startswith(_INDEX) else self._unordered).add(key)
        self._rows[key] = value

    def delete(self, key: bytes) -> None:
        """Remove a row, if it is there."""
        if self._rows.pop(key, None) is not None:
            if not key.startswith(_INDEX):
                self._unordered.discard(key)
            elif key in self._not_in_index:
                self._not_in_index.remove(key)
            else:
                del self._index[bisect_left(self._index, key)]

    def scan(self, start: bytes, stop: bytes) -> Iterator[tuple[bytes, bytes]]:
        """The rows with `start <= key < stop`, in order of key, as they stand now."""
        ordered = self._ordered_index() if start.startswith(_INDEX) else self._all_ordered()
        found = ordered[bisect_left(ordered, start) : bisect_left(ordered, stop)]
        return iter([(key, self._rows[key]) for key in found if key in self._rows])

    def _ordered_index(self) -> list[bytes]:
        if len(self._not_in_index) > _FEW:
            self._index += self._not_in_index
            self._index.sort()
        else:
            for key in self._not_in_index:
                insort(self._index, key)
        self._not_in_index.clear()
        return self._index

    def _all_ordered(self) -> list[bytes]:
        # Deleted rows stay among the ordered until they are met; one that comes back must not be there twice.
        if self._unordered:
            there = self._rows.keys() - self._unordered
            self._ordered = [key for key in self._ordered if key in there]
            self._ordered += self._unordered
            # Mostly in order already, which sorting makes the best of.
            self._ordered.sort()
            self._unordered.clear()
        return self._ordered
