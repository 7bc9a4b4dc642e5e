"""What the loop needs of a log, and nothing more: four narrow protocols and three kinds of error.

`kafka.py` implements them over confluent-kafka, `safety_stream.testing.log` in memory. Every call may raise
`Retriable` (make the same call again), `Abortable` (abort the transaction, then do the whole batch again) or `Fatal`
(end the process; somebody else has taken over, or somebody has to look). Nothing else is caught anywhere.

Offsets are always "the next one to read". Times: `timestamp` is the record's, in milliseconds since the epoch;
`seconds` are durations on a monotonic clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import NamedTuple, Protocol

import msgspec

Headers = Sequence[tuple[str, bytes]]


class LogError(Exception):
    """Something the log refused; the subclass says what to do next."""


class Retriable(LogError):
    """Nothing happened, or it is not known whether it did: the same call again finds out."""


class Abortable(LogError):
    """This transaction cannot commit: abort it, look again at what is owned, and do the batch again."""


class Fatal(LogError):
    """This process must end: it has been fenced off, or going on would lose or double records."""


class TopicPartition(NamedTuple):
    """One partition of one topic."""

    topic: str
    partition: int


class Incoming(msgspec.Struct, frozen=True, gc=False):
    """One consumed record, as bytes. `timestamp` in milliseconds since the epoch (the broker's on partner topics)."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


class Outgoing(msgspec.Struct, frozen=True, gc=False):
    """One record to produce. `partition` None: by murmur2 of the key; `value` None: a tombstone."""

    topic: str
    partition: int | None
    key: bytes | None
    value: bytes | None
    timestamp: int
    headers: Headers = ()


class Polled(NamedTuple):
    """What one call of `consume` brought: records in offset order per partition, and partitions read to their end."""

    records: Sequence[Incoming]
    ends: Sequence[TopicPartition]


class GroupMetadata(Protocol):
    """Who this consumer is in its group just now: opaque, to be read anew for every transaction."""


class Assignments(Protocol):
    """Who is told about partitions coming and going, in the thread that calls `consume` or `close`.

    An exception out of one of these would leave partitions assigned and unpaused, so it ends the process.
    """

    def on_assign(self, partitions: Sequence[TopicPartition]) -> None:
        """These are ours from now on; take them with `Consumer.assign_paused`."""

    def on_revoke(self, partitions: Sequence[TopicPartition]) -> None:
        """These go to somebody else once this returns."""

    def on_lost(self, partitions: Sequence[TopicPartition]) -> None:
        """These are somebody else's already."""


class Consumer(Protocol):
    """A read_committed consumer in a group, one per stage and worker. `committed` may be called from any thread."""

    def subscribe(self, topics: Sequence[str], assignments: Assignments) -> None:
        """Join the group."""

    def consume(self, count: int, seconds: float) -> Polled:
        """At most `count` records, waiting at most `seconds`. Runs the callbacks."""

    def assign_paused(self, partitions: Sequence[TopicPartition]) -> None:
        """Accept newly assigned partitions without letting any record through yet. Only inside `on_assign`."""

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Read on from `offset`. Never inside a callback."""

    def resume(self, partitions: Sequence[TopicPartition]) -> None:
        """Let records through."""

    def committed(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int | None]:
        """The group's offsets, None where there is none. `Retriable` while a transaction holds one of them open."""

    def earliest(self, partition: TopicPartition) -> int:
        """The first offset the log still has."""

    def end(self, partition: TopicPartition) -> int | None:
        """The newest end of the partition this consumer has heard of, for showing the lag; None when it has not."""

    def group_metadata(self) -> GroupMetadata:
        """Member and generation, now."""

    def close(self) -> None:
        """Leave the group, running `on_revoke`."""


class Producer(Protocol):
    """A transactional producer, one per stage and worker slot; a second one of the same slot fences the first."""

    def init(self) -> None:
        """Fence off a former holder of the slot and finish what it left open."""

    def begin(self) -> None:
        """Open a transaction."""

    def produce(self, record: Outgoing, delivered: Callable[[int], None] | None = None) -> None:
        """Send one record; `delivered` hears its offset, at the latest in `flush`. Succeeds even when fenced."""

    def flush(self) -> None:
        """Wait until everything sent has its offset."""

    def send_offsets(self, offsets: Mapping[TopicPartition, int], group: GroupMetadata) -> None:
        """Put input offsets into the transaction. The broker checks membership of the group, not ownership."""

    def commit(self) -> None:
        """Commit outputs, changelog and offsets as one."""

    def abort(self) -> None:
        """Undo all of it."""

    def partitions(self, topic: str) -> int:
        """How many partitions a topic has."""

    def close(self) -> None:
        """Give up the connection, leaving an open transaction to its timeout."""


class Change(NamedTuple):
    """One record of a changelog: a row's new value, or None where the row was deleted."""

    offset: int
    key: bytes
    value: bytes | None


class Changelog(Protocol):
    """The changelog of one stage, for reading back."""

    def identity(self, partition: int) -> str:
        """What tells this changelog from one of the same name elsewhere, or recreated since."""

    def high_watermark(self, partition: int) -> int:
        """The end of the partition *including* open transactions; never the last stable offset."""

    def read(self, partition: int, start: int, high: int) -> Iterator[Sequence[Change]]:
        """The committed changes from `start` on, in slices, until the stable end is at or past `high`.

        A slice may be empty: that is the caller's chance to give up. An open transaction is waited for.
        """


class Monitor(Protocol):
    """The part of `threading.Condition` the loop uses, so that a simulation can stand in for time and threads."""

    def __enter__(self) -> bool:
        """Enter the critical section."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        """Leave it."""

    def wait_for(self, predicate: Callable[[], bool], timeout: float | None = None) -> bool:
        """Wait, outside the critical section, until the predicate holds or the time is over; whether it holds."""

    def notify_all(self) -> None:
        """Something a predicate may depend on has changed."""


class Observer(Protocol):
    """Who is told what the loop does; metrics live behind it. Called from the loop's threads; must not block."""

    def committed(self, stage: str, records: int, batch_seconds: float, commit_seconds: float) -> None:
        """A batch of so many records is committed; the commit itself took `commit_seconds` of the whole."""

    def aborted(self, stage: str, reason: str) -> None:
        """A transaction was aborted and its batch will be done again."""

    def dead_letter(self, stage: str, reason: str) -> None:
        """A record went to the dead letters, committed."""

    def state(self, stage: str, partition: int, rows: int) -> None:
        """So many rows are remembered for a partition."""

    def as_of(self, stage: str, partition: int, as_of: int) -> None:
        """The newest `received_at` committed on a partition, in milliseconds since the epoch."""

    def withheld(self, alerts: Mapping[tuple[str, str, str], int]) -> None:
        """So many alerts are kept back at present, by audience, why, and priority: all that are."""

    def lag(self, stage: str, topic: str, partition: int, records: int) -> None:
        """So many records are waiting."""

    def taken_over(self, stage: str, partition: int, rows: int, seconds: float) -> None:
        """A partition is ready, after reading back so many changes."""

    def given_up(self, stage: str, partition: int) -> None:
        """A partition is no longer ours."""


class Unobserved:
    """The observer nobody listens to."""

    def committed(self, stage: str, records: int, batch_seconds: float, commit_seconds: float) -> None:
        """Tell nobody."""

    def aborted(self, stage: str, reason: str) -> None:
        """Tell nobody."""

    def dead_letter(self, stage: str, reason: str) -> None:
        """Tell nobody."""

    def state(self, stage: str, partition: int, rows: int) -> None:
        """Tell nobody."""

    def as_of(self, stage: str, partition: int, as_of: int) -> None:
        """Tell nobody."""

    def withheld(self, alerts: Mapping[tuple[str, str, str], int]) -> None:
        """Tell nobody."""

    def lag(self, stage: str, topic: str, partition: int, records: int) -> None:
        """Tell nobody."""

    def taken_over(self, stage: str, partition: int, rows: int, seconds: float) -> None:
        """Tell nobody."""

    def given_up(self, stage: str, partition: int) -> None:
        """Tell nobody."""
