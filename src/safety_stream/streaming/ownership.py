"""Which partitions are ours, since when, and whether a batch is being worked on: the state the three threads share.

Every assignment begins a new `Tenure`, and a batch carries the tenures its records were read under. To ask "is this
partition still ours?" is to ask whether that very tenure is the one in force: a partition that went away and came
back has another, so nothing of the first can be committed under the second.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

from safety_stream.core.model.times import Instant
from safety_stream.streaming.ports import Monitor, TopicPartition
from safety_stream.streaming.store import Store


class Tenure:
    """One uninterrupted time of owning one partition number: all its input topics and its state.

    `mark`: the input offsets committed, as the changelog has them; the transaction thread's. `expected`: the next
    offset to accept from the consumer, per topic; the consumer thread's. `start`: where reading began. All three are
    first set at take-over. `time`: how far time has come on it, 0 while unknown; the transaction thread's. `has_more`:
    the stage may have more to do though nothing arrives; said by the end of a transaction, and taken back by the
    consumer thread when it hands over the batch that goes on with it.
    """

    def __init__(self, number: int, partition: int, topics: tuple[str, ...]) -> None:
        """Begin, not ready."""
        self.number = number
        self.partition = partition
        self.topics = topics
        self.ready = False
        self.lost = False
        self.store: Store | None = None
        self.mark: dict[str, int] = {}
        self.expected: dict[str, int] = {}
        self.start: dict[str, int] = {}
        self.at_end: set[str] = set()
        self.time: Instant = 0
        # Another catalogue than the former owner's may have been waiting for this.
        self.has_more = True

    def inputs(self) -> list[TopicPartition]:
        """The partitions of the input topics that belong to it."""
        return [TopicPartition(topic, self.partition) for topic in self.topics]

    def memory(self) -> Store:
        """The store, once taken over."""
        assert self.store is not None, f"partition {self.partition} has not been taken over"  # noqa: S101
        return self.store


class Ownership:
    """The tenures in force, and what is in flight."""

    def __init__(self, monitor: Monitor) -> None:
        """Own nothing."""
        self.monitor = monitor
        self._in_force: dict[int, Tenure] = {}
        self._in_flight: Collection[Tenure] = ()
        self._begun = 0

    def begin(self, partition: int, topics: tuple[str, ...]) -> Tenure:
        """A new tenure, in force at once."""
        with self.monitor:
            self._begun += 1
            tenure = self._in_force[partition] = Tenure(self._begun, partition, topics)
            self.monitor.notify_all()
            return tenure

    def end(self, partitions: Collection[int], *, lost: bool) -> list[Tenure]:
        """No longer ours, from this moment; the tenures that ended."""
        with self.monitor:
            ended = [self._in_force.pop(number) for number in sorted(partitions) if number in self._in_force]
            for tenure in ended:
                tenure.lost = lost
            self.monitor.notify_all()
            return ended

    def holds(self, tenure: Tenure) -> bool:
        """Whether this tenure is in force."""
        return self._in_force.get(tenure.partition) is tenure

    def tenure(self, partition: int) -> Tenure | None:
        """The tenure in force, if any."""
        return self._in_force.get(partition)

    def tenures(self) -> Sequence[Tenure]:
        """All in force, by partition."""
        with self.monitor:
            return [self._in_force[number] for number in sorted(self._in_force)]

    @contextmanager
    def in_flight(self, tenures: Collection[Tenure]) -> Iterator[None]:
        """While inside, a batch of these is being worked on."""
        with self.monitor:
            self._in_flight = tenures
        try:
            yield
        finally:
            with self.monitor:
                self._in_flight = ()
                self.monitor.notify_all()

    def wait_out(self, tenures: Collection[Tenure], seconds: float) -> bool:
        """Wait until no batch of these is in flight; whether that came to be in time."""
        with self.monitor:
            return self.monitor.wait_for(lambda: not any(one in self._in_flight for one in tenures), seconds)

    def wait_for_change(self, tenures: Collection[Tenure], seconds: float) -> None:
        """Wait until one of these has ended, at most so long."""
        with self.monitor:
            self.monitor.wait_for(lambda: not all(self.holds(one) for one in tenures), seconds)

    def pause(self, seconds: float) -> None:
        """Wait so long before asking again."""
        with self.monitor:
            self.monitor.wait_for(lambda: False, seconds)
