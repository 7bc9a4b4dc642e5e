"""Proof that the simulation can fail: the loop with one step left out or misplaced is caught, each in its own way.

Where the product would stop by itself, because the mark differs from the committed offsets, that assertion is taken
out too: what is shown is that the order matters, not that the assertion works; that has a test of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from safety_stream.streaming.loop import assemble
from safety_stream.streaming.ownership import Ownership, Tenure
from safety_stream.streaming.ports import Outgoing, TopicPartition, Unobserved
from safety_stream.streaming.store import Mark, MemoryStore
from safety_stream.streaming.takeover import MARK_KEY, MarkDiffers, TakeOver, encode_mark
from safety_stream.streaming.transaction import Piece, Transaction
from safety_stream.testing.log import Log, MemoryChangelog, MemoryConsumer, MemoryProducer, Process
from safety_stream.testing.schedule import Schedule, Stuck, TakesTurns
from safety_stream.testing.simulation import CHANGELOG, GROUP, Plan, Simulation, Wrong

SEEDS = 600


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
        self._again(lambda: self._producer.send_offsets(offsets, GROUP))
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


MUTANTS = {
    "store merged before commit": {"assemble": partial(assemble, transaction_as=MergesBeforeCommit)},
    "changelog read uncommitted": {
        "assemble": partial(assemble, take_over_as=Trusting),
        "changelog_isolation": "read_uncommitted",
    },
    "input read uncommitted": {"input_isolation": "read_uncommitted"},
    "offsets from position()": {"assemble": partial(assemble, transaction_as=CommitsPositions, take_over_as=Trusting)},
    # Zombies often enough to wake up between the check of ownership and the offsets.
    "no group metadata": {
        "freeze_rate": 0.02,
        "crash_rate": 0.0,
        "assemble": partial(assemble, transaction_as=OmitsGroupMetadata, take_over_as=Trusting),
    },
    "plain commit instead of in the transaction": {
        "assemble": partial(assemble, transaction_as=CommitsOffsetsOutside, take_over_as=Trusting)
    },
    "fresh metadata but no check of ownership": {
        "protocol": "eager",
        "assemble": partial(assemble, transaction_as=TrustsMembership, take_over_as=Trusting),
    },
    "metadata read after the check of ownership": {
        "protocol": "eager",
        "freeze_rate": 0.01,
        "crash_rate": 0.0,
        "error_rate": 0.0,
        "assemble": partial(assemble, transaction_as=ChecksTooEarly, take_over_as=Trusting),
    },
    "restore to the last stable offset": {"assemble": partial(assemble, take_over_as=RestoresToTheStableEnd)},
    "idle wake commits what is read": {
        "wakes": True,
        "assemble": partial(assemble, transaction_as=WakesWithWhatIsRead, take_over_as=Trusting),
    },
}


@pytest.mark.parametrize("switches", MUTANTS.values(), ids=MUTANTS)
def test_a_loop_with_one_step_wrong_is_caught(switches: dict[str, Any]):
    seeds_needed = next((seed for seed in range(SEEDS) if goes_wrong(seed, switches)), None)

    assert seeds_needed is not None, f"{SEEDS} schedules did not notice"


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_former_owner_may_commit_at_any_moment_of_a_take_over(moment: str):
    mark, committed = taken_over(TakeOver, moment)

    assert mark == committed == {"inputs": 2}


def test_restoring_before_the_offset_is_read_lacks_what_was_committed_in_between():
    """The broker's checks of generations leave no room for this, until one of them is missing: so it is staged."""
    mark, committed = taken_over(RestoresFirst, "before")

    assert (mark, committed) == ({"inputs": 1}, {"inputs": 2})


def test_the_assertion_catches_that_by_itself():
    class Restores(RestoresFirst):
        agrees = TakeOver.agrees

    with pytest.raises(MarkDiffers):
        taken_over(Restores, "before")


def taken_over(take_over_as: type[TakeOver], moment: str):
    """Take a partition over while its former owner commits once more, before or after the offsets are read."""
    schedule = Schedule(0)
    log = Log(schedule, {"inputs": 1, CHANGELOG: 1})
    process = Process(log, None, lambda: None, lambda: None)
    former = MemoryProducer(log, process, "former")

    class Latecomer(MemoryConsumer):
        late = True

        def committed(self, partitions: Sequence[TopicPartition]):
            if moment == "before":
                self.commit_late()
            found = super().committed(partitions)
            if moment == "after":
                self.commit_late()
            return found

        def commit_late(self):
            if self.late:
                self.late = False
                commit(2)

    def commit(offset: int):
        former.begin()
        former.produce(Outgoing(CHANGELOG, 0, b"row", b"%d" % offset, 0))
        former.produce(Outgoing(CHANGELOG, 0, MARK_KEY, encode_mark({"inputs": offset}), 0))
        former.send_offsets({TopicPartition("inputs", 0): offset}, GROUP)
        former.commit()
        log.settle()

    found = []

    def act():
        consumer = Latecomer(log, process, GROUP, "eager")
        former.init()
        commit(1)
        ownership = Ownership(TakesTurns(schedule))
        changelog = MemoryChangelog(log, process, CHANGELOG)
        take_over = take_over_as(
            "toy", consumer, changelog, lambda *_: MemoryStore(), ownership, lambda: 0.0, Unobserved()
        )
        tenure = ownership.begin(0, ("inputs",))
        take_over.take_over(tenure)
        found.append((tenure.memory().mark, tenure.mark))

    schedule.spawn("successor", act)
    schedule.run()
    return found[0]


def goes_wrong(seed: int, switches: dict[str, Any]):
    """Whether a reader sees a wrong result: not merely that the run was rough."""
    try:
        Simulation(replace(Plan.of(seed), **switches)).run()
    except Wrong:
        return True
    except Stuck:
        return False
    return False
