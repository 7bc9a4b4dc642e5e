"""Whether a group has work left: records count, what transactions leave behind does not."""

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from safety_stream.config import Connection
from safety_stream.streaming.draining import has_work_left
from safety_stream.streaming.provisioning import create
from safety_stream.streaming.reading import read_between
from safety_stream.wire.topology import Topic

pytestmark = pytest.mark.kafka


class Feed:
    """A topic of one partition, a transactional writer, and a group that commits what it is told to."""

    def __init__(self, kafka: Connection, topic: str) -> None:
        self.kafka, self.topic, self.group = kafka, topic, f"{topic}-group"
        create(AdminClient(kafka.settings()), [Topic(name=topic, subjects=(), partitions=1, settings={})])
        self._sender = Producer(kafka.settings() | {"transactional.id": topic, "log_level": 0})
        self._sender.init_transactions(30)

    def send(self, *values: bytes, kept: bool = True) -> None:
        self._sender.begin_transaction()
        for value in values:
            self._sender.produce(self.topic, value, partition=0)
        self._sender.flush(30)
        if kept:
            self._sender.commit_transaction(30)
        else:
            self._sender.abort_transaction(30)

    def commit(self, offset: int) -> None:
        consumer = Consumer(self.kafka.settings() | {"group.id": self.group, "log_level": 0})
        consumer.commit(offsets=[TopicPartition(self.topic, 0, offset)], asynchronous=False)
        consumer.close()

    def has_work_left(self) -> bool:
        return has_work_left(self.kafka, self.group, [self.topic])

    def between(self, start: int, end: int) -> list[bytes | None]:
        found = read_between(self.kafka, {(self.topic, 0): start}, {(self.topic, 0): end})
        return [record.value for record in found]


@pytest.fixture
def feed(kafka: str, topic_prefix: str) -> Feed:
    return Feed(Connection(kafka), f"{topic_prefix}feed")


def test_an_empty_topic_is_no_work(feed: Feed):
    assert not feed.has_work_left()


def test_a_group_that_never_committed_has_everything_before_it(feed: Feed):
    feed.send(b"one")

    assert feed.has_work_left()


def test_a_record_behind_what_was_committed_is_work(feed: Feed):
    feed.send(b"one", b"two")
    feed.commit(1)

    assert feed.has_work_left()


def test_the_marker_behind_the_last_record_is_no_work(feed: Feed):
    feed.send(b"one", b"two")
    feed.commit(2)

    assert not feed.has_work_left()


def test_what_was_aborted_is_no_work(feed: Feed):
    feed.send(b"one")
    feed.commit(1)
    feed.send(b"taken back", kept=False)

    assert not feed.has_work_left()


def test_reading_between_offsets_has_the_first_and_not_the_last(feed: Feed):
    feed.send(b"0", b"1", b"2", b"3")

    assert feed.between(1, 3) == [b"1", b"2"]
    assert feed.between(3, 3) == []
