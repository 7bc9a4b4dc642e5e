"""One batch, one transaction: the work of the transaction thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TypeVar

from safety_stream.core.model.dead_letters import DeadLetter
from safety_stream.core.model.times import Instant
from safety_stream.core.stages.stage import EVERY_PARTITION, MORE_ROW, Output, Record
from safety_stream.streaming.dead_letter_limit import DeadLetterWindow
from safety_stream.streaming.feed import Batch, tell_what_is_withheld
from safety_stream.streaming.ownership import Ownership, Tenure
from safety_stream.streaming.ports import (
    Abortable,
    Consumer,
    Fatal,
    Observer,
    Outgoing,
    Producer,
    Retriable,
    TopicPartition,
)
from safety_stream.streaming.spec import LoopSettings, StageSpec
from safety_stream.streaming.store import Mark, Overlay
from safety_stream.streaming.takeover import MARK_KEY, encode_mark

_RETRY_SECONDS = 0.05
_RETRY_SECONDS_AT_MOST = 1.0
_SEAL_SECONDS_AT_MOST = 5.0
"""The longest wait before asking again whoever seals: it may be away for hours."""


T = TypeVar("T")


class NoLongerOurs(Abortable):
    """A partition of this batch has been given up since the batch was made."""


class GivenUpWaiting(Exception):
    """A partition was given up while it waited to be screened or sealed: nothing was begun that could be aborted."""


@dataclass(slots=True)
class Piece:
    """The share of one partition in a transaction: what went in, and what came of it."""

    tenure: Tenure
    records: Sequence[Record]
    idle_at: Instant | None
    outputs: Sequence[Output] = ()
    overlay: Overlay | None = None
    base: int = 0
    offsets: dict[str, int] = field(default_factory=dict)
    mark: Mark = field(default_factory=dict)
    position: int | None = None
    has_more: bool = False

    @property
    def matters(self) -> bool:
        """Whether there is anything to commit. Waking an idle partition mostly comes to nothing."""
        return bool(self.records or self.outputs or self.changes)

    @property
    def changes(self) -> Mapping[bytes, bytes | None]:
        """The rows the step wrote."""
        return {} if self.overlay is None else self.overlay.changes


class Transaction:
    """Runs batches, each exactly once for the partitions still ours and not at all for the others."""

    def __init__(
        self,
        spec: StageSpec,
        consumer: Consumer,
        producer: Producer,
        ownership: Ownership,
        settings: LoopSettings,
        clock: Callable[[], float],
        observer: Observer,
    ) -> None:
        """`clock` gives seconds, monotonic, for the figures only."""
        self._spec = spec
        self._consumer = consumer
        self._producer = producer
        self._ownership = ownership
        self._settings = settings
        self._clock = clock
        self._observer = observer
        self._dead_letters = DeadLetterWindow(spec.name, settings.dead_letters)

    def run(self, batch: Batch) -> None:
        """Commit the batch, however many attempts that takes. Raises `Fatal` when the process has to end."""
        began = self._clock()
        decode = self._spec.decode
        decoded = [(part, [decode(record) for record in part.records]) for part in batch.parts]
        with self._ownership.in_flight(batch.tenures):
            for wait in self._patience(batch):
                pieces = [
                    Piece(part.tenure, records, part.idle_at)
                    for part, records in decoded
                    if self._ownership.holds(part.tenure)
                ]
                if not pieces:
                    return
                try:
                    self._attempt(pieces, began)
                except GivenUpWaiting:
                    continue
                except Abortable as error:
                    self._again(self._producer.abort)
                    self._observer.aborted(self._spec.name, type(error).__name__)
                    self._ownership.wait_for_change([piece.tenure for piece in pieces], wait)
                else:
                    return

    def _attempt(self, pieces: list[Piece], began: float) -> None:
        with ExitStack() as reading:
            for piece in pieces:
                self._step(piece, reading)
            pieces = [piece for piece in pieces if piece.matters]
            if not pieces:
                return
            records = sum(len(piece.records) for piece in pieces)
            refused = [out.value.reason for one in pieces for out in one.outputs if isinstance(out.value, DeadLetter)]
            self._dead_letters.check(records, refused)
            self._again(self._producer.begin)
            for piece in pieces:
                self._produce_outputs(piece)
                self._produce_changes(piece)
            self._again(self._producer.flush)
            self._send_offsets(pieces)
            committing = self._clock()
            self._again(self._producer.commit)
        ended = self._clock()
        self._merge(pieces)
        self._dead_letters.add(records, refused)
        self._observer.committed(self._spec.name, records, ended - began, ended - committing)
        self._report(pieces, refused)

    def _step(self, piece: Piece, reading: ExitStack) -> None:
        """Step 5: what follows from the records, on an overlay."""
        store = piece.tenure.memory()
        piece.base = store.position
        piece.overlay = Overlay(reading.enter_context(store.snapshot()))
        rows = piece.overlay
        records = self._answered(piece, lambda: self._spec.screen(rows, piece.records))
        outputs = self._spec.step(rows, records, piece.idle_at)
        piece.outputs = self._answered(piece, lambda: self._spec.seal(rows, outputs))
        piece.has_more = piece.overlay.get(MORE_ROW) is not None
        # The offsets are last + 1 of *this* batch: what the consumer has read is further on already.
        piece.offsets = {record.topic: record.offset + 1 for record in piece.records} or self._offsets_now(piece.tenure)
        piece.mark = piece.tenure.mark | piece.offsets

    def _answered(self, piece: Piece, asked: Callable[[], T]) -> T:
        """What whoever screens and seals answers. No transaction is open yet, so this may take as long as it takes."""
        wait = _RETRY_SECONDS
        while True:
            try:
                return asked()
            except Retriable:
                self._ownership.wait_for_change([piece.tenure], wait)
            if not self._ownership.holds(piece.tenure):
                raise GivenUpWaiting
            wait = min(wait * 1.5, _SEAL_SECONDS_AT_MOST)

    def _offsets_now(self, tenure: Tenure) -> Mark:
        """Of a batch without records: what is committed already, and the start where nothing is."""
        return {topic: tenure.mark.get(topic, tenure.start[topic]) for topic in tenure.topics}

    def _produce_outputs(self, piece: Piece) -> None:
        for output in piece.outputs:
            encoded = self._spec.encode(output)
            for partition in self._partitions(output):
                self._producer.produce(
                    Outgoing(output.topic, partition, encoded.key, encoded.value, output.received_at, encoded.headers)
                )

    def _partitions(self, output: Output) -> Sequence[int | None]:
        if output.partition == EVERY_PARTITION:
            return range(self._producer.partitions(output.topic))
        return (output.partition,)

    def _produce_changes(self, piece: Piece) -> None:
        """Step 6: one record per dirty row, then the mark; its offset tells how far the changelog is then."""
        topic, partition = self._spec.changelog, piece.tenure.partition
        at = self._time_of(piece)
        for key, value in piece.changes.items():
            self._producer.produce(Outgoing(topic, partition, key, value, at))

        def delivered(offset: int) -> None:
            piece.position = offset + 1

        self._producer.produce(Outgoing(topic, partition, MARK_KEY, encode_mark(piece.mark), at), delivered)

    def _time_of(self, piece: Piece) -> Instant:
        told = piece.records or (() if piece.idle_at else piece.outputs)
        return max((one.received_at for one in told), default=piece.idle_at or piece.tenure.time)

    def _send_offsets(self, pieces: list[Piece]) -> None:
        """Step 7: the group's metadata *first*, then the check that all is still ours, then the offsets.

        The broker will refuse them if the group has moved on since the metadata was read; and what was ours after
        that is ours in that generation. The other way round, metadata fresh from a rebalance could vouch for a
        partition that was lost in it.
        """
        metadata = self._again(self._consumer.group_metadata)
        self._check_ownership(pieces)
        offsets = {
            TopicPartition(topic, piece.tenure.partition): offset
            for piece in pieces
            for topic, offset in piece.offsets.items()
        }
        self._again(lambda: self._producer.send_offsets(offsets, metadata))
        self._check_ownership(pieces)

    def _check_ownership(self, pieces: list[Piece]) -> None:
        for piece in pieces:
            if not self._ownership.holds(piece.tenure):
                raise NoLongerOurs(f"partition {piece.tenure.partition} has been given up")

    def _merge(self, pieces: list[Piece]) -> None:
        """Step 8: what is committed goes into the store."""
        for piece in pieces:
            if piece.position is None:
                raise Fatal(f"{self._spec.name}: a committed mark has no offset; the producer's reports are broken")
            piece.tenure.memory().apply(piece.changes.items(), piece.mark, base=piece.base, position=piece.position)
            piece.tenure.mark = piece.mark
            piece.tenure.time = self._time_of(piece)
            # Of a piece that mattered only: what went no further would be called again for nothing.
            if piece.has_more:
                piece.tenure.has_more = True

    def _report(self, pieces: list[Piece], refused: Sequence[str]) -> None:
        for reason in refused:
            self._observer.dead_letter(self._spec.name, reason)
        for piece in pieces:
            partition = piece.tenure.partition
            self._observer.state(self._spec.name, partition, piece.tenure.memory().rows)
            tell_what_is_withheld(self._spec, piece.tenure, self._observer)
            if piece.tenure.time:
                self._observer.as_of(self._spec.name, partition, piece.tenure.time)

    def _patience(self, batch: Batch) -> Iterator[float]:
        """How long to wait after each failed attempt; `Fatal` after the last."""
        wait = _RETRY_SECONDS
        for _ in range(self._settings.attempts):
            yield wait
            wait = min(wait * 1.5, _RETRY_SECONDS_AT_MOST)
        partitions = sorted(tenure.partition for tenure in batch.tenures)
        raise Fatal(
            f"{self._spec.name}: a batch of partitions {partitions} was aborted {self._settings.attempts} times. "
            f"Nothing of it is committed. The broker's log says why it refuses it."
        )

    def _again(self, call: Callable[[], T]) -> T:
        """The result of a call, made again for as long as that is what to do."""
        while True:
            try:
                return call()
            except Retriable:
                self._ownership.pause(_RETRY_SECONDS)
