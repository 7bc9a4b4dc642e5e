"""Taking over a partition: the work of the take-over thread, between being assigned it and reading from it.

The order is the whole point (see `loop`, *Theory of operation*): the committed input offset first, and stable; then
the changelog's high watermark; then everything up to it. Read the watermark first, and a former owner may commit
in between: the rows would lack a batch whose records are not read again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from safety_stream.streaming.ownership import Ownership, Tenure
from safety_stream.streaming.ports import Change, Changelog, Consumer, Fatal, Observer, Retriable, TopicPartition
from safety_stream.streaming.store import Mark, OpenStore, Store

MARK_KEY = b"\x00mark"
"""The changelog record that says which input offsets the records before it correspond to."""

_RETRY_SECONDS = 0.1

T = TypeVar("T")


class MarkDiffers(Fatal):
    """The changelog and the group's offsets do not belong together."""


class Disowned(Exception):
    """The partition went away while it was being taken over: nothing to do."""


class TakeOver:
    """Brings newly assigned partitions to where their former owner left them. One thread calls `turn`."""

    def __init__(
        self,
        stage: str,
        consumer: Consumer,
        changelog: Changelog,
        open_store: OpenStore,
        ownership: Ownership,
        clock: Callable[[], float],
        observer: Observer,
    ) -> None:
        """`clock` gives seconds, monotonic, for the figures only."""
        self._stage = stage
        self._consumer = consumer
        self._changelog = changelog
        self._open_store = open_store
        self._ownership = ownership
        self._clock = clock
        self._observer = observer
        self._waiting: deque[tuple[Tenure, float]] = deque()
        self._finished: deque[Tenure] = deque()
        # Stores stay open from one tenure to the next: LMDB wants one environment per folder and process, and a
        # batch that outlived its tenure may still be reading.
        self._stores: dict[int, Store] = {}

    def begin(self, tenure: Tenure) -> None:
        """Have a new tenure taken over. Called by the consumer thread."""
        with self._ownership.monitor:
            self._waiting.append((tenure, self._clock()))
            self._ownership.monitor.notify_all()

    def finished(self) -> list[Tenure]:
        """The tenures taken over since the last call. Called by the consumer thread."""
        return [self._finished.popleft() for _ in range(len(self._finished))]

    def turn(self, seconds: float) -> None:
        """Take over one partition, or wait so long for one."""
        monitor = self._ownership.monitor
        with monitor:
            if not monitor.wait_for(lambda: bool(self._waiting), seconds):
                return
            tenure, since = self._waiting.popleft()
        try:
            changes = self.take_over(tenure)
        except Disowned:
            return
        self._observer.taken_over(self._stage, tenure.partition, changes, self._clock() - since)
        self._finished.append(tenure)

    def take_over(self, tenure: Tenure) -> int:
        """Make the tenure ready; how many changes were read back. Raises `Disowned`, or `MarkDiffers`."""
        committed, store, changes = self.read_back(tenure)
        while not self.agrees(tenure, store.mark, committed):
            committed, store, more = self.read_back(tenure)
            changes += more
        tenure.store = store
        tenure.mark = dict(committed)
        tenure.start = {one.topic: self._start(tenure, one, committed) for one in tenure.inputs()}
        tenure.expected = dict(tenure.start)
        self._observer.state(self._stage, tenure.partition, store.rows)
        return changes

    def read_back(self, tenure: Tenure) -> tuple[Mark, Store, int]:
        """Steps 1 to 3 in their order; the committed offsets, the restored store, how many changes that took."""
        committed = self.committed(tenure)
        high = self.high_watermark(tenure)
        store = self.store(tenure, high)
        return committed, store, self.restore(tenure, store, high)

    def _start(self, tenure: Tenure, inputs: TopicPartition, committed: Mark) -> int:
        if inputs.topic in committed:
            return committed[inputs.topic]
        return self._again(tenure, lambda: self._consumer.earliest(inputs))

    def committed(self, tenure: Tenure) -> Mark:
        """Step 1: the committed input offsets, once no transaction holds them open."""
        found = self._again(tenure, lambda: self._consumer.committed(tenure.inputs()))
        return {one.topic: offset for one, offset in found.items() if offset is not None}

    def high_watermark(self, tenure: Tenure) -> int:
        """Step 2: how far the changelog has to be read."""
        return self._again(tenure, lambda: self._changelog.high_watermark(tenure.partition))

    def restore(self, tenure: Tenure, store: Store, high: int) -> int:
        """Step 3: read the changelog into the store; how many changes that were."""
        count = 0

        def read_on() -> None:
            # Made again after an error, this goes on from where the store is by then.
            nonlocal count
            for changes in self._changelog.read(tenure.partition, store.position, high):
                if not self._ownership.holds(tenure):
                    raise Disowned
                if changes:
                    _take_in(store, changes)
                    count += len(changes)

        self._again(tenure, read_on)
        return count

    def agrees(self, tenure: Tenure, mark: Mark, committed: Mark) -> bool:
        """Whether the restored rows correspond to the committed offsets, exactly. Raises `MarkDiffers` if never.

        They may differ when this process stood still for so long that somebody else is at work here already, and has
        not heard of it yet: then the offsets have moved on since, and it has to be done again, or is not ours.
        """
        if mark == committed:
            return True
        if self.committed(tenure) != committed:
            return False
        raise MarkDiffers(
            f"{self._stage}, partition {tenure.partition}: the changelog stands for input offsets {mark}, the "
            f"group has committed {committed}. Going on would lose or double records. Set the group's offsets to "
            f"the changelog's, or clear both and read the inputs again from the start."
        )

    def close(self) -> None:
        """Close every store."""
        for store in self._stores.values():
            store.close()
        self._stores.clear()

    def store(self, tenure: Tenure, high: int) -> Store:
        """The partition's store; emptied if it is ahead of the changelog, or older than tombstones are kept."""
        store = self._stores.get(tenure.partition)
        if store is None:
            identity = self._again(tenure, lambda: self._changelog.identity(tenure.partition))
            store = self._open_store(tenure.partition, f"{self._stage}|{tenure.partition}|{identity}")
            self._stores[tenure.partition] = store
        if store.position > high or store.is_too_old:
            store.clear()
        return store

    def _again(self, tenure: Tenure, call: Callable[[], T]) -> T:
        """The result of a call, made again while it is worth it and the partition is still ours."""
        while self._ownership.holds(tenure):
            try:
                return call()
            except Retriable:
                self._ownership.wait_for_change([tenure], _RETRY_SECONDS)
        raise Disowned


def _take_in(store: Store, changes: Sequence[Change]) -> None:
    rows: dict[bytes, bytes | None] = {}
    mark: Mark | None = None
    last = 0
    for offset, key, value in changes:
        last = offset
        if key == MARK_KEY:
            mark = decode_mark(value)
        else:
            rows[key] = value
    store.apply(rows.items(), mark, base=store.position, position=last + 1)


def encode_mark(mark: Mark) -> bytes:
    """The value of a mark record."""
    return msgspec.msgpack.encode(dict(sorted(mark.items())))


def decode_mark(value: bytes | None) -> Mark:
    """The offsets in a mark record."""
    return {} if value is None else msgspec.msgpack.decode(value, type=Mark)
