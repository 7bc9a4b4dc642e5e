"""From the pages to Kafka and back: actions that are sent, and what became of them.

Apart from `web`, so that what is asked of Kafka stands in one place.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from threading import Lock, Thread

from confluent_kafka import KafkaException

from safety_stream.cli.terminal import in_words, say
from safety_stream.config import Connection
from safety_stream.core.model.dead_letters import Refused
from safety_stream.core.model.handling import ActionAnswer, AlertAction
from safety_stream.edge.producer import NotDelivered, ReportProducer
from safety_stream.streaming.ports import Incoming
from safety_stream.streaming.reading import follow
from safety_stream.web.site import NotSent
from safety_stream.wire.records import Records

ANSWERS = "action-answers"

_SENT_WITHIN_SECONDS = 5
"""How long somebody waits for a page that says that an action was not sent."""

_AGAIN_SECONDS = 5.0


class Desk:
    """Sends actions, each acknowledged by Kafka before its page goes on. Threads may share one."""

    def __init__(self, kafka: Connection) -> None:
        """Connect with the first action."""
        self._kafka = kafka
        self._producer: ReportProducer | None = None
        self._lock = Lock()

    def send(self, action: AlertAction) -> None:
        """Hand an action to whoever decides about it. Raises `NotSent` when Kafka has not taken it in time."""
        with self._lock:
            # One that has failed goes on failing: the next action has a new one.
            producer, self._producer = self._producer, None
            if producer is None:
                producer = ReportProducer(self._kafka, timeout_seconds=_SENT_WITHIN_SECONDS)
            try:
                producer.send_action(action)
                producer.flush()
            except (NotDelivered, KafkaException) as error:
                raise NotSent(in_words(error)) from None
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
