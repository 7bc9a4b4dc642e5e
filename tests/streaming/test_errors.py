"""What librdkafka raises is one of the three kinds of error, also where Python tells of it in a roundabout way."""

from __future__ import annotations

import confluent_kafka as ck
import pytest

from safety_stream.config import Connection
from safety_stream.streaming.kafka import KafkaProducer, KafkaSettings
from safety_stream.streaming.ports import Fatal

FENCED = ck.KafkaException(ck.KafkaError(ck.KafkaError._FENCED, "fenced by a newer one", fatal=True))
HIDDEN = SystemError("<built-in function _getframe> returned a result with an exception set")
"""What comes of a log line that librdkafka has us write while an error is on its way."""
HIDDEN.__cause__ = FENCED


class Raising:
    """A producer of confluent-kafka that has been fenced off."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def flush(self, _: float) -> int:
        raise self.error


@pytest.fixture
def producer(monkeypatch: pytest.MonkeyPatch) -> KafkaProducer:
    made = KafkaProducer(KafkaSettings(Connection("127.0.0.1:1")), "toy")
    monkeypatch.setattr(made, "_producer", Raising(FENCED))
    return made


@pytest.mark.parametrize("error", [FENCED, HIDDEN], ids=["as it is", "behind a fault of the logger"])
def test_whoever_is_fenced_off_says_so(producer: KafkaProducer, error: Exception):
    producer._producer.error = error

    with pytest.raises(Fatal, match="another worker runs in this one's slot") as said:
        producer.flush()

    assert said.value.__cause__ is error


def test_a_fault_that_hides_no_error_of_kafkas_stays_what_it_is(producer: KafkaProducer):
    producer._producer.error = SystemError("of its own")

    with pytest.raises(SystemError, match="of its own"):
        producer.flush()
