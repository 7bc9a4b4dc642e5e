"""Subscriptions as rows people edit."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from sqlalchemy import Connection, Engine, insert, select, update
from sqlalchemy.engine import RowMapping

from safety_stream.core.model.times import Instant
from safety_stream.delivery.database import reading
from safety_stream.delivery.model import Quiet, Subscription
from safety_stream.delivery.tables import MESSAGES, NOTICES, SUBSCRIPTIONS


class NoSuchSubscription(Exception):
    """Nobody subscribed under that id."""


def subscribe(engine: Engine, subscription: Subscription) -> None:
    """Add a subscription; one that is there already under this id is changed to it."""
    row = _row(subscription)
    with engine.begin() as db:
        found = db.execute(
            update(SUBSCRIPTIONS).where(SUBSCRIPTIONS.c.subscription_id == subscription.subscription_id).values(row)
        )
        if found.rowcount == 0:
            db.execute(insert(SUBSCRIPTIONS).values(row))
        # Where somebody is reached may have been wrong, and that be why a message still waits.
        db.execute(
            update(MESSAGES)
            .where(MESSAGES.c.subscription_id == subscription.subscription_id)
            .where(MESSAGES.c.channel == subscription.channel)
            .where(MESSAGES.c.status.in_(("waiting", "failed")))
            .values(address=subscription.address)
        )


def alter(engine: Engine, subscription: Subscription) -> None:
    """Change a subscription that has not ended. Raises `NoSuchSubscription` where it has meanwhile."""
    row = {name: value for name, value in _row(subscription).items() if name != "ended"}
    with engine.begin() as db:
        found = db.execute(
            update(SUBSCRIPTIONS)
            .where(SUBSCRIPTIONS.c.subscription_id == subscription.subscription_id, SUBSCRIPTIONS.c.ended.is_(None))
            .values(row)
        )
    if found.rowcount == 0:
        raise NoSuchSubscription("the subscription has ended: make another")


def the_one(engine: Engine, beginning: str) -> Subscription:
    """The subscription whose id begins so and that has not ended. Raises `NoSuchSubscription` for none or several."""
    meant = [one for one in subscriptions(engine) if one.subscription_id.startswith(beginning) and one.ended is None]
    if len(meant) != 1:
        raise NoSuchSubscription(
            f"{beginning} begins {len(meant) or 'no'} subscription{'s' if len(meant) != 1 else ''}: "
            "see `safety-stream alerts subscriptions`"
        )
    return meant[0]


def unsubscribe(engine: Engine, beginning: str, now: Instant) -> Subscription:
    """End the subscription whose id begins so. Raises `NoSuchSubscription` as `the_one` does."""
    ended = msgspec.structs.replace(the_one(engine, beginning), ended=now)
    with engine.begin() as db:
        db.execute(
            update(SUBSCRIPTIONS).where(SUBSCRIPTIONS.c.subscription_id == ended.subscription_id).values(ended=now)
        )
        # What was held for them is not wanted any more, but for the end of what they were told.
        db.execute(
            update(NOTICES)
            .where(NOTICES.c.subscription_id == ended.subscription_id)
            .where(NOTICES.c.message_id.is_(None), NOTICES.c.change != "withdrawn")
            .values(is_overtaken=True)
        )
    return ended


def subscriptions(engine: Engine) -> list[Subscription]:
    """All there are and were, the oldest first."""
    with reading(engine).connect() as db:
        return read_subscriptions(db)


def read_subscriptions(db: Connection, audience: str | None = None) -> list[Subscription]:
    """The same within a transaction, of one audience or of all."""
    query = select(SUBSCRIPTIONS).order_by(SUBSCRIPTIONS.c.since, SUBSCRIPTIONS.c.subscription_id)
    if audience is not None:
        query = query.where(SUBSCRIPTIONS.c.audience == audience)
    return [_subscription(row) for row in db.execute(query).mappings()]


def _row(subscription: Subscription) -> Mapping[str, object]:
    row = msgspec.structs.asdict(subscription)
    quiet = row.pop("quiet")
    row["quiet_starts"], row["quiet_ends"] = (None, None) if quiet is None else (quiet.starts, quiet.ends)
    return {name: list(value) if isinstance(value, tuple) else value for name, value in row.items()}


def _subscription(row: RowMapping) -> Subscription:
    fields = {name: row[name] for name in Subscription.__struct_fields__ if name != "quiet"}
    starts, ends = row["quiet_starts"], row["quiet_ends"]
    return msgspec.convert(fields | {"quiet": None if starts is None else Quiet(starts, ends)}, Subscription)
