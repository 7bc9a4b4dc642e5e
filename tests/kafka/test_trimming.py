"""What partners sent is cut off when it is old enough and intake is through with it, and never before."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient
from tests.replay.telling import a_report
from typer.testing import CliRunner

from safety_stream.catalogue import load_catalogue
from safety_stream.cli import app
from safety_stream.config import Connection
from safety_stream.core.model.times import DAY_LENGTH
from safety_stream.data_files import catalogue_folder
from safety_stream.edge.producer import ReportProducer
from safety_stream.embedded import EmbeddedKafka
from safety_stream.streaming.provisioning import create, keep_for, kept_for, plan
from safety_stream.streaming.reading import low_watermarks
from safety_stream.streaming.trimming import Cut, cut, plan_cuts
from safety_stream.wire.topology import topics

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

TOPIC = "partner.police-crimes"
SENT, THROUGH = 5, 3


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[EmbeddedKafka]:
    with EmbeddedKafka(tmp_path / "kafka") as running:
        yield running


def intake_is_through(kafka: Connection, records: int) -> None:
    consumer = Consumer(kafka.settings() | {"group.id": "safety-stream.intake", "enable.auto.commit": False})
    consumer.commit(offsets=[TopicPartition(TOPIC, 0, records)], asynchronous=False)
    consumer.close()


def test_only_what_is_old_and_read_is_cut_off(broker: EmbeddedKafka):
    kafka, catalogue = Connection(broker.bootstrap_servers), load_catalogue(catalogue_folder())
    admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers, "log_level": 0})
    create(admin, plan(admin, topics(catalogue, 2)).create)
    with ReportProducer(kafka) as producer:
        for number in range(SENT):
            producer.send(a_report("police-crimes", f"C-{number}", "2026-01-05T20:00", people={"victim": "tok-a"}))
    now = time.time_ns() // 1_000_000

    assert plan_cuts(kafka, catalogue, now + DAY_LENGTH) == [], "intake has read nothing yet"
    intake_is_through(kafka, THROUGH)
    assert plan_cuts(kafka, catalogue, now - DAY_LENGTH) == [], "nothing is old enough"

    found = plan_cuts(kafka, catalogue, now + DAY_LENGTH)
    assert found == [Cut(topic=TOPIC, partition=0, first=THROUGH, records=THROUGH)]
    # Held is held from the moment that the command sets it, also before it is on record.
    assert plan_cuts(kafka, catalogue, now + DAY_LENGTH, {TOPIC}) == []
    usual = kept_for(admin, [TOPIC])
    keep_for(admin, {TOPIC: -1})
    trimmed = CliRunner().invoke(
        app, ["topics", "trim", "--older-than", "0", "--apply", "--bootstrap", kafka.bootstrap], env={"COLUMNS": "400"}
    )
    assert (trimmed.exit_code, f"under a legal hold: {TOPIC}" in trimmed.stderr) == (0, True), trimmed.output
    assert low_watermarks(kafka, [TOPIC]) == {(TOPIC, 0): 0}
    keep_for(admin, usual)
    cut(admin, found)

    assert low_watermarks(kafka, [TOPIC]) == {(TOPIC, 0): THROUGH}
    assert plan_cuts(kafka, catalogue, now + DAY_LENGTH) == []
