"""Delivery's database loses what was told long ago and is over, and nothing that stands, waits or is held."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, func, select
from tests.delivery.making import NOON, TOPIC, alert, outbox, subscription, withdrawn
from tests.delivery.test_owed import owed

from safety_stream.core.model.times import DAY_LENGTH
from safety_stream.delivery.model import Taken
from safety_stream.delivery.outbox import Outbox
from safety_stream.delivery.purging import is_due, purge
from safety_stream.delivery.subscriptions import subscribe
from safety_stream.delivery.tables import MESSAGES, NOTICES, OWED

LATER = NOON + DAY_LENGTH
OVER, STANDS, WAITS, YOUNG = (f"3f1c8a6e-0000-5000-8000-00000000000{number}" for number in range(1, 5))


@pytest.fixture
def box(engine: Engine) -> Outbox:
    subscribe(engine, subscription())
    return outbox(engine)


def take_all(box: Outbox) -> None:
    while (claimed := box.claim(NOON)) is not None:
        box.settle(claimed, Taken("p-1"), NOON, 0.5, confirms=False)


def told(box: Outbox, *alerts: object) -> None:
    start = box.position(TOPIC, 0)
    box.take(TOPIC, 0, list(enumerate(alerts, 0 if start is None else start.next_offset)), NOON)  # type: ignore[arg-type]


def left(engine: Engine) -> set[str]:
    with engine.connect() as db:
        return set(db.execute(select(NOTICES.c.alert_id)).scalars())


def messages(engine: Engine) -> int:
    with engine.connect() as db:
        return int(db.execute(select(func.count()).select_from(MESSAGES)).scalar_one())


def test_what_is_over_goes_with_its_messages_and_what_stands_waits_or_is_young_stays(engine: Engine, box: Outbox):
    told(box, alert(alert_id=OVER), alert(alert_id=STANDS, seq=2), alert(alert_id=YOUNG, seq=3))
    take_all(box)
    told(box, withdrawn(alert_id=OVER, seq=4), withdrawn(alert_id=YOUNG, seq=5, as_of=LATER))
    take_all(box)
    told(box, alert(alert_id=WAITS, seq=6))
    assert (is_due(engine, NOON), is_due(engine, LATER)) == (False, True)
    assert purge(engine, LATER, frozenset({OVER})) == 0
    assert purge(engine, LATER, frozenset()) == 1

    assert left(engine) == {STANDS, YOUNG, WAITS}
    assert messages(engine) == 4
    assert purge(engine, LATER, frozenset()) == 0


def test_the_withdrawal_of_what_stands_still_finds_whom_to_tell(engine: Engine, box: Outbox):
    told(box, alert(alert_id=STANDS))
    take_all(box)
    purge(engine, LATER, frozenset())
    told(box, withdrawn(alert_id=STANDS, as_of=LATER))

    claimed = box.claim(LATER)
    assert claimed is not None
    assert [one.change for one in claimed.message.notices] == ["withdrawn"]


def test_what_was_owed_long_ago_goes_once_it_was_told(engine: Engine, box: Outbox):
    box.owe("desk", [owed(1), owed(2, alert_id=STANDS)], NOON, priority="P3")
    purge(engine, LATER, frozenset())
    assert messages(engine) == 1
    take_all(box)
    purge(engine, LATER, frozenset({owed(1).alert_id}))
    assert messages(engine) == 1, "of what is held it stays on record who was told"
    purge(engine, LATER, frozenset())

    assert messages(engine) == 0
    with engine.connect() as db:
        assert db.execute(select(OWED.c.owed_id)).first() is None
