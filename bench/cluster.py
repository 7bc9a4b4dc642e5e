"""The broker's side of a measurement: topics, the records in them, and what came out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic
from county import Sent
from sightings import SIGHTINGS, Written, said_by_all
from work import INPUT, PARTITIONS

from safety_stream.catalogue import load_catalogue
from safety_stream.config import Connection
from safety_stream.data_files import catalogue_folder
from safety_stream.replay import Result
from safety_stream.streaming.draining import has_work_left
from safety_stream.streaming.provisioning import create
from safety_stream.streaming.reading import read_to_end
from safety_stream.wire.records import Records
from safety_stream.wire.topology import STAGES, inputs, stage, topics

_SECONDS = 30
BY_KEY = -1
_COMPACTED = {"cleanup.policy": "compact"}


class Cluster:
    """One running broker, as the bench uses it."""

    def __init__(self, bootstrap: str) -> None:
        """Connect."""
        self.kafka = Connection(bootstrap)
        self.catalogue = load_catalogue(catalogue_folder())
        self._admin = AdminClient(self.kafka.settings() | {"log_level": 0})

    def make_topic(self, name: str, *, compacted: bool = False) -> str:
        """A new topic of as many partitions as the input has; its name."""
        self._create([NewTopic(name, PARTITIONS, 1, config=_COMPACTED if compacted else {})])
        return name

    def load(self, records: Iterable[tuple[bytes, bytes]]) -> None:
        """Put the common records, key and value, into the input."""
        self.make_topic(INPUT)
        producer = self._producer()
        for key, value in records:
            _send(producer, INPUT, value, key, 0)
        _finish(producer)

    def load_county(self, sent: Sequence[Sent]) -> None:
        """Put a county into the backfill topics of the pipeline, which are made anew with all others."""
        self.renew_pipeline()
        producer = self._producer()
        for one in sent:
            _send(producer, one.topic, one.value, one.key, one.received_at)
        _finish(producer)

    def load_sightings(self, written: Sequence[Written]) -> None:
        """Put sightings where detect reads them, as if every partition of register had said how far the feeds are."""
        self.renew_pipeline()
        producer = self._producer()
        for one in written:
            if one.feeds is None:
                _send(producer, SIGHTINGS, one.value, one.key, one.received_at)
            else:
                for said in said_by_all(one.feeds, PARTITIONS):
                    for partition in range(PARTITIONS):
                        _send(producer, SIGHTINGS, said, None, one.received_at, partition)
        _finish(producer)

    def renew_pipeline(self) -> None:
        """Every topic of the pipeline, empty; its groups have read nothing."""
        wanted = topics(self.catalogue, PARTITIONS)
        known = self._admin.list_topics(timeout=_SECONDS).topics
        stale = [topic.name for topic in wanted if topic.name in known]
        if stale:
            for future in self._admin.delete_topics(stale, request_timeout=_SECONDS).values():
                future.result()
            self._delete_groups()
            _wait(lambda: not (set(stale) & self._admin.list_topics(timeout=_SECONDS).topics.keys()), "topics to go")
        create(self._admin, wanted)

    def outputs(self, topic: str) -> Iterator[tuple[bytes, bytes]]:
        """Key and value of every committed record of a topic."""
        for record in read_to_end(self.kafka, [topic]):
            yield record.key or b"", record.value or b""

    def count(self, names: Sequence[str]) -> int:
        """How many committed records the topics hold."""
        return sum(1 for _ in read_to_end(self.kafka, names))

    def incidents(self) -> int:
        """How many incidents are committed; words of how far the feeds are have no key."""
        return sum(record.key is not None for record in read_to_end(self.kafka, ["incidents"]))

    def standing_findings(self) -> list[str]:
        """The ids of the findings that stand, of those detect has raised, sorted."""
        wire = Records(read_here=())
        result = Result()
        for record in read_to_end(self.kafka, ["findings"]):
            result.fold(wire.value("findings", record.value))
        return sorted(result.findings)

    def is_drained(self, *names: str) -> bool:
        """Whether these stages of the pipeline, or all in order, have nothing left to do."""
        rows = [stage(name) for name in names] or STAGES
        return not any(
            has_work_left(self.kafka, f"safety-stream.{row.name}", inputs(row, self.catalogue)) for row in rows
        )

    def _delete_groups(self) -> None:
        for row in STAGES:
            _wait(partial(self._is_group_gone, f"safety-stream.{row.name}"), f"the group of {row.name} to go")

    def _is_group_gone(self, group: str) -> bool:
        (future,) = self._admin.delete_consumer_groups([group], request_timeout=_SECONDS).values()
        try:
            future.result()
        except KafkaException as error:
            # A worker that was killed stays a member until its session is over.
            if error.args[0].name() == "NON_EMPTY_GROUP":
                return False
            if error.args[0].name() != "GROUP_ID_NOT_FOUND":
                raise
        return True

    def _create(self, new: list[NewTopic]) -> None:
        for future in self._admin.create_topics(new, request_timeout=_SECONDS).values():
            future.result()
        names = {topic.topic for topic in new}
        _wait(lambda: names <= self._admin.list_topics(timeout=_SECONDS).topics.keys(), "topics to appear")

    def _producer(self) -> Producer:
        return Producer(
            self.kafka.settings()
            | {
                "compression.type": "lz4",
                "linger.ms": 50,
                "enable.idempotence": True,
                "partitioner": "murmur2_random",
                "queue.buffering.max.messages": 500_000,
            }
        )


def _send(
    producer: Producer, topic: str, value: bytes, key: bytes | None, timestamp: int, partition: int = BY_KEY
) -> None:
    while True:
        try:
            producer.produce(topic, value, key, partition, timestamp=timestamp)
        except BufferError:
            producer.poll(0.1)
        else:
            producer.poll(0)
            return


def _finish(producer: Producer) -> None:
    if producer.flush(_SECONDS):
        raise RuntimeError("the broker did not take all records")


def _wait(is_so: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + _SECONDS
    while not is_so():
        if time.monotonic() > until:
            raise RuntimeError(f"waited {_SECONDS} s in vain for {what}")
        time.sleep(0.1)
