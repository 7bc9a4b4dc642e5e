"""Proof that the simulation can fail: the loop with one step left out or misplaced is caught, each in its own way.

Where the product would stop by itself, because the mark differs from the committed offsets, that assertion is taken
out too: what is shown is that the order matters, not that the assertion works. `test_the_assertion_...` shows that.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from safety_stream.streaming.loop import assemble
from safety_stream.streaming.ports import TopicPartition
from safety_stream.streaming.takeover import MarkDiffers, TakeOver
from safety_stream.streaming.transaction import Transaction
from safety_stream.testing.schedule import Stuck
from safety_stream.testing.simulation import GROUP, Plan, Simulation, Wrong

SEEDS = 600


class Trusting(TakeOver):
    """Does not compare the mark with the committed offsets."""

    def agrees(self, _tenure, _mark, _committed):
        return True


class RestoresFirst(Trusting):
    """Restores, and reads the committed offsets after."""

    def read_back(self, tenure):
        high = self.high_watermark(tenure)
        store = self.store(tenure, high)
        changes = self.restore(tenure, store, high)
        return self.committed(tenure), store, changes


class RestoresToTheStableEnd(Trusting):
    """Restores to the last stable offset instead of the high watermark."""

    def high_watermark(self, tenure):
        return self._changelog.last_stable_offset(tenure.partition)


class MergesBeforeCommit(Transaction):
    """Takes into the store what is not committed yet."""

    def _send_offsets(self, pieces):
        self._merge(pieces)
        super()._send_offsets(pieces)


class CommitsPositions(Transaction):
    """Commits how far the consumer has read, not how far this batch goes."""

    def _step(self, piece, reading):
        super()._step(piece, reading)
        number = piece.tenure.partition
        for topic in piece.offsets:
            position = self._consumer._positions.get(TopicPartition(topic, number), piece.offsets[topic])
            piece.offsets[topic] = max(position, piece.offsets[topic])
        piece.mark = piece.tenure.mark | piece.offsets


class OmitsGroupMetadata(Transaction):
    """Lets the broker take the offsets from anybody."""

    def _send_offsets(self, pieces):
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

    def _send_offsets(self, pieces):
        self._check_ownership(pieces)

    def _merge(self, pieces):
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

    def _check_ownership(self, pieces):
        pass


class ChecksTooEarly(Transaction):
    """Looks whether the partitions are ours, and reads the metadata after."""

    def _send_offsets(self, pieces):
        self._check_ownership(pieces)
        self._check_ownership = lambda _: None
        try:
            super()._send_offsets(pieces)
        finally:
            del self._check_ownership


class WakesWithWhatIsRead(Transaction):
    """Commits, when an idle partition is woken, how far has been read instead of how far is done."""

    def _offsets_now(self, tenure):
        return {topic: tenure.expected[topic] for topic in tenure.topics}


MUTANTS = {
    "store merged before commit": {"assemble": partial(assemble, transaction_as=MergesBeforeCommit)},
    "restore before reading the committed offset": {"assemble": partial(assemble, take_over_as=RestoresFirst)},
    "changelog read uncommitted": {
        "assemble": partial(assemble, take_over_as=Trusting),
        "changelog_isolation": "read_uncommitted",
    },
    "input read uncommitted": {"input_isolation": "read_uncommitted"},
    "offsets from position()": {
        "assemble": partial(assemble, transaction_as=CommitsPositions, take_over_as=Trusting)
    },
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
        "freeze_rate": 0.02,
        "crash_rate": 0.0,
        "assemble": partial(assemble, transaction_as=ChecksTooEarly, take_over_as=Trusting),
    },
    "restore to the last stable offset": {"assemble": partial(assemble, take_over_as=RestoresToTheStableEnd)},
    "idle wake commits what is read": {
        "wakes": True,
        "assemble": partial(assemble, transaction_as=WakesWithWhatIsRead, take_over_as=Trusting),
    },
}


@pytest.mark.parametrize("switches", MUTANTS.values(), ids=MUTANTS)
def test_a_loop_with_one_step_wrong_is_caught(switches):
    seeds_needed = next((seed for seed in range(SEEDS) if goes_wrong(seed, switches)), None)

    assert seeds_needed is not None, f"{SEEDS} schedules did not notice"


def test_the_assertion_at_take_over_catches_a_wrong_order_by_itself():
    class Restores(RestoresFirst):
        agrees = TakeOver.agrees

    assert any(stops_itself(seed, Restores) for seed in range(SEEDS))


def goes_wrong(seed, switches):
    """Whether a reader sees a wrong result: not merely that the run was rough."""
    try:
        Simulation(replace(Plan.of(seed), **switches)).run()
    except Wrong:
        return True
    except Stuck:
        return False
    return False


def stops_itself(seed, take_over):
    simulation = Simulation(replace(Plan.of(seed), assemble=partial(assemble, take_over_as=take_over)))
    simulation.run()
    return any(isinstance(error, MarkDiffers) for error in simulation.fatal)
