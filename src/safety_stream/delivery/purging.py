"""What of delivery's database is older than its class allows goes, a slice at a time, but for what is held.

An alert goes with all notices and messages of it that tell of nothing else, and only when its withdrawal has been told,
or nobody was ever told of it, and nothing of it waits any more. What still stands stays, however old: its withdrawal
has to find whom to tell. Nothing here says whom an alert is about, so which alerts a hold keeps is known to the pages'
copy, and given here as `held`.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from sqlalchemy import Engine, and_, delete, exists, func, not_, or_, select

from safety_stream.core.model.times import Instant
from safety_stream.delivery.database import reading
from safety_stream.delivery.tables import MESSAGES, NOTICES, OWED

SLICE: Final = 200
"""Alerts that one transaction takes away at most."""

_LIVE: Final = ("waiting", "sending", "failed")


def is_due(engine: Engine, before: Instant) -> bool:
    """Whether anything was told before then at all: nearly always nothing was, and nobody has to ask what is held."""
    with reading(engine).connect() as db:
        return any(
            db.execute(select(column).where(column < before).limit(1)).first() is not None
            for column in (NOTICES.c.as_of, MESSAGES.c.made_at)
        )


def purge(engine: Engine, before: Instant, held: Collection[str]) -> int:
    """Take away one slice of what was told before then; how many alerts' worth."""
    notices, messages, owed = NOTICES.c, MESSAGES.c, OWED.c
    newer, sent = NOTICES.alias("newer").c, MESSAGES.alias("sent").c
    last = NOTICES.alias("last").c
    is_over = or_(
        # Its end is on record, and what came after it says nothing else.
        exists().where(last.alert_id == notices.alert_id, last.change == "withdrawn"),
        not_(exists().where(last.alert_id == notices.alert_id, last.message_id.is_not(None))),
    )
    waits = exists().where(
        newer.alert_id == notices.alert_id,
        or_(
            newer.as_of >= before,
            and_(newer.message_id.is_(None), newer.is_overtaken.is_(False)),
            exists().where(sent.message_id == newer.message_id, sent.status.in_(_LIVE)),
        ),
    )
    with engine.begin() as db:
        chosen = select(notices.alert_id).where(notices.as_of < before, is_over, not_(waits))
        if held:
            chosen = chosen.where(notices.alert_id.not_in(sorted(held)))
        old = (
            db.execute(chosen.group_by(notices.alert_id).order_by(func.min(notices.as_of)).limit(SLICE)).scalars().all()
        )
        if old:
            told_in = select(notices.message_id).where(notices.alert_id.in_(old), notices.message_id.is_not(None))
            ids = db.execute(told_in.distinct()).scalars().all()
            db.execute(delete(NOTICES).where(notices.alert_id.in_(old)))
            # A digest may tell of others, too.
            db.execute(
                delete(MESSAGES).where(
                    messages.message_id.in_(ids), not_(exists().where(notices.message_id == messages.message_id))
                )
            )
        # What was owed is told once by its row: without it whoever owes it still would be told anew, so only what is
        # settled for long, as far as its age tells.
        late = select(owed.message_id).join(MESSAGES, messages.message_id == owed.message_id)
        late = late.where(messages.made_at < before, messages.status.not_in(_LIVE)).distinct().limit(SLICE)
        if held:
            # One message may tell of a held alert and of others.
            beside = OWED.alias().c
            late = late.where(
                not_(exists().where(beside.message_id == owed.message_id, beside.alert_id.in_(sorted(held))))
            )
        done = db.execute(late).scalars().all()
        if done:
            db.execute(delete(OWED).where(owed.message_id.in_(done)))
            db.execute(delete(MESSAGES).where(messages.message_id.in_(done)))
    return len(old)
