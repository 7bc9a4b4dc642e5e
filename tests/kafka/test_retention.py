"""On a real Kafka topics keep for as long as the topology says, and one that is held for good until it is released."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from tests.cli.bus import naming
from typer.testing import CliRunner

from safety_stream.catalogue.loading import load_catalogue
from safety_stream.cli import app, auditing
from safety_stream.config import Connection
from safety_stream.core.stages import enter
from safety_stream.core.stages.rows import MemoryRows
from safety_stream.core.stages.stage import Record
from safety_stream.data_files import catalogue_folder
from safety_stream.edge.producer import producer_settings
from safety_stream.embedded import EmbeddedKafka
from safety_stream.streaming.provisioning import keep_for, kept_for
from safety_stream.streaming.reading import read_to_end
from safety_stream.wire.codecs import shipped_codecs
from safety_stream.wire.records import Records
from safety_stream.wire.topology import topics

pytestmark = pytest.mark.kafka

TOPIC = "partner.police-crimes"
OTHER = "partner.council-asb"
LOOK = ("--by", "officer-3", "--because", "court-order")


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A broker of its own: the topics' settings are changed here, and other tests would find theirs differing."""
    with EmbeddedKafka(tmp_path_factory.mktemp("kafka")) as broker:
        yield broker.bootstrap_servers


def run(kafka: str, *words: object, exits: tuple[int, ...] = (0,)) -> Any:
    environment = {"SAFETY_STREAM_BOOTSTRAP": kafka, "SAFETY_STREAM_CATALOGUE": str(catalogue_folder())}
    result = CliRunner().invoke(app, [*map(str, words), "--json"], env=environment)
    assert result.exit_code in exits, result.stderr
    return json.loads(result.stdout.splitlines()[0])


def entered(kafka: str) -> None:
    """What a worker does with the entries: nobody runs one here."""
    wire = Records()
    records = [
        Record(
            topic=one.topic,
            partition=one.partition,
            offset=one.offset,
            received_at=one.timestamp,
            value=wire.value("orders", one.value),
        )
        for one in read_to_end(Connection(kafka), ["orders"])
    ]
    step = enter.make_step(load_catalogue(catalogue_folder()), 1)
    producer = Producer(producer_settings(Connection(kafka), 10))
    before = sum(1 for _ in read_to_end(Connection(kafka), ["audit.entries"]))
    for output in step(MemoryRows(), records, None)[before:]:
        producer.produce(output.topic, shipped_codecs().encode(output.value))
    producer.flush(10)
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": "safety-stream.enter", "log_level": 0})
    read = [TopicPartition("orders", 0, max((one.offset + 1 for one in records), default=0))]
    consumer.commit(offsets=read, asynchronous=False)
    consumer.close()


def reported(kafka: str, seal: str) -> None:
    """What intake passes on of a person: who was never reported cannot be held."""
    producer = Producer(producer_settings(Connection(kafka), 10))
    producer.produce("incidents", shipped_codecs().encode(naming(seal)))
    producer.flush(10)


def test_topics_keep_as_the_topology_says_and_a_hold_lifts_it_until_it_is_released(
    kafka: str, monkeypatch: pytest.MonkeyPatch
):
    # Nobody puts anything on record here unless this test does.
    monkeypatch.setattr(auditing, "PATIENCE_SECONDS", 0.0)
    wanted = {one.name: int(one.settings["retention.ms"]) for one in topics(load_catalogue(catalogue_folder()), 4)}
    run(kafka, "topics", "apply")
    run(kafka, "retention", "apply")
    admin = AdminClient({"bootstrap.servers": kafka, "log_level": 0})
    assert kept_for(admin, list(wanted)) == wanted
    assert wanted[TOPIC] > 0

    run(kafka, "retention", "hold", "--topic", TOPIC, *LOOK, exits=(2,))
    entered(kafka)
    assert kept_for(admin, [TOPIC]) == {TOPIC: -1}
    # Whoever brings the topics to their classes leaves it so, and nobody is told to mend it.
    assert run(kafka, "retention", "apply") == {"changed": {}}
    assert run(kafka, "topics", "plan")["differing"] == []
    (hold,) = [one for one in run(kafka, "retention", "show")["holds"] if one["of"] == TOPIC]
    assert (hold["kind"], hold["reason"], hold["actor"], hold["stands"]) == ("topic", "court-order", "officer-3", True)

    run(kafka, "retention", "release", "--topic", TOPIC, *LOOK, exits=(2,))
    assert kept_for(admin, [TOPIC]) == {TOPIC: -1}, "it is held until its release is on record"
    entered(kafka)
    assert run(kafka, "retention", "show", exits=(2,))["holds"] == []
    assert run(kafka, "retention", "apply") == {"changed": {TOPIC: wanted[TOPIC]}}
    # What somebody changed by hand is named, and put right.
    keep_for(admin, {TOPIC: 1_000_000})
    run(kafka, "retention", "show", exits=(2,))
    assert run(kafka, "retention", "apply") == {"changed": {TOPIC: wanted[TOPIC]}}


def test_what_is_ordered_and_not_on_record_yet_keeps_its_topic_and_its_person(
    kafka: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    """A worker that is down must cost nobody what was held: neither a setting undone nor a key destroyed."""
    monkeypatch.setattr(auditing, "PATIENCE_SECONDS", 0.0)
    run(kafka, "topics", "apply")
    run(kafka, "retention", "apply")
    admin = AdminClient({"bootstrap.servers": kafka, "log_level": 0})
    run(kafka, "retention", "hold", "--topic", OTHER, *LOOK, exits=(2,))
    assert run(kafka, "retention", "apply") == {"changed": {}}
    assert kept_for(admin, [OTHER]) == {OTHER: -1}
    (hold,) = [one for one in run(kafka, "retention", "show")["holds"] if one["of"] == OTHER]
    assert (hold["seq"], hold["stands"]) == (0, True)

    sealing = ("--sealing", tmp_path / "sealing.yaml")
    run(kafka, "persons", "key", tmp_path / "kek")
    settings = {"store": f"sqlite:///{tmp_path / 'keys.sqlite'}", "key": {"file": str(tmp_path / "kek")}}
    (tmp_path / "sealing.yaml").write_text(json.dumps(settings), encoding="utf-8")
    reported(kafka, run(kafka, "persons", "seal", "tok-a", *sealing)["seal"])
    run(kafka, "persons", "erase", "tok-a", "--because", "erasure", "--by", "officer-1", *sealing, exits=(2,))
    entered(kafka)
    run(kafka, "retention", "hold", "--person", "tok-a", *sealing, *LOOK, exits=(2,))
    words = ["persons", "erase", "tok-a", "--confirm", "--by", "officer-2", *map(str, sealing)]
    refused = CliRunner().invoke(app, words, env={"SAFETY_STREAM_BOOTSTRAP": kafka, "COLUMNS": "300"})
    assert (refused.exit_code, "a legal hold is on this person" in refused.stderr) == (1, True)
    # What is held and released, and neither is on record, is held: nobody loses anything by that.
    run(kafka, "retention", "release", "--person", "tok-a", *sealing, *LOOK, exits=(2,))
    assert CliRunner().invoke(app, words, env={"SAFETY_STREAM_BOOTSTRAP": kafka}).exit_code == 1

    entered(kafka)
    # It is confirmed, and nobody puts that on record: the key is there still.
    done = run(kafka, *words, exits=(2,))
    assert (done["on_record"], done["keys"]) == (False, 0)
    run(kafka, "persons", "erase", "tok-a", "--because", "erasure", "--by", "officer-1", *sealing, exits=(2,))
    run(kafka, "retention", "release", "--topic", OTHER, *LOOK, exits=(2,))
    entered(kafka)


@pytest.mark.parametrize(
    "words",
    [
        ("hold", "--topic", "no-such-topic", *LOOK),
        ("hold", "--topic", TOPIC, "--by", "officer-3", "--because", "i-say-so"),
        ("hold", *LOOK),
        ("hold", "--report", "police-crimes/C-mistyped", *LOOK),
        ("hold", "--alert", str(UUID(int=1)), *LOOK),
        ("hold", "--person", "tok-mistyped", *LOOK),
        ("hold", "--topic", TOPIC, "--alert", "a", *LOOK),
        ("release", "--report", "police-crimes/C-1", *LOOK),
    ],
)
def test_what_is_no_hold_is_refused(kafka: str, words: tuple[str, ...]):
    run(kafka, "topics", "apply", exits=(0, 2))
    run_refused = CliRunner().invoke(
        app, ["retention", *words], env={"SAFETY_STREAM_BOOTSTRAP": kafka, "COLUMNS": "300"}
    )

    assert run_refused.exit_code == 1
    assert "Traceback" not in run_refused.output
    assert "topics apply" not in run_refused.output
