"""A subscription to what cannot be read holds up nobody else's, and is said until it can be."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs
from tests.delivery.making import NOON, alert

from safety_stream.cli import deliver
from safety_stream.config import Connection
from safety_stream.delivery.outbox import Took
from safety_stream.streaming.ports import Incoming
from safety_stream.streaming.reading import NoSuchTopic
from safety_stream.wire.codecs import shipped_codecs

NOWHERE = Connection("127.0.0.1:1")


class Done(Exception):
    """Everything that was to come has come."""


class Box:
    """An outbox that two audiences are subscribed to, which keeps what it is given."""

    def __init__(self) -> None:
        self.taken: list[str] = []

    def audiences(self) -> frozenset[str]:
        return frozenset({"desk", "new-audience"})

    def position(self, *_: Any) -> None:
        return None

    def take(self, topic: str, *_: Any) -> Any:
        self.taken.append(topic)
        return Took(decisions={}, missing=0)

    def gather(self, _: int) -> int:
        return 0

    def oldest_untaken(self) -> None:
        return None

    def counts(self) -> dict[str, int]:
        return {}


class Figures:
    def __init__(self) -> None:
        self.said: list[dict[tuple[str, str], bool]] = []

    def unheard(self, audiences: dict[tuple[str, str], bool]) -> None:
        self.said.append(audiences)

    def took(self, *_: Any) -> None: ...

    def standing(self, *_: Any) -> None: ...


class Cluster:
    """Topics that are there, each holding one alert; one may come while others are read."""

    def __init__(self, *there: str) -> None:
        self.there = set(there)
        self.is_gone_when_asked = False
        self.followed: list[list[str]] = []

    def readable(self, _: Connection, topics: Any) -> frozenset[str]:
        return frozenset(self.there & set(topics))

    def marks(self, _: Connection, topics: list[str]) -> dict[tuple[str, int], int]:
        if self.is_gone_when_asked:
            self.is_gone_when_asked = False
            raise NoSuchTopic("there is no topic")
        assert self.there >= set(topics)
        return {(topic, 0): 0 for topic in topics}

    def ids(self, _: Connection, topics: list[str]) -> dict[str, str]:
        return dict.fromkeys(topics, "one")

    def follow(self, _: Connection, starts: Any, __: float) -> Iterator[Incoming | None]:
        topics = sorted(topic for topic, _ in starts)
        self.followed.append(topics)
        for topic in topics:
            value = shipped_codecs().encode(alert(audience=topic.removeprefix("alerts.")))
            yield Incoming(topic=topic, partition=0, offset=0, timestamp=NOON, key=None, value=value, headers=())
        yield None
        if self.there >= {"alerts.desk", "alerts.new-audience"} and len(topics) == 2:
            raise Done
        self.there.add("alerts.new-audience")
        yield None


@pytest.fixture
def reading(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(deliver, "_LOOK_ROUND_SECONDS", -1.0)
    monkeypatch.setattr(deliver, "_PAUSE_SECONDS", 0.0)

    def read(cluster: Cluster) -> tuple[Box, Figures, list[Any]]:
        functions = {
            "readable_topics": cluster.readable,
            "low_watermarks": cluster.marks,
            "high_watermarks": cluster.marks,
            "topic_ids": cluster.ids,
            "follow_from": cluster.follow,
        }
        for name, function in functions.items():
            monkeypatch.setattr(deliver, name, function)
        box, figures = Box(), Figures()

        def unheard(unread: frozenset[str]) -> dict[tuple[str, str], str]:
            return {(one, "P1"): "its topic is not there" if one in unread else "" for one in sorted(box.audiences())}

        reader = deliver._Reader(NOWHERE, box, figures, unheard, None, "", lambda _: None)  # type: ignore[arg-type]
        with capture_logs() as logs, pytest.raises(Done):
            deliver._read_for_ever(reader, threading.Condition())
        return box, figures, logs

    return read


def test_a_topic_that_is_not_there_keeps_nobody_from_being_told_and_is_read_once_it_is(reading: Any):
    cluster = Cluster("alerts.desk")
    box, figures, logs = reading(cluster)

    assert cluster.followed == [["alerts.desk"], ["alerts.desk", "alerts.new-audience"]]
    assert box.taken[0] == "alerts.desk"
    assert set(box.taken) == {"alerts.desk", "alerts.new-audience"}
    assert figures.said[0] == {("desk", "P1"): False, ("new-audience", "P1"): True}
    assert figures.said[-1] == {("desk", "P1"): False, ("new-audience", "P1"): False}
    said = [one for one in logs if one["event"] == "topic.missing"]
    assert [one["topic"] for one in said] == ["alerts.new-audience"]
    assert "safety-stream topics apply" in said[0]["mend"]


def test_one_that_goes_while_it_is_asked_for_is_asked_for_again(reading: Any):
    cluster = Cluster("alerts.desk", "alerts.new-audience")
    cluster.is_gone_when_asked = True

    box, _, _ = reading(cluster)

    assert set(box.taken) == {"alerts.desk", "alerts.new-audience"}
