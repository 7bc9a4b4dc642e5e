"""Reports go out each at its own simulated time, as bytes their partner would have sent."""

from __future__ import annotations

from threading import Event

import pytest

from safety_stream.config import Connection
from safety_stream.core.model.dead_letters import Refused
from safety_stream.core.model.times import DAY_LENGTH
from safety_stream.demo import play
from safety_stream.demo.play import Player, encoded
from safety_stream.demo.run import SPEED, START
from safety_stream.demo.story import story
from safety_stream.synthetic import SyntheticReport
from safety_stream.wire.codecs import decode_report

STORY = story(START)


class FakeProducer:
    """Takes records until it is full, as librdkafka does, and makes room when it is polled."""

    def __init__(self, settings: dict[str, object]) -> None:
        self.settings = settings
        self.sent: list[tuple[str, bytes, bytes | None, int]] = []
        self.room = 3
        self.left = 0

    def produce(self, topic: str, value: bytes, key: bytes | None, *, timestamp: int) -> None:
        if not self.room:
            raise BufferError
        self.room -= 1
        self.sent.append((topic, value, key, timestamp))

    def poll(self, _: float) -> None:
        self.room = 3

    def flush(self, _: float) -> int:
        return self.left


class Stopwatch:
    """Time that passes only while somebody waits for it."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


class Waiting(Event):
    """A stop signal that moves the stopwatch instead of waiting; it is set after so many waits."""

    def __init__(self, watch: Stopwatch, waits: int = 1_000) -> None:
        super().__init__()
        self._watch = watch
        self._waits = waits

    def wait(self, timeout: float | None = None) -> bool:
        self._waits -= 1
        self._watch.now += timeout or 0.0
        return self._waits < 0


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Stopwatch:
    watch = Stopwatch()
    monkeypatch.setattr(play, "time", watch)
    return watch


@pytest.fixture
def producer(monkeypatch: pytest.MonkeyPatch) -> FakeProducer:
    producer = FakeProducer({})
    monkeypatch.setattr(play, "Producer", lambda _: producer)
    return producer


def played(stop: Event) -> list[tuple[SyntheticReport, float]]:
    heard: list[tuple[SyntheticReport, float]] = []
    player = Player(Connection("nowhere:1"), SPEED, lambda arrival, at: heard.append((arrival, at - 100.0)))
    player.play(START, STORY, stop)
    return heard


def test_a_day_passes_in_a_second(watch: Stopwatch, producer: FakeProducer):
    heard = played(Waiting(watch))

    assert STORY == [arrival for arrival, _ in heard]
    assert [(one.received_at - START) / DAY_LENGTH for one in STORY] == pytest.approx([at for _, at in heard])
    assert len(STORY) == len(producer.sent)


def test_a_record_carries_the_time_it_was_received(watch: Stopwatch, producer: FakeProducer):
    played(Waiting(watch))

    assert [(one.topic, one.received_at) for one in STORY] == [(topic, at) for topic, _, _, at in producer.sent]


def test_it_stops_when_it_is_told_to(watch: Stopwatch, producer: FakeProducer):
    played(Waiting(watch, waits=4))

    assert 4 == len(producer.sent)


def test_what_the_broker_did_not_take_is_said(watch: Stopwatch, producer: FakeProducer):
    producer.left = 1

    with pytest.raises(RuntimeError, match="did not take all reports"):
        played(Waiting(watch))


def test_a_broken_report_is_broken_as_it_says():
    for arrival in STORY:
        if arrival.report is None:
            with pytest.raises(Refused) as refused:
                decode_report(encoded(arrival))
            assert arrival.refused == refused.value.reason
        else:
            assert arrival.report == decode_report(encoded(arrival))


def test_a_report_cut_short_lacks_its_last_byte():
    whole = STORY[0]
    cut = SyntheticReport(received_at=whole.received_at, source=whole.source, report=whole.report, is_cut=True)

    assert encoded(whole)[:-1] == encoded(cut)
