"""Records as topics carry them, and a database filled with some."""

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Engine

from safety_stream.core.model.dead_letters import DeadLetter
from safety_stream.core.model.feeds import FeedStatus
from safety_stream.core.model.handling import Handling
from safety_stream.core.model.published import PublishedAlert, PublishedIndicator
from safety_stream.readmodel.database import open_database, url_of_file
from safety_stream.readmodel.projection import Applied, TopicRecord, apply
from safety_stream.readmodel.reading import ReadModel

NOON = 1_772_366_400_000


def alert(seq: int, alert_id: str, version: int = 1, change: str = "raised", **fields: Any) -> PublishedAlert:
    return PublishedAlert(
        **{
            "seq": seq,
            "audience": "desk",
            "alert_id": alert_id,
            "version": version,
            "change": change,
            "as_of": NOON + seq,
            "priority": "P3",
        }
        | fields
    )


def handling(state: str, **fields: Any) -> Handling:
    return Handling(**{"number": 1, "state": state, "since": NOON, "what": "note", "as_of": NOON} | fields)


def value(seq: int, starts: int, count: int | None = 1, **fields: Any) -> PublishedIndicator:
    return PublishedIndicator(
        **{
            "seq": seq,
            "profile": "internal",
            "area": "E07000117",
            "indicator": "burglary",
            "period": "week",
            "starts": starts,
            "ends": starts + 7,
            "value": count,
            "final": False,
            "revision": 1,
            "restates": None,
            "as_of": NOON + seq,
        }
        | fields
    )


def status(partition: int, as_of: int, **newest: int) -> FeedStatus:
    return FeedStatus(as_of=as_of, newest=newest, partition=partition)


def letter(reason: str, received_at: int, topic: str = "partner.police") -> DeadLetter:
    return DeadLetter(
        stage="intake",
        topic=topic,
        partition=0,
        offset=7,
        reason=reason,
        detail="mend it",
        key=b"key",
        value=b"a name in clear",
        received_at=received_at,
    )


def topic_of(one: msgspec.Struct) -> str:
    match one:
        case PublishedAlert():
            return f"alerts.{one.audience}"
        case PublishedIndicator():
            return f"indicators.{one.profile}"
        case FeedStatus():
            return "feed-status"
        case _:
            return "dead-letters.intake"


def records(values: Iterable[msgspec.Struct]) -> list[TopicRecord]:
    """The values one after another on their topics."""
    ends: dict[str, int] = {}
    found = []
    for one in values:
        topic = topic_of(one)
        offset = ends.get(topic, 0)
        ends[topic] = offset + 1
        found.append(TopicRecord(topic, 0, offset, one))
    return found


def told(engine: Engine, told_records: Iterable[TopicRecord]) -> Applied:
    with engine.begin() as connection:
        return apply(connection, told_records)


def holding(engine: Engine, *values: msgspec.Struct) -> ReadModel:
    """The read model of a database that has been told these values."""
    told(engine, records(values))
    return ReadModel(engine)


def plain(alerts: Iterable[PublishedAlert]) -> list[tuple[str, int]]:
    return [(one.alert_id, one.seq) for one in alerts]


@contextmanager
def another(empty_copy: Path) -> Iterator[Engine]:
    """A database of one example."""
    path = Path(shutil.copy(empty_copy, empty_copy.with_name("example.sqlite")))
    engine = open_database(url_of_file(path))
    yield engine
    engine.dispose()
    for left in empty_copy.parent.glob("example.sqlite*"):
        left.unlink()
