"""Dead letters back onto the topic they came from, each as often as somebody wants it and no oftener.

A letter is put back verbatim, with its key, on its own partition, under its old time (a partner topic takes the
broker's). The header `safety-attempts` tells the stage how often it has refused this record. What was put back is
remembered on the compacted topic `redriven`: key `<topic>/<partition>/<offset>` of the letter, value the number of
times. Records and memory are one transaction, so a crash between the two cannot put a letter back twice; two redrives
at once fence each other off. The letters themselves stay where they are: they are the record of what was refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
from confluent_kafka import KafkaException, Producer

from safety_stream.config import Connection
from safety_stream.core.model.dead_letters import DeadLetter
from safety_stream.streaming.reading import read_to_end
from safety_stream.streaming.wiring import ATTEMPTS_HEADER
from safety_stream.wire.codecs import Codecs

MEMORY_TOPIC = "redriven"
"""Where it is remembered what was put back."""

_PER_TRANSACTION = 100
_SECONDS = 30


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """A dead letter, where it lies, and how often it has been put back."""

    topic: str
    partition: int
    offset: int
    letter: DeadLetter
    redriven: int = 0

    @property
    def id(self) -> str:
        """What names it: `<topic>/<partition>/<offset>`."""
        return f"{self.topic}/{self.partition}/{self.offset}"


def letters(kafka: Connection, topics: Sequence[str], codecs: Codecs) -> Iterator[Letter]:
    """Every dead letter on the topics, oldest first within each. Raises as `read_to_end` does, and `Refused`."""
    redriven = {
        (record.key or b"").decode(): int(record.value or b"0") for record in read_to_end(kafka, [MEMORY_TOPIC])
    }
    decode = codecs.decoder(("dead-letter",))
    for record in read_to_end(kafka, topics):
        value = decode(record.value)
        if isinstance(value, DeadLetter):
            letter = Letter(topic=record.topic, partition=record.partition, offset=record.offset, letter=value)
            yield msgspec.structs.replace(letter, redriven=redriven.get(letter.id, 0))


class Redrive:
    """The right to put letters back, held by the newest of these alone: an older one fails at its next transaction.

    Take it before reading which letters there are; then nobody can put one back between the reading and the doing.
    Raises `KafkaException`.
    """

    def __init__(self, kafka: Connection) -> None:
        self._producer = Producer(
            kafka.settings()
            | {
                "transactional.id": "safety-stream.redrive",
                "partitioner": "murmur2_random",
                "compression.type": "lz4",
                "message.max.bytes": 4 * 1024 * 1024,
                "log_level": 0,
            }
        )
        self._producer.init_transactions(_SECONDS)

    def put_back(self, chosen: Sequence[Letter]) -> None:
        """Put letters back and remember it, in transactions of at most a hundred. Raises `KafkaException`."""
        for start in range(0, len(chosen), _PER_TRANSACTION):
            self._producer.begin_transaction()
            try:
                for one in chosen[start : start + _PER_TRANSACTION]:
                    self._produce(one)
                self._producer.commit_transaction(_SECONDS)
            except KafkaException:
                self._producer.abort_transaction(_SECONDS)
                raise

    def _produce(self, one: Letter) -> None:
        letter = one.letter
        self._producer.produce(
            letter.topic,
            letter.value,
            letter.key,
            partition=letter.partition,
            timestamp=letter.received_at,
            headers=[(ATTEMPTS_HEADER, str(letter.attempts).encode())],
        )
        self._producer.produce(MEMORY_TOPIC, str(one.redriven + 1).encode(), one.id.encode())
