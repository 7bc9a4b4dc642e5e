"""What goes wrong around delivery, each with what must hold: nothing lost, nothing doubled, each alert in its order.

That a provider is down, lies, stalls or asks for time is in `test_sending` and `test_channels_contract`.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import msgspec
import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from tests.delivery.making import (
    NOON,
    TOPIC,
    Clock,
    Died,
    Figures,
    Provider,
    alert,
    at,
    outbox,
    sender,
    subscription,
    withdrawn,
)
from tests.readmodel.outages import shaky
from tests.readmodel.postgres import needed, running_server

from safety_stream.core.model.handling import Handling
from safety_stream.core.model.published import PublishedAlert
from safety_stream.core.model.times import DAY_LENGTH, HOUR, MINUTE, SECOND, Instant
from safety_stream.delivery.database import open_database
from safety_stream.delivery.model import Message, Quiet, TryAgain
from safety_stream.delivery.outbox import LONGEST_ASKED, Outbox
from safety_stream.delivery.subscriptions import subscribe

NIGHT = Quiet(22 * 60, 7 * 60)
PRIORITIES = ("P1", "P2", "P3")


def lives(count: int, seed: int) -> list[PublishedAlert]:
    """A topic: alerts that are raised, change and are withdrawn, all mixed up, numbered without gap."""
    chance = random.Random(seed)
    open_ones: dict[str, int] = {}
    told = []
    for seq in range(1, count + 1):
        if open_ones and chance.random() < 0.5:
            alert_id = chance.choice(sorted(open_ones))
            open_ones[alert_id] += 1
            change = "withdrawn" if chance.random() < 0.3 else "updated"
        else:
            alert_id, change = f"a-{seq}", "raised"
            open_ones[alert_id] = 1
        version = open_ones[alert_id]
        if change == "withdrawn":
            del open_ones[alert_id]
        told.append(
            alert(alert_id=alert_id, seq=seq, version=version, change=change, priority=chance.choice(PRIORITIES))
        )
    return told


def heard(provider: Provider) -> dict[str, list[tuple[int, str]]]:
    """What people saw of each alert, in the order they saw it."""
    found: dict[str, list[tuple[int, str]]] = {}
    for message_id in provider.order:
        for notice in provider.inbox[message_id].notices:
            found.setdefault(notice.alert_id, []).append((notice.version, notice.change))
    return found


def hold(topic: Sequence[PublishedAlert], provider: Provider, box: Outbox) -> None:
    """What has to be true when everything has been handed over."""
    assert set(box.counts()) <= {"sent", "delivered", "overtaken"}
    found = heard(provider)
    for alert_id in {one.alert_id for one in topic}:
        last = [one for one in topic if one.alert_id == alert_id][-1]
        seen = found.get(alert_id, [])
        versions = [version for version, _ in seen]
        # In order, and none twice.
        assert versions == sorted(set(versions)), alert_id
        if last.change == "withdrawn":
            # Who was told at all was told of the end.
            assert not seen or seen[-1] == (last.version, "withdrawn"), alert_id
        else:
            assert seen[-1] == (last.version, last.change), alert_id


# The database goes away and comes back.


class Process:
    """`deliver`, as one who reads and one who sends, with everything it knows in the database."""

    def __init__(self, engine: Engine, topic: Sequence[PublishedAlert], provider: Provider, clock: Clock) -> None:
        self._engine = engine
        self._topic = topic
        self._provider = provider
        self._clock = clock
        self.again()

    def again(self) -> None:
        """It died, and is started again."""
        self.box = outbox(self._engine)
        self._sender = sender(self.box, self._provider, self._clock)

    def read_on(self, count: int = 7) -> bool:
        """Some records from where the database says; whether there were any."""
        place = self.box.position(TOPIC, 0)
        start = 0 if place is None else place.next_offset
        some = list(enumerate(self._topic))[start : start + count]
        if some:
            self.box.take(TOPIC, 0, some, self._clock.now)
        return bool(some)

    def step(self) -> bool:
        """Read and send a little; False when there is nothing to do. Raises what the database raises."""
        read = self.read_on()
        self.box.gather(self._clock.now)
        return self._sender.send_next() or read


def drive(process: Process, clock: Clock) -> None:
    """Until nothing is left to do, whatever fails on the way."""
    idle = 0
    for _ in range(20_000):
        try:
            idle = 0 if process.step() else idle + 1
        except SQLAlchemyError:
            process.again()
        # Longer than a sender counts as alive, and than a provider is left alone.
        clock.on(20 * SECOND if idle else SECOND)
        if idle > 20:
            return
    raise AssertionError("it never ends")


@pytest.mark.parametrize("seed", range(6))
def test_a_database_that_fails_at_any_moment_loses_and_doubles_nothing(engine: Engine, seed: int):
    subscribe(engine, subscription())
    chance, clock, provider = random.Random(seed), Clock(), Provider()
    topic = lives(60, seed)
    process = Process(engine, topic, provider, clock)
    with shaky(engine, chance.random, 0.2) as failures:
        drive(process, clock)
    drive(process, clock)

    assert failures[0] > 5
    hold(topic, provider, process.box)


def test_a_database_that_is_down_is_waited_for_and_gone_on_with_from_its_own_place():
    """A server of its own, which is stopped in the middle of the work and started again."""
    topic, clock, provider = lives(60, 1), Clock(), Provider()
    with running_server(needed()) as server:
        engine = open_database(server.new_database("outage"))
        subscribe(engine, subscription())
        process = Process(engine, topic, provider, clock)
        for _ in range(3):
            process.step()
            clock.on(SECOND)
        was_told = len(provider.order)
        assert was_told > 0
        server.stop()
        for _ in range(3):
            with pytest.raises(OperationalError):
                process.step()
            process.again()
        assert len(provider.order) == was_told
        server.start()
        drive(process, clock)
        hold(topic, provider, process.box)
        engine.dispose()


# A burst.


@pytest.mark.parametrize("arrive", ["before", "while it is sent"])
def test_in_a_burst_whatever_is_most_urgent_goes_first(engine: Engine, arrive: str):
    """Ten times what a shift brings at once, and one message a second: of waiting ones P1 goes, always."""
    subscribe(engine, subscription())
    chance, clock, provider = random.Random(3), Clock(), Provider()
    topic = [
        alert(alert_id=f"a-{seq}", seq=seq, priority="P1" if chance.random() < 0.1 else chance.choice(PRIORITIES[1:]))
        for seq in range(1, 121)
    ]
    urgent = {one.alert_id for one in topic if one.priority == "P1"}
    process = Process(engine, topic, provider, clock)
    if arrive == "before":
        while process.read_on(50):
            pass
    waiting: list[int] = []
    while process.step():
        clock.on(SECOND)
        place = process.box.position(TOPIC, 0)
        read = {one.alert_id for one in topic[: place.next_offset if place else 0]}
        sent = [provider.inbox[one].notices[0].alert_id for one in provider.order]
        waiting.append(len(read & urgent - set(sent)))
        # While any P1 waits, nothing else is handed over.
        assert sent[-1] in urgent or not waiting[-1]

    hold(topic, provider, process.box)
    order = [provider.inbox[one].notices[0].priority for one in provider.order]
    if arrive == "before":
        assert order == sorted(order)
        assert order.index("P2") == len(urgent)
    else:
        # A P1 waits for those P1 that came with it, and for none of the others.
        assert max(waiting) < 7


# Clocks.


def box_at_night(engine: Engine) -> Outbox:
    subscribe(engine, subscription(quiet=NIGHT))
    return outbox(engine)


def given(box: Outbox, provider: Provider, clock: Clock, *alerts: PublishedAlert) -> list[Message]:
    """Take these, and hand over whatever goes."""
    place = box.position(TOPIC, 0)
    box.take(TOPIC, 0, list(enumerate(alerts, 0 if place is None else place.next_offset)), clock.now)
    return handed(box, provider, clock)


def handed(box: Outbox, provider: Provider, clock: Clock) -> list[Message]:
    before = len(provider.order)
    box.gather(clock.now)
    driver = sender(box, provider, clock)
    while driver.send_next():
        pass
    return [provider.inbox[one] for one in provider.order[before:]]


@pytest.mark.parametrize("back", [5 * MINUTE, HOUR, 30 * DAY_LENGTH])
def test_a_clock_that_is_set_back_keeps_nothing_waiting(engine: Engine, back: Instant):
    subscribe(engine, subscription())
    box, provider, clock = outbox(engine), Provider(), Clock()
    box.take(TOPIC, 0, [(0, alert(priority="P1", as_of=NOON))], clock.now)
    clock.on(-back)

    assert len(handed(box, provider, clock)) == 1


@pytest.mark.parametrize("back", [2 * HOUR, 30 * DAY_LENGTH])
def test_a_wait_that_a_wrong_clock_made_is_none(engine: Engine, back: Instant):
    subscribe(engine, subscription())
    box, clock = outbox(engine), Clock(NOON + back)
    box.take(TOPIC, 0, [(0, alert(priority="P1", as_of=clock.now))], clock.now)
    claimed = box.claim(clock.now)
    assert claimed is not None
    box.settle(claimed, TryAgain("unreachable"), clock.now, 0.5, confirms=False)
    clock.on(-back)

    assert len(handed(box, Provider(), clock)) == 1


def test_a_clock_that_is_set_back_a_little_keeps_a_wait_no_longer_than_there_is_any(engine: Engine):
    subscribe(engine, subscription())
    box, provider, clock = outbox(engine), Provider(lambda attempt: "429" if attempt == 1 else "takes"), Clock()
    assert given(box, provider, clock, alert(priority="P1", as_of=NOON)) == []
    clock.on(-20 * MINUTE)
    waited = 0
    while not handed(box, provider, clock):
        clock.on(MINUTE)
        waited += MINUTE

    assert 20 * MINUTE <= waited <= LONGEST_ASKED
    assert len(provider.asks) == 2


def test_a_clock_that_goes_over_the_end_of_quiet_hours_twice_tells_each_digest_once(engine: Engine):
    box, provider, clock = box_at_night(engine), Provider(), Clock(at(23))
    assert given(box, provider, clock, alert(as_of=at(23), priority="P3")) == []
    clock.now = at(7, 1, day=15)
    (first,) = handed(box, provider, clock)
    # Set back into the night: what comes now is held again, and what was told is not told again.
    clock.now = at(6, 50, day=15)
    second = alert(alert_id="a-2", seq=2, as_of=at(6, 50, day=15), priority="P3")
    assert given(box, provider, clock, second) == []
    clock.now = at(7, day=15)
    (digest,) = handed(box, provider, clock)

    assert [one.alert_id for one in first.notices] == [alert().alert_id]
    assert [one.alert_id for one in digest.notices] == ["a-2"]
    clock.now = at(7, 5, day=15)
    assert handed(box, provider, clock) == []


def test_a_clock_that_leaps_over_a_night_holds_nothing_longer(engine: Engine):
    box, provider, clock = box_at_night(engine), Provider(), Clock(at(22))
    given(box, provider, clock, alert(as_of=at(22), priority="P3"))
    clock.now = at(12, day=16)

    assert [one.form for one in handed(box, provider, clock)] == ["digest"]
    assert handed(box, provider, clock) == []


@pytest.mark.parametrize("ahead", [MINUTE, HOUR, DAY_LENGTH])
def test_an_alert_from_a_machine_whose_clock_is_ahead_is_told_at_once(engine: Engine, ahead: Instant):
    subscribe(engine, subscription())
    box, provider, clock, figures = outbox(engine), Provider(), Clock(), Figures()
    box.take(TOPIC, 0, [(0, alert(priority="P1", as_of=NOON + ahead))], clock.now)
    assert sender(box, provider, clock, figures).send_next()

    assert len(provider.order) == 1


# History.


def month(now: Instant) -> list[PublishedAlert]:
    """Alerts of thirty days, one every two hours, every third of them updated at once."""
    told: list[PublishedAlert] = []
    for hours in range(30 * 24, 0, -2):
        changes = {"alert_id": f"a-{hours}", "as_of": now - hours * HOUR, "priority": PRIORITIES[hours % 3]}
        told.append(alert(seq=len(told) + 1, **changes))
        if hours % 6 == 0:
            told.append(alert(seq=len(told) + 1, version=2, change="updated", **changes))
    return told


def test_a_replayed_month_pages_nobody_with_what_is_stale(engine: Engine):
    subscribe(engine, subscription())
    box, provider, clock, topic = outbox(engine), Provider(), Clock(), month(NOON)
    pages = given(box, provider, clock, *topic)
    clock.now = at(8, 30, day=15)
    digests = handed(box, provider, clock)
    paged = [notice for message in pages for notice in message.notices]
    read = [notice for message in digests for notice in message.notices]

    assert {message.form for message in pages} == {"single"}
    assert all(notice.as_of >= NOON - 24 * HOUR for notice in paged)
    assert all(notice.as_of >= NOON - 12 * HOUR for notice in paged if notice.priority in ("P1", "P2"))
    assert all(notice.as_of >= NOON - 7 * DAY_LENGTH for notice in read)
    # Each of the last week's once, as it was last, and nothing of the three weeks before.
    ids = [notice.alert_id for notice in paged + read]
    assert sorted(ids) == sorted({one.alert_id for one in topic if one.as_of >= NOON - 7 * DAY_LENGTH})


def test_a_month_that_is_replayed_into_a_topic_made_anew_tells_nothing_again(engine: Engine):
    subscribe(engine, subscription())
    box, provider, clock, topic = outbox(engine), Provider(), Clock(), month(NOON)
    given(box, provider, clock, *topic)
    clock.now = at(8, 30, day=15)
    handed(box, provider, clock)
    told = list(provider.order)
    box.begin_again(TOPIC, 0, box.position(TOPIC, 0), "another", clock.now)
    # The replay says when it said it, which is now.
    of_last_week = [one for one in topic if one.as_of >= NOON - 7 * DAY_LENGTH]
    again = [msgspec.structs.replace(one, as_of=clock.now) for one in of_last_week]
    given(box, provider, clock, *again)
    clock.now = at(8, 30, day=16)
    handed(box, provider, clock)

    assert provider.order == told


# Escalation.


def overdue(seq: int, number: int, to: str) -> PublishedAlert:
    handling = Handling(
        number=number, state="new", since=NOON, what="overdue", as_of=NOON, escalated_to=to, overdue=True
    )
    return alert(
        seq=seq, change="updated", reason="overdue", priority="P1", as_of=NOON + number * MINUTE, handling=handling
    )


@pytest.mark.parametrize("dies", ["before it is handed over", "after it is handed over"])
def test_an_escalation_that_a_restart_falls_into_is_told_rung_by_rung_and_once(place: str, dies: str):
    topic = [alert(priority="P1"), overdue(2, 2, "inspector"), overdue(3, 3, "superintendent"),
             withdrawn(seq=4, as_of=NOON + 4 * MINUTE)]  # fmt: skip
    behaves = {1: "dies", 3: "dies"} if dies.startswith("after") else {1: "drops", 3: "drops"}
    provider, clock = Provider(lambda attempt: behaves.get(attempt, "takes")), Clock()
    for upto in range(1, len(topic) + 1):
        # Each record comes to a process of its own, which finds everything in the database.
        engine = open_database(place)
        if upto == 1:
            subscribe(engine, subscription())
        process = Process(engine, topic[:upto], provider, clock)
        for _ in range(20):
            try:
                process.step()
            except Died:
                process.again()
            clock.on(10 * SECOND)
        engine.dispose()

    told = [(one.version, one.number, one.change) for each in provider.order for one in provider.inbox[each].notices]
    assert told == [(1, 0, "raised"), (1, 2, "updated"), (1, 3, "updated"), (2, 0, "withdrawn")]
    assert len(provider.asks) == 6
