"""The driver against providers that lie, stall, drop and answer 429 or 500: nothing is lost, nothing doubled."""

from __future__ import annotations

import random
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from tests.delivery.making import NOON, TOPIC, Clock, Died, Figures, Provider, alert, outbox, sender, subscription

from safety_stream.core.model.times import HOUR, MINUTE, SECOND, Instant
from safety_stream.delivery.database import open_database
from safety_stream.delivery.outbox import LEASE, Outbox
from safety_stream.delivery.subscriptions import subscribe

STEP = 5 * SECOND


def alerts(count: int, seed: int = 0):
    chance = random.Random(seed)
    return [
        alert(alert_id=f"a-{number}", seq=number, priority=chance.choice(["P1", "P2", "P3"]))
        for number in range(1, count + 1)
    ]


def filled(engine: Engine, count: int) -> Outbox:
    subscribe(engine, subscription())
    box = outbox(engine)
    box.take(TOPIC, 0, list(enumerate(alerts(count))), NOON)
    return box


def run(box: Outbox, provider: Provider, clock: Clock, until: Instant, figures: Figures | None = None) -> None:
    """Drive it every few seconds; a driver that dies is started again."""
    driver = sender(box, provider, clock, figures)
    while clock.now < until:
        try:
            while driver.send_next():
                pass
            driver.ask_next()
        except Died:
            driver = sender(box, provider, clock, figures)
        clock.on(STEP)


def test_a_provider_that_takes_everything_is_given_everything_once(engine: Engine):
    box, provider, figures = filled(engine, 20), Provider(), Figures()
    run(box, provider, Clock(), NOON + 2 * MINUTE, figures)

    assert box.counts() == {"delivered": 20}
    assert len(provider.asks) == len(provider.inbox) == 20
    assert figures.seconds == [0.0] * 20
    assert figures.ends == ["delivered"] * 20


@pytest.mark.parametrize("trouble", ["drops", "stalls", "429", "500"])
def test_a_provider_down_for_an_hour_is_caught_up_in_order_of_priority(engine: Engine, trouble: str):
    clock = Clock()
    provider = Provider(lambda _: trouble if clock.now < NOON + HOUR else "takes")
    box = filled(engine, 60)
    run(box, provider, clock, NOON + HOUR)
    # It is asked now and then, and not once for every message.
    assert len(provider.asks) < 60
    before = set(provider.inbox)
    run(box, provider, clock, NOON + HOUR + 10 * MINUTE)

    assert box.counts() == {"delivered": 60}
    assert len(provider.inbox) == 60
    late = [provider.inbox[one].notices[0].priority for one in provider.order if one not in before]
    # The first is whichever was tried to see whether it is back.
    assert late[1:] == sorted(late[1:])


def test_a_provider_that_lies_is_found_out(engine: Engine):
    box, provider, figures = filled(engine, 3), Provider(lambda _: "lies"), Figures()
    run(box, provider, Clock(), NOON + 5 * MINUTE, figures)
    assert box.counts() == {"sent": 3}
    clock = Clock(NOON + 4 * HOUR + SECOND)
    run(box, provider, clock, clock.now + 2 * SECOND, figures)

    assert box.counts() == {"given-up": 3}
    assert figures.ends == ["given-up"] * 3
    # It may only be slow: whoever was told once is not told twice.
    assert len(provider.asks) == 3


def test_what_is_refused_is_given_up_and_the_rest_goes_on(engine: Engine):
    box = filled(engine, 5)
    provider = Provider(lambda attempt: "refuses" if attempt == 2 else "takes")
    run(box, provider, Clock(), NOON + 2 * MINUTE)

    assert box.counts() == {"delivered": 4, "given-up": 1}


def test_a_sender_that_dies_after_handing_over_sends_the_same_id_again(engine: Engine):
    box, provider = filled(engine, 1), Provider(lambda attempt: "dies" if attempt == 1 else "takes")
    run(box, provider, Clock(), NOON + LEASE + 2 * MINUTE)

    assert len(provider.asks) == 2
    assert len(set(provider.asks)) == len(provider.inbox) == 1
    assert box.counts() == {"delivered": 1}


def test_what_no_provider_takes_in_time_is_given_up_and_said(engine: Engine):
    box, provider, figures = filled(engine, 2), Provider(lambda _: "drops"), Figures()
    clock = Clock()
    driver = sender(box, provider, clock, figures)
    while clock.now < NOON + 25 * HOUR:
        while driver.send_next():
            pass
        clock.on(MINUTE)

    assert box.counts() == {"given-up": 2}
    assert figures.ends == ["given-up"] * 2


def test_a_channel_that_is_not_set_up_keeps_what_it_is_to_tell(engine: Engine):
    subscribe(engine, subscription(channel="pigeon"))
    box = outbox(engine)
    box.take(TOPIC, 0, [(0, alert())], NOON)
    figures = Figures()
    sender(box, Provider(), Clock(), figures).send_next()

    assert box.counts() == {"failed": 1}
    assert figures.attempts == [("pigeon", "shut-out")]


def test_many_senders_and_a_reader_at_once_double_nothing(place: str):
    engine = open_database(place)
    box, provider = filled(engine, 40), Provider()
    failures: list[Exception] = []

    def send() -> None:
        driver = sender(box, provider, Clock())
        try:
            while box.oldest_untaken() is not None:
                driver.send_next()
        except Exception as error:  # noqa: BLE001 - told to the test
            failures.append(error)

    def read() -> None:
        try:
            for number in range(41, 61):
                box.take(TOPIC, 0, [(number - 1, alert(alert_id=f"a-{number}", seq=number))], NOON)
                box.gather(NOON)
        except Exception as error:  # noqa: BLE001 - as above
            failures.append(error)

    threads = [threading.Thread(target=one) for one in (read, send, send, send)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    send()
    engine.dispose()

    assert failures == []
    assert sorted(provider.asks) == sorted(provider.inbox)
    assert len(provider.inbox) == 60


@settings(max_examples=25)
@given(
    count=st.integers(1, 12),
    behaviours=st.lists(st.sampled_from(["takes", "stalls", "drops", "429", "500", "dies"]), max_size=30),
)
def test_whatever_a_provider_does_nothing_is_lost_and_nothing_comes_twice(count: int, behaviours: list[str]):
    engine = open_database("sqlite://")
    box = filled(engine, count)
    provider = Provider(lambda attempt: behaviours[attempt - 1] if attempt <= len(behaviours) else "takes")
    clock = Clock()
    while box.oldest_untaken() is not None and clock.now < NOON + 20 * HOUR:
        run(box, provider, clock, clock.now + SECOND)
        clock.on(55 * SECOND)
    engine.dispose()

    assert len(provider.inbox) == count
    assert len(provider.order) == count
