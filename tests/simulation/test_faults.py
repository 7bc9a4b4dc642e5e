"""Faults from outside, each in the middle of everything: afterwards what is committed is what it must be.

After each the scene is asked as after every simulated life: every report is an incident or a dead letter once, what
stands is the oracle's, chains are whole, numbered feeds have no gap (docs/architecture.md, I1 to I4 and I6).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from tests.simulation.test_other_rules import Changing

from safety_stream.core.model.times import DAY_LENGTH, Instant
from safety_stream.core.stages.intake import FUTURE_TOLERANCE
from safety_stream.streaming.loop import Loop, Surroundings, assemble
from safety_stream.streaming.ports import Abortable, Outgoing
from safety_stream.testing.backbone import Backbone, Deployment, plan
from safety_stream.testing.log import MemoryProducer
from safety_stream.testing.simulation import Simulation, Wrong
from safety_stream.wire.reports import encode_report
from safety_stream.wire.topology import members

SEEDS = range(3)
PATIENCE_SECONDS = 600.0
"""Of the simulation: for how long something may not come about."""

MANY = 20
"""So often is a write refused, and tried again, before there is room."""

LAST = 1_000
"""A version after any that is told in a story."""


class Told(Backbone):
    """The stories of a seed, and reports that come after all of them."""

    def __init__(self, deployment: Deployment, seed: int) -> None:
        super().__init__(deployment, seed)
        self.more: list[Outgoing] = []
        self.ends_at = max(at for _, at in self._told)

    def then(self, report: Any, at: Instant) -> None:
        self._told = [*self._told, (report, at)]
        self.more.append(Outgoing(f"backfill.{report.source}", 0, None, encode_report(report), at))

    def erase_everybody(self) -> None:
        """Of every report that names somebody its partner says that it never was."""
        named = {(one.source, one.source_ref): one for one, _ in self._told if one.parties}
        for number, key in enumerate(sorted(named)):
            at = self.ends_at + number
            self.then(msgspec.structs.replace(named[key], source_version=LAST, action="erase", reported_at=at), at)

    def tell_the_time(self, at: Instant) -> None:
        """A report that is nothing to any rule, and moves the clocks on."""
        last = max(self._told, key=lambda one: one[1])[0]
        word = msgspec.structs.replace(last, source_ref="the-time", source_version=1, action="new", parties=(),
                                       vehicles=(), facts=(), place=None, occurred_from=at, occurred_to=None,
                                       reported_at=at)  # fmt: skip
        self.then(word, at)


class Scripted(Simulation):
    """A life in which one thing happens, and nothing else but small errors. A worker that ended is started again."""

    def __init__(self, scene: Backbone, seed: int, **changes: Any) -> None:
        # With more errors a transaction of hundreds of records hardly ever ends, and here it is waited for.
        super().__init__(replace(plan(seed), crash_rate=0.0, freeze_rate=0.0, error_rate=0.02, **changes), scene)
        self.doors = [name for row in ("alerts.", "indicators.") for name in members(row, scene._deployment.catalogue)]

    def _fate(self) -> None:
        self._partners.init()
        for slot in range(self.plan.slots):
            self._start(slot)
        self._script()
        self._calm_down()
        self.schedule.end()

    def _script(self) -> None:
        raise NotImplementedError

    def told(self) -> list[tuple[str, bytes | None]]:
        """What subscribers have been told by now."""
        return [(topic, record.value) for topic in self.doors for _, _, record in self.log.read(topic)]

    def wait_until(self, holds: Callable[[], bool]) -> None:
        until = self.schedule.now + PATIENCE_SECONDS
        while not holds():
            assert self.schedule.now < until, "this never comes about"
            self._look_after_workers(0.05)

    def pass_by(self, seconds: float) -> None:
        until = self.schedule.now + seconds
        while self.schedule.now < until:
            self._look_after_workers(0.5)

    def _look_after_workers(self, seconds: float) -> None:
        self.schedule.sleep(seconds)
        self.log.work()
        for slot, worker in list(self.workers.items()):
            if not worker.alive:
                self._start(slot)


# --- the record of disclosures takes nothing any more ---------------------------------------------------------


class AuditIsFull(Scripted):
    """While it is full nothing is told to anybody; then everything is."""

    is_full = False
    refused = 0

    def _script(self) -> None:
        records = self.scene.records
        self._send(records[: len(records) // 2])
        self.pass_by(6.0)
        self.is_full = True
        # What had been put on record a moment before may be told.
        self.pass_by(3.0)
        before = self.told()
        self._send(records[len(records) // 2 :])
        self.wait_until(lambda: self.refused > MANY)
        self.while_full = (before, self.told())
        self.is_full = False


def refusing(patch: pytest.MonkeyPatch, simulation: AuditIsFull) -> None:
    """A broker that has no room left for the audit, and says so of every write."""
    produce = MemoryProducer.produce

    def refuse(self: MemoryProducer, record: Outgoing, delivered: Callable[[int], None] | None = None) -> None:
        if simulation.is_full and record.topic.startswith("audit."):
            simulation.refused += 1
            raise Abortable(f"{record.topic}: no space left on device")
        produce(self, record, delivered)

    patch.setattr(MemoryProducer, "produce", refuse)


@pytest.mark.parametrize("seed", SEEDS)
def test_while_the_audit_is_full_nothing_is_told_and_afterwards_everything_once(
    deployment: Deployment, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulation = AuditIsFull(Told(deployment, seed), seed)
    refusing(monkeypatch, simulation)
    simulation.run()
    before, after = simulation.while_full

    assert simulation.refused
    assert before == after
    assert len(simulation.told()) > len(after)


def test_a_door_that_tells_without_its_record_is_noticed(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that leaves out the record it cannot write."""
    produce = MemoryProducer.produce

    def careless(self: MemoryProducer, record: Outgoing, delivered: Callable[[int], None] | None = None) -> None:
        if simulation.is_full and record.topic.startswith("audit."):
            simulation.refused += 1
        else:
            produce(self, record, delivered)

    simulation = AuditIsFull(Told(deployment, 0), 0)
    monkeypatch.setattr(MemoryProducer, "produce", careless)

    with pytest.raises(Wrong):
        simulation.run()


# --- kill -9 between an erasure and what is told of it --------------------------------------------------------


class KilledAfterTheErasure(Scripted):
    """As soon as an erasure has come so far, everybody dies; nobody has been told of it yet."""

    def __init__(self, scene: Told, seed: int, reached: str) -> None:
        super().__init__(scene, seed)
        self._reached = reached
        self._erasing = scene

    def _script(self) -> None:
        self._send(self.scene.records)
        self.wait_until(self._all_done)
        self.before = self.told()
        begun = self._count(self._reached)
        self._send(self._erasing.more)
        self.wait_until(lambda: self._count(self._reached) > begun)
        for worker in self.workers.values():
            worker.die()
        self.at_the_kill = self.told()
        self.schedule.sleep(2 * self.log.session_seconds)

    def _count(self, topic: str) -> int:
        return len(list(self.log.read(topic)))


@pytest.mark.parametrize("reached", ["incidents", "audit.changes", "sightings", "findings", "alert-changes"])
@pytest.mark.parametrize("seed", [0])
def test_killed_between_an_erasure_and_its_notice_everybody_is_told_once_all_the_same(
    deployment: Deployment, seed: int, reached: str
) -> None:
    scene = Told(deployment, seed)
    scene.erase_everybody()
    simulation = KilledAfterTheErasure(scene, seed, reached)
    simulation.run()

    assert simulation.at_the_kill == simulation.before
    assert len(simulation.told()) > len(simulation.before)


# --- an erasure while rules are gone over ---------------------------------------------------------------------


class ErasedWhileRulesChange(Scripted):
    """The catalogue changes, and while timelines are gone over everybody's reports are erased."""

    def __init__(self, scene: ChangingTold, seed: int) -> None:
        super().__init__(scene, seed)
        self._changing = scene

    def _script(self) -> None:
        self._send(self.scene.records)
        self.wait_until(self._all_done)
        self._changing.change()
        for loop in self._loops():
            loop.look_again()
        # With few timelines it may be over before anybody looks.
        until = self.schedule.now + 2.0
        self.wait_until(lambda: self._goes_over() or self.schedule.now > until)
        self.went_over = self._goes_over()
        self._send(self._changing.more)

    def _goes_over(self) -> bool:
        return any(tenure.has_more for loop in self._loops() for tenure in loop.ownership.tenures())

    def _loops(self) -> Iterator[Loop]:
        for worker in self.workers.values():
            for station in worker.stations.values():
                yield station.loop


class ChangingTold(Changing, Told):
    """The stories of a seed under one catalogue and then another, and what comes after them."""

    def __init__(self, before: Deployment, after: Deployment, seed: int) -> None:
        Changing.__init__(self, before, after, seed)
        self.more = []
        self.ends_at = max(at for _, at in self._told)


@pytest.mark.usefixtures("small_slices")
def test_what_is_erased_while_rules_are_gone_over_is_found_by_neither(
    deployment: Deployment, changed: Deployment
) -> None:
    went_over = []
    for seed in SEEDS:
        scene = ChangingTold(deployment, changed, seed)
        scene.erase_everybody()
        simulation = ErasedWhileRulesChange(scene, seed)
        simulation.run()
        went_over.append(simulation.went_over)

    assert any(went_over)


# --- clocks that are a day wrong ------------------------------------------------------------------------------


class WrongClock(Scripted):
    """The workers' clock is so far from the time of the newest record."""

    def __init__(self, scene: Told, seed: int, skew: Instant) -> None:
        self.newest = self.asked = 0
        super().__init__(scene, seed, assemble=self._assemble)
        self._skew = skew
        self._telling = scene

    def _assemble(self, spec: Any, ports: Any, hand_over: Any, settings: Any, around: Surroundings) -> Loop:
        return assemble(spec, ports, hand_over, settings, replace(around, wall=self._now))

    def _now(self) -> Instant:
        self.asked += 1
        return self.newest + self._skew

    def _send(self, records: Sequence[Outgoing]) -> None:
        for record in records:
            # Whoever is idle looks at the clock before the next record comes.
            self.newest = max(self.newest, record.timestamp or 0)
            super()._send([record])
            self.pass_by(1.0)

    def _script(self) -> None:
        self._send(self.scene.records)
        self._send(self._telling.more)
        # It is put right in the end, as it would be.
        self._skew = 0


@pytest.mark.parametrize("skew", [-DAY_LENGTH, DAY_LENGTH], ids=["behind", "ahead"])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_worker_whose_clock_is_a_day_wrong_ends_where_the_oracle_says(
    deployment: Deployment, seed: int, skew: Instant
) -> None:
    """Deadlines fire a day early, and are taken back when the answer comes; or as late as the records say."""
    scene = Told(deployment, seed)
    scene.tell_the_time(scene.ends_at + 2 * DAY_LENGTH)

    simulation = WrongClock(scene, seed, skew)
    simulation.run()

    assert simulation.asked


class WrongPartner(Backbone):
    """A partner's clock is so far from the broker's: in all it says of when things happened and were reported."""

    def __init__(self, deployment: Deployment, seed: int, skew: Instant) -> None:
        super().__init__(deployment, seed)
        # Counts are compared with one another besides.
        sources = Counter(one.source for one, _ in self._told if one.source != "partnership-counts")
        theirs = max(sorted(sources), key=sources.__getitem__)
        shifted = [(self._shifted(one, skew) if one.source == theirs else one, at) for one, at in self._told]
        taken = [(one, at) for one, at in shifted if self._is_possible(one, at)]
        self._refused = [*self._refused, *(one for one in shifted if not self._is_possible(*one))]
        changed = {
            encode_report(old): encode_report(new) for (old, _), (new, _) in zip(self._told, shifted, strict=True)
        }
        self.records = [
            msgspec.structs.replace(one, value=changed.get(one.value or b"", one.value)) for one in self.records
        ]
        self._told = taken

    @staticmethod
    def _shifted(report: Any, skew: Instant) -> Any:
        ends = report.occurred_to
        return msgspec.structs.replace(
            report,
            occurred_from=report.occurred_from + skew,
            occurred_to=None if ends is None else ends + skew,
            reported_at=report.reported_at + skew,
        )

    @staticmethod
    def _is_possible(report: Any, at: Instant) -> bool:
        ends = report.occurred_from if report.occurred_to is None else report.occurred_to
        return max(ends, report.reported_at) <= at + FUTURE_TOLERANCE


@pytest.mark.parametrize("skew", [-DAY_LENGTH, DAY_LENGTH], ids=["behind", "ahead"])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_partner_whose_clock_is_a_day_wrong_loses_nothing(deployment: Deployment, seed: int, skew: Instant) -> None:
    """What would not have happened yet is a dead letter, to be put back when it has; all else is taken as it says."""
    Simulation(plan(seed), WrongPartner(deployment, seed, skew)).run()
