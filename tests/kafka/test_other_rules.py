"""A worker on real Kafka whose catalogue changes: at SIGHUP while it runs, and back again over a restart."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from tests.replay.gallery import gallery
from tests.replay.running import Told, World, accepted, arrivals, changed_world, small_world

from safety_stream.config import Connection
from safety_stream.core.model.grid import to_grid
from safety_stream.embedded import EmbeddedKafka
from safety_stream.streaming.draining import wait_until_drained
from safety_stream.streaming.provisioning import create, plan
from safety_stream.streaming.reading import read_to_end
from safety_stream.testing.comparison import differences
from safety_stream.testing.oracle import recompute
from safety_stream.testing.verdict import Witnessed
from safety_stream.wire.records import Records
from safety_stream.wire.topology import topics

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(300)]

SECONDS = 60.0
PARTITIONS = 3


_AUDIENCE = """  - {id: mayor, title: The mayor, families: [threshold], priorities: [P3]}
"""
_SOURCE = """  - id: coastguard
    organisation: coastguard
    title: Calls to violence
    kinds: [ambulance-call]
    identity: place-only
    usual_latency: 7 days
    covers_from: 2026-01-01
"""
GONE = "soc-intimidation-fire.yaml"
"""The rule that the other catalogue has retired."""

REFUSED = (
    ("rules/rv-graded.yaml", "status: stable", "status: unheard-of", "the catalogue has errors"),
    ("audiences/audiences.yaml", "audiences:\n", f"audiences:\n{_AUDIENCE}", "run `safety-stream topics apply`"),
    ("sources.yaml", "sources:\n", f"sources:\n{_SOURCE}", "its sources are others"),
    (f"rules/{GONE}", None, "", f"{GONE.removesuffix('.yaml')}: no such rule any more"),
)
"""What a worker that runs does not go by: in which file, what in place of what (None: the file is gone), and why."""


class Worker:
    """One worker process that goes by the catalogue in a folder."""

    def __init__(self, bootstrap: str, folder: Path, catalogue: Path) -> None:
        self._command = [
            *(sys.executable, "-m", "safety_stream", "worker", "--slot", "a", "--clock", "log"),
            *("--bootstrap", bootstrap, "--data", str(folder), "--catalogue", str(catalogue), "--log-level", "WARNING"),
        ]
        self._log = folder / "worker.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)

    def told(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def end(self) -> int:
        assert self._process is not None
        self.told(signal.SIGTERM)
        return self._process.wait(30)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[EmbeddedKafka]:
    with EmbeddedKafka(tmp_path / "kafka") as running:
        yield running


@pytest.fixture
def worker(broker: EmbeddedKafka, tmp_path: Path) -> Iterator[Worker]:
    running = Worker(broker.bootstrap_servers, tmp_path, tmp_path / "catalogue")
    yield running
    running.kill()


def disagreement(kafka: Connection, world: World, told: Sequence[Told]) -> list[str]:
    wire, result = Records(), Witnessed()
    for record in read_to_end(kafka, ("findings", "alert-changes", "indicator-values")):
        result.fold(wire.value(record.topic, record.value))
    # What an indicator that is gone was last, stays as it was published.
    shown = {indicator.id for indicator in world.catalogue.indicators}
    standing = [
        [msgspec.to_builtins(value) for value in values]
        for values in (
            result.findings.values(),
            result.alerts.values(),
            [value for value in result.indicators.values() if value.indicator in shown],
        )
    ]
    return differences(recompute(accepted(told), world.folder, to_grid=to_grid), *standing)


def wait_for_agreement(kafka: Connection, world: World, told: Sequence[Told]) -> None:
    """Return once what stands is what the oracle says; fails with the differences when that takes too long."""
    until = time.monotonic() + SECONDS
    while differing := disagreement(kafka, world, told):
        assert time.monotonic() < until, differing


def in_force(world: World, catalogue: Path) -> None:
    """Put the world's catalogue where the worker looks."""
    shutil.rmtree(catalogue, ignore_errors=True)
    shutil.copytree(world.folder, catalogue)


def test_standing_alerts_follow_the_catalogue(broker: EmbeddedKafka, worker: Worker, tmp_path: Path) -> None:
    before = small_world(tmp_path / "before")
    after = changed_world(tmp_path / "after", before)
    kafka, told = Connection(broker.bootstrap_servers), gallery()
    admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers, "log_level": 0})
    create(admin, plan(admin, topics(before.catalogue, PARTITIONS)).create)
    producer = Producer({"bootstrap.servers": broker.bootstrap_servers, "enable.idempotence": True, "log_level": 0})
    for one in arrivals(told):
        producer.produce(one.topic, one.value, timestamp=one.received_at)
    assert producer.flush(60) == 0

    in_force(before, tmp_path / "catalogue")
    worker.start()
    wait_until_drained(kafka, before.catalogue, seconds=SECONDS)
    wait_for_agreement(kafka, before, told)
    assert disagreement(kafka, after, told)

    in_force(after, tmp_path / "catalogue")
    worker.told(signal.SIGHUP)
    wait_for_agreement(kafka, after, told)

    for file, old, new, why in REFUSED:
        in_force(after, tmp_path / "catalogue")
        edited = tmp_path / "catalogue" / file
        if old is None:
            edited.unlink()
        else:
            edited.write_text(edited.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
        worker.told(signal.SIGHUP)
        until = time.monotonic() + SECONDS
        while why not in (tmp_path / "worker.log").read_text(encoding="utf-8"):
            assert time.monotonic() < until, why
            assert disagreement(kafka, after, told) == []

    assert worker.end() == 0
    in_force(before, tmp_path / "catalogue")
    worker.start()
    wait_for_agreement(kafka, before, told)
    assert worker.end() == 0
