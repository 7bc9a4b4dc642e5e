"""What can be asked of a cluster about the stages: who runs, how far behind, and how the clocks stand."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from confluent_kafka import ConsumerGroupState, IsolationLevel, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from safety_stream.config import Connection
from safety_stream.core.model.times import Instant
from safety_stream.streaming.reading import committed_offsets, high_watermarks

_SECONDS = 10


class StageHealth(msgspec.Struct, frozen=True, kw_only=True):
    """A stage as the cluster sees it: whether a worker runs it, and how many records at most wait for it.

    The number counts the markers of transactions too, of which each partition that was read to its end holds one.
    """

    stage: str
    is_running: bool
    has_ever_run: bool
    waiting: int


def stage_health(kafka: Connection, stage: str, topics: Sequence[str], group: str) -> StageHealth:
    """How the stage that reads `topics` in `group` is doing. Raises `NoSuchTopic`, and `KafkaException`."""
    ends = high_watermarks(kafka, topics)
    committed = committed_offsets(kafka, group, ends)
    admin = AdminClient(kafka.settings() | {"log_level": 0})
    listed = admin.list_consumer_groups(request_timeout=_SECONDS).result().valid
    states = {one.group_id: one.state for one in listed}
    return StageHealth(
        stage=stage,
        is_running=states.get(group) in (ConsumerGroupState.STABLE, *_BETWEEN),
        has_ever_run=bool(committed),
        waiting=sum(max(0, end - committed.get(at, 0)) for at, end in ends.items()),
    )


_BETWEEN = (ConsumerGroupState.PREPARING_REBALANCING, ConsumerGroupState.COMPLETING_REBALANCING)


def newest_append_time(kafka: Connection, topics: Sequence[str]) -> Instant | None:
    """The newest time the brokers gave a record of these topics, or None when they are empty."""
    admin = AdminClient(kafka.settings() | {"log_level": 0})
    asked = {TopicPartition(topic, partition): OffsetSpec.max_timestamp() for topic, partition in _parts(admin, topics)}
    if not asked:
        return None
    answers = admin.list_offsets(asked, isolation_level=IsolationLevel.READ_UNCOMMITTED, request_timeout=_SECONDS)
    newest = max(answer.result().timestamp for answer in answers.values())
    return int(newest) if newest > 0 else None


def _parts(admin: AdminClient, topics: Sequence[str]) -> list[tuple[str, int]]:
    known = admin.list_topics(timeout=_SECONDS).topics
    return [(topic, partition) for topic in topics if topic in known for partition in known[topic].partitions]
