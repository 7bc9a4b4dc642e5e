"""The gateway over a real Kafka: a receipt is a record on its topic; a broker that is away loses and doubles none."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Message, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from tests.edge.gateway.making import report, serving

from safety_stream.config import Connection
from safety_stream.edge.gateway.broker import KafkaBroker
from safety_stream.embedded import EmbeddedKafka

pytestmark = pytest.mark.kafka

TOPIC = "partner.council-asb"
ALL_AT_ONCE = 8


@pytest.fixture
def own() -> Iterator[EmbeddedKafka]:
    """A broker that may be stopped, with the topic."""
    with EmbeddedKafka() as broker:
        admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers, "log_level": 0})
        admin.create_topics([NewTopic(TOPIC, 2, 1)])[TOPIC].result(30)
        yield broker


def records(bootstrap: str) -> list[Message]:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "test", "enable.auto.commit": False})
    found: list[Message] = []
    for partition in (0, 1):
        _, end = consumer.get_watermark_offsets(TopicPartition(TOPIC, partition), timeout=20)
        consumer.assign([TopicPartition(TOPIC, partition, 0)])
        while len([one for one in found if one.partition() == partition]) < end:
            if (record := consumer.poll(20)) is not None:
                assert record.error() is None
                found.append(record)
    consumer.close()
    return found


def test_a_receipt_is_a_record_on_its_topic_whatever_befalls_the_broker(own: EmbeddedKafka, tmp_path: Path):
    with serving(tmp_path, KafkaBroker(Connection(own.bootstrap_servers), 15)) as site:
        many = site.send([report(source_ref=f"case-{number}") for number in range(50)])
        assert many.status_code == 202
        with ThreadPoolExecutor(ALL_AT_ONCE) as threads:
            alone = list(threads.map(lambda number: site.send(report(source_ref=f"alone-{number}")), range(40)))
        receipts = [one["receipt"] for one in many.json()["items"]] + [one.json() for one in alone]
        on_topic = {(one.partition(), one.offset()): dict(one.headers()) for one in records(own.bootstrap_servers)}
        assert len(on_topic) == len(receipts) == 90
        for receipt in receipts:
            assert on_topic[receipt["partition"], receipt["offset"]]["ce_id"].decode() == receipt["id"]
        assert site.client.get("/v1/health").status_code == 200

        own.kill()
        away = site.send(report(source_ref="late"))
        assert (away.status_code, away.headers["retry-after"]) == (503, "5")
        site.clock.pass_by(10)
        assert site.client.get("/v1/health").status_code == 503

        own.restart()
        back = site.send(report(source_ref="late"))
        again = site.send(report(source_ref="late"))
        assert (back.status_code, again.content) == (202, back.content)
        ids = [dict(one.headers())["ce_id"].decode() for one in records(own.bootstrap_servers)]
        assert len(set(ids)) == 91
        assert ids.count(back.json()["id"]) >= 2
        assert len(site.get("/v1/receipts", limit=500).json()["receipts"]) == 91


def test_a_topic_that_is_not_there_is_the_operators_to_mend(
    own: EmbeddedKafka, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    with serving(tmp_path, KafkaBroker(Connection(own.bootstrap_servers), 15)) as site:
        answer = site.send(report(source="housing"))

    assert (answer.status_code, "topic" in answer.text) == (503, False)
    assert "there is no such topic; run: safety-stream topics apply" in caplog.text
