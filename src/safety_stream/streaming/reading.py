"""Reading topics from outside the loop, for people and checks: committed records only, and a true end.

"The end" is the high watermark when asked, transactions in progress included: right after a commit the stable end
still lags behind, and reading only as far as that would miss the newest records. So a partition counts as read when an
end-of-partition event stands at or past that mark; a transaction in progress is waited for, at most until the broker
ends it. Nothing here joins a group or commits an offset.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future
from time import monotonic, sleep
from typing import NamedTuple

from confluent_kafka import (
    Consumer,
    IsolationLevel,
    KafkaError,
    KafkaException,
    Message,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AclOperation, AdminClient, OffsetSpec, TopicDescription

from safety_stream.config import Connection
from safety_stream.streaming.kafka import classify
from safety_stream.streaming.ports import Incoming, Retriable

END_SECONDS_MAX = 30.0
"""How long to wait for the next record or end: twice the longest transaction."""

_POLL_SECONDS = 0.5
_NOT_COORDINATED = frozenset(
    {
        KafkaError.NOT_COORDINATOR,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
    }
)
_NOT_FOR_US = frozenset({KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError.TOPIC_AUTHORIZATION_FAILED})
_CALL_SECONDS = 10
_RETRY_SECONDS = 0.1


class NoSuchTopic(Exception):
    """A topic is not there; creating the topics mends it."""


class NeverEnds(Exception):
    """A partition's end was not reached in time: the broker has gone, or a transaction stays open."""


def read_to_end(kafka: Connection, topics: Sequence[str]) -> Iterator[Incoming]:
    """Every committed record of the topics up to where they end now; in order within a partition.

    Raises `NoSuchTopic`, `NeverEnds`, and `KafkaException` when the broker cannot be asked.
    """
    # By number, because a consumer that is told `OFFSET_BEGINNING` loses half a second asking for it itself.
    starts = low_watermarks(kafka, topics)
    yield from read_between(kafka, starts, high_watermarks(kafka, topics))


def read_between(
    kafka: Connection, starts: Mapping[tuple[str, int], int], ends: Mapping[tuple[str, int], int]
) -> Iterator[Incoming]:
    """Every committed record of some partitions from their starts (inclusive) to their ends (exclusive).

    Raises `NeverEnds`, and `KafkaException` when the broker cannot be asked.
    """
    waiting = {at for at, end in ends.items() if end > starts[at]}
    if not waiting:
        return
    consumer = _consumer(kafka, {at: starts[at] for at in waiting})
    try:
        last_word = monotonic()
        while waiting:
            if monotonic() - last_word > END_SECONDS_MAX:
                topic, partition = min(waiting)
                raise NeverEnds(f"the end of {topic} [{partition}] was not reached in {END_SECONDS_MAX:.0f} s")
            message = consumer.poll(_POLL_SECONDS)
            if message is None:
                continue
            if _is_record(message):
                record = incoming(message)
                at = (record.topic, record.partition)
                if record.offset < ends[at]:
                    last_word = monotonic()
                    yield record
                else:
                    # What stands behind the end proves that all before it has been read.
                    waiting.discard(at)
            elif _is_end(message):
                last_word = monotonic()
                at = (message.topic(), message.partition())
                if message.offset() >= ends[at]:
                    waiting.discard(at)
    finally:
        consumer.close()


class End(NamedTuple):
    """Nothing committed is left of a partition before this offset."""

    topic: str
    partition: int
    offset: int


def follow(kafka: Connection, topics: Sequence[str], *, from_beginning: bool) -> Iterator[Incoming | None]:
    """Committed records as they come, for as long as the caller likes; None whenever half a second brought nothing.

    Raises `NoSuchTopic`, and `KafkaException` when the broker cannot be asked.
    """
    starts = (low_watermarks if from_beginning else high_watermarks)(kafka, topics)
    for found in follow_from(kafka, starts):
        yield found if isinstance(found, Incoming) else None


def follow_from(
    kafka: Connection, starts: Mapping[tuple[str, int], int], patience_seconds: float = _POLL_SECONDS
) -> Iterator[Incoming | End | None]:
    """Committed records of some partitions from their starts (inclusive) on, and each end that is come to.

    None whenever so many seconds brought nothing. What is no longer kept is passed over. Raises `KafkaException` when
    the broker cannot be asked.
    """
    consumer = _consumer(kafka, starts)
    try:
        while True:
            message = consumer.poll(patience_seconds)
            if message is None:
                yield None
            elif _is_record(message):
                yield incoming(message)
            elif _is_end(message):
                yield End(message.topic(), message.partition(), message.offset())
            else:
                yield None
    finally:
        consumer.close()


def low_watermarks(kafka: Connection, topics: Sequence[str]) -> dict[tuple[str, int], int]:
    """The first offset every partition of the topics still has. Raises `NoSuchTopic`."""
    return _offsets(kafka, topics, OffsetSpec.earliest())


def high_watermarks(kafka: Connection, topics: Sequence[str]) -> dict[tuple[str, int], int]:
    """The end of every partition of the topics, transactions in progress included. Raises `NoSuchTopic`."""
    return _offsets(kafka, topics, OffsetSpec.latest())


def topic_ids(kafka: Connection, topics: Sequence[str]) -> dict[str, str]:
    """What Kafka calls each topic, which changes when one is deleted and made anew.

    Raises `KafkaException` when the broker cannot be asked.
    """
    admin = AdminClient(kafka.settings() | {"log_level": 0})
    answers = admin.describe_topics(TopicCollection(list(topics)), request_timeout=_CALL_SECONDS)
    return {topic: str(answer.result().topic_id) for topic, answer in answers.items()}


def readable_topics(kafka: Connection, topics: Collection[str]) -> frozenset[str]:
    """Those of some topics that are there and that this client may read.

    Raises `KafkaException` when the broker cannot be asked.
    """
    if not topics:
        return frozenset()
    admin = AdminClient(kafka.settings() | {"log_level": 0})
    answers = admin.describe_topics(
        TopicCollection(sorted(topics)), include_authorized_operations=True, request_timeout=_CALL_SECONDS
    )
    return frozenset(topic for topic, answer in answers.items() if _may_read(answer))


def _may_read(answer: Future[TopicDescription]) -> bool:
    try:
        may = answer.result().authorized_operations
    except KafkaException as error:
        if error.args[0].code() not in _NOT_FOR_US:
            raise
        return False
    # A broker that does not say lets everybody.
    return not may or AclOperation.READ in may


def _offsets(kafka: Connection, topics: Sequence[str], spec: OffsetSpec) -> dict[tuple[str, int], int]:
    admin = AdminClient(kafka.settings() | {"log_level": 0})
    known = admin.list_topics(timeout=_CALL_SECONDS).topics
    for topic in topics:
        if topic not in known or known[topic].error is not None:
            raise NoSuchTopic(f"there is no topic {topic}")
    asked = {TopicPartition(topic, partition): spec for topic in topics for partition in known[topic].partitions}
    until = monotonic() + END_SECONDS_MAX
    while True:
        answers = admin.list_offsets(
            asked, isolation_level=IsolationLevel.READ_UNCOMMITTED, request_timeout=_CALL_SECONDS
        )
        try:
            return {(at.topic, at.partition): answer.result().offset for at, answer in answers.items()}
        except KafkaException as error:
            if monotonic() > until or not _passes(error.args[0]):
                raise
            sleep(_RETRY_SECONDS)


def committed_offsets(
    kafka: Connection, group: str, partitions: Collection[tuple[str, int]]
) -> dict[tuple[str, int], int]:
    """Where a group will read on, for the partitions it has committed; open transactions are not waited for.

    Raises `KafkaException` when the broker cannot be asked.
    """
    # Asked through a consumer that never joins: it waits for a coordinator that is still loading, where the admin
    # client fails (and librdkafka 2.16 has been seen to crash).
    consumer = Consumer(
        kafka.settings()
        | {
            "group.id": group,
            "enable.auto.commit": False,
            "isolation.level": "read_uncommitted",
            "log_level": 0,
        }
    )
    try:
        asked = [TopicPartition(topic, partition) for topic, partition in sorted(partitions)]
        found = _once_coordinated(lambda: consumer.committed(asked, timeout=END_SECONDS_MAX))
        return {(one.topic, one.partition): one.offset for one in found if one.offset >= 0}
    finally:
        consumer.close()


def _once_coordinated(call: Callable[[], list[TopicPartition]]) -> list[TopicPartition]:
    """The call's answer, asked again while a young broker has no coordinator for the group yet."""
    until = monotonic() + END_SECONDS_MAX
    while True:
        try:
            return call()
        except KafkaException as error:
            if error.args[0].code() not in _NOT_COORDINATED or monotonic() > until:
                raise
            sleep(_POLL_SECONDS)


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


def _consumer(kafka: Connection, offsets: Mapping[tuple[str, int], int]) -> Consumer:
    consumer = Consumer(
        kafka.settings()
        | {
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


def _is_record(message: Message) -> bool:
    """Whether this is a record, and no end or trouble that passes. Raises `KafkaException` for trouble that stays."""
    error = message.error()
    if error is None:
        return True
    if not _is_end(message) and not _passes(error):
        raise KafkaException(error)
    return False


def _is_end(message: Message) -> bool:
    error = message.error()
    return error is not None and error.code() == KafkaError._PARTITION_EOF  # noqa: SLF001 - librdkafka's own codes


def _passes(error: KafkaError) -> bool:
    # Right after a topic was made its partitions have no leader for a moment.
    return error.code() == KafkaError.NOT_LEADER_FOR_PARTITION or isinstance(classify(error), Retriable)
