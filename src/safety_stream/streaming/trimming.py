"""Cutting off the beginnings of the topics that hold what partners sent, once it is needed no longer.

Behind intake there are seals only (`core/sealing.py`); before it, and among what it refused, are partners' own tokens.
No record is cut off that intake has not been through with, however old it is: what nobody has read is waited for. Kafka
gives out nothing of what is cut off from then on, and removes its bytes with the file they are in, once that is closed
(`segment.ms`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

import msgspec
from confluent_kafka import IsolationLevel, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from safety_stream.config import Connection
from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.times import Instant
from safety_stream.streaming.reading import committed_offsets, high_watermarks, low_watermarks
from safety_stream.wire.topology import KEPT_WHOLE, members, stage

_SECONDS: Final = 30
_DOOR_IN: Final = "intake"
_GROUP: Final = f"safety-stream.{_DOOR_IN}"
_REFUSED: Final = f"dead-letters.{_DOOR_IN}"


class Cut(msgspec.Struct, frozen=True, kw_only=True):
    """So many records of a partition that are to go: those before `first`."""

    topic: str
    partition: int
    first: int
    records: int


def plan_cuts(kafka: Connection, catalogue: Catalogue, before: Instant, held: Collection[str] = ()) -> list[Cut]:
    """What was received before an instant and is needed no longer, by topic; nothing of topics that are `held`.

    Dead letters go by their age alone: put back before then what is to be put back. Raises `NoSuchTopic`, and
    `KafkaException` when the broker cannot be asked.
    """
    read = [name for family in stage(_DOOR_IN).reads if family not in KEPT_WHOLE for name in members(family, catalogue)]
    begins = low_watermarks(kafka, [*read, _REFUSED])
    # Of what intake reads, as far as it has committed; where it never has, nothing.
    ends = committed_offsets(kafka, _GROUP, [at for at in begins if at[0] != _REFUSED])
    ends |= high_watermarks(kafka, [_REFUSED])
    younger = _first_since(kafka, list(begins), before)
    stays = {at: min(end, younger.get(at, end)) for at, end in ends.items()}
    return [
        Cut(topic=at[0], partition=at[1], first=first, records=first - begins[at])
        for at, first in sorted(stays.items())
        if first > begins[at] and at[0] not in held
    ]


def cut(admin: AdminClient, cuts: Sequence[Cut]) -> None:
    """Cut them off, for ever. Raises `KafkaException` when the broker refuses."""
    if not cuts:
        return
    asked = [TopicPartition(one.topic, one.partition, one.first) for one in cuts]
    for answer in admin.delete_records(asked, request_timeout=_SECONDS).values():
        answer.result()


def _first_since(kafka: Connection, partitions: Sequence[tuple[str, int]], at: Instant) -> dict[tuple[str, int], int]:
    """The first record of each partition that is not older than that; where there is none, nothing."""
    admin = AdminClient(kafka.settings() | {"log_level": 0})
    asked = {TopicPartition(topic, partition): OffsetSpec.for_timestamp(at) for topic, partition in partitions}
    answers = admin.list_offsets(asked, isolation_level=IsolationLevel.READ_UNCOMMITTED, request_timeout=_SECONDS)
    found = {(one.topic, one.partition): answer.result().offset for one, answer in answers.items()}
    return {one: offset for one, offset in found.items() if offset >= 0}
