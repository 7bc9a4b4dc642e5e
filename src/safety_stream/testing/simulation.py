"""Whole lives of stages under a seed: workers come, crash, freeze and go; afterwards everything is counted.

Theory of operation
-------------------
The workers run the very loop of `safety_stream.streaming` over the in-memory log: each worker one loop for every stage,
each loop its three threads, all taking turns by the seed. A `Scene` says what is simulated: the stages, what partners
send, and what must have come of it. There are two: `toy`, one stage that shows every mistake of the loop at once, and
`backbone`, all the real ones.

While partners send, things happen to workers. Then nothing goes wrong any more, and the workers must become ready and
read everything to its end. `verify` asks the scene whether what is committed is right, and compares the stores.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol as Interface

from safety_stream.streaming.feed import Batch
from safety_stream.streaming.loop import Loop, Ports, Surroundings, assemble
from safety_stream.streaming.ports import Fatal, Outgoing, Retriable, TopicPartition
from safety_stream.streaming.spec import LoopSettings, StageSpec
from safety_stream.streaming.store import MemoryStore, Store
from safety_stream.streaming.takeover import MARK_KEY
from safety_stream.testing.log import (
    Faults,
    Isolation,
    Log,
    MemoryChangelog,
    MemoryConsumer,
    MemoryProducer,
    Process,
    Protocol,
)
from safety_stream.testing.schedule import Actor, Schedule, TakesTurns

TRUSTED_SECONDS = 4.0
"""How old a store may be: less than tombstones are kept, by more than any freeze lasts."""

Assemble = Callable[..., Loop]


class Scene(Interface):
    """What is simulated. The group and the transactional ids of a stage have its name."""

    @property
    def stages(self) -> Sequence[StageSpec]:
        """What every worker runs. Inputs and changelog of a stage have the same number of partitions."""

    @property
    def topics(self) -> Mapping[str, int]:
        """Every topic, and how many partitions it has."""

    @property
    def records(self) -> Sequence[Outgoing]:
        """What partners send, in that order."""

    def faults(self, log: Log) -> Iterator[str]:
        """What is wrong with what is committed, now that everything has been read to its end."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What may happen in a simulation. Chances are per call to the log, durations in its seconds.

    `pause` is the longest time between two events. `protocol` is that of stages with one input; those with several are
    always given out eagerly, as in a deployment.
    """

    seed: int
    protocol: Protocol = "cooperative"
    slots: int = 3
    events: int = 6
    pause: float = 2.5
    night_chance: float = 0.08
    crash_rate: float = 0.002
    error_rate: float = 0.01
    freeze_rate: float = 0.003
    wakes: bool = False
    batch_wait: float = 0.3
    max_steps: int = 60_000
    assemble: Assemble = assemble
    input_isolation: Isolation = "read_committed"
    changelog_isolation: Isolation = "read_committed"

    @classmethod
    def of(cls, seed: int) -> Plan:
        """A plan whose switches, too, come from the seed."""
        return cls(
            seed=seed,
            protocol="eager" if seed % 3 == 0 else "cooperative",
            wakes=seed % 4 == 0,
            crash_rate=(0.0, 0.002, 0.006)[seed % 5 % 3],
            error_rate=(0.0, 0.02)[seed % 2],
            freeze_rate=(0.0, 0.001, 0.003)[seed % 7 % 3],
        )


class Wrong(AssertionError):
    """What is committed is not what it must be; says which, and the seed."""


class Station:
    """One stage in one worker: its loop, and the three threads that call it."""

    def __init__(self, worker: Worker, spec: StageSpec) -> None:
        """Begins to live at once."""
        self._worker = worker
        self._spec = spec
        self._schedule = worker.simulation.schedule
        self._queue: deque[Batch] = deque()
        self.under_way = 0
        self.is_handing_over = False
        self.has_left = False
        self.loop = self._assembled()
        self.actors: list[Actor] = [
            self._schedule.spawn(f"{worker.slot} {spec.name} {name}", worker.ending(run))
            for name, run in (
                ("consume", self._consume),
                ("take-over", self._take_over),
                ("transact", self._transact),
            )
        ]

    def _assembled(self) -> Loop:
        simulation, spec, process = self._worker.simulation, self._spec, self._worker.process
        plan, log, schedule = simulation.plan, simulation.log, self._schedule
        protocol: Protocol = "eager" if len(spec.inputs) > 1 else plan.protocol
        return plan.assemble(
            spec,
            Ports(
                MemoryConsumer(log, process, spec.name, protocol, plan.input_isolation),
                MemoryProducer(log, process, f"{spec.name}.{self._worker.slot}"),
                MemoryChangelog(log, process, spec.changelog, plan.changelog_isolation),
                self._open_store,
            ),
            self._hand_over,
            LoopSettings(batch_records=12, batch_wait=plan.batch_wait, revoke_budget=0.6, idle_every=0.8, attempts=200),
            Surroundings(
                monitor=lambda: TakesTurns(schedule),
                clock=lambda: schedule.now,
                wall=(lambda: int(schedule.now * 1000)) if plan.wakes else None,
            ),
        )

    def _consume(self) -> None:
        while True:
            try:
                self.loop.producer.init()
                break
            except Retriable:
                continue
        self.loop.feed.start()
        while not self._worker.stopping:
            self.loop.feed.turn()
        self.loop.feed.stop()
        self.has_left = True
        self._worker.die_when_all_have_left()

    def _take_over(self) -> None:
        while True:
            self.loop.take_over.turn(1.0)

    def _transact(self) -> None:
        while True:
            if self._schedule.wait(lambda: bool(self._queue), 5.0):
                self.loop.transaction.run(self._queue.popleft())
                self.under_way -= 1

    def _hand_over(self, batch: Batch) -> bool:
        self.is_handing_over = True
        has_room = self._schedule.wait(lambda: self.under_way < 2, 0.1)  # noqa: PLR2004
        self.is_handing_over = False
        if not has_room:
            return False
        self.under_way += 1
        self._queue.append(batch)
        return True

    def _open_store(self, partition: int, _identity: str) -> Store:
        worker = self._worker
        return worker.simulation.open_store((worker.slot, self._spec.name, partition), worker.process)


class Worker:
    """One simulated worker process of one slot: every stage of the scene."""

    def __init__(self, simulation: Simulation, slot: int) -> None:
        """Begins to live at once."""
        self.simulation = simulation
        self.slot = slot
        self.alive = True
        self.frozen = False
        self.stopping = False
        self.process = Process(simulation.log, simulation.faults, self.die, self.freeze)
        self.stations: dict[str, Station] = {}
        for spec in simulation.scene.stages:
            self.stations[spec.name] = Station(self, spec)

    def die(self) -> None:
        """As by kill -9."""
        self.alive = False
        for actor in self._actors():
            actor.killed = True
        if not self.frozen:
            self.process.silence(self.simulation.schedule.now)

    def die_when_all_have_left(self) -> None:
        """As by a polite end, once every stage has left its group."""
        if all(station.has_left for station in self.stations.values()):
            self.die()

    def freeze(self) -> None:
        """As by SIGSTOP, with SIGCONT after a while: everything stands still, and it does not know."""
        if self.frozen or not self.alive:
            return
        self.frozen = True
        self.process.silence(self.simulation.schedule.now)
        for actor in self._actors():
            actor.frozen = True
        schedule = self.simulation.schedule

        def wake() -> None:
            # Around the session timeout it is most interesting.
            schedule.sleep(schedule.random.random() * 2.0 * self.simulation.log.session_seconds)
            self.thaw()

        schedule.spawn("freeze", wake)

    def thaw(self) -> None:
        """As by SIGCONT."""
        self.frozen = False
        if self.alive:
            self.process.silence(None)
        for actor in self._actors():
            actor.frozen = False

    def stall(self, seconds: float) -> None:
        """One of its threads gets no further for a while, as on a slow disk; the others, and the heartbeat, go on."""
        schedule = self.simulation.schedule
        actor = schedule.random.choice(self._actors())
        actor.frozen = True

        def wake() -> None:
            schedule.sleep(seconds)
            actor.frozen = self.frozen

        schedule.spawn("stall", wake)

    def ending(self, run: Callable[[], None]) -> Callable[[], None]:
        """An error out of a loop ends this process, not the simulation; a defect ends that."""

        def guarded() -> None:
            try:
                run()
            except Fatal as error:
                self.simulation.fatal.append(error)
                self.die()

        return guarded

    def _actors(self) -> list[Actor]:
        return [actor for station in self.stations.values() for actor in station.actors]


class DiskStore(MemoryStore):
    """A store whose merges are steps, so that crashes and others come between; and which grows old."""

    def __init__(self, schedule: Schedule) -> None:
        """Begin empty, as of now."""
        super().__init__()
        self._schedule = schedule
        self._written_at = schedule.now
        self.process: Process | None = None

    @property
    def is_too_old(self) -> bool:
        """Whether it has not been written for longer than it may trust that no tombstone was forgotten."""
        return self._schedule.now - self._written_at > TRUSTED_SECONDS

    def apply(self, changes, mark, *, base, position):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
        """As `MemoryStore.apply`."""
        rows = list(changes)

        def effect() -> bool:
            self._written_at = self._schedule.now
            return MemoryStore.apply(self, rows, mark, base=base, position=position)

        assert self.process is not None  # noqa: S101
        return self.process.call("apply", effect)

    def clear(self) -> None:
        """As `MemoryStore.clear`."""
        self._written_at = self._schedule.now
        super().clear()

    def copy(self) -> DiskStore:
        """The same, as it is now."""
        copied = DiskStore(self._schedule)
        copied._rows, copied._mark, copied._position = dict(self._rows), dict(self._mark), self._position
        copied._written_at = self._written_at
        return copied


@dataclass(slots=True)
class Disk:
    """What a slot keeps on disk for a stage and partition: the store, and an older copy of it."""

    now: DiskStore
    before: DiskStore


class Simulation:
    """One run of one plan."""

    def __init__(self, plan: Plan, scene: Scene) -> None:
        """Set the scene: topics, and nobody there."""
        self.plan = plan
        self.scene = scene
        self.schedule = Schedule(plan.seed, max_steps=plan.max_steps)
        self.random = self.schedule.random
        self.log = Log(self.schedule, scene.topics, compacted={spec.changelog for spec in scene.stages})
        self.faults = Faults(
            self.schedule, error_rate=plan.error_rate, crash_rate=plan.crash_rate, freeze_rate=plan.freeze_rate
        )
        self.workers: dict[int, Worker] = {}
        self.fatal: list[BaseException] = []
        self.events: list[str] = []
        self._disks: dict[tuple[int, str, int], Disk] = {}
        self._partners = MemoryProducer(self.log, Process(self.log, None, lambda: None, lambda: None), "partners")

    def run(self) -> None:
        """Live through it, and verify. Raises `Wrong`, `Stuck`, or whatever the loop let escape."""
        self.schedule.spawn("fate", self._fate)
        try:
            self.schedule.run()
        except Exception as error:
            error.add_note(f"seed {self.plan.seed}; {'; '.join(self.events)}")
            raise
        self.verify()

    def open_store(self, place: tuple[int, str, int], process: Process) -> Store:
        """What a slot finds on its disk of a partition: mostly what it left, sometimes something older, or nothing."""
        disk = self._disks.setdefault(place, Disk(DiskStore(self.schedule), DiskStore(self.schedule)))
        draw = self.random.random()
        if draw < 0.15:  # noqa: PLR2004
            disk.now = DiskStore(self.schedule)
        elif draw < 0.3:  # noqa: PLR2004
            disk.now = disk.before
        disk.before = disk.now.copy()
        # A process that is not quite dead keeps the store it has.
        disk.now = disk.now.copy()
        disk.now.process = process
        return disk.now

    def _fate(self) -> None:
        self._partners.init()
        for slot in range(self.random.randint(1, self.plan.slots)):
            self._start(slot)
        records = self.scene.records
        share = -(-len(records) // self.plan.events)
        for number in range(self.plan.events):
            self._send(records[number * share : (number + 1) * share])
            self.schedule.sleep(self.random.random() * self.plan.pause)
            self._happen()
        self._calm_down()
        self.schedule.end()

    def _happen(self) -> None:
        """One thing that happens to the workers; or nothing, for as long as tombstones are kept."""
        if self.random.random() < self.plan.night_chance:
            self._let_a_night_pass()
            return
        slot = self.random.randrange(self.plan.slots)
        worker = self.workers.get(slot)
        if worker is None or not worker.alive:
            worker = self._start(slot)
        event = self.random.choice(("kill", "freeze", "stop", "storm", "stall", "stall-in-storm", "stall-in-storm"))
        self.events.append(f"{self.schedule.now:.2f} {event} {slot}")
        if event == "kill":
            worker.die()
        elif event == "freeze":
            worker.freeze()
        elif event == "stop":
            worker.stopping = True
        elif event == "storm":
            self._storm()
        elif event == "stall":
            worker.stall(self.random.random() * 3.0)
        elif event == "stall-in-storm":
            worker.stall(self.random.random() * 4.0)
            self._storm()

    def _let_a_night_pass(self) -> None:
        """So long that tombstones are forgotten."""
        self.events.append(f"{self.schedule.now:.2f} night")
        self.log.compact()
        self.schedule.sleep(self.log.tombstone_seconds)
        self.log.compact()

    def _storm(self) -> None:
        """Partitions change hands for no reason."""
        for group in self.log.groups.values():
            group.rotation = self.random.randint(0, 2)
            group.rebalance()

    def _start(self, slot: int) -> Worker:
        self.events.append(f"{self.schedule.now:.2f} start {slot}")
        self.workers[slot] = Worker(self, slot)
        return self.workers[slot]

    def _send(self, records: Sequence[Outgoing]) -> None:
        """Partners send records, some in transactions they take back and do again."""
        first = 0
        while first < len(records):
            some = records[first : first + self.random.randint(1, 8)]
            self._partners.begin()
            for record in some:
                self._partners.produce(record)
            if self.random.random() < 0.25:  # noqa: PLR2004
                self._partners.abort()
            else:
                self._partners.commit()
                first += len(some)

    def _calm_down(self) -> None:
        """Nothing more goes wrong; somebody is there; now everything must become ready and be read."""
        self.faults.crash_rate = self.faults.error_rate = self.faults.freeze_rate = 0.0
        for worker in self.workers.values():
            worker.thaw()
            worker.stopping = worker.stopping and worker.alive
        self.log.settle()
        while not self._all_done():
            if not any(worker.alive and not worker.stopping for worker in self.workers.values()):
                self._start(self.random.randrange(self.plan.slots))
            self.schedule.sleep(0.5)
            self.log.work()

    def _all_done(self) -> bool:
        return all(self._is_done(spec) for spec in self.scene.stages)

    def _is_done(self, spec: StageSpec) -> bool:
        stations = [worker.stations[spec.name] for worker in self.workers.values() if worker.alive]
        tenures = [tenure for station in stations for tenure in station.loop.ownership.tenures()]
        partitions = range(self.log.partitions_of(spec.inputs[0]))
        if sorted(tenure.partition for tenure in tenures) != list(partitions):
            return False
        if not all(tenure.ready and not tenure.has_more for tenure in tenures):
            return False
        # What is being handed over counts: a partition is no longer marked as having more to do by then.
        if any(station.under_way or station.is_handing_over for station in stations):
            return False
        group = self.log.groups[spec.name]
        inputs = [TopicPartition(topic, number) for topic in spec.inputs for number in partitions]
        return group.is_settled() and all(self._is_read(one, group.offsets.get(one, 0)) for one in inputs)

    def _is_read(self, one: TopicPartition, committed: int) -> bool:
        partition = self.log.partitions[one]
        unread = range(committed, partition.high_watermark)
        return all(partition.visible(offset, "read_committed") is None for offset in unread)

    def verify(self) -> None:
        """Whether what is committed and what is remembered is what it must be. Raises `Wrong`."""
        self.log.settle(abandoned=True)
        faults = [*self.scene.faults(self.log), *self._wrong_stores()]
        if faults:
            raise Wrong(f"seed {self.plan.seed}: {'; '.join((*faults, *self.events))}")

    def _wrong_stores(self) -> Iterator[str]:
        """Whoever owns a partition at the end remembers what the changelog says."""
        for spec in self.scene.stages:
            rows = remembered(self.log, spec.changelog)
            for worker in self.workers.values():
                for tenure in worker.stations[spec.name].loop.ownership.tenures() if worker.alive else ():
                    if tenure.ready:
                        with tenure.memory().snapshot() as snapshot:
                            stored = dict(snapshot.scan(b"", b"\xff"))
                        if wrong := stored.items() ^ rows[tenure.partition].items():
                            yield f"wrong store of {spec.name}, partition {tenure.partition}: {wrong}"


def remembered(log: Log, changelog: str) -> list[dict[bytes, bytes]]:
    """The rows of each partition, as a changelog has them in the end; its marks are left out."""
    rows: list[dict[bytes, bytes]] = [{} for _ in range(log.partitions_of(changelog))]
    for one, _, record in log.read(changelog):
        if record.key != MARK_KEY:
            if record.value is None:
                rows[one.partition].pop(record.key or b"", None)
            else:
                rows[one.partition][record.key or b""] = record.value
    return rows
