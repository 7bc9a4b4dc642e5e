"""The whole pipeline under measurement: how many incidents a second, how long until an alert, how long after a crash.

*Load.* For throughput, a prepared county lies in the backfill topics before the worker starts. For latency, reports are
sent at a fixed rate whatever the worker does (open loop): every third one is the third harm to a new victim, so a third
of them raise an alert. The clock runs from the broker's append time of the raising report, which comes back with its
acknowledgement, to the moment a read_committed consumer of `alerts.duty-officer` returns the alert: one machine, one
clock, whole milliseconds on the broker's side.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from children import Child, ChildFailed, Told
from cluster import Cluster
from confluent_kafka import KafkaError, Message, Producer
from county import days_spanned, read_county_file
from sightings import read_prepared
from state import sizes

from safety_stream.config import Connection
from safety_stream.core.model.published import PublishedAlert
from safety_stream.core.model.reports import Report, ReportedParty
from safety_stream.streaming.reading import follow
from safety_stream.wire.codecs import shipped_codecs
from safety_stream.wire.reports import encode_report
from safety_stream.wire.topology import members

StartChild = Callable[..., Child]

FEED = "alerts.duty-officer"
HARMS = "partner.police-crimes"
Load = list[tuple[str, bytes, str | None]]
"""Reports in the order of sending: topic, value, and the subject of the alert the report raises, if it does."""
_WORKER = Path(__file__).with_name("row_pipeline.py")
_HOUR = 3_600_000
_APART = 40
"""How many reports lie between one and the next of one victim."""
_HARMS = 3
"""So many harms to one victim raise an alert (catalogue/rules/rv-graded.yaml)."""
_READY_SECONDS = 60.0
_DRAIN_SECONDS = 600.0
_SETTLE_SECONDS = 20.0
_WARM_UP_SECONDS = 3.0
_BEFORE_KILL_SECONDS = 8.0
_AFTER_KILL_SECONDS = 25.0
_TAKEOVER_RATE = 100


class Worker:
    """A worker with every stage, and what it says."""

    def __init__(
        self, start: StartChild, name: str, bootstrap: str, slot: str, folder: Path, clock: str, *stages: str
    ) -> None:
        """Start it, without waiting; with these stages, or all."""
        self.events: list[Told] = []
        self.folder = folder / slot
        self.child = start(
            name, *(sys.executable, _WORKER, bootstrap, slot, self.folder, clock, *stages), event=self.events.append
        )

    def wait_until_ready(self) -> None:
        """Until every stage has partitions. Raises `ChildFailed`."""
        until = time.monotonic() + _READY_SECONDS
        while not any(event["what"] == "ready" for event in self.events):
            if not self.child.is_running() or time.monotonic() > until:
                raise ChildFailed(f"{self.child.name} did not become ready. {self.child.end_of_log()}")
            time.sleep(0.05)


def throughput(cluster: Cluster, start: StartChild, county: Path, folder: Path, run: int) -> Told:
    """Incidents a second from intake's first record to the last commit of any stage."""
    sent = read_county_file(county)
    cluster.load_county(sent)
    worker = Worker(start, f"pipeline-{run}", cluster.kafka.bootstrap, "a", folder, "log")
    with worker.child as child:
        worker.wait_until_ready()
        wait_until_drained(cluster, worker)
        child.stop()
        told = child.result(30)
    incidents = cluster.incidents()
    refused = cluster.count(["dead-letters.intake"])
    if incidents + refused != len(sent):
        raise AssertionError(f"{len(sent)} reports made {incidents} incidents and {refused} dead letters")
    published = cluster.count(members("alerts.", cluster.catalogue))
    return told | {
        "incidents": incidents,
        "dead_letters": refused,
        "published_alerts": published,
        "days": round(days_spanned(sent), 1),
        "state": sizes(worker.folder),
    }


def detection(cluster: Cluster, start: StartChild, sightings: Path, folder: Path, run: int) -> Told:
    """Sightings a second from detect's first record to its last commit, those it writes to its own input included."""
    prepared = read_prepared(sightings)
    cluster.load_sightings(prepared.records)
    worker = Worker(start, f"detect-{run}", cluster.kafka.bootstrap, "a", folder, "log", "detect")
    with worker.child as child:
        worker.wait_until_ready()
        wait_until_drained(cluster, worker, "detect")
        child.stop()
        told = child.result(30)
    standing = cluster.standing_findings()
    if standing != prepared.standing:
        differing = len(set(standing) ^ set(prepared.standing))
        raise AssertionError(f"{differing} of {len(prepared.standing)} findings are not what they are in a replay")
    return told | {"standing": len(standing), "state": sizes(worker.folder)}


def latency(cluster: Cluster, start: StartChild, folder: Path, name: str, rate: int, seconds: float) -> Told:
    """How long from append to alert at `rate` reports a second, after a warm-up that does not count."""
    cluster.renew_pipeline()
    worker = Worker(start, name, cluster.kafka.bootstrap, "a", folder, "wall")
    with worker.child as child:
        worker.wait_until_ready()
        paced = _Paced(cluster.kafka)
        paced.run(rate, _WARM_UP_SECONDS + seconds)
        child.stop()
        told = child.result(30)
    waits = paced.waits(since=paced.began_at + _WARM_UP_SECONDS)
    return {
        **told,
        "rate": rate,
        "alerts": len(waits),
        "p50_ms": quantile(waits, 0.5),
        "p99_ms": quantile(waits, 0.99),
        "highest_ms": waits[-1],
        "slip_ms": round(paced.slip * 1_000, 1),
        "value": quantile(waits, 0.99),
    }


def takeover(cluster: Cluster, start: StartChild, folder: Path, seconds: float) -> Told:
    """Kill -9 of the first of two workers: when had the other one everything, and how long did alerts wait?"""
    cluster.renew_pipeline()
    first = Worker(start, "takeover-a", cluster.kafka.bootstrap, "a", folder, "wall")
    with first.child:
        first.wait_until_ready()
        second = Worker(start, "takeover-b", cluster.kafka.bootstrap, "b", folder, "wall")
        with second.child as survivor:
            # The second has something of every stage that has more than one partition; others stay where they are.
            _wait(lambda: len({event.get("stage") for event in second.events}) > 1, "the second worker's share")
            time.sleep(_BEFORE_KILL_SECONDS / 2)
            killed: list[float] = []

            def kill() -> None:
                killed.append(time.time())
                first.child.kill()

            timer = threading.Timer(_BEFORE_KILL_SECONDS, kill)
            timer.start()
            paced = _Paced(cluster.kafka)
            paced.run(_TAKEOVER_RATE, _BEFORE_KILL_SECONDS + max(seconds, _AFTER_KILL_SECONDS))
            timer.join()
            survivor.stop()
            survivor.result(30)
    at = killed[0]
    after = [event for event in second.events if event["what"] == "taken-over" and event["at"] > at]
    if not after:
        raise AssertionError("the killed worker had nothing, or nothing was taken over")
    waits = paced.waits(since=at - 2)
    return {
        "value": max(event["at"] for event in after) - at,
        "partitions": len(after),
        "longest_wait_s": waits[-1] / 1_000,
        "alerts": len(paced.read_at),
        "records": len(paced.appended_at),
    }


@dataclass
class Sender:
    """Sends reports at a pace, whatever becomes of them. Times in seconds since the epoch."""

    kafka: Connection
    began_at: float = 0.0
    slip: float = 0.0
    """How far it was behind its own plan at worst."""
    appended_at: dict[str, float] = field(default_factory=dict)
    """When the broker had the report that raises an alert, by the alert's subject."""
    failures: list[str] = field(default_factory=list)

    def send(self, load: Load, rate: float) -> None:
        """So many reports a second."""
        producer = Producer(self.kafka.settings() | {"linger.ms": 0, "acks": "all"})
        self.began_at = time.time()
        began = time.monotonic()
        for number, (topic, value, subject) in enumerate(load):
            due = began + number / rate
            late = time.monotonic() - due
            if late < 0:
                producer.poll(0)
                time.sleep(max(0.0, due - time.monotonic()))
            else:
                self.slip = max(self.slip, late)
            producer.produce(topic, value, on_delivery=self._delivered(subject))
            producer.poll(0)
        if producer.flush(30):
            self.failures.append("the broker did not take all reports")

    def _delivered(self, subject: str | None) -> Callable[[KafkaError | None, Message], None]:
        def delivered(error: KafkaError | None, message: Message) -> None:
            if error is not None:
                self.failures.append(str(error))
            elif subject is not None:
                self.appended_at[subject] = message.timestamp()[1] / 1_000

        return delivered


@dataclass
class _Paced(Sender):
    """A paced load and the alerts it raises."""

    read_at: dict[str, float] = field(default_factory=dict)
    _read_twice: int = 0

    def run(self, rate: int, seconds: float) -> None:
        """Send for so long, and wait until every alert has been read. Raises `AssertionError` when one is missing."""
        count = int(rate * seconds) // (_HARMS * _APART) * (_HARMS * _APART)
        due = count // _HARMS
        load = _load(count)
        stop = threading.Event()
        listening = threading.Event()
        reader = threading.Thread(target=self._read, args=(listening, stop), daemon=True)
        reader.start()
        listening.wait(30)
        self.send(load, rate)
        until = time.monotonic() + _SETTLE_SECONDS
        while len(self.read_at) < due and time.monotonic() < until:
            time.sleep(0.05)
        stop.set()
        reader.join(10)
        if self.failures:
            raise AssertionError(self.failures[0])
        if len(self.read_at) != due or self._read_twice:
            raise AssertionError(f"{due} alerts were due, {len(self.read_at)} came and {self._read_twice} came twice")

    def waits(self, since: float) -> list[int]:
        """Milliseconds from append to alert, sorted, of the raising reports appended from `since` on."""
        return sorted(
            round((read - self.appended_at[subject]) * 1_000)
            for subject, read in self.read_at.items()
            if self.appended_at[subject] >= since
        )

    def _read(self, listening: threading.Event, stop: threading.Event) -> None:
        decode = shipped_codecs().decoder(("published-alert",))
        for record in follow(self.kafka, [FEED], from_beginning=True):
            listening.set()
            if stop.is_set():
                return
            if record is None:
                continue
            now = time.time()
            alert = decode(record.value)
            assert isinstance(alert, PublishedAlert)
            subject = alert.subject or ""
            if subject in self.read_at:
                self._read_twice += 1
            self.read_at[subject] = now


def _load(count: int) -> Load:
    """Reports that raise an alert with each third harm.

    They come in blocks: as many victims as `_APART`, then the same victims again and again, days later by what is
    reported.
    """
    now = time.time_ns() // 1_000_000
    load = []
    for number in range(count):
        block, place = divmod(number, _HARMS * _APART)
        harm = place // _APART + 1
        raises = harm == _HARMS
        victim = f"tok-victim-{now}-{block * _APART + place % _APART:08d}"
        occurred = now - 100 * (_HARMS + 1 - harm) * _HOUR - number
        value = harm_to(victim, f"bench-{now}-{number}", occurred, now - _HOUR)
        load.append((HARMS, value, f"victim:{victim}" if raises else None))
    return load


def harm_to(victim: str, ref: str, occurred: int, reported: int, flags: tuple[str, ...] = ()) -> bytes:
    """A report of a burglary, as the police would send it."""
    return encode_report(
        Report(
            source="police-crimes",
            source_ref=ref,
            source_version=1,
            action="new",
            kind="police-crime",
            category="burglary",
            flags=flags,
            occurred_from=occurred,
            reported_at=reported,
            parties=(ReportedParty(role="victim", token=victim),),
        )
    )


def wait_until_drained(cluster: Cluster, worker: Worker, *stages: str) -> None:
    """Until these stages, or all, have nothing left to do. Raises `ChildFailed`."""
    until = time.monotonic() + _DRAIN_SECONDS
    while not cluster.is_drained(*stages):
        if not worker.child.is_running():
            raise ChildFailed(f"{worker.child.name} ended. {worker.child.end_of_log()}")
        if time.monotonic() > until:
            raise ChildFailed(f"{worker.child.name} did not get through within {_DRAIN_SECONDS:.0f} s")
        time.sleep(0.5)


def _wait(is_so: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + _READY_SECONDS
    while not is_so():
        if time.monotonic() > until:
            raise AssertionError(f"waited {_READY_SECONDS:.0f} s in vain for {what}")
        time.sleep(0.05)


def quantile(waits: list[int], share: float) -> int:
    """Of sorted waits the one that so large a share is not longer than."""
    return waits[min(len(waits) - 1, int(share * len(waits)))]
