"""Running the demonstration: broker, topics, worker, player and reader, then the verdict."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import date
from heapq import merge
from pathlib import Path
from threading import Event, Thread
from typing import Final, Self

import msgspec
from confluent_kafka.admin import AdminClient

from safety_stream.catalogue import load_catalogue
from safety_stream.config import Connection
from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.incidents import IncidentVersion
from safety_stream.core.model.times import DAY_LENGTH, Instant, start_of, to_day
from safety_stream.data_files import catalogue_folder
from safety_stream.demo.pages import SIGN_IN, NoPages, clean_environment, serving_pages
from safety_stream.demo.play import Player
from safety_stream.demo.story import story
from safety_stream.demo.watching import Seen, quantile
from safety_stream.embedded import EmbeddedKafka
from safety_stream.streaming.draining import wait_until_drained
from safety_stream.streaming.provisioning import create, plan
from safety_stream.streaming.reading import follow, read_to_end
from safety_stream.synthetic import County, SyntheticReport, generate, read_county
from safety_stream.testing.verdict import Witnessed, compare
from safety_stream.wire.records import Records
from safety_stream.wire.topology import members, topics

_FIRST_DAY: Final = date(2026, 1, 2)
START: Final[Instant] = start_of(to_day(_FIRST_DAY))
"""A Friday, midnight in London: three days later the story's first week is over."""

SPEED: Final = DAY_LENGTH / 1000
"""A day passes in a second."""

PARTITIONS: Final = 2
_WATCHED = ("incidents", "alerts.duty-officer", "indicators.internal", "alert-changes")
_STARTED_SECONDS_MAX: Final = 60.0
_DRAINED_SECONDS_MAX: Final = 300.0


class WorkerEnded(Exception):
    """The worker ended before the demonstration did."""


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What happened, for machines. `latency_p50`, `latency_p99`: seconds from report sent to alert read.

    `alerts` counts versions told to the duty officer by family and change; `milestones` says how many seconds after the
    first report each thing the story promises was seen; `oracle` is "equal" or "different", and
    `differences` the first lines of what differs.
    """

    reports: int
    incidents: int
    dead_letters: int
    dead_letters_expected: int
    alerts: dict[str, dict[str, int]]
    withdrawn: int
    standing_alerts: int
    back_dated: int
    milestones: dict[str, float]
    latency_p50: float | None
    latency_p99: float | None
    seconds: float
    simulated_days: float
    oracle: str
    differences: tuple[str, ...]

    @property
    def is_good(self) -> bool:
        """Whether everything stands as the oracle says, and exactly what had to be refused was."""
        return self.oracle == "equal" and self.dead_letters == self.dead_letters_expected


class Demo:
    """One demonstration. `say` hears in words how far it has come."""

    def __init__(self, seed: int, scale: float, say: Callable[[str], None], *, with_pages: bool = False) -> None:
        """`scale`: the synthetic county's size, 1 for all of Lancashire. `pages` is where pages are, once they are."""
        self._seed = seed
        self._scale = scale
        self._say = say
        self._with_pages = with_pages
        self.pages = ""
        self.catalogue: Catalogue = load_catalogue(catalogue_folder())
        self.seen = Seen()
        self._wire = Records()
        self._stop = Event()
        self._failed: list[BaseException] = []
        self._ready = ExitStack()
        self._kafka = Connection("")
        self._worker: subprocess.Popen[bytes] | None = None
        self._began = 0.0

    def __enter__(self) -> Self:
        """Start broker and worker, and wait until every stage has its partitions."""
        with ExitStack() as starting:
            folder = Path(starting.enter_context(tempfile.TemporaryDirectory(prefix="safety-stream-demo-")))
            broker = starting.enter_context(EmbeddedKafka(folder / "kafka", progress=self._say))
            self._kafka = Connection(broker.bootstrap_servers)
            self._say("Creating the topics")
            admin = AdminClient(self._kafka.settings() | {"log_level": 0})
            create(admin, plan(admin, topics(self.catalogue, PARTITIONS)).create)
            address = self._start_pages(starting, broker.bootstrap_servers, folder) if self._with_pages else None
            self._say("Starting a worker with all stages")
            self._worker = starting.enter_context(_worker(broker.bootstrap_servers, folder))
            if address is not None:
                self._await_pages(address)
            starting.callback(self._stop.set)
            self._ready = starting.pop_all()
        return self

    def _start_pages(self, starting: ExitStack, bootstrap: str, folder: Path) -> Callable[[], str] | None:
        """A demonstration without pages is one all the same."""
        try:
            return starting.enter_context(serving_pages(bootstrap, folder, clean_environment(), _on_the_way))
        except NoPages as why:
            self._say(f"There are no pages: {why}")
            return None

    def _await_pages(self, address: Callable[[], str]) -> None:
        try:
            self.pages = address()
        except NoPages as why:
            self._say(f"There are no pages: {why}")
        else:
            self._say(f"Pages: {self.pages}/sign-in (choose {SIGN_IN}; there is no password)")

    def __exit__(self, *_: object) -> None:
        """Stop everything that was started."""
        self._ready.close()

    def play(self, seconds: float, look: Callable[[float], None]) -> None:
        """Play for so many seconds; `look` is called several times a second with the seconds gone.

        Raises `WorkerEnded`.
        """
        threads = [
            Thread(target=self._guarded, args=(self._watch,), daemon=True),
            Thread(target=self._guarded, args=(lambda: self._play(seconds),), daemon=True),
        ]
        self._began = time.monotonic()
        for thread in threads:
            thread.start()
        while (gone := time.monotonic() - self._began) < seconds and not self._failed:
            self._check_worker()
            look(gone)
            self._stop.wait(0.25)
        threads[1].join()
        look(time.monotonic() - self._began)
        self._raise_failure()

    def conclude(self) -> Summary:
        """Wait until everything has gone through, compare with the oracle, and say what happened.

        Raises `WorkerEnded`.
        """
        seconds = time.monotonic() - self._began
        self._say("Waiting until everything has gone through")
        wait_until_drained(self._kafka, self.catalogue, seconds=_DRAINED_SECONDS_MAX, check=self._check_worker)
        self._stop.set()
        self._say("Recomputing everything from the reports alone, and comparing")
        standing = Witnessed()
        incidents = 0
        for record in read_to_end(self._kafka, ("incidents", "findings", "alert-changes", "indicator-values")):
            value = self._wire.value(record.topic, record.value)
            incidents += isinstance(value, IncidentVersion)
            standing.fold(value)
        refused = sum(1 for _ in read_to_end(self._kafka, members("dead-letters.", self.catalogue)))
        differences = compare(standing, self.seen.accepted, catalogue_folder())
        return self._summary(seconds, incidents, refused, standing, differences)

    def _summary(
        self, seconds: float, incidents: int, refused: int, standing: Witnessed, differences: list[str]
    ) -> Summary:
        with self.seen.looking() as seen:
            alerts: dict[str, dict[str, int]] = {}
            for (family, change), count in sorted(seen.changes.items()):
                alerts.setdefault(family, {})[change] = count
            return Summary(
                reports=seen.reports,
                incidents=incidents,
                dead_letters=refused,
                dead_letters_expected=seen.refused_expected,
                alerts=alerts,
                withdrawn=sum(count for (_, change), count in seen.changes.items() if change == "withdrawn"),
                standing_alerts=len(standing.alerts),
                back_dated=seen.reasons["back-dated"],
                milestones={name: reached.seconds for name, reached in seen.milestones.items()},
                latency_p50=quantile(seen.latencies, 0.5),
                latency_p99=quantile(seen.latencies, 0.99),
                seconds=round(seconds, 1),
                simulated_days=round((seen.simulated - START) / DAY_LENGTH, 1),
                oracle="different" if differences else "equal",
                differences=tuple(differences[:20]),
            )

    def _play(self, seconds: float) -> None:
        days = int(seconds * SPEED / (DAY_LENGTH / 1000)) + 1
        county = generate(_county(), seed=self._seed, start=_FIRST_DAY, days=days, scale=self._scale)
        end = START + int(seconds * SPEED * 1000)
        arrivals = merge(_until(end, county), _until(end, story(START)), key=lambda one: one.received_at)
        Player(self._kafka, SPEED, self.seen.sent).play(START, arrivals, self._stop)

    def _watch(self) -> None:
        watched = (*_WATCHED, *members("dead-letters.", self.catalogue))
        for record in follow(self._kafka, watched, from_beginning=True):
            if self._stop.is_set():
                return
            if record is not None:
                self.seen.came_out(self._wire.value(record.topic, record.value), time.monotonic())

    def _check_worker(self) -> None:
        if self._worker is not None and self._worker.poll() is not None:
            raise WorkerEnded(_ended(self._worker.returncode))

    def _guarded(self, work: Callable[[], None]) -> None:
        # Whatever ends a thread ends the demonstration, in the thread that shows it.
        try:
            work()
        except Exception as error:  # noqa: BLE001
            self._failed.append(error)

    def _raise_failure(self) -> None:
        if self._failed:
            raise self._failed[0]


def _on_the_way(log: str) -> None:
    # Results are on our standard output; what a process has to say is not one.
    sys.stderr.write(log)


def _county() -> County:
    return read_county(catalogue_folder() / "synthetic" / "lancashire.yaml")


def _until(end: Instant, arrivals: Iterator[SyntheticReport] | list[SyntheticReport]) -> Iterator[SyntheticReport]:
    for arrival in arrivals:
        if arrival.received_at >= end:
            return
        if arrival.received_at >= START:
            yield arrival


@contextmanager
def _worker(bootstrap: str, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The worker; what it had to say comes out when it has ended, for the screen would cover it until then."""
    ready, log = folder / "ready", folder / "worker.log"
    command = [
        *(sys.executable, "-m", "safety_stream", "worker", "--bootstrap", bootstrap),
        *("--data", str(folder / "state"), "--clock", "log", "--ready-file", str(ready), "--log-level", "WARNING"),
    ]
    with log.open("wb") as into:
        process = subprocess.Popen(command, stdout=into, stderr=into, env=clean_environment())  # noqa: S603 - our own
    try:
        _await_ready(process, ready)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        _on_the_way(log.read_text(errors="replace"))


def _await_ready(process: subprocess.Popen[bytes], ready: Path) -> None:
    until = time.monotonic() + _STARTED_SECONDS_MAX
    while not ready.exists():
        if process.poll() is not None:
            raise WorkerEnded(_ended(process.returncode))
        if time.monotonic() > until:
            raise WorkerEnded(f"the worker was not ready within {_STARTED_SECONDS_MAX:.0f} s; its log is above")
        time.sleep(0.1)


def _ended(code: int) -> str:
    return f"the worker ended by itself, with exit code {code}; its log, above, says why"
