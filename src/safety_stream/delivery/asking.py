"""From what somebody asks for to a subscription that is kept: the one door, whoever stands before it.

The command line and the pages both come here, so what one of them refuses the other does, in the same words.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from msgspec.structs import replace
from sqlalchemy import Engine

from safety_stream.catalogue.delivering import minute_of_text
from safety_stream.core.catalogue import Catalogue
from safety_stream.core.delivering import MinuteOfDay
from safety_stream.core.model.times import Instant
from safety_stream.core.subscribing import Kept, Mistake, NoSubscription, Wish, mistakes_of
from safety_stream.delivery.channels import CHANNELS, webhook
from safety_stream.delivery.model import Quiet, Subscription, subscription_id
from safety_stream.delivery.settings import DeliverySettings
from safety_stream.delivery.subscriptions import alter, subscribe, subscriptions, the_one


def ask(engine: Engine, wish: Wish, known: Catalogue, settings: DeliverySettings, now: Instant) -> Subscription:
    """Keep what somebody asks for, from now on. Raises `NoSubscription`."""
    mistakes = [*mistakes_of(wish, known), *_unreachable(wish, settings), *_untimely(wish)]
    if not mistakes and any(_in_order(one.wish) == _in_order(wish) for one in kept(engine)):
        mistakes = [Mistake("to", "there is such a subscription already: it is told once, and once is enough")]
    if mistakes:
        raise NoSubscription(mistakes)
    made = _subscription(wish, subscription_id(wish.audience, wish.channel, wish.address, now), now)
    subscribe(engine, made)
    return made


def ask_otherwise(engine: Engine, beginning: str, wish: Wish, known: Catalogue) -> Subscription:
    """Change what is told, of a subscription that has not ended: whose alerts and where to stay as they are.

    Raises `NoSubscription`, and `NoSuchSubscription` as `the_one` does.
    """
    before = the_one(engine, beginning)
    wish = replace(wish, audience=before.audience, channel=before.channel, address=before.address)
    mistakes = [*mistakes_of(wish, known), *_untimely(wish)]
    if mistakes:
        raise NoSubscription(mistakes)
    changed = _subscription(wish, before.subscription_id, before.since)
    alter(engine, changed)
    return changed


def kept(engine: Engine) -> list[Kept]:
    """Every subscription that has not ended, the oldest first."""
    return [kept_as(one) for one in subscriptions(engine) if one.ended is None]


def kept_as(subscription: Subscription) -> Kept:
    """A subscription as it would be written."""
    quiet = subscription.quiet
    return Kept(
        subscription.subscription_id,
        subscription.since,
        Wish(
            audience=subscription.audience,
            channel=subscription.channel,
            address=subscription.address,
            areas=subscription.areas,
            families=subscription.families,
            priorities=subscription.priorities,
            markings=subscription.markings,
            quiet_from="" if quiet is None else clock(quiet.starts),
            quiet_until="" if quiet is None else clock(quiet.ends),
            digest_at="" if subscription.digest_at is None else clock(subscription.digest_at),
        ),
    )


def quiet_of(starts: str, ends: str) -> Quiet | None:
    """Quiet hours as written; None for none. Raises `ValueError`."""
    if not starts and not ends:
        return None
    if not starts or not ends:
        raise ValueError("quiet hours have a beginning and an end: write both, 22:00 and 07:00, or neither")
    return Quiet(minute_of_text(starts), minute_of_text(ends))


def secret_of(subscription: Subscription, settings: DeliverySettings) -> str | None:
    """What a web hook's messages are signed with, to be shown once; None for other channels."""
    if subscription.channel != "webhook" or settings.webhook is None:
        return None
    return webhook.secret_of(settings.webhook.key, subscription.subscription_id)


def clock(minute: MinuteOfDay) -> str:
    """`08:30`."""
    return f"{minute // 60:02}:{minute % 60:02}"


def _subscription(wish: Wish, identity: str, since: Instant) -> Subscription:
    """A subscription of a wish without mistakes."""
    fields = {
        "subscription_id": identity,
        "audience": wish.audience,
        "channel": wish.channel,
        "address": wish.address,
        "since": since,
        "areas": wish.areas,
        "families": wish.families,
        "priorities": wish.priorities,
        "markings": wish.markings,
        "quiet": quiet_of(wish.quiet_from, wish.quiet_until),
        "digest_at": minute_of_text(wish.digest_at) if wish.digest_at else None,
    }
    return msgspec.convert(fields, Subscription)


def _in_order(wish: Wish) -> Wish:
    """The wish however its choices were listed."""
    return replace(
        wish,
        areas=tuple(sorted(wish.areas)),
        families=tuple(sorted(wish.families)),
        priorities=tuple(sorted(wish.priorities)),
        markings=tuple(sorted(wish.markings)),
    )


def _untimely(wish: Wish) -> Iterator[Mistake]:
    try:
        quiet_of(wish.quiet_from, wish.quiet_until)
    except ValueError as error:
        yield Mistake("quiet", str(error))
    try:
        if wish.digest_at:
            minute_of_text(wish.digest_at)
    except ValueError as error:
        yield Mistake("digest_at", str(error))


def _unreachable(wish: Wish, settings: DeliverySettings) -> Iterator[Mistake]:
    kind = CHANNELS.get(wish.channel)
    if not wish.channel:
        yield Mistake("to", "choose how to be told")
    elif kind is None:
        yield Mistake("to", f"there is no channel {wish.channel}, only {', '.join(CHANNELS)}")
    elif kind.make(settings) is None:
        yield Mistake("to", f"{wish.channel} is not set up: state `{wish.channel}:` in the file named by --delivery")
    elif wish.address in settings.addresses:
        return
    elif not kind.takes_any_address:
        yield Mistake(
            "to", f"{wish.address} is no address: name one under `addresses:` in the file named by --delivery"
        )
    else:
        try:
            webhook.checked(
                wish.address, private_addresses=settings.webhook is not None and settings.webhook.private_addresses
            )
        except webhook.Unreachable as error:
            yield Mistake("to", str(error))
