"""What a stage remembers about one partition, on this machine: a cache of the changelog, never the truth.

Theory of operation
-------------------
A store holds the rows, the *mark* (the input offsets those rows correspond to), and the *position* (the next changelog
offset to read): all three change in one LMDB transaction, so at any moment a store is exactly some prefix of its
changelog. It is never ahead of what was committed: a batch writes to an `Overlay`, and the overlay is merged after the
commit. Behind it may be, at will: taking over reads the rest of the changelog.

Because it is a cache it is not flushed to disk (a killed process loses nothing; a machine that loses power may), and
it is thrown away whenever there is doubt:

- it belongs to another changelog, stage or format (its *identity* differs);
- it is older than the changelog keeps tombstones, so a deletion could have been missed;
- its rows do not add up to the checksum kept beside them, it is cut short, or LMDB says so;
- the last attempt to check it did not come to an end (damage inside the pages can end the process): a file
  `checking`, there while that goes on, tells.
"""

from __future__ import annotations

import shutil
import time
import zlib
from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final, Protocol, cast

import lmdb
import msgspec

ROW_KEY_BYTES: Final = 511
"""The longest key LMDB takes."""

TRUSTED_SECONDS: Final = 12 * 3600
"""How old an untouched store may be: half of the day for which changelogs keep their tombstones."""

_FORMAT: Final = "1"
_MAP_BYTES: Final = 64 << 30  # Address space, not disk: the file grows with what is in it.
_CHECKSUM_MASK: Final = (1 << 64) - 1

Mark = dict[str, int]
"""Per input topic, the next offset to read that corresponds to some rows."""


class Snapshot(Protocol):
    """The committed rows as they stood at one moment."""

    def get(self, key: bytes) -> bytes | None:
        """The value of a row, or None."""

    def scan(self, start: bytes, stop: bytes) -> Iterator[tuple[bytes, bytes]]:
        """The rows with `start <= key < stop`, in order of key."""


class Store(Protocol):
    """The rows of one stage and partition, with their mark and changelog position."""

    @property
    def position(self) -> int:
        """The next changelog offset to read."""

    @property
    def mark(self) -> Mark:
        """The input offsets the rows correspond to."""

    @property
    def rows(self) -> int:
        """How many rows there are."""

    @property
    def is_too_old(self) -> bool:
        """Whether deletions may have been missed: it was not written for longer than tombstones are sure to be kept."""

    def snapshot(self) -> AbstractContextManager[Snapshot]:
        """Read the rows as they stand now."""

    def apply(
        self, changes: Iterable[tuple[bytes, bytes | None]], mark: Mark | None, *, base: int, position: int
    ) -> bool:
        """Take in the changes that lead from `base` to `position`, with their mark (None: unchanged), as one.

        False, and nothing done, when the store is not between the two: it has these changes already, or it was
        emptied since and lacks what came before them.
        """

    def clear(self) -> None:
        """Forget everything: the next position is 0."""

    def close(self) -> None:
        """Stop using it."""


OpenStore = Callable[[int, str], Store]
"""Open the store of a partition whose changelog has this identity, emptied if it is not to be trusted."""


class Overlay:
    """What one step writes, laid over a snapshot. Implements `core.stages.stage.Rows`."""

    def __init__(self, below: Snapshot) -> None:
        """Begin with nothing written."""
        self._below = below
        self._written: dict[bytes, bytes | None] = {}
        self._ordered: list[bytes] = []
        self._unordered: list[bytes] = []

    @property
    def changes(self) -> Mapping[bytes, bytes | None]:
        """Every row written, in order of first writing; None where it was deleted."""
        return self._written

    def get(self, key: bytes) -> bytes | None:
        """The value of a row, or None."""
        if key in self._written:
            return self._written[key]
        return self._below.get(key)

    def put(self, key: bytes, value: bytes) -> None:
        """Write a row. Raises `ValueError` for a key no store can hold."""
        self._write(key, value)

    def delete(self, key: bytes) -> None:
        """Remove a row; removing what is not there is no error."""
        self._write(key, None)

    def scan(self, start: bytes, stop: bytes) -> Iterator[tuple[bytes, bytes]]:
        """The rows with `start <= key < stop`, in order of key, as they stood when the scan began."""
        # Keys are put in order only when somebody scans, and each only once: stages scan once a record.
        for key in self._unordered:
            insort(self._ordered, key)
        self._unordered.clear()
        low, high = bisect_left(self._ordered, start), bisect_left(self._ordered, stop)
        above = [(key, self._written[key]) for key in self._ordered[low:high]]
        return _merged(above, self._below.scan(start, stop))

    def _write(self, key: bytes, value: bytes | None) -> None:
        if key not in self._written:
            if not 0 < len(key) <= ROW_KEY_BYTES or key[0] == 0:
                raise ValueError(
                    f"a row key has 1 to {ROW_KEY_BYTES} bytes and does not begin with 0; this one has {len(key)}"
                )
            self._unordered.append(key)
        self._written[key] = value


def _merged(
    above: list[tuple[bytes, bytes | None]], below: Iterator[tuple[bytes, bytes]]
) -> Iterator[tuple[bytes, bytes]]:
    committed = next(below, None)
    for key, value in above:
        while committed is not None and committed[0] < key:
            yield committed
            committed = next(below, None)
        if committed is not None and committed[0] == key:
            committed = next(below, None)
        if value is not None:
            yield key, value
    if committed is not None:
        yield committed
        yield from below


class MemoryStore:
    """A store in memory, for simulations and tests; what it holds dies with it."""

    def __init__(self) -> None:
        """Begin empty."""
        self._rows: dict[bytes, bytes] = {}
        self._mark: Mark = {}
        self._position = 0

    @property
    def position(self) -> int:
        """The next changelog offset to read."""
        return self._position

    @property
    def mark(self) -> Mark:
        """The input offsets the rows correspond to."""
        return dict(self._mark)

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self._rows)

    @property
    def is_too_old(self) -> bool:
        """Never: it lives no longer than its process, and simulations are short."""
        return False

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """Read the rows as they stand now."""
        yield _MemorySnapshot(dict(self._rows))

    def apply(
        self, changes: Iterable[tuple[bytes, bytes | None]], mark: Mark | None, *, base: int, position: int
    ) -> bool:
        """Take in the changes that lead from `base` to `position`; False when the store is not between them."""
        if not base <= self._position < position:
            return False
        for key, value in changes:
            if value is None:
                self._rows.pop(key, None)
            else:
                self._rows[key] = value
        if mark is not None:
            self._mark = dict(mark)
        self._position = position
        return True

    def clear(self) -> None:
        """Forget everything."""
        self._rows, self._mark, self._position = {}, {}, 0

    def close(self) -> None:
        """Nothing to give back."""


class _MemorySnapshot:
    def __init__(self, rows: dict[bytes, bytes]) -> None:
        self._rows = rows

    def get(self, key: bytes) -> bytes | None:
        return self._rows.get(key)

    def scan(self, start: bytes, stop: bytes) -> Iterator[tuple[bytes, bytes]]:
        return iter(sorted((key, value) for key, value in self._rows.items() if start <= key < stop))


class _Head(msgspec.Struct, frozen=True):
    """What is kept beside the rows."""

    identity: str
    position: int = 0
    mark: Mark = {}
    rows: int = 0
    checksum: int = 0


class _Damaged(Exception):
    """The store is not to be trusted; it will be emptied."""


class LmdbStore:
    """A store in an LMDB environment of its own: one folder per stage and partition. See *Theory of operation*."""

    def __init__(self, folder: Path, identity: str) -> None:
        """Open, or begin; `folder` is emptied when what it holds is damaged, foreign or too old."""
        self._folder = folder
        self._identity = f"{_FORMAT}|{identity}"
        checking = folder / "checking"
        if checking.exists() or self.is_too_old:
            shutil.rmtree(folder)
        folder.mkdir(parents=True, exist_ok=True)
        checking.touch()
        try:
            self._open()
            self._verify()
        except (lmdb.Error, msgspec.DecodeError, _Damaged):
            self.close()
            self._start_anew()
        checking.unlink()

    @property
    def position(self) -> int:
        """The next changelog offset to read."""
        return self._head.position

    @property
    def mark(self) -> Mark:
        """The input offsets the rows correspond to."""
        return dict(self._head.mark)

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return self._head.rows

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """Read the rows as they stand now."""
        snapshot = _LmdbSnapshot(self._environment.begin(db=self._rows))
        try:
            yield snapshot
        finally:
            snapshot.close()

    def apply(
        self, changes: Iterable[tuple[bytes, bytes | None]], mark: Mark | None, *, base: int, position: int
    ) -> bool:
        """Take in the changes that lead from `base` to `position`; False when the store is not between them."""
        with self._environment.begin(write=True, db=self._rows) as writing:
            # A worker that was taken for dead may share the folder: what counts is what the file says now.
            head = self._read_head(writing)
            if not base <= head.position < position:
                self._head = head
                return False
            rows, checksum = head.rows, head.checksum
            for key, value in changes:
                old = writing.get(key)
                if old is not None:
                    rows -= 1
                    checksum -= _check_value(key, old)
                if value is None:
                    writing.delete(key)
                else:
                    rows += 1
                    checksum += _check_value(key, value)
                    writing.put(key, value)
            kept = head.mark if mark is None else dict(mark)
            head = _Head(self._identity, position, kept, rows, checksum & _CHECKSUM_MASK)
            writing.put(b"head", _ENCODER.encode(head), db=self._heads)
        self._head = head
        return True

    def clear(self) -> None:
        """Forget everything; readers keep what they are reading."""
        with self._environment.begin(write=True) as writing:
            writing.drop(self._rows, delete=False)
            self._head = _Head(self._identity)
            writing.put(b"head", _ENCODER.encode(self._head), db=self._heads)

    def close(self) -> None:
        """Give the files back."""
        environment = self.__dict__.get("_environment")
        if environment is not None:
            environment.close()

    @property
    def is_too_old(self) -> bool:
        """Whether it was last written longer ago than the changelog keeps tombstones, with room to spare."""
        data = self._folder / "data.mdb"
        return data.exists() and time.time() - data.stat().st_mtime > TRUSTED_SECONDS

    def _open(self) -> None:
        self._environment = lmdb.open(
            str(self._folder), map_size=_MAP_BYTES, max_dbs=2, sync=False, metasync=False, max_readers=64
        )
        # To touch a page that is not there would end the process, so this comes before anything is read.
        pages = self._environment.info()["last_pgno"] + 1
        if pages * self._environment.stat()["psize"] > (self._folder / "data.mdb").stat().st_size:
            raise _Damaged("cut short")
        self._rows = self._environment.open_db(b"rows")
        self._heads = self._environment.open_db(b"head")
        with self._environment.begin() as reading:
            self._head = self._read_head(reading)

    def _read_head(self, transaction: lmdb.Transaction) -> _Head:
        packed = transaction.get(b"head", db=self._heads)
        return _Head(self._identity) if packed is None else _DECODER.decode(packed)

    def _verify(self) -> None:
        if self._head.identity != self._identity:
            raise _Damaged("belongs to another changelog")
        rows, checksum = 0, 0
        with self._environment.begin(db=self._rows) as reading:
            for key, value in reading.cursor():
                rows += 1
                checksum += _check_value(key, value)
        if (rows, checksum & _CHECKSUM_MASK) != (self._head.rows, self._head.checksum):
            raise _Damaged("rows do not add up to their checksum")

    def _start_anew(self) -> None:
        for file in self._folder.glob("*.mdb"):
            file.unlink()
        self._open()


class _LmdbSnapshot:
    """LMDB gives memoryviews only when asked for buffers; here it is bytes, always, and nothing is copied again."""

    def __init__(self, reading: lmdb.Transaction) -> None:
        self._reading = reading
        # Bound once: this is called for every key of every record.
        self.get = cast(Callable[[bytes], bytes | None], reading.get)

    def close(self) -> None:
        """Let the transaction go, whoever still holds this.

        Its place in LMDB's table of readers is free only once the object is gone, ended or not; and what a step leaves
        behind may hold on to the snapshot in a circle that Python collects late.
        """
        self._reading.abort()
        del self._reading, self.get

    def scan(self, start: bytes, stop: bytes) -> Iterator[tuple[bytes, bytes]]:
        cursor = self._reading.cursor()
        if cursor.set_range(start):
            for key, value in cast(Iterator[tuple[bytes, bytes]], cursor):
                if key >= stop:
                    return
                yield key, value


def _check_value(key: bytes, value: bytes) -> int:
    return zlib.crc32(value, zlib.crc32(key))


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(_Head)
