"""The loop with one step left out or misplaced: what the simulations must notice.

Where the product would stop by itself, because the mark differs from the committed offsets, that assertion is taken
out too: what is shown is that the order matters, not that the assertion works; that has a test of its own.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from safety_stream.streaming.loop import Ports, assemble
from safety_stream.streaming.ownership import Tenure
from safety_stream.streaming.ports import Changelog, TopicPartition
from safety_stream.streaming.spec import StageSpec
from safety_stream.streaming.store import Mark
from safety_stream.streaming.takeover import TakeOver
from safety_stream.streaming.transaction import Piece, Transaction


class Trusting(TakeOver):
    """Does not compare the mark with the committed offsets."""

    def agrees(self, _tenure: Tenure, _mark: Mark, _committed: Mark):
        return True


class RestoresFirst(Trusting):
    """Restores, and reads the committed offsets after."""

    def read_back(self, tenure: Tenure):
        high = self.high_watermark(tenure)
        store = self.store(tenure, high)
        changes = self.restore(tenure, store, high)
        return self.committed(tenure), store, changes


class RestoresToTheStableEnd(Trusting):
    """Restores to the last stable offset instead of the high watermark."""

    def high_watermark(self, tenure: Tenure):
        return self._changelog.last_stable_offset(tenure.partition)


class MergesBeforeCommit(Transaction):
    """Takes into the store what is not committed yet."""

    def _send_offsets(self, pieces: list[Piece]):
        self._merge(pieces)
        super()._send_offsets(pieces)


class CommitsPositions(Transaction):
    """Commits how far the consumer has read, not how far this batch goes."""

    def _step(self, piece: Piece, reading: ExitStack):
        super()._step(piece, reading)
        number = piece.tenure.partition
        for topic in piece.offsets:
            position = self._consumer._positions.get(TopicPartition(topic, number), piece.offsets[topic])
            piece.offsets[topic] = max(position, piece.offsets[topic])
        piece.mark = piece.tenure.mark | piece.offsets


class OmitsGroupMetadata(Transaction):
    """Lets the broker take the offsets from anybody."""

    def _send_offsets(self, pieces: list[Piece]):
        self._check_ownership(pieces)
        offsets = {
            TopicPartition(topic, piece.tenure.partition): offset
            for piece in pieces
            for topic, offset in piece.offsets.items()
        }
        self._again(lambda: self._producer.send_offsets(offsets, self._spec.name))
        self._check_ownership(pieces)


class CommitsOffsetsOutside(Transaction):
    """Commits outputs and changelog in a transaction, and the offsets after it."""

    def _send_offsets(self, pieces: list[Piece]):
        self._check_ownership(pieces)

    def _merge(self, pieces: list[Piece]):
        self._consumer.commit(
            {
                TopicPartition(topic, piece.tenure.partition): offset
                for piece in pieces
                for topic, offset in piece.offsets.items()
            }
        )
        super()._merge(pieces)


class TrustsMembership(Transaction):
    """Reads fresh metadata, and never looks whether the partitions are still ours."""

    def _check_ownership(self, pieces: list[Piece]):
        pass


class ChecksTooEarly(Transaction):
    """Looks whether the partitions are ours, and reads the metadata after."""

    def _send_offsets(self, pieces: list[Piece]):
        self._check_ownership(pieces)
        self._check_ownership = lambda _: None
        try:
            super()._send_offsets(pieces)
        finally:
            del self._check_ownership


class WakesWithWhatIsRead(Transaction):
    """Commits, when an idle partition is woken, how far has been read instead of how far is done."""

    def _offsets_now(self, tenure: Tenure):
        return {topic: tenure.expected[topic] for topic in tenure.topics}


class TrustsOldStores(TakeOver):
    """Takes a store as it is, however long ago it was written."""

    def store(self, tenure: Tenure, _high: int):
        self._stores.setdefault(tenure.partition, self._open_store(tenure.partition, ""))
        return self._stores[tenure.partition]


class EndsAtAGap:
    """Reads a changelog as if each offset held a record: where a stretch of it holds none, there it must end."""

    def __init__(self, changelog: Changelog) -> None:
        self._changelog = changelog
        self.identity = changelog.identity
        self.high_watermark = changelog.high_watermark

    def read(self, partition: int, start: int, high: int):
        for changes in self._changelog.read(partition, start, high):
            if not changes:
                return
            yield changes


def reading_densely(spec: StageSpec, ports: Ports, *more: Any, **classes: Any):
    """A loop whose changelog is read so."""
    return assemble(spec, replace(ports, changelog=EndsAtAGap(ports.changelog)), *more, **classes)
