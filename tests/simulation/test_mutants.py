"""Proof that the simulation can fail: the loop with one step left out or misplaced is caught, each in its own way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from tests.simulation.broken_loops import (
    ChecksTooEarly,
    CommitsOffsetsOutside,
    CommitsPositions,
    MergesBeforeCommit,
    OmitsGroupMetadata,
    RestoresFirst,
    RestoresToTheStableEnd,
    Trusting,
    TrustsMembership,
    TrustsOldStores,
    WakesWithWhatIsRead,
    reading_densely,
)

from safety_stream.streaming.loop import assemble
from safety_stream.streaming.ownership import Ownership
from safety_stream.streaming.ports import Outgoing, TopicPartition, Unobserved
from safety_stream.streaming.store import MemoryStore
from safety_stream.streaming.takeover import MARK_KEY, MarkDiffers, TakeOver, encode_mark
from safety_stream.testing.log import Log, MemoryChangelog, MemoryConsumer, MemoryProducer, Process
from safety_stream.testing.schedule import Schedule, Stuck, TakesTurns
from safety_stream.testing.simulation import Plan, Simulation, Wrong
from safety_stream.testing.toy import CHANGELOG, STAGE, Toy

SEEDS = 600


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
        "freeze_rate": 0.02,
        "crash_rate": 0.0,
        "error_rate": 0.0,
        "assemble": partial(assemble, transaction_as=ChecksTooEarly, take_over_as=Trusting),
    },
    "restore to the last stable offset": {"assemble": partial(assemble, take_over_as=RestoresToTheStableEnd)},
    "old stores trusted": {"night_chance": 0.4, "assemble": partial(assemble, take_over_as=TrustsOldStores)},
    "an empty stretch taken for the end": {"assemble": partial(reading_densely, take_over_as=Trusting)},
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
        former.send_offsets({TopicPartition("inputs", 0): offset}, STAGE)
        former.commit()
        log.settle()

    found = []

    def act():
        consumer = Latecomer(log, process, STAGE, "eager")
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
        Simulation(replace(Plan.of(seed), **switches), Toy(seed)).run()
    except Wrong:
        return True
    except Stuck:
        return False
    return False
