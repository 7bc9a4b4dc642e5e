"""The threads of one stage: thin, because what they do is in the loop.

Beside whoever runs the event loop there are three daemon threads a stage: one reads, one takes partitions over, one
runs transactions. Batches leave through `deliver` and come back through `transact`; one is under way at a time, and
until it is done the reader goes on polling and the next batch grows. A second one made ahead would gain nothing, and
whatever came after it would wait for two.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from threading import Event, Semaphore, Thread
from typing import Final

from safety_stream.core.stages.stage import Step
from safety_stream.streaming.feed import Batch
from safety_stream.streaming.kafka import KafkaChangelog, KafkaConsumer, KafkaProducer, KafkaSettings
from safety_stream.streaming.loop import Loop, Ports, Surroundings, assemble
from safety_stream.streaming.ports import Fatal, Retriable
from safety_stream.streaming.spec import LoopSettings, Replaceable, StageSpec
from safety_stream.streaming.store import LmdbStore, Store

_SLICE_SECONDS: Final = 0.05
_STOP_SECONDS: Final = 8.0

_log = logging.getLogger(__name__)


class StageThreads:
    """One stage running in this process."""

    def __init__(
        self,
        spec: StageSpec,
        kafka: KafkaSettings,
        state: Path,
        settings: LoopSettings,
        around: Surroundings,
        deliver: Callable[[Batch], None],
        failed: Callable[[BaseException], None],
    ) -> None:
        """`deliver` takes a batch to whoever will call `transact` with it; `failed` hears what must end the process.

        `state`: the folder of the stores, this worker's own. Nothing is connected or started before `start`.
        """
        self._step = Replaceable(spec.step)
        self._spec = replace(spec, step=self._step)
        self._kafka = kafka
        self._state = state
        self._settings = settings
        self._around = around
        self._deliver = deliver
        self._failed = failed
        self._stopping = Event()
        self._is_free = Semaphore()
        self._work: SimpleQueue[tuple[Batch, Callable[[], None]] | None] = SimpleQueue()
        self._threads: list[Thread] = []
        self._loop: Loop | None = None

    def start(self) -> None:
        """Connect, fence off a former self, join the group."""
        self._loop = loop = self._assemble()
        self._threads = [
            self._thread("consume", lambda: self._consume(loop)),
            self._thread("take-over", lambda: self._take_over(loop)),
            self._thread("transact", lambda: self._transact(loop)),
        ]
        for thread in self._threads:
            thread.start()

    def transact(self, batch: Batch, done: Callable[[], None]) -> None:
        """Have the batch committed in the transaction thread; `done` is called there, unless it fails."""
        self._work.put((batch, done))

    def replace_step(self, step: Step) -> None:
        """Do by another step from the next batch on; the stage reads the same topics as before."""
        self._step.replace(step)
        if self._loop is not None:
            self._loop.look_again()

    def is_ready(self) -> bool:
        """Whether the group has been joined, and every partition assigned here since is taken over."""
        return self._loop is not None and self._loop.is_ready()

    def stop(self) -> None:
        """Finish the batch in flight, leave the group, close the stores; at most 8 s."""
        self._stopping.set()
        deadline = time.monotonic() + _STOP_SECONDS
        if self._threads:
            consume, take_over, transact = self._threads
            consume.join(_STOP_SECONDS)
            self._work.put(None)
            for thread in (take_over, transact):
                thread.join(max(0.1, deadline - time.monotonic()))
        if self._loop is not None and not any(thread.is_alive() for thread in self._threads):
            # A thread that is still busy may be using them; then the end of the process closes them.
            self._loop.take_over.close()
            self._loop.producer.close()

    def _assemble(self) -> Loop:
        spec, kafka = self._spec, self._kafka
        ports = Ports(
            KafkaConsumer(kafka, spec.name, inputs=len(spec.inputs)),
            KafkaProducer(kafka, spec.name),
            KafkaChangelog(kafka, spec.changelog),
            self._open_store,
        )
        return assemble(spec, ports, self._hand_over, self._settings, self._around)

    def _open_store(self, partition: int, identity: str) -> Store:
        return LmdbStore(self._state / self._spec.name / str(partition), identity)

    def _hand_over(self, batch: Batch) -> bool:
        if not self._is_free.acquire(timeout=_SLICE_SECONDS):
            return False
        self._deliver(batch)
        return True

    def _consume(self, loop: Loop) -> None:
        while not self._stopping.is_set():
            try:
                loop.producer.init()
            except Retriable:
                _log.warning("stage %s waits for the broker", self._spec.name)
            else:
                break
        loop.feed.start()
        while not self._stopping.is_set():
            loop.feed.turn()
        loop.feed.stop()

    def _take_over(self, loop: Loop) -> None:
        while not self._stopping.is_set():
            loop.take_over.turn(_SLICE_SECONDS)

    def _transact(self, loop: Loop) -> None:
        while (work := self._work.get()) is not None:
            batch, done = work
            loop.transaction.run(batch)
            self._is_free.release()
            done()

    def _thread(self, what: str, run: Callable[[], None]) -> Thread:
        def guarded() -> None:
            # Whatever it is, nothing has been acknowledged for it, and this process cannot go on.
            try:
                run()
            except Fatal as error:
                # By design, and it says why: where it came from says no more.
                _log.critical("stage %s stops: %s", self._spec.name, error)
                self._failed(error)
            except BaseException as error:  # noqa: BLE001
                _log.exception("stage %s stops: %s thread", self._spec.name, what)
                self._failed(error)

        return Thread(target=guarded, name=f"{self._spec.name} {what}", daemon=True)
