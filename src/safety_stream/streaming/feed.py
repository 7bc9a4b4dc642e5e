"""Reading the inputs: the work of the consumer thread. It decides what is accepted, never what is committed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from safety_stream.core.model.times import Instant
from safety_stream.streaming.ownership import Ownership, Tenure
from safety_stream.streaming.ports import Consumer, Fatal, Incoming, Observer, Polled, Retriable, TopicPartition
from safety_stream.streaming.spec import LoopSettings, StageSpec
from safety_stream.streaming.takeover import TakeOver


@dataclass(frozen=True, slots=True)
class Part:
    """The share of one partition in a batch: records in order of arrival, or none and the time it is.

    Neither records nor a time: it is to go on with what it has left to do.
    """

    tenure: Tenure
    records: Sequence[Incoming]
    idle_at: Instant | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """What goes into one transaction."""

    parts: Sequence[Part]

    @property
    def tenures(self) -> Collection[Tenure]:
        """Under which tenures its records were read."""
        return [part.tenure for part in self.parts]


HandOver = Callable[[Batch], bool]
"""Give a batch to whoever runs the transactions, waiting a moment at most; False when there is no room."""


class Feed:
    """Turns what the consumer brings into batches of records that are ours. One thread calls `start` and `turn`."""

    def __init__(  # noqa: PLR0913, PLR0917 - the parts it stands between; made in one place, `loop.assemble`
        self,
        spec: StageSpec,
        consumer: Consumer,
        ownership: Ownership,
        take_over: TakeOver,
        hand_over: HandOver,
        settings: LoopSettings,
        clock: Callable[[], float],
        wall: Callable[[], Instant] | None,
        observer: Observer,
    ) -> None:
        """`clock` gives seconds, monotonic; `wall` the time to wake idle partitions with, None for never."""
        self._spec = spec
        self._consumer = consumer
        self._ownership = ownership
        self._take_over = take_over
        self._hand_over = hand_over
        self._settings = settings
        self._clock = clock
        self._wall = wall
        self._observer = observer
        self._admissible: list[Tenure] = []
        self._pending: dict[Tenure, list[Incoming]] = {}
        self._pending_records = 0
        self._pending_bytes = 0
        self._looked_round_at = 0.0
        self._goes_on_next = False
        self._went_on = -1
        self.has_joined = False

    def start(self) -> None:
        """Join the group."""
        self._consumer.subscribe(self._spec.inputs, self)

    def turn(self) -> None:
        """Read once, and hand over what there is. Runs the callbacks below; call it again soon."""
        self._admit()
        self._accept(self._consumer.consume(self._room(), max(self._settings.batch_wait, self._spec.gathers)))
        self._hand_over_next()
        if self._clock() - self._looked_round_at >= self._settings.idle_every:
            self._look_round()

    def stop(self) -> None:
        """Leave the group, waiting for the batch in flight."""
        self._consumer.close()

    def on_assign(self, partitions: Sequence[TopicPartition]) -> None:
        """Begin a tenure for each partition number, and have it taken over."""
        self._consumer.assign_paused(partitions)
        self.has_joined = True
        for number, topics in sorted(_by_number(partitions).items()):
            if topics != tuple(sorted(self._spec.inputs)):
                raise Fatal(
                    f"{self._spec.name}: of partition {number} only {topics} came here, not all of "
                    f"{sorted(self._spec.inputs)}. Its input topics need the same number of partitions, and a stage "
                    f"with several inputs the `range` assignor in all its workers."
                )
            self._take_over.begin(self._ownership.begin(number, self._spec.inputs))

    def on_revoke(self, partitions: Sequence[TopicPartition]) -> None:
        """End the tenures; let the batch in flight end in its own way."""
        self._give_up(partitions, lost=False)

    def on_lost(self, partitions: Sequence[TopicPartition]) -> None:
        """End the tenures; the batch in flight will find it must not commit."""
        self._give_up(partitions, lost=True)

    def _give_up(self, partitions: Sequence[TopicPartition], *, lost: bool) -> None:
        ended = self._ownership.end(_by_number(partitions).keys(), lost=lost)
        # Beyond the budget nothing breaks: the broker refuses the offsets of a former generation, and who takes the
        # partition over waits for the transaction to end.
        self._ownership.wait_out(ended, self._settings.revoke_budget)
        for tenure in ended:
            self._observer.given_up(self._spec.name, tenure.partition)

    def _admit(self) -> None:
        """Step 4: let the records of finished take-overs through, from the committed offset on."""
        self._admissible += self._take_over.finished()
        for tenure in list(self._admissible):
            if self._ownership.holds(tenure):
                try:
                    for inputs in tenure.inputs():
                        self._consumer.seek(inputs, tenure.expected[inputs.topic])
                    self._consumer.resume(tenure.inputs())
                except Retriable:
                    continue
                tenure.ready = True
                tell_what_is_withheld(self._spec, tenure, self._observer)
            self._admissible.remove(tenure)

    def _room(self) -> int:
        """How many records to ask for. With no room left still one at a time: reading is what runs the callbacks."""
        if self._pending_bytes >= self._settings.batch_bytes:
            return 1
        return max(1, self._settings.batch_records - self._pending_records)

    def _accept(self, polled: Polled) -> None:
        for record in polled.records:
            tenure = self._ownership.tenure(record.partition)
            if tenure is None or not tenure.ready or record.offset < tenure.expected[record.topic]:
                continue
            tenure.expected[record.topic] = record.offset + 1
            tenure.at_end.discard(record.topic)
            self._pending.setdefault(tenure, []).append(record)
            self._pending_records += 1
            self._pending_bytes += len(record.value or b"")
        for topic, partition in polled.ends:
            tenure = self._ownership.tenure(partition)
            if tenure is not None and tenure.ready:
                tenure.at_end.add(topic)

    def _hand_over_next(self) -> None:
        """What has arrived and what is left to do take turns: neither waits for more than one batch of the other."""
        tenure = self._left_to_do()
        if tenure is not None and (self._goes_on_next or not self._pending):
            self._go_on(tenure)
        elif self._pending:
            self._hand_over_pending()

    def _hand_over_pending(self) -> None:
        if self._hand_over(Batch([Part(tenure, records) for tenure, records in self._pending.items()])):
            self._pending = {}
            self._pending_records = self._pending_bytes = 0
            self._goes_on_next = True

    def _left_to_do(self) -> Tenure | None:
        """The partition whose turn it is to go on with what it has left to do; None if none has."""
        left = [one for one in self._ownership.tenures() if one.ready and one.has_more]
        return min(left, key=lambda one: (one.partition <= self._went_on, one.partition), default=None)

    def _go_on(self, tenure: Tenure) -> None:
        # Taken back before it is handed over: from then on only the end of its transaction says that there is more.
        tenure.has_more = False
        if self._hand_over(Batch([Part(tenure, ())])):
            self._goes_on_next = False
            self._went_on = tenure.partition
        else:
            tenure.has_more = True

    def _look_round(self) -> None:
        """Once in a while: how far behind is each partition, and should it be woken?"""
        self._looked_round_at = self._clock()
        ready = [tenure for tenure in self._ownership.tenures() if tenure.ready]
        for tenure in ready:
            for inputs in tenure.inputs():
                end = self._consumer.end(inputs)
                if end is not None:
                    behind = max(0, end - tenure.expected[inputs.topic])
                    self._observer.lag(self._spec.name, inputs.topic, inputs.partition, behind)
        if self._wall is not None:
            now = self._wall()
            idle = [one for one in ready if len(one.at_end) == len(one.topics) and one not in self._pending]
            if idle:
                # No room means there is work, and after it comes another look.
                self._hand_over(Batch([Part(tenure, (), now) for tenure in idle]))


def tell_what_is_withheld(spec: StageSpec, tenure: Tenure, observer: Observer) -> None:
    """Tell what the rows of a partition keep back, as they are committed."""
    if spec.withheld is not None:
        with tenure.memory().snapshot() as rows:
            observer.withheld(spec.withheld(rows))


def _by_number(partitions: Sequence[TopicPartition]) -> dict[int, tuple[str, ...]]:
    topics: dict[int, list[str]] = {}
    for topic, number in partitions:
        topics.setdefault(number, []).append(topic)
    return {number: tuple(sorted(names)) for number, names in topics.items()}
