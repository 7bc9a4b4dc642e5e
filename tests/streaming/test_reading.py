"""Reading to the end: committed records only, all of them, and an end that is one."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from safety_stream.config import Connection
from safety_stream.streaming.provisioning import create, topic_id
from safety_stream.streaming.reading import NoSuchTopic, committed_offsets, follow, high_watermarks, read_to_end
from safety_stream.wire.topology import Topic

pytestmark = pytest.mark.kafka


@pytest.fixture
def topic(kafka: str, topic_prefix: str) -> str:
    name = f"{topic_prefix}read"
    create(
        AdminClient({"bootstrap.servers": kafka, "log_level": 0}),
        [Topic(name=name, subjects=(), partitions=2, settings={})],
    )
    return name


def producer(bootstrap: str, transactional_id: str) -> Producer:
    made = Producer({"bootstrap.servers": bootstrap, "transactional.id": transactional_id, "log_level": 0})
    made.init_transactions(30)
    return made


def values(bootstrap: str, topic: str) -> list[bytes | None]:
    return sorted(record.value or b"" for record in read_to_end(Connection(bootstrap), [topic]))


def test_an_empty_topic_has_nothing(kafka: str, topic: str):
    assert values(kafka, topic) == []


def test_what_was_aborted_is_not_read_and_does_not_keep_the_end_away(kafka: str, topic: str):
    sender = producer(kafka, topic)
    sender.begin_transaction()
    sender.produce(topic, b"kept", partition=0)
    sender.commit_transaction(30)
    sender.begin_transaction()
    sender.produce(topic, b"dropped", partition=0)
    sender.produce(topic, b"dropped", partition=1)
    sender.flush(30)
    sender.abort_transaction(30)

    assert values(kafka, topic) == [b"kept"]


def test_a_transaction_in_progress_is_waited_for(kafka: str, topic: str):
    sender = producer(kafka, topic)
    sender.begin_transaction()
    sender.produce(topic, b"soon", partition=0)
    sender.flush(30)

    with ThreadPoolExecutor(1) as reader:
        reading = reader.submit(values, kafka, topic)
        sender.commit_transaction(30)
        assert reading.result(60) == [b"soon"]


def test_following_begins_with_what_comes_next(kafka: str, topic: str):
    sender = Producer({"bootstrap.servers": kafka, "log_level": 0})
    sender.produce(topic, b"before", partition=0)
    sender.flush(30)
    records = follow(Connection(kafka), [topic], from_beginning=False)
    next(records)
    sender.produce(topic, b"after", partition=0)
    sender.flush(30)

    assert next(record.value for record in records if record is not None) == b"after"


def test_following_from_the_beginning_has_everything(kafka: str, topic: str):
    sender = Producer({"bootstrap.servers": kafka, "log_level": 0})
    sender.produce(topic, b"before", partition=0)
    sender.flush(30)

    records = follow(Connection(kafka), [topic], from_beginning=True)

    assert next(record.value for record in records if record is not None) == b"before"


def test_a_topic_that_is_not_there_is_said_so(kafka: str, topic_prefix: str):
    with pytest.raises(NoSuchTopic, match=f"there is no topic {topic_prefix}none"):
        high_watermarks(Connection(kafka), [f"{topic_prefix}none"])
    with pytest.raises(NoSuchTopic):
        topic_id(AdminClient({"bootstrap.servers": kafka, "log_level": 0}), f"{topic_prefix}none")


def test_a_group_that_committed_nothing_has_no_offsets(kafka: str, topic: str):
    assert committed_offsets(Connection(kafka), f"{topic}-group", {(topic, 0), (topic, 1)}) == {}
