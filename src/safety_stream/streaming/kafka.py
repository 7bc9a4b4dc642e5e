"""Real Kafka behind the ports, over confluent-kafka. Every setting a guarantee rests on is written out here.

Errors are sorted by what to do next: `fatal()` ends the process, `txn_requires_abort()` aborts, what is retriable or
timed out is asked again, and everything else ends the process too: an error nobody has thought about is not one to
carry on after.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, TypeVar, cast

import confluent_kafka as ck
from confluent_kafka.admin import AdminClient, OffsetSpec

from safety_stream.config import Connection
from safety_stream.observability.logs import LIBRDKAFKA
from safety_stream.streaming.ports import (
    Abortable,
    Assignments,
    Change,
    Fatal,
    GroupMetadata,
    Incoming,
    LogError,
    Outgoing,
    Polled,
    Retriable,
    TopicPartition,
)

_CALL_SECONDS: Final = 5.0
"""How long one call waits for the broker before it is asked again."""

_WAKE_SECONDS: Final = 0.5

_HARMLESS: Final = frozenset(
    {
        ck.KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001 - that is how confluent-kafka spells librdkafka's own codes
        ck.KafkaError._TRANSPORT,  # noqa: SLF001
        ck.KafkaError._RESOLVE,  # noqa: SLF001
        ck.KafkaError._TIMED_OUT,  # noqa: SLF001
        ck.KafkaError._MAX_POLL_EXCEEDED,  # noqa: SLF001 - on_lost follows
        ck.KafkaError.UNKNOWN_TOPIC_OR_PART,  # while topics are being made
        # While a broker restarts, or a leader moves:
        ck.KafkaError.LEADER_NOT_AVAILABLE,
        ck.KafkaError.NOT_LEADER_FOR_PARTITION,
        ck.KafkaError.FENCED_LEADER_EPOCH,
        ck.KafkaError.UNKNOWN_LEADER_EPOCH,
        ck.KafkaError.OFFSET_NOT_AVAILABLE,
        ck.KafkaError.NETWORK_EXCEPTION,
        ck.KafkaError.BROKER_NOT_AVAILABLE,
        ck.KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        ck.KafkaError.COORDINATOR_NOT_AVAILABLE,
        ck.KafkaError.NOT_COORDINATOR,
    }
)
_ASK_AGAIN: Final = _HARMLESS | {
    ck.KafkaError.REQUEST_TIMED_OUT,
    ck.KafkaError.UNSTABLE_OFFSET_COMMIT,
    ck.KafkaError._WAIT_COORD,  # noqa: SLF001
    ck.KafkaError._IN_PROGRESS,  # noqa: SLF001
}

T = TypeVar("T")

_librdkafka_log = logging.getLogger(LIBRDKAFKA)


@dataclass(frozen=True, slots=True)
class KafkaSettings:
    """How Kafka is reached, and how long the dead are waited for. Times in milliseconds.

    `slot`: this worker's place, stable across restarts and used by no other worker at the same time: with it comes
    the transactional id, so that a restarted worker ends at once what its former self left open.
    """

    connection: Connection
    slot: str = "0"
    prefix: str = "safety-stream"
    session_timeout_ms: int = 8_000
    transaction_timeout_ms: int = 10_000

    def common(self) -> dict[str, str | int | float | bool | logging.Logger]:
        """What every connection has."""
        return {
            **self.connection.settings(),
            "client.id": f"{self.prefix}-{self.slot}",
            # A broker that restarts is back in seconds; do not wait longer than that to look.
            "reconnect.backoff.max.ms": 1_000,
            # Left to itself librdkafka writes to standard error in a form of its own, whatever the rest is told in.
            "logger": _librdkafka_log,
        }


def classify(error: ck.KafkaError) -> LogError:
    """Which of the three kinds an error is."""
    text = f"{error.name()}: {error.str()}"
    if error.code() == ck.KafkaError._FENCED:  # noqa: SLF001 - so librdkafka names what is its own
        return Fatal(
            "another worker runs in this one's slot: give each a --slot of its own; or this one stood still for longer "
            f"than a transaction may last ({text})"
        )
    if error.fatal():
        return Fatal(text)
    if error.txn_requires_abort():
        return Abortable(text)
    if error.retriable() or error.code() in _ASK_AGAIN:
        return Retriable(text)
    return Fatal(text)


def _sorted_out(call: Callable[[], T]) -> T:
    try:
        return call()
    except (ck.KafkaException, SystemError) as caught:
        # Where librdkafka logs while a fatal error is on its way to us, Python tells of a fault in the logger instead,
        # and of the error as its cause.
        known = caught if isinstance(caught, ck.KafkaException) else caught.__cause__
        if not isinstance(known, ck.KafkaException):
            raise
        raise classify(cast(ck.KafkaError, known.args[0])) from caught


class KafkaConsumer:
    """The consumer of one stage. One input: cooperative-sticky. Several: range, which keeps equal numbers together."""

    def __init__(self, settings: KafkaSettings, stage: str, *, inputs: int) -> None:
        """Connect; joins the group only in `subscribe`."""
        self._cooperative = inputs == 1
        self._consumer = ck.Consumer(
            settings.common()
            | {
                "group.id": f"{settings.prefix}.{stage}",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                # An offset the log no longer has means records were lost: never skip over that in silence.
                "auto.offset.reset": "error",
                "partition.assignment.strategy": "cooperative-sticky" if self._cooperative else "range",
                "session.timeout.ms": settings.session_timeout_ms,
                "heartbeat.interval.ms": max(300, settings.session_timeout_ms // 6),
                "max.poll.interval.ms": 120_000,
                "enable.partition.eof": True,
                "fetch.wait.max.ms": 100,
                "fetch.queue.backoff.ms": 5,
                "queued.max.messages.kbytes": 16_384,
            }
        )
        self._paused: list[ck.TopicPartition] = []

    def subscribe(self, topics: Sequence[str], assignments: Assignments) -> None:
        """Join the group."""
        self._consumer.subscribe(
            list(topics),
            on_assign=lambda _, partitions: assignments.on_assign(_own(partitions)),
            on_revoke=lambda _, partitions: assignments.on_revoke(_own(partitions)),
            on_lost=lambda _, partitions: assignments.on_lost(_own(partitions)),
        )

    def consume(self, count: int, seconds: float) -> Polled:
        """At most `count` records, waiting at most `seconds`. Runs the callbacks."""
        records: list[Incoming] = []
        ends: list[TopicPartition] = []
        for message in _sorted_out(lambda: self._consumer.consume(count, seconds)):
            error = message.error()
            if error is None:
                records.append(
                    Incoming(
                        message.topic(),
                        message.partition(),
                        message.offset(),
                        message.timestamp()[1],
                        message.key(),
                        message.value(),
                        message.headers() or (),
                    )
                )
            elif error.code() == ck.KafkaError._PARTITION_EOF:  # noqa: SLF001
                ends.append(TopicPartition(message.topic(), message.partition()))
            elif error.fatal() or not (error.retriable() or error.code() in _HARMLESS):
                raise Fatal(
                    f"reading {message.topic()}[{message.partition()}]: {error.name()}: {error.str()}. If offsets are "
                    f"out of range, the topic was cut below what has been committed: records are missing."
                )
        return Polled(records, ends)

    def assign_paused(self, partitions: Sequence[TopicPartition]) -> None:
        """Accept newly assigned partitions without letting any record through yet."""
        # The beginning is only where it would start if it were not paused: the seek comes before the resume.
        theirs = [ck.TopicPartition(topic, number, ck.OFFSET_BEGINNING) for topic, number in partitions]
        if self._cooperative:
            self._consumer.incremental_assign(theirs)
        else:
            self._consumer.assign(theirs)
        if theirs:
            self._consumer.pause(theirs)

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Read on from `offset`."""
        try:
            self._consumer.seek(ck.TopicPartition(partition.topic, partition.partition, offset))
        except ck.KafkaException as caught:
            error = cast(ck.KafkaError, caught.args[0])
            # Just after an assignment the partition may not be fetching yet.
            raise (Retriable(error.str()) if error.code() == ck.KafkaError._STATE else classify(error)) from caught  # noqa: SLF001

    def resume(self, partitions: Sequence[TopicPartition]) -> None:
        """Let records through."""
        theirs = [ck.TopicPartition(*one) for one in partitions]
        _sorted_out(lambda: self._consumer.resume(theirs))
        for one in theirs:
            # librdkafka notices a resumed partition only when its broker thread next wakes, up to a second later.
            # A question to that broker wakes it; the answer does not matter.
            with suppress(ck.KafkaException):
                self._consumer.get_watermark_offsets(one, timeout=_WAKE_SECONDS)

    def committed(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int | None]:
        """The group's offsets, None where there is none."""
        asked = [ck.TopicPartition(*one) for one in partitions]
        found = _sorted_out(lambda: self._consumer.committed(asked, timeout=_CALL_SECONDS))
        for one in found:
            if one.error is not None:
                raise classify(one.error)
        return {TopicPartition(one.topic, one.partition): one.offset if one.offset >= 0 else None for one in found}

    def earliest(self, partition: TopicPartition) -> int:
        """The first offset the log still has."""
        one = ck.TopicPartition(*partition)
        low, _ = _sorted_out(lambda: self._consumer.get_watermark_offsets(one, timeout=_CALL_SECONDS))
        return int(low)

    def end(self, partition: TopicPartition) -> int | None:
        """The newest end of the partition this consumer has heard of."""
        _, high = self._consumer.get_watermark_offsets(ck.TopicPartition(*partition), cached=True)
        return int(high) if high >= 0 else None

    def group_metadata(self) -> GroupMetadata:
        """Member and generation, now."""
        return cast(GroupMetadata, self._consumer.consumer_group_metadata())

    def close(self) -> None:
        """Leave the group, running `on_revoke`."""
        self._consumer.close()


class KafkaProducer:
    """The transactional producer of one stage and slot."""

    def __init__(self, settings: KafkaSettings, stage: str) -> None:
        """Connect."""
        self._producer = ck.Producer(
            settings.common()
            | {
                "transactional.id": f"{settings.prefix}.{stage}.{settings.slot}",
                "transaction.timeout.ms": settings.transaction_timeout_ms,
                # librdkafka wants this at most the transaction's; then nothing outlives its transaction.
                "delivery.timeout.ms": settings.transaction_timeout_ms,
                "enable.idempotence": True,
                "acks": "all",
                "partitioner": "murmur2_random",
                # A transaction ends with a flush, which waits for nothing: until then, let requests fill.
                "linger.ms": 100,
                "compression.type": "lz4",
                "queue.buffering.max.messages": 1_000_000,
                # What a broker takes is the topic's to say; a row or a dead letter may be larger than the default.
                "message.max.bytes": 4 * 1024 * 1024,
            }
        )
        self._partitions: dict[str, int] = {}

    def init(self) -> None:
        """Fence off a former holder of the slot and finish what it left open."""
        _sorted_out(lambda: self._producer.init_transactions(_CALL_SECONDS))

    def begin(self) -> None:
        """Open a transaction."""
        _sorted_out(self._producer.begin_transaction)

    def produce(self, record: Outgoing, delivered: Callable[[int], None] | None = None) -> None:
        """Send one record; `delivered` hears its offset, at the latest in `flush`."""
        while True:
            try:
                return _sorted_out(lambda: self._produce(record, delivered))
            except BufferError:
                _sorted_out(lambda: self._producer.poll(0.1))

    def _produce(self, record: Outgoing, delivered: Callable[[int], None] | None) -> None:
        settings: dict[str, object] = {}
        if record.partition is not None:
            settings["partition"] = record.partition
        if record.headers:
            settings["headers"] = list(record.headers)
        if delivered is not None:
            settings["on_delivery"] = lambda error, message: None if error else delivered(message.offset())
        self._producer.produce(record.topic, record.value, record.key, timestamp=record.timestamp, **settings)

    def flush(self) -> None:
        """Wait until everything sent has its offset."""
        if _sorted_out(lambda: self._producer.flush(_CALL_SECONDS)):
            raise Retriable("the broker has not taken everything yet")

    def send_offsets(self, offsets: Mapping[TopicPartition, int], group: GroupMetadata) -> None:
        """Put input offsets into the transaction."""
        theirs = [ck.TopicPartition(topic, number, offset) for (topic, number), offset in offsets.items()]
        _sorted_out(lambda: self._producer.send_offsets_to_transaction(theirs, group, _CALL_SECONDS))

    def commit(self) -> None:
        """Commit outputs, changelog and offsets as one."""
        _sorted_out(lambda: self._producer.commit_transaction(_CALL_SECONDS))

    def abort(self) -> None:
        """Undo all of it."""
        _sorted_out(lambda: self._producer.abort_transaction(_CALL_SECONDS))

    def partitions(self, topic: str) -> int:
        """How many partitions a topic has."""
        if topic not in self._partitions:
            found = _sorted_out(lambda: self._producer.list_topics(topic, _CALL_SECONDS)).topics[topic]
            if not found.partitions:
                raise Fatal(f"topic {topic} does not exist: run `safety-stream topics apply`")
            self._partitions[topic] = len(found.partitions)
        return self._partitions[topic]

    def close(self) -> None:
        """Give up the connection, leaving an open transaction to its timeout."""
        # One that has been fenced off refuses even this, and has nothing left to say.
        with suppress(ck.KafkaException):
            self._producer.purge()
            self._producer.flush(0)


class KafkaChangelog:
    """The changelog of one stage, for reading back; a consumer of its own for each reading."""

    def __init__(self, settings: KafkaSettings, topic: str) -> None:
        """Connect."""
        self._settings = settings
        self._topic = topic
        self._admin = AdminClient(settings.common())

    def identity(self, partition: int) -> str:
        """The cluster, the topic, and the id it got when it was made."""
        described = self._admin.describe_topics(ck.TopicCollection([self._topic]), request_timeout=_CALL_SECONDS)[
            self._topic
        ]
        topic = _sorted_out(described.result)
        cluster = _sorted_out(lambda: self._admin.list_topics(self._topic, _CALL_SECONDS)).cluster_id
        return f"{cluster}/{self._topic}/{topic.topic_id}/{partition}"

    def high_watermark(self, partition: int) -> int:
        """The end of the partition including open transactions."""
        # A read_committed consumer's own watermark is the last stable offset, which lags behind commits.
        asked = self._admin.list_offsets(
            {ck.TopicPartition(self._topic, partition): OffsetSpec.latest()},
            isolation_level=ck.IsolationLevel.READ_UNCOMMITTED,
            request_timeout=_CALL_SECONDS,
        )
        (future,) = asked.values()
        try:
            return int(_sorted_out(future.result).offset)
        except Retriable:
            # After a leader moved, an admin client goes on asking with the epoch it once learned, for ever.
            self._admin = AdminClient(self._settings.common())
            raise

    def read(self, partition: int, start: int, high: int) -> Iterator[Sequence[Change]]:
        """The committed changes from `start` on, until the stable end is at or past `high`."""
        if start >= high:
            return
        reader = ck.Consumer(
            self._settings.common()
            | {
                # Never commits and never joins: librdkafka wants a name all the same.
                "group.id": f"{self._settings.prefix}.restore",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "auto.offset.reset": "error",
                "enable.partition.eof": True,
                "fetch.queue.backoff.ms": 5,
                "queued.min.messages": 1_000_000,
                "fetch.wait.max.ms": 50,
            }
        )
        try:
            if not start:
                # Asked for by number, reading begins at once; `OFFSET_BEGINNING` would cost half a second.
                one = ck.TopicPartition(self._topic, partition)
                start, _ = _sorted_out(lambda: reader.get_watermark_offsets(one, timeout=_CALL_SECONDS))
            reader.assign([ck.TopicPartition(self._topic, partition, start)])
            reached = start
            while reached < high:
                changes: list[Change] = []
                for message in _sorted_out(lambda: reader.consume(10_000, 0.05)):
                    error = message.error()
                    if error is None:
                        changes.append(Change(message.offset(), message.key() or b"", message.value()))
                    elif error.code() == ck.KafkaError._PARTITION_EOF:  # noqa: SLF001
                        reached = message.offset()
                    elif error.fatal() or not (error.retriable() or error.code() in _HARMLESS):
                        raise Fatal(f"reading back {self._topic}[{partition}]: {error.name()}: {error.str()}")
                yield changes
        finally:
            reader.close()


def _own(partitions: Sequence[ck.TopicPartition]) -> list[TopicPartition]:
    return [TopicPartition(one.topic, one.partition) for one in partitions]
