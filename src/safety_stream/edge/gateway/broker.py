"""The way to the broker: whole requests out, and for each report the place it was given or why it was not taken.

*Theory of operation.* Requests are answered in an event loop that must not wait; librdkafka calls back whoever polls
it. So one thread does nothing but poll. What it hears it notes down, and after each poll it wakes the loop once, with
every request that became whole by it: one wake-up serves many requests when there are many, and costs one when there is
one. Nothing but these finished requests ever crosses between the two.

A report is given up by the library itself (`delivery.timeout.ms`), a little before whoever asked stops waiting: so
what was said not to have been taken hardly ever turns up later; when it does, it does as little harm as sending again.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Sequence
from functools import partial
from typing import Any, Final, Protocol

import msgspec
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from safety_stream.config import Connection
from safety_stream.edge.producer import not_delivered, producer_settings

_log = logging.getLogger(__name__)

_POLL_SECONDS: Final = 0.2
_RECONNECT_MS: Final = 1_000
_ASK_SECONDS: Final = 2.0
_GRACE_SECONDS: Final = 1.0
"""How much longer than the library a request waits for its acknowledgements."""


class Placed(msgspec.Struct, frozen=True, gc=False):
    """The broker has a report, on every replica, here."""

    topic: str
    partition: int
    offset: int


class NotTaken(msgspec.Struct, frozen=True, gc=False):
    """The broker is not known to have a report. `is_senders`: it never will, until whoever sent it mends it."""

    reason: str
    is_senders: bool = False


Fate = Placed | NotTaken

NO_ANSWER: Final = NotTaken("no acknowledgement in time")


class Broker(Protocol):
    """What the gateway asks of a broker."""

    def start(self) -> None:
        """Serve the running event loop."""
        ...

    def close(self) -> None:
        """Stop."""
        ...

    async def send(self, records: Sequence[dict[str, Any]]) -> list[Fate]:
        """Send records (of `producer.record_of`); what became of each, in their order."""
        ...

    def answers(self) -> bool:
        """Whether a broker answers now; may take seconds."""
        ...


class _Waiting:
    """A request whose reports are under way."""

    def __init__(self, count: int, done: asyncio.Future[list[Fate]]) -> None:
        self.fates: list[Fate] = [NO_ANSWER] * count
        self.left = count
        self.done = done


class KafkaBroker:
    """Kafka. Begin with `start` in the event loop it serves, and end with `close`."""

    def __init__(self, kafka: Connection, timeout_seconds: float) -> None:
        """Settings of every producer of reports; `timeout_seconds` is how long an acknowledgement may take."""
        self._timeout = timeout_seconds
        self._producer = Producer(
            producer_settings(kafka, timeout_seconds)
            # By default a broker that was away is looked for again after up to ten seconds: partners wait meanwhile.
            | {"error_cb": self._on_error, "reconnect.backoff.max.ms": _RECONNECT_MS}
        )
        self._counting = threading.Lock()
        self._whole: list[_Waiting] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_over = threading.Event()
        self._is_fatal = False
        self._thread = threading.Thread(target=self._poll, name="gateway-poll", daemon=True)

    def start(self) -> None:
        """Serve the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    def close(self) -> None:
        """Stop; what nobody waits for any more is given up."""
        self._is_over.set()
        if self._thread.is_alive():
            self._thread.join(_ASK_SECONDS)
        self._producer.purge()

    def answers(self) -> bool:
        """See `Broker`. After an error that is fatal to the producer only a new process helps."""
        if self._is_fatal:
            return False
        try:
            self._producer.list_topics(timeout=_ASK_SECONDS)
        except KafkaException:
            return False
        return True

    async def send(self, records: Sequence[dict[str, Any]]) -> list[Fate]:
        """See `Broker`."""
        waiting = _Waiting(len(records), asyncio.get_running_loop().create_future())
        for number, record in enumerate(records):
            self._produce(record, waiting, number)
        try:
            return await asyncio.wait_for(waiting.done, self._timeout + _GRACE_SECONDS)
        except TimeoutError:
            return list(waiting.fates)

    def _produce(self, record: dict[str, Any], waiting: _Waiting, number: int) -> None:
        try:
            self._producer.produce(**record, on_delivery=partial(self._on_delivery, waiting, number))
        except BufferError:
            waiting.fates[number] = NotTaken("too much is under way already")
        except KafkaException as error:
            waiting.fates[number] = _not_taken(error.args[0], str(record["topic"]))
        else:
            return
        self._one_less(waiting)

    def _on_delivery(self, waiting: _Waiting, number: int, error: KafkaError | None, message: Message) -> None:
        topic = str(message.topic())
        if error is None:
            waiting.fates[number] = Placed(topic, message.partition(), message.offset())
        else:
            waiting.fates[number] = _not_taken(error, topic)
        self._one_less(waiting)

    def _one_less(self, waiting: _Waiting) -> None:
        # In both threads: what fails at once is counted in the loop's.
        with self._counting:
            waiting.left -= 1
            if not waiting.left:
                self._whole.append(waiting)

    def _poll(self) -> None:
        while not self._is_over.is_set():
            self._producer.poll(_POLL_SECONDS)
            with self._counting:
                whole, self._whole = self._whole, []
            if whole and self._loop is not None:
                self._loop.call_soon_threadsafe(_tell, whole)

    def _on_error(self, error: KafkaError) -> None:
        if error.fatal():
            self._is_fatal = True
            _log.error("gateway.producer_failed: code %s; this process must be started again", error.code())


def _tell(whole: Sequence[_Waiting]) -> None:
    for waiting in whole:
        if not waiting.done.done():
            waiting.done.set_result(waiting.fates)


def _not_taken(error: KafkaError, topic: str) -> NotTaken:
    reason = str(not_delivered(error, topic)).partition(": ")[2]
    return NotTaken(reason, is_senders=error.code() == KafkaError.MSG_SIZE_TOO_LARGE)
