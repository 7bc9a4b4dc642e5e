"""The partner's producer: reports onto the bus, acknowledged by every replica, none doubled by a retry.

    from safety_stream.edge import Connection, Report, ReportProducer

    with ReportProducer(Connection("localhost:9092")) as producer:
        producer.send(
            Report(
                source="council-asb", source_ref="case-4711", source_version=1, action="new", kind="asb-case",
                category="asb-noise", occurred_from=1772355600000, reported_at=1772356200000,
            )
        )

Guarantee: leaving the block (or `flush`) returns only when every report sent is acknowledged, else it raises
`NotDelivered`. A retry inside the producer doubles nothing; a report sent again by its caller does no harm either,
because a report is known by its source, reference and version. Headers are CloudEvents 1.0 in binary mode and hold,
like the key, nothing about a person.
"""

from __future__ import annotations

from time import monotonic
from types import TracebackType
from typing import Any, Self

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from safety_stream.config import Connection
from safety_stream.core.model.handling import AlertAction
from safety_stream.core.model.ids import incident_id
from safety_stream.core.model.links import PersonLink
from safety_stream.core.model.published import ORDERS, AuditEntry
from safety_stream.core.model.reports import Report
from safety_stream.core.model.times import Instant, to_datetime
from safety_stream.edge.entries import Details
from safety_stream.wire.codecs import shipped_codecs
from safety_stream.wire.reports import encode_report, event_id

EVENT_TYPES = {
    "new": "uk.csp.incident.reported.v1",
    "correct": "uk.csp.incident.corrected.v1",
    "withdraw": "uk.csp.incident.withdrawn.v1",
    "erase": "uk.csp.incident.erased.v1",
    "restrict": "uk.csp.incident.restricted.v1",
    "dispute": "uk.csp.incident.disputed.v1",
}
"""The CloudEvents type of each action."""


class NotDelivered(Exception):
    """A report was not acknowledged. `retriable` says whether sending the same again may help."""

    def __init__(self, message: str, *, retriable: bool) -> None:
        """Keep the sentence and what to do next."""
        super().__init__(message)
        self.retriable = retriable


class ReportProducer:
    """Sends a partner's reports; use it in a `with` block, from one thread.

    `kafka` says where the brokers are and how to be let in. `timeout_seconds` is how long a report may wait for its
    acknowledgement.
    """

    def __init__(self, kafka: Connection, *, timeout_seconds: float = 60) -> None:
        self._bootstrap = kafka.bootstrap
        self._timeout_seconds = timeout_seconds
        self._failure: NotDelivered | None = None
        self._producer = Producer(producer_settings(kafka, timeout_seconds))

    def __enter__(self) -> Self:
        """Ready to send."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Wait for every acknowledgement, unless the block is being left by an error already."""
        if kind is None:
            self.flush()
        else:
            self._producer.purge()
            self._producer.poll(0)

    def send(self, report: Report, *, details: Details | None = None, received_at: Instant | None = None) -> None:
        """Hand over a report; it is sent in the background.

        Goes to `partner.<source>`, or, with `received_at` (milliseconds since 1970), to `backfill.<source>` as what was
        received then. `details` are native detail records by name, as the schema documents them. Waits while the local
        queue is full. Raises `NotDelivered` when an earlier report failed or the queue does not empty in time,
        `DocumentFault` and `Unsuitable` when a field or the details do not fit the schema.
        """
        self._raise_failure()
        record = record_of(report, details, received_at) | {"on_delivery": self._on_delivery}
        self._produce_when_there_is_room(record)

    def send_link(self, link: PersonLink) -> None:
        """Hand over a steward's decision about two persons, to `person-links`; waits and raises as `send` does."""
        self._raise_failure()
        self._produce_when_there_is_room(
            {
                "topic": "person-links",
                "key": "|".join(sorted((link.first, link.second))).encode(),
                "value": shipped_codecs().encode(link),
                "on_delivery": self._on_delivery,
            }
        )

    def send_action(self, action: AlertAction) -> None:
        """Hand over what somebody does about an alert, to `alert-actions`; waits and raises as `send` does."""
        self._raise_failure()
        self._produce_when_there_is_room(
            {
                "topic": "alert-actions",
                "key": action.alert_id.encode(),
                "value": shipped_codecs().encode(action),
                "on_delivery": self._on_delivery,
            }
        )

    def send_entry(self, entry: AuditEntry) -> None:
        """Hand over what is to be put on record, to its topic (`core.model.published.ORDERS`); fails as `send` does."""
        self._raise_failure()
        self._produce_when_there_is_room(
            {
                "topic": "orders" if entry.kind in ORDERS else "audit-entries",
                "value": shipped_codecs().encode(entry),
                "on_delivery": self._on_delivery,
            }
        )

    def flush(self) -> None:
        """Wait until every report sent is acknowledged. Raises `NotDelivered` when one is not."""
        waiting = self._producer.flush(self._timeout_seconds + 5)
        self._raise_failure()
        if waiting:
            raise NotDelivered(f"{waiting} reports wait for {self._bootstrap}: is it reachable?", retriable=True)

    def _produce_when_there_is_room(self, record: dict[str, Any]) -> None:
        until = monotonic() + self._timeout_seconds
        while True:
            try:
                self._producer.produce(**record)
            except BufferError:
                self._producer.poll(0.2)
                self._raise_failure()
                if monotonic() > until:
                    raise NotDelivered(
                        f"{self._bootstrap} has taken nothing for {self._timeout_seconds:.0f} s: is it reachable?",
                        retriable=True,
                    ) from None
            except KafkaException as error:
                raise not_delivered(error.args[0], str(record["topic"])) from error
            else:
                self._producer.poll(0)
                return

    def _on_delivery(self, error: KafkaError | None, message: Message) -> None:
        if error is not None and self._failure is None:
            self._failure = not_delivered(error, str(message.topic()))

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure


def producer_settings(kafka: Connection, timeout_seconds: float) -> dict[str, str | int | float | bool]:
    """The settings of every producer of reports: on these its guarantee rests."""
    return kafka.settings() | {
        "enable.idempotence": True,
        "acks": "all",
        # Java clients and this one must agree where a key goes.
        "partitioner": "murmur2_random",
        "compression.type": "lz4",
        "linger.ms": 5,
        "delivery.timeout.ms": int(timeout_seconds * 1000),
        # A topic that nobody made is said to be missing, not waited for until the delivery times out.
        "topic.metadata.propagation.max.ms": 5_000,
        # Said once, in our own words, by `NotDelivered`.
        "log_level": 0,
    }


def record_of(report: Report, details: Details | None = None, received_at: Instant | None = None) -> dict[str, Any]:
    """A report as a record for Kafka. Raises `DocumentFault` and `Unsuitable` for what does not fit the schema."""
    record: dict[str, Any] = {
        "topic": topic_for(report, received_at),
        "key": incident_id(report.source, report.source_ref).encode(),
        "value": encode_report(report, details=details),
        "headers": cloud_event_headers(report),
    }
    if received_at is not None:
        record["timestamp"] = received_at
    return record


def topic_for(report: Report, received_at: Instant | None) -> str:
    """Where a report goes: what is received now, or the history of the same source."""
    return f"{'partner' if received_at is None else 'backfill'}.{report.source}"


def cloud_event_headers(report: Report) -> list[tuple[str, bytes]]:
    """The CloudEvents 1.0 attributes of a report, as Kafka headers in binary mode; no value can name a person."""
    attributes = {
        "ce_specversion": "1.0",
        "ce_id": event_id(report),
        "ce_source": f"/partners/{report.source}",
        "ce_type": EVENT_TYPES[report.action],
        "ce_time": to_datetime(report.reported_at).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "ce_cspmarking": report.marking,
        "content-type": "application/avro",
    }
    return [(name, value.encode()) for name, value in attributes.items()]


def not_delivered(error: KafkaError, topic: str) -> NotDelivered:
    """What a broker or its library says of a report, in our own words."""
    mend = {
        KafkaError.UNKNOWN_TOPIC_OR_PART: "there is no such topic; run: safety-stream topics apply",
        KafkaError._UNKNOWN_TOPIC: "there is no such topic; run: safety-stream topics apply",  # noqa: SLF001
        KafkaError.TOPIC_AUTHORIZATION_FAILED: "this user may not write there; ask for the right to",
        KafkaError.MSG_SIZE_TOO_LARGE: "the report is larger than the topic takes; leave details out",
        KafkaError._MSG_TIMED_OUT: "no acknowledgement in time; is the broker reachable?",  # noqa: SLF001
        KafkaError._ALL_BROKERS_DOWN: "no broker answers; is the address right?",  # noqa: SLF001
    }.get(error.code(), error.str())
    may_help = error.retriable() or error.code() in _UNREACHABLE
    return NotDelivered(f"A report was not taken by {topic}: {mend}", retriable=may_help)


_UNREACHABLE = (KafkaError._MSG_TIMED_OUT, KafkaError._ALL_BROKERS_DOWN)  # noqa: SLF001
