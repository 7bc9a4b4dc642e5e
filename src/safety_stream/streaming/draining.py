"""Whether a stage has anything left to do: asked of the log itself, not of the worker.

A group's committed offset and a partition's end cannot simply be compared: the end counts the markers of transactions,
which nobody reads. So one reads on from the committed offset: a record means there is work left, the end means there is
none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import monotonic

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition

from safety_stream.config import Connection
from safety_stream.core.catalogue import Catalogue
from safety_stream.streaming.reading import NeverEnds, committed_offsets, high_watermarks
from safety_stream.wire.topology import STAGES, inputs

_END_SECONDS_MAX = 30.0
_QUIET_ROUNDS = 2


def wait_until_drained(
    kafka: Connection, catalogue: Catalogue, *, prefix: str = "safety-stream", seconds: float
) -> None:
    """Return once no stage has anything left to do; whatever is still being put in counts.

    The stages are asked in order, and all of them twice running: between two questions an earlier stage may have made
    work for a later one. Raises `NeverEnds` when that takes longer than `seconds`.
    """
    until = monotonic() + seconds
    quiet = 0
    while quiet < _QUIET_ROUNDS:
        if monotonic() > until:
            raise NeverEnds(f"the stages were not through with everything in {seconds:.0f} s; is a worker running?")
        busy = any(has_work_left(kafka, f"{prefix}.{row.name}", inputs(row, catalogue)) for row in STAGES)
        quiet = 0 if busy else quiet + 1


def has_work_left(kafka: Connection, group: str, topics: Sequence[str]) -> bool:
    """Whether a committed record of the topics lies beyond what the group has committed.

    Raises `NoSuchTopic`, `NeverEnds`, and `KafkaException` when the broker cannot be asked.
    """
    ends = high_watermarks(kafka, topics)
    committed = committed_offsets(kafka, group, ends)
    return _has_record(
        kafka,
        {at: committed.get(at, OFFSET_BEGINNING) for at, end in ends.items() if end > committed.get(at, 0)},
        ends,
    )


def _has_record(kafka: Connection, starts: Mapping[tuple[str, int], int], ends: Mapping[tuple[str, int], int]) -> bool:
    if not starts:
        return False
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
    try:
        consumer.assign([TopicPartition(topic, partition, at) for (topic, partition), at in sorted(starts.items())])
        waiting = set(starts)
        until = monotonic() + _END_SECONDS_MAX
        while waiting:
            message = consumer.poll(0.5)
            if message is None:
                if monotonic() > until:
                    raise NeverEnds(f"the end of {min(waiting)} was not reached in {_END_SECONDS_MAX:.0f} s")
            elif message.error() is None:
                return True
            elif message.error().code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's own codes
                at = (message.topic(), message.partition())
                if message.offset() >= ends[at]:
                    waiting.discard(at)
        return False
    finally:
        consumer.close()
