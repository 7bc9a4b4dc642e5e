"""From the pages to Kafka and back: actions and decisions that are sent, and what became of them.

Apart from `web`, so that what is asked of Kafka stands in one place.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from threading import Lock, Thread

from confluent_kafka import KafkaException

from safety_stream.cli.dead_letters import put_back
from safety_stream.cli.terminal import Wrong, in_words, say
from safety_stream.config import Connection
from safety_stream.core.model.dead_letters import Refused
from safety_stream.core.model.handling import ActionAnswer, AlertAction
from safety_stream.core.model.links import PersonLink
from safety_stream.core.model.published import AuditEntry
from safety_stream.edge.producer import NotDelivered, ReportProducer
from safety_stream.streaming.ports import Incoming
from safety_stream.streaming.reading import NeverEnds, NoSuchTopic, follow
from safety_stream.web.site import NotSent
from safety_stream.web.stewarding import NotDone, PutBack
from safety_stream.wire.records import Records

ANSWERS = "action-answers"

_SENT_WITHIN_SECONDS = 5
"""How long somebody waits for a page that says that an action was not sent."""

_AGAIN_SECONDS = 5.0


class Desk:
    """Sends actions and decisions, each acknowledged by Kafka before its page goes on. Threads may share one."""

    def __init__(self, kafka: Connection) -> None:
        """Connect with the first action."""
        self._kafka = kafka
        self._producer: ReportProducer | None = None
        self._lock = Lock()
        self._putting_back = Lock()

    def send(self, action: AlertAction) -> None:
        """Hand an action to whoever decides about it. Raises `NotSent` when Kafka has not taken it in time."""
        try:
            self._with_producer(lambda producer: producer.send_action(action))
        except (NotDelivered, KafkaException) as error:
            raise NotSent(in_words(error)) from None

    def enter(self, entry: AuditEntry) -> None:
        """Have something put on record. Raises `NotSent` when Kafka has not taken it in time."""
        try:
            self._with_producer(lambda producer: producer.send_entry(entry))
        except (NotDelivered, KafkaException) as error:
            raise NotSent(in_words(error)) from None

    def decide(self, link: PersonLink) -> None:
        """Publish a decision about two persons. Raises `NotDone` when Kafka has not taken it in time."""
        try:
            self._with_producer(lambda producer: producer.send_link(link))
        except (NotDelivered, KafkaException) as error:
            raise NotDone(in_words(error)) from None

    def put_back(self, letters: Sequence[str]) -> PutBack:
        """Put dead letters back, as `dead-letters redrive` does. Raises `NotDone`."""
        # Two at once would fence each other off.
        with self._putting_back:
            try:
                came = put_back(self._kafka, None, tuple(letters))
            except (Wrong, NoSuchTopic, NeverEnds, Refused, KafkaException) as error:
                raise NotDone(in_words(error)) from None
        return PutBack(tuple(came.done), tuple(came.left))

    def _with_producer(self, send: Callable[[ReportProducer], None]) -> None:
        with self._lock:
            # One that has failed goes on failing: the next action has a new one.
            producer, self._producer = self._producer, None
            if producer is None:
                producer = ReportProducer(self._kafka, timeout_seconds=_SENT_WITHIN_SECONDS)
            send(producer)
            producer.flush()
            self._producer = producer


def hear(kafka: Connection, take: Callable[[ActionAnswer], None]) -> None:
    """Hand on every answer that comes from now on, in the background, until the process ends."""

    def listen() -> None:
        while True:
            try:
                take_answers(follow(kafka, [ANSWERS], from_beginning=False), take)
            except KafkaException as error:
                say(f"{in_words(error)} Answers to actions are not heard; trying again every {_AGAIN_SECONDS:.0f} s")
                time.sleep(_AGAIN_SECONDS)

    Thread(target=listen, name="answers", daemon=True).start()


def take_answers(found: Iterable[Incoming | None], take: Callable[[ActionAnswer], None]) -> None:
    """Hand on the answers among what is found; what cannot be read answers nobody here."""
    wire = Records(read_here=())
    for one in found:
        if one is None:
            continue
        try:
            answer = wire.value(ANSWERS, one.value)
        except Refused:
            continue
        if isinstance(answer, ActionAnswer):
            take(answer)
