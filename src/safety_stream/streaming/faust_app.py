"""Faust owns the worker: its life, its signals, its agents and timers. What reaches an agent is a batch.

Of Faust only the public API is used, and little of it: no consumer, producer, table or leader of its own
(`enable_kafka = False`). Each stage is a channel and an agent; a mode `Service` runs the stages' threads and feeds the
channels. Three things to know:

- with Kafka off, nobody resumes Faust's flow control, and a channel lets nothing through until somebody does; resuming
  empties the channels, so it comes first of all;
- what is put into a channel before its agent listens is gone: an empty batch is sent until the agent answers;
- what an agent raises, Faust logs and forgets: so nothing may leave one, and failures go to `Service.crash`.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from pathlib import Path
from threading import Event, Thread, Timer
from typing import Final, cast

import faust
from faust.app import BootStrategy
from mode import Service, ServiceT

from safety_stream.streaming.feed import Batch
from safety_stream.streaming.kafka import KafkaSettings
from safety_stream.streaming.loop import Surroundings
from safety_stream.streaming.spec import LoopSettings, StageSpec
from safety_stream.streaming.worker import StageThreads

_GREETING: Final = Batch(())
_GREETING_SECONDS: Final = 0.05
_END_SECONDS: Final = 9.5
"""After a failure or a stop, the process ends by itself within this; the drain is done by then."""

_log = logging.getLogger(__name__)


class OurOwnKafka(BootStrategy):
    """Agents and sensors as ever; no consumer, producer, leader or table."""

    enable_kafka = False


class StreamingApp(faust.App):
    """A Faust app that leaves Kafka to its stages."""

    BootStrategy = OurOwnKafka
    stages: Stages


class Stages(Service):
    """The stages of this worker, each with its threads, channel and agent."""

    def __init__(
        self,
        app: StreamingApp,
        specs: Sequence[StageSpec],
        kafka: KafkaSettings,
        state: Path,
        settings: LoopSettings,
        around: Surroundings,
    ) -> None:
        """Make channels and agents; nothing runs before the app starts."""
        super().__init__()
        self._app = app
        self._ends_process = False
        self._stages: dict[str, StageThreads] = {}
        self._puts: dict[str, Callable[[Batch], Coroutine[None, None, None]]] = {}
        self._greeted: dict[str, asyncio.Event] = {}
        for spec in specs:
            channel = app.channel(maxsize=1)
            # Faust's types speak of events only; a channel takes any value.
            self._puts[spec.name] = cast(Callable[[Batch], Coroutine[None, None, None]], channel.put)
            self._stages[spec.name] = StageThreads(
                spec, kafka, state, settings, around, partial(self._deliver, spec.name), self._failed
            )
            app.agent(channel, name=f"transact-{spec.name}")(self._agent(spec.name))

    def end_process(self) -> None:
        """From now on, a failure or a stop ends the process even if a thread hangs."""
        self._ends_process = True

    def is_ready(self) -> bool:
        """Whether every stage here has joined its group and taken over what it was given."""
        return all(stage.is_ready() for stage in self._stages.values())

    def replace_steps(self, specs: Sequence[StageSpec]) -> None:
        """Do by the steps of these specs from the next batches on; names and topics are as before.

        In reverse order, so that no stage is told of a rule before it knows it.
        """
        for spec in reversed(specs):
            self._stages[spec.name].replace_step(spec.step)

    async def on_start(self) -> None:
        """Open the channels, wait until the agents listen, then start the threads."""
        self._event_loop = asyncio.get_running_loop()
        self._app.flow_control.resume()
        for name, stage in self._stages.items():
            await self._greet(name)
            stage.start()

    async def on_stop(self) -> None:
        """Drain every stage, side by side."""
        if self._ends_process:
            _end_process_in(_END_SECONDS)
        await asyncio.gather(*(asyncio.to_thread(stage.stop) for stage in self._stages.values()))

    async def _greet(self, name: str) -> None:
        heard = self._greeted[name] = asyncio.Event()
        while not heard.is_set():
            await self._puts[name](_GREETING)
            try:
                await asyncio.wait_for(heard.wait(), _GREETING_SECONDS)
            except TimeoutError:
                continue

    def _agent(self, name: str) -> Callable[[faust.StreamT[Batch]], Coroutine[None, None, None]]:
        async def transact(batches: faust.StreamT[Batch]) -> None:
            async for batch in batches:
                await self._transact(name, batch)

        return transact

    async def _transact(self, name: str, batch: Batch) -> None:
        if not batch.parts:
            self._greeted[name].set()
            return
        done = asyncio.Event()

        def report() -> None:
            self._event_loop.call_soon_threadsafe(done.set)

        # A batch that fails is never done: the worker is on its way down then.
        self._stages[name].transact(batch, report)
        await done.wait()

    def _deliver(self, name: str, batch: Batch) -> None:
        asyncio.run_coroutine_threadsafe(self._puts[name](batch), self._event_loop)

    def _failed(self, error: BaseException) -> None:
        """Called in the thread that failed."""
        if self._ends_process:
            _end_process_in(_END_SECONDS)
        asyncio.run_coroutine_threadsafe(self.crash(error), self._event_loop)


def create_app(
    specs: Sequence[StageSpec],
    kafka: KafkaSettings,
    state: Path,
    settings: LoopSettings | None = None,
    around: Surroundings | None = None,
) -> StreamingApp:
    """The Faust app of a worker with these stages. `state`: this worker slot's own folder of stores."""
    state.mkdir(parents=True, exist_ok=True)
    app = StreamingApp(
        f"{kafka.prefix}-{kafka.slot}",
        broker=f"kafka://{kafka.connection.bootstrap}",
        store="memory://",
        datadir=state,
        web_enabled=False,
        topic_disable_leader=True,
        autodiscover=False,
    )
    app.stages = Stages(app, specs, kafka, state, settings or LoopSettings(), around or Surroundings())
    # Faust takes a service that is already made as well as a class; its types know of the class only.
    app.service(cast(type[ServiceT], app.stages))
    return app


def run_worker(app: StreamingApp, reload: Callable[[], None]) -> None:
    """Run the app as this process until it fails (exit 1) or is told to stop by SIGTERM or SIGINT (exit 0).

    SIGHUP calls `reload`, in a thread of its own, one call at a time. Logging is left as whoever calls has set it up.
    """
    hung_up = Event()

    def reload_on_and_on() -> None:
        while hung_up.wait():
            hung_up.clear()
            try:
                reload()
            except Exception:  # noqa: BLE001 - whatever it is, the thread must live to hear the next signal
                _log.exception("reload failed; what was in force stays")

    Thread(target=reload_on_and_on, daemon=True).start()
    signal.signal(signal.SIGHUP, lambda *_: hung_up.set())
    # Until Faust has installed its own, a signal would end the process as killed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    app.stages.end_process()
    worker = faust.Worker(app, override_logging=False, quiet=True, redirect_stdouts=False)
    # It turns on standard output, where nothing but results may be.
    worker.spinner = None
    worker.execute_from_commandline()


def _end_process_in(seconds: float) -> None:
    timer = Timer(seconds, os._exit, [1])
    timer.daemon = True
    timer.start()
