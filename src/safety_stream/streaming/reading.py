"""Reading topics from outside the loop, for people and checks: committed records only, and a true end.

"The end" is the high watermark when asked, transactions in progress included: right after a commit the stable end
still lags behind, and reading only as far as that would miss the newest records. So a partition counts as read when an
end-of-partition event stands at or past that mark; a transaction in progress is waited for, at most until the broker
ends it. Nothing here joins a group or commits an offset.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from time import monotonic

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    IsolationLevel,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, OffsetSpec

from safety_stream.streaming.ports import Incoming

END_SECONDS_MAX = 30.0
"""How long to wait for the next record or end: twice the longest transaction."""

_POLL_SECONDS = 0.5


class NoSuchTopic(Exception):
    """A topic is not there; creating the topics mends it."""


class NeverEnds(Exception):
    """A partition's end was not reached in time: the broker has gone, or a transaction stays open."""


def read_to_end(bootstrap: str, topics: Sequence[str]) -> Iterator[Incoming]:
    """Every committed record of the topics up to where they end now; in order within a partition.

    Raises `NoSuchTopic`, `NeverEnds`, and `KafkaException` when the broker cannot be asked.
    """
    ends = high_watermarks(bootstrap, topics)
    waiting = {at for at, end in ends.items() if end > 0}
    consumer = _consumer(bootstrap, dict.fromkeys(ends, OFFSET_BEGINNING))
    try:
        last_word = monotonic()
        while waiting:
            message = consumer.poll(_POLL_SECONDS)
            if message is None:
                if monotonic() - last_word > END_SECONDS_MAX:
                    topic, partition = min(waiting)
                    raise NeverEnds(f"the end of {topic} [{partition}] was not reached in {END_SECONDS_MAX:.0f} s")
                continue
            record = incoming(message)
            at = (record.topic, record.partition)
            last_word = monotonic()
            if _is_end(message):
                if record.offset >= ends[at]:
                    waiting.discard(at)
            elif record.offset < ends[at]:
                yield record
    finally:
        consumer.close()


def follow(bootstrap: str, topics: Sequence[str], *, from_beginning: bool) -> Iterator[Incoming | None]:
    """Committed records as they come, for as long as the caller likes; None whenever half a second brought nothing.

    Raises `NoSuchTopic`, and `KafkaException` when the broker cannot be asked.
    """
    ends = high_watermarks(bootstrap, topics)
    consumer = _consumer(bootstrap, dict.fromkeys(ends, OFFSET_BEGINNING) if from_beginning else ends)
    try:
        while True:
            message = consumer.poll(_POLL_SECONDS)
            if message is None or _is_end(message):
                yield None
            else:
                yield incoming(message)
    finally:
        consumer.close()


def high_watermarks(bootstrap: str, topics: Sequence[str]) -> dict[tuple[str, int], int]:
    """The end of every partition of the topics, transactions in progress included. Raises `NoSuchTopic`."""
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    known = admin.list_topics(timeout=10).topics
    for topic in topics:
        if topic not in known or known[topic].error is not None:
            raise NoSuchTopic(f"there is no topic {topic}")
    wanted = {
        TopicPartition(topic, partition): OffsetSpec.latest()
        for topic in topics
        for partition in known[topic].partitions
    }
    answers = admin.list_offsets(wanted, isolation_level=IsolationLevel.READ_UNCOMMITTED, request_timeout=10)
    return {(at.topic, at.partition): answer.result().offset for at, answer in answers.items()}


def incoming(message: Message) -> Incoming:
    """A consumed message as a record."""
    return Incoming(
        topic=message.topic(),
        partition=message.partition(),
        offset=message.offset(),
        timestamp=message.timestamp()[1],
        key=message.key(),
        value=message.value(),
        headers=tuple(message.headers() or ()),
    )


def _consumer(bootstrap: str, offsets: Mapping[tuple[str, int], int]) -> Consumer:
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "safety-stream.readers",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "log_level": 0,
        }
    )
    consumer.assign(
        [TopicPartition(topic, partition, offset) for (topic, partition), offset in sorted(offsets.items())]
    )
    return consumer


def _is_end(message: Message) -> bool:
    error = message.error()
    if error is None:
        return False
    if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's own codes are spelt so
        return True
    raise KafkaException(error)
