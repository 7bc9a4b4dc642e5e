"""A database that goes away and comes back: the copy goes on from its own offsets, nothing lost and nothing doubled."""

from __future__ import annotations

import random

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError
from tests.readmodel.making import alert, value
from tests.readmodel.naive import Naive
from tests.readmodel.outages import shaky
from tests.readmodel.postgres import needed, running_server

from safety_stream.readmodel.database import migrate, open_database
from safety_stream.readmodel.projection import Place, TopicRecord, apply, next_offsets
from safety_stream.readmodel.reading import ReadModel


def topic(count: int, seed: int) -> list[TopicRecord]:
    """Two feeds, mixed up; each offset is its own place."""
    chance = random.Random(seed)
    offsets = {"alerts.desk": 0, "indicators.internal": 0}
    records = []
    for _ in range(count):
        name = chance.choice(sorted(offsets))
        seq = offsets[name] + 1
        if name == "alerts.desk":
            told = alert(seq, f"a{chance.randrange(9)}", 1 + seq, chance.choice(("updated", "withdrawn")))
        else:
            told = value(seq, 7 * chance.randrange(5), chance.randrange(9))
        records.append(TopicRecord(name, 0, offsets[name], told))
        offsets[name] += 1
    return records


def follow(engine: Engine, log: list[TopicRecord], again: int = 0, count: int = 10) -> bool:
    """What `project` does: some records from where the database says; whether there were any.

    With them come so many `again` that were there before: nobody knows what of them was committed.
    """
    with engine.begin() as connection:
        known = next_offsets(connection)
        ahead = [one for one in log if one.offset >= known.get(Place(one.topic, one.partition), 0)][:count]
        before = [one for one in log if one.offset < known.get(Place(one.topic, one.partition), 0)]
        apply(connection, [*before[len(before) - again :], *ahead])
    return bool(ahead)


def hold(engine: Engine, log: list[TopicRecord]) -> None:
    """The copy is the naive fold of the log, whole and without faults."""
    model, naive = ReadModel(engine), Naive(log)
    told = [one.value for one in log if one.topic == "alerts.desk"]
    assert model.feed("desk", 0, len(log)) == told
    assert [one.alert_id for one in model.inbox("desk", limit=99)] == [one.alert_id for one in naive.inbox("desk")]
    assert model.health().faults == ()


@pytest.mark.parametrize("seed", range(4))
def test_a_database_that_fails_at_any_moment_loses_and_doubles_nothing(engine: Engine, seed: int):
    log, chance = topic(200, seed), random.Random(seed)
    with shaky(engine, chance.random, 0.4) as failures:
        going = True
        while going:
            try:
                going = follow(engine, log, again=chance.randrange(5))
            except OperationalError:
                going = True

    assert failures[0] > 3
    hold(engine, log)


def test_a_server_that_is_stopped_and_started_is_gone_on_with():
    """A server of its own, which is stopped in the middle of the work and started again."""
    log = topic(200, 1)
    with running_server(needed()) as server:
        engine = open_database(server.new_database("outage"))
        migrate(engine)
        for _ in range(5):
            follow(engine, log)
        server.stop()
        for _ in range(3):
            with pytest.raises(OperationalError):
                follow(engine, log)
        server.start()
        while follow(engine, log):
            pass
        hold(engine, log)
        engine.dispose()
