"""Whole lives of a stage under a seed: workers come, crash, freeze and go; afterwards everything is counted.

The workers run the very loop of `safety_stream.streaming` over the in-memory log. The stage is a toy that shows every
mistake: it numbers the records of each key, writes one output per record, deletes and writes rows, wakes when idle.
From the committed inputs alone it is known what must come out; `Simulation.verify` compares.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import msgspec

from safety_stream.core.model.times import Instant
from safety_stream.core.stages.stage import Output, Record, Rows
from safety_stream.streaming.feed import Batch
from safety_stream.streaming.loop import Loop, Ports, Surroundings, assemble
from safety_stream.streaming.ports import Fatal, Incoming, Outgoing, Retriable
from safety_stream.streaming.spec import Encoded, LoopSettings, StageSpec
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

OUTPUTS = "outputs"
CHANGELOG = "changelog.toy"
GROUP = "toy"

Assemble = Callable[..., Loop]


class Seen(msgspec.Struct, frozen=True):
    """A record as the toy stage takes it: its key."""

    key: str


class Numbered(msgspec.Struct, frozen=True):
    """The toy stage's output: which record, and the how-manieth of its key. An idle wake has no record."""

    topic: str
    partition: int
    offset: int
    key: str
    number: int


def step(rows: Rows, records: Sequence[Record], idle_at: Instant | None) -> list[Output]:
    """Number the records of each key; keep a row for each key, and one for each odd count."""
    outputs = []
    for record in records:
        assert isinstance(record.value, Seen)  # noqa: S101
        key = record.value.key
        number = int(rows.get(b"count/" + key.encode()) or b"0") + 1
        rows.put(b"count/" + key.encode(), b"%d" % number)
        if number % 2:
            rows.put(b"odd/" + key.encode(), b"")
        else:
            rows.delete(b"odd/" + key.encode())
        numbered = Numbered(record.topic, record.partition, record.offset, key, number)
        outputs.append(Output(topic=OUTPUTS, key=key, value=numbered, received_at=record.received_at))
    if not records and idle_at is not None:
        wakes = int(rows.get(b"wakes") or b"0") + 1
        rows.put(b"wakes", b"%d" % wakes)
        numbered = Numbered("", -1, -1, "wake", wakes)
        outputs.append(Output(topic=OUTPUTS, key=None, value=numbered, received_at=idle_at, partition=0))
    return outputs


def decode(incoming: Incoming) -> Record:
    """The key is all there is to a record."""
    return Record(
        topic=incoming.topic,
        partition=incoming.partition,
        offset=incoming.offset,
        received_at=incoming.timestamp,
        value=Seen((incoming.key or b"").decode()),
    )


def encode(output: Output) -> Encoded:
    """MessagePack."""
    return Encoded(None if output.key is None else output.key.encode(), msgspec.msgpack.encode(output.value))


@dataclass(frozen=True, slots=True)
class Plan:
    """What may happen in a simulation. Chances are per call to the log, durations in its seconds."""

    seed: int
    protocol: Protocol = "cooperative"
    inputs: tuple[str, ...] = ("inputs",)
    partitions: int = 3
    records: int = 30
    keys: int = 4
    events: int = 6
    crash_rate: float = 0.002
    error_rate: float = 0.01
    freeze_rate: float = 0.003
    wakes: bool = False
    assemble: Assemble = assemble
    input_isolation: Isolation = "read_committed"
    changelog_isolation: Isolation = "read_committed"

    @classmethod
    def of(cls, seed: int) -> Plan:
        """A plan whose switches, too, come from the seed."""
        return cls(
            seed=seed,
            protocol="eager" if seed % 3 == 0 else "cooperative",
            inputs=("inputs", "others") if seed % 6 == 0 else ("inputs",),
            wakes=seed % 4 == 0,
            crash_rate=(0.0, 0.002, 0.006)[seed % 5 % 3],
            error_rate=(0.0, 0.02)[seed % 2],
            freeze_rate=(0.0, 0.001, 0.003)[seed % 7 % 3],
        )


class Wrong(AssertionError):
    """The loop broke its promise; says which, and the seed."""


class Worker:
    """One simulated worker process of one slot."""

    def __init__(self, simulation: Simulation, slot: int) -> None:
        """Begins to live at once."""
        self._simulation = simulation
        self.slot = slot
        self.alive = True
        self.frozen = False
        self.stopping = False
        self.fatal: BaseException | None = None
        schedule, plan, log = simulation.schedule, simulation.plan, simulation.log
        self.process = Process(log, simulation.faults, self.die, self.freeze)
        self.consumer = MemoryConsumer(log, self.process, GROUP, plan.protocol, plan.input_isolation)
        self._queue: deque[Batch] = deque()
        self.under_way = 0
        self.loop = plan.assemble(
            StageSpec("toy", plan.inputs, CHANGELOG, step, decode, encode),
            Ports(
                self.consumer,
                MemoryProducer(log, self.process, f"toy.{slot}"),
                MemoryChangelog(log, self.process, CHANGELOG, plan.changelog_isolation),
                self._open_store,
            ),
            self._hand_over,
            LoopSettings(batch_records=12, batch_wait=0.3, revoke_budget=0.6, idle_every=0.8, attempts=200),
            Surroundings(
                monitor=lambda: TakesTurns(schedule),
                clock=lambda: schedule.now,
                wall=(lambda: int(schedule.now * 1000)) if plan.wakes else None,
            ),
        )
        self._actors: list[Actor] = [
            schedule.spawn(f"{slot} consume", self._ending(self._consume)),
            schedule.spawn(f"{slot} take-over", self._ending(self._take_over)),
            schedule.spawn(f"{slot} transact", self._ending(self._transact)),
        ]

    def die(self) -> None:
        """As by kill -9."""
        self.alive = False
        for actor in self._actors:
            actor.killed = True
        if not self.frozen:
            self.process.silence(self._simulation.schedule.now)

    def freeze(self) -> None:
        """As by SIGSTOP, with SIGCONT after a while: everything stands still, and it does not know."""
        if self.frozen or not self.alive:
            return
        self.frozen = True
        self.process.silence(self._simulation.schedule.now)
        for actor in self._actors:
            actor.frozen = True
        schedule = self._simulation.schedule

        def wake() -> None:
            # Around the session timeout it is most interesting.
            schedule.sleep(schedule.random.random() * 2.0 * self._simulation.log.session_seconds)
            self.thaw()

        schedule.spawn("freeze", wake)

    def thaw(self) -> None:
        """As by SIGCONT."""
        self.frozen = False
        if self.alive:
            self.process.silence(None)
        for actor in self._actors:
            actor.frozen = False

    def stall(self, seconds: float) -> None:
        """One of its threads gets no further for a while, as on a slow disk; the others, and the heartbeat, go on."""
        schedule = self._simulation.schedule
        actor = schedule.random.choice(self._actors)
        actor.frozen = True

        def wake() -> None:
            schedule.sleep(seconds)
            actor.frozen = self.frozen

        schedule.spawn("stall", wake)

    def is_ready(self) -> bool:
        """Whether it lives and everything it was assigned is taken over."""
        return self.alive and self.loop.is_ready()

    def _ending(self, run: Callable[[], None]) -> Callable[[], None]:
        """An error out of the loop ends this process, not the simulation; a defect ends that."""

        def guarded() -> None:
            try:
                run()
            except Fatal as error:
                self.fatal = error
                self._simulation.fatal.append(error)
                self.die()

        return guarded

    def _consume(self) -> None:
        while True:
            try:
                self.loop.producer.init()
                break
            except Retriable:
                continue
        self.loop.feed.start()
        while not self.stopping:
            self.loop.feed.turn()
        self.loop.feed.stop()
        self.die()

    def _take_over(self) -> None:
        while True:
            self.loop.take_over.turn(1.0)

    def _transact(self) -> None:
        schedule = self._simulation.schedule
        while True:
            if schedule.wait(lambda: bool(self._queue), 5.0):
                self.loop.transaction.run(self._queue.popleft())
                self.under_way -= 1

    def _hand_over(self, batch: Batch) -> bool:
        if not self._simulation.schedule.wait(lambda: self.under_way < 2, 0.1):  # noqa: PLR2004
            return False
        self.under_way += 1
        self._queue.append(batch)
        return True

    def _open_store(self, partition: int, _identity: str) -> Store:
        return self._simulation.open_store(self.slot, partition, self.process)


class DiskStore(MemoryStore):
    """A store whose merges are steps, so that crashes and others come between."""

    process: Process

    def apply(self, changes, mark, *, base, position):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
        """As `MemoryStore.apply`."""
        rows = list(changes)
        return self.process.call("apply", lambda: MemoryStore.apply(self, rows, mark, base=base, position=position))

    def copy(self) -> DiskStore:
        """The same, as it is now."""
        copied = DiskStore()
        copied._rows, copied._mark, copied._position = dict(self._rows), dict(self._mark), self._position
        return copied


@dataclass(slots=True)
class Disk:
    """What a slot keeps on disk for a partition: the store, and an older copy of it."""

    now: DiskStore = field(default_factory=DiskStore)
    before: DiskStore = field(default_factory=DiskStore)


class Simulation:
    """One run of one plan."""

    def __init__(self, plan: Plan) -> None:
        """Set the scene: topics, and nobody there."""
        self.plan = plan
        self.schedule = Schedule(plan.seed)
        self.random = self.schedule.random
        self.log = Log(self.schedule, dict.fromkeys((*plan.inputs, OUTPUTS, CHANGELOG), plan.partitions))
        self.faults = Faults(
            self.schedule, error_rate=plan.error_rate, crash_rate=plan.crash_rate, freeze_rate=plan.freeze_rate
        )
        self.workers: dict[int, Worker] = {}
        self.fatal: list[BaseException] = []
        self.events: list[str] = []
        self._disks: dict[tuple[int, int], Disk] = {}
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

    def open_store(self, slot: int, partition: int, process: Process) -> Store:
        """What a slot finds on its disk: mostly what it left, sometimes something older, or nothing."""
        disk = self._disks.setdefault((slot, partition), Disk())
        draw = self.random.random()
        if draw < 0.15:  # noqa: PLR2004
            disk.now = DiskStore()
        elif draw < 0.3:  # noqa: PLR2004
            disk.now = disk.before
        disk.before = disk.now.copy()
        # A process that is not quite dead keeps the store it has.
        disk.now = disk.now.copy()
        disk.now.process = process
        return disk.now

    def _fate(self) -> None:
        self._partners.init()
        workers = self.random.randint(1, 3)
        for slot in range(workers):
            self._start(slot)
        for _ in range(self.plan.events):
            self._append(self.plan.records // self.plan.events)
            self.schedule.sleep(self.random.random() * 2.5)
            self._happen()
        self._calm_down()
        self.schedule.end()

    def _happen(self) -> None:
        """One thing that happens to the workers."""
        slot = self.random.randrange(3)
        worker = self.workers.get(slot)
        if worker is None or not worker.alive:
            self._start(slot)
            return
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

    def _storm(self) -> None:
        """Partitions change hands for no reason."""
        if GROUP in self.log.groups:
            self.log.groups[GROUP].rotation = self.random.randint(0, 2)
            self.log.groups[GROUP].rebalance()

    def _start(self, slot: int) -> None:
        self.events.append(f"{self.schedule.now:.2f} start {slot}")
        self.workers[slot] = Worker(self, slot)

    def _append(self, count: int) -> None:
        """Partners send records, some in transactions they take back."""
        while count > 0:
            size = min(count, self.random.randint(1, 8))
            self._partners.begin()
            for _ in range(size):
                key = f"key-{self.random.randrange(self.plan.keys)}".encode()
                topic = self.random.choice(self.plan.inputs)
                self._partners.produce(Outgoing(topic, None, key, b"", int(self.schedule.now * 1000)))
            if self.random.random() < 0.25:  # noqa: PLR2004
                self._partners.abort()
            else:
                self._partners.commit()
                count -= size

    def _calm_down(self) -> None:
        """Nothing more goes wrong; somebody is there; now everything must become ready and be read."""
        self.faults.crash_rate = self.faults.error_rate = self.faults.freeze_rate = 0.0
        for worker in self.workers.values():
            worker.thaw()
            worker.stopping = worker.stopping and worker.alive
        self.log.settle()
        while not self._all_done():
            if not any(worker.alive and not worker.stopping for worker in self.workers.values()):
                self._start(self.random.randrange(3))
            self.schedule.sleep(0.5)
            self.log.work()

    def _all_done(self) -> bool:
        alive = [worker for worker in self.workers.values() if worker.alive]
        owned = sorted(tenure.partition for worker in alive for tenure in worker.loop.ownership.tenures())
        if owned != list(range(self.plan.partitions)) or not all(
            tenure.ready for worker in alive for tenure in worker.loop.ownership.tenures()
        ):
            return False
        if any(worker.under_way for worker in alive) or not self.log.groups[GROUP].is_settled():
            return False
        committed = self.log.groups[GROUP].offsets
        for one, partition in self.log.partitions.items():
            if one.topic in self.plan.inputs:
                newest = max(
                    (n for n in range(partition.high_watermark) if partition.visible(n, "read_committed")), default=-1
                )
                if committed.get(one, 0) <= newest:
                    return False
        return True

    def verify(self) -> None:
        """Compare outputs, rows and stores with what the committed inputs call for. Raises `Wrong`."""
        self.log.settle(abandoned=True)
        self._verify_outputs()
        self._verify_rows()

    def _verify_outputs(self) -> None:
        expected = Counter(
            (one.topic, one.partition, offset) for topic in self.plan.inputs for one, offset, _ in self.log.read(topic)
        )
        outputs = [
            msgspec.msgpack.decode(record.value or b"", type=Numbered) for _, _, record in self.log.read(OUTPUTS)
        ]
        found = Counter((out.topic, out.partition, out.offset) for out in outputs if out.topic)
        self._expect("lost", expected - found)
        self._expect("doubled", found - expected)
        numbers: dict[str, list[int]] = defaultdict(list)
        for out in outputs:
            if out.topic:
                numbers[out.key].append(out.number)
        wrong = {key: got for key, got in numbers.items() if sorted(got) != list(range(1, len(got) + 1))}
        self._expect("wrong numbers", wrong)

    def _verify_rows(self) -> None:
        wakes: Counter[int] = Counter()
        for number in range(self.plan.partitions):
            expected: dict[bytes, bytes] = {}
            counts = Counter(
                record.key or b""
                for topic in self.plan.inputs
                for one, _, record in self.log.read(topic)
                if one.partition == number
            )
            for key, count in counts.items():
                expected[b"count/" + key] = b"%d" % count
                if count % 2:
                    expected[b"odd/" + key] = b""
            found: dict[bytes, bytes] = {}
            for one, _, record in self.log.read(CHANGELOG):
                if one.partition == number and record.key != MARK_KEY:
                    if record.value is None:
                        found.pop(record.key or b"", None)
                    else:
                        found[record.key or b""] = record.value
            self._verify_stores(number, found)
            for wake in range(int(found.pop(b"wakes", b"0"))):
                wakes[wake + 1] += 1
            self._expect(f"wrong rows of partition {number}", set(expected.items()) ^ set(found.items()))
        told = Counter(
            out.number
            for _, _, record in self.log.read(OUTPUTS)
            if not (out := msgspec.msgpack.decode(record.value or b"", type=Numbered)).topic
        )
        self._expect("wrong wakes", (told - wakes) + (wakes - told))

    def _verify_stores(self, number: int, changelog: dict[bytes, bytes]) -> None:
        """Whoever owns the partition at the end remembers what the changelog says."""
        for worker in self.workers.values():
            tenure = worker.loop.ownership.tenure(number) if worker.alive else None
            if tenure is not None and tenure.ready:
                with tenure.memory().snapshot() as snapshot:
                    rows = dict(snapshot.scan(b"", b"\xff"))
                self._expect(f"wrong store of partition {number}", set(rows.items()) ^ set(changelog.items()))

    def _expect(self, what: str, nothing: object) -> None:
        if nothing:
            raise Wrong(f"seed {self.plan.seed}: {what}: {nothing}; {'; '.join(self.events)}")
