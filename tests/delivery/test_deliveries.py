"""What became of a number of a feed: which messages told it, for a certificate of what was put right."""

from __future__ import annotations

from sqlalchemy import Engine
from tests.delivery.making import NOON, TOPIC, alert, outbox, subscription, withdrawn

from safety_stream.delivery.deliveries import deliveries_of
from safety_stream.delivery.model import Taken
from safety_stream.delivery.subscriptions import subscribe


def test_a_withdrawal_leads_to_the_message_that_told_it_and_to_no_other(engine: Engine):
    subscribe(engine, subscription())
    box = outbox(engine)
    for offset, news in enumerate((alert(), withdrawn())):
        box.take(TOPIC, 0, [(offset, news)], NOON)
        claimed = box.claim(NOON)
        assert claimed is not None
        box.settle(claimed, Taken("p-1"), NOON + offset, 0.5, confirms=False)

    (told,) = deliveries_of(engine, [("desk", 2), ("desk", 2), ("desk", 9), ("others", 2)])

    assert (told.audience, told.seq, told.status, told.sent_at) == ("desk", 2, "sent", NOON + 1)
    assert [one.seq for one in deliveries_of(engine, [("desk", 2), ("desk", 1)])] == [1, 2]
