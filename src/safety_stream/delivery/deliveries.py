"""What became of some numbers of a feed: by which channel somebody was sent them, and how far that has come."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Engine, select

from safety_stream.core.putting_right import Delivery
from safety_stream.delivery.database import reading
from safety_stream.delivery.tables import MESSAGES, NOTICES


def deliveries_of(engine: Engine, numbers: Iterable[tuple[str, int]]) -> list[Delivery]:
    """The messages of these numbers, each an audience's and its own, sorted; the same message may tell several."""
    of, sent = NOTICES.c, MESSAGES.c
    asked = (
        select(of.audience, of.seq, sent.channel, sent.status, sent.sent_at, sent.message_id)
        .join(MESSAGES, sent.message_id == of.message_id)
        .order_by(sent.made_at, sent.message_id)
    )
    found = []
    with reading(engine).connect() as db:
        for audience, seq in sorted(set(numbers)):
            rows = db.execute(asked.where(of.audience == audience, of.seq == seq)).mappings()
            found += [Delivery(**row) for row in rows]
    return found
