"""What a stage is, and what it may touch.

Theory of operation
-------------------
A stage is a function `step(rows, records, idle_at) -> outputs`. It is called for one partition at a time, with the
decoded records of that partition in offset order. `rows` is everything the stage remembers about the partition: an
ordered map of bytes. The loop that calls it lays the writes of a step over what is committed and merges them only when
the outputs, the changelog and the input offsets have been committed in one Kafka transaction; so a step may simply
read and write, and if anything fails it is run again on the same records as if it had never been.

A step never sees a clock. Each record carries `received_at`; the stage's time is the newest of those it has seen,
kept in a row, never going back. `idle_at` is the injected clock when the deployment has one (`clock: wall`), else None.
An empty batch is allowed: it is how deadlines fire when nothing arrives. An empty batch without a time is how a stage
goes on with what it has left to do (`MORE_ROW`).

Outputs are values. An output's `received_at` becomes the timestamp of its Kafka record, so that the next stage's time
is the same time. `partition` None means "by the key"; `EVERY_PARTITION` sends a copy to each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, Generic, Protocol, TypeVar

import msgspec

from safety_stream.core.catalogue import Source
from safety_stream.core.model.dead_letters import Refused
from safety_stream.core.model.feeds import FeedStatus
from safety_stream.core.model.times import Day, Instant, Period, PeriodKind, period_of

EVERY_PARTITION: Final = -1

MORE_ROW: Final = b"~more"
"""A row that is there while a partition has more to do than one step should. The loop then calls the step with neither
records nor a time, as often as it takes, records that arrive meanwhile first."""


class Scanned(Protocol):
    """Rows that are only looked at."""

    def scan(self, start: bytes, stop: bytes) -> Iterator[tuple[bytes, bytes]]:
        """The rows with `start <= key < stop`, in order of key."""


class Rows(Protocol):
    """The rows of one stage and partition: an ordered map from bytes to bytes, reads seeing the step's own writes."""

    def get(self, key: bytes) -> bytes | None:
        """The value of a row, or None."""

    def put(self, key: bytes, value: bytes) -> None:
        """Write a row."""

    def delete(self, key: bytes) -> None:
        """Remove a row; removing what is not there is no error."""

    def scan(self, start: bytes, stop: bytes) -> Iterator[tuple[bytes, bytes]]:
        """The rows with `start <= key < stop`, in order of key, as they stood when the scan began."""


class Record(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One record of an input topic, decoded. `value` is the model value, or why it could not be read.

    `raw_key`, `raw_value` are kept so that a refused record goes to the dead letters verbatim. `received_at` is the
    Kafka record's timestamp: the broker's append time on partner topics, handed on from there by every stage.
    """

    topic: str
    partition: int
    offset: int
    received_at: Instant
    value: msgspec.Struct | Refused
    raw_key: bytes | None = None
    raw_value: bytes | None = None
    attempts: int = 0


class Output(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One record to produce: `value` is encoded by the codec of its type, `key` as UTF-8 (None: no key)."""

    topic: str
    key: str | None
    value: msgspec.Struct
    received_at: Instant
    partition: int | None = None


class Unreadable(Exception):
    """A record this backbone wrote itself cannot be read: it stops the stage, and nothing of the batch is committed.

    Leaving out a signed difference would make everything after it wrong. A newer worker wrote it, or the catalogue lost
    something: run that version, or restore what is missing, and start again.
    """


def unreadable(stage: str, record: Record) -> Unreadable:
    """What to raise for such a record."""
    why = str(record.value) if isinstance(record.value, Refused) else f"a {type(record.value).__name__} is not for it"
    return Unreadable(
        f"{stage} cannot go on: {record.topic}[{record.partition}] at offset {record.offset}: {why}. "
        f"Run the version that wrote it, or restore the rule, indicator or schema it needs, and start the worker again."
    )


def mark_more(rows: Rows, *, has_more: bool) -> None:
    """Leave word in `MORE_ROW` whether there is more to do; it is written only where that has changed."""
    is_marked = rows.get(MORE_ROW) is not None
    if has_more and not is_marked:
        rows.put(MORE_ROW, b"")
    elif is_marked and not has_more:
        rows.delete(MORE_ROW)


Step = Callable[[Rows, Sequence[Record], Instant | None], list[Output]]
"""One transition of one partition of a stage. Deterministic; raises only for defects, never for what partners send."""


T = TypeVar("T", bound=msgspec.Struct)


class Table(Generic[T]):
    """Rows of one type under one prefix, decoded once and encoded once per step.

    Reads return the live value of this step; `flush` writes what changed, in order of key. A value is immutable:
    change it by putting another.
    """

    def __init__(self, rows: Rows, prefix: str, kind: type[T]) -> None:
        """Lay a typed view over `rows`; `prefix` must not be the start of another table's."""
        self._rows = rows
        self._prefix = prefix.encode()
        self._decoder = msgspec.msgpack.Decoder(kind)
        self._seen: dict[str, T | None] = {}
        self._dirty: set[str] = set()

    def get(self, key: str) -> T | None:
        """The value of `key`, or None."""
        if key in self._seen:
            return self._seen[key]
        packed = self._rows.get(self._prefix + key.encode())
        value = self._seen[key] = None if packed is None else self._decoder.decode(packed)
        return value

    def put(self, key: str, value: T) -> None:
        """Remember `value` under `key`."""
        self._seen[key] = value
        self._dirty.add(key)

    def put_if_other(self, key: str, value: T) -> None:
        """Remember `value` under `key`, where that says something else than what is remembered."""
        if self.get(key) != value:
            self.put(key, value)

    def delete(self, key: str) -> None:
        """Forget `key`."""
        self._seen[key] = None
        self._dirty.add(key)

    def flush(self) -> None:
        """Write what changed to the rows."""
        for key in sorted(self._dirty):
            value = self._seen[key]
            row = self._prefix + key.encode()
            if value is None:
                self._rows.delete(row)
            else:
                self._rows.put(row, _ENCODER.encode(value))
        self._dirty.clear()


_ENCODER = msgspec.msgpack.Encoder()


class Wakes:
    """The wake-up index of a partition: which key asked to be looked at again when which clock passes which time.

    Clocks are `as_of` and, for feeds, `feed:<source>` (complete up to). An entry is an ordinary row, so it is in the
    changelog and survives a take-over like everything else. One object serves one step: it remembers the earliest
    entry of each clock, so that a clock that has not reached it costs no look at the rows.
    """

    _PREFIX = b"~wake/"
    _NEVER = 10**16 - 1

    def __init__(self, rows: Rows) -> None:
        """Read and write the index in `rows`."""
        self._rows = rows
        self._earliest: dict[str, Instant] = {}

    def ask(self, clock: str, at: Instant, key: str) -> None:
        """Look at `key` once `clock` is at or past `at`. Asking twice is asking once."""
        self._rows.put(self._row(clock, at, key), b"")
        if clock in self._earliest:
            self._earliest[clock] = min(self._earliest[clock], max(at, 0))

    def forget(self, clock: str, at: Instant, key: str) -> None:
        """Do not wake `key` for this after all."""
        self._rows.delete(self._row(clock, at, key))

    def due(self, clock: str, now: Instant) -> list[tuple[Instant, str]]:
        """The entries of `clock` at or before `now`, earliest first, taken out of the index."""
        start = self._PREFIX + clock.encode() + b"/"
        if clock not in self._earliest:
            self._earliest[clock] = self._first(start)
        if now < self._earliest[clock]:
            return []
        taken = []
        for row, _ in list(self._rows.scan(start, start + f"{now + 1:016d}".encode())):
            self._rows.delete(row)
            at, _, key = row[len(start) :].decode().partition("/")
            taken.append((int(at), key))
        self._earliest[clock] = self._first(start)
        return taken

    def _first(self, start: bytes) -> Instant:
        for row, _ in self._rows.scan(start, start + b":"):
            return int(row[len(start) : len(start) + 16])
        return self._NEVER

    def _row(self, clock: str, at: Instant, key: str) -> bytes:
        # Times before 1970 never wake anybody: they are due at once, so nought keeps the order.
        return self._PREFIX + f"{clock}/{max(at, 0):016d}/{key}".encode()


NEVER: Final[Instant] = -(10**18)
"""Before anything: how far a feed has come that has never reported."""


class Clock(msgspec.Struct, frozen=True, gc=False):
    """What a partition knows of time: its own `as_of` and what each partition before it has said of the feeds."""

    as_of: Instant = 0
    heard: dict[int, dict[str, Instant]] = msgspec.field(default_factory=dict)

    def at(self, instant: Instant) -> Clock:
        """The clock moved on to `instant`; it never goes back."""
        return self if instant <= self.as_of else Clock(instant, self.heard)

    def hear(self, status: FeedStatus) -> Clock:
        """The clock having heard how far the feeds have come; they never go back."""
        before = self.heard.get(status.partition, {})
        later = {source: at for source, at in status.newest.items() if at > before.get(source, NEVER)}
        # Sorted, because a clock is a row, and the same rows are the same bytes.
        said = dict(sorted((before | later).items()))
        return Clock(self.as_of, dict(sorted((self.heard | {status.partition: said}).items()))) if later else self

    def newest(self, partitions: int) -> dict[str, Instant]:
        """Per source, the newest time of reporting that all of so many partitions have passed."""
        said = [self.heard.get(number, {}) for number in range(partitions)]
        return {source: min(one[source] for one in said) for source in said[0] if all(source in one for one in said)}


def complete_to(newest: Mapping[str, Instant], feeds: Iterable[str], sources: Mapping[str, Source]) -> Instant:
    """To when all of these feeds are complete, by the newest time of reporting heard of each (`Clock.newest`).

    One that has never said anything, or has left the catalogue, is complete never.
    """
    return min(
        newest[feed] - sources[feed].usual_latency if feed in newest and feed in sources else NEVER for feed in feeds
    )


def is_covered(period: Period, feeds: Iterable[str], sources: Mapping[str, Source]) -> bool:
    """Whether all of these feeds tell of everything in a period: then what is not told of did not happen.

    Else nothing is nought, and no count final, however far the feeds have come. One that has left the catalogue tells
    of nothing.
    """
    return all(feed in sources and sources[feed].covers_from <= period.starts for feed in feeds)


def first_covered(kind: PeriodKind, feeds: Sequence[str], sources: Mapping[str, Source]) -> Day | None:
    """The first day of the first period of a kind that these feeds cover; None when there never is one."""
    if any(feed not in sources for feed in feeds):
        return None
    day = max(sources[feed].covers_from for feed in feeds)
    period = period_of(day, kind)
    return period.starts if period.starts == day else period.ends


CLOCK_ROW = "clock"
