"""Playing reports onto Kafka at the pace of an accelerated clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from threading import Event

from confluent_kafka import Producer

from safety_stream.config import Connection
from safety_stream.core.model.ids import incident_id
from safety_stream.core.model.times import Instant
from safety_stream.synthetic import SyntheticReport
from safety_stream.wire.reports import report_writer


class Player:
    """Sends what arrives, each at its own simulated time: `speed` simulated seconds pass in one real second.

    `sent` hears of every record: the report, and the monotonic second it was sent. All is sent as backfill, whose
    record timestamps are the simulated times of receipt.
    """

    def __init__(self, kafka: Connection, speed: float, sent: Callable[[SyntheticReport, float], None]) -> None:
        """Connect; nothing is sent before `play`."""
        self._speed = speed
        self._sent = sent
        self._producer = Producer(
            kafka.settings()
            | {
                "enable.idempotence": True,
                "partitioner": "murmur2_random",
                "linger.ms": 2,
                "log_level": 0,
            }
        )

    def play(self, start: Instant, arrivals: Iterable[SyntheticReport], stop: Event) -> None:
        """Send until the arrivals end or `stop` is set, then wait until nothing is under way.

        Raises `RuntimeError` when that takes too long. What the broker refused is missing at the end, and shows there.
        """
        began = time.monotonic()
        for arrival in arrivals:
            due = began + (arrival.received_at - start) / 1000 / self._speed
            if stop.wait(max(0.0, due - time.monotonic())):
                break
            self._send(arrival)
        if self._producer.flush(30):
            raise RuntimeError("the broker did not take all reports within 30 s")

    def _send(self, arrival: SyntheticReport) -> None:
        key = None
        if arrival.report is not None:
            key = incident_id(arrival.report.source, arrival.report.source_ref).encode()
        value = encoded(arrival)
        self._sent(arrival, time.monotonic())
        while True:
            try:
                self._producer.produce(arrival.topic, value, key, timestamp=arrival.received_at)
            except BufferError:
                self._producer.poll(0.1)
            else:
                self._producer.poll(0)
                return


def encoded(arrival: SyntheticReport) -> bytes:
    """The bytes of a synthetic record as its partner would have sent them, broken ones included."""
    if arrival.report is None:
        return arrival.raw or b""
    value = report_writer().report(arrival.report, arrival.details)
    return value[:-1] if arrival.is_cut else value
