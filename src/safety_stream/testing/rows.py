"""The rows of a stage in memory: what tests and the broker-less replay lay under a step."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator


class MemoryRows:
    """An ordered map from bytes to bytes, as `core.stages.stage.Rows` asks; nothing is ever written anywhere.

    `restored` makes an independent copy, which is what a stage sees after a take-over. A scan sees the rows as they stood
    when it began.
    """

    def __init__(self, rows: dict[bytes, bytes] | None = None) -> None:
        self._rows = dict(rows or {})
        self._keys = sorted(self._rows)

    def get(self, key: bytes) -> bytes | None:
        """The value of a row, or None."""
        return self._rows.get(key)

    def put(self, key: bytes, value: bytes) -> None:
        """Write a row."""
        if key not in self._rows:
            insort(self._keys, key)
        self._rows[key] = value

    def delete(self, key: bytes) -> None:
        """Remove a row; removing what is not there is no error."""
        if self._rows.pop(key, None) is not None:
            del self._keys[bisect_left(self._keys, key)]

    def scan(self, start: bytes, stop: bytes) -> Iterator[tuple[bytes, bytes]]:
        """The rows with `start <= key < stop`, in order of key, as they stood when the scan began."""
        keys = self._keys[bisect_left(self._keys, start) : bisect_left(self._keys, stop)]
        return iter([(key, self._rows[key]) for key in keys])

    def restored(self) -> MemoryRows:
        """A copy that shares nothing with this one."""
        return MemoryRows(self._rows)

    def as_dict(self) -> dict[bytes, bytes]:
        """All rows, in order of key."""
        return {key: self._rows[key] for key in self._keys}
