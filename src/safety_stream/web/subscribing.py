"""What pages ask of delivery, which keeps subscriptions: somebody else fills it in, as pages know nothing of delivery.

What may be subscribed to is not decided here: a wish with mistakes comes back with each of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

import msgspec
from starlette.datastructures import FormData

from safety_stream.core.model.times import Instant
from safety_stream.core.subscribing import Kept, Wish

ANY_ADDRESS: Final = "any"
"""The address of a way whose own address is stated with the subscription."""


class Way(msgspec.Struct, frozen=True):
    """A channel that is set up, and an address of its; `ANY_ADDRESS` where one is stated outright."""

    channel: str
    title: str
    address: str

    @property
    def value(self) -> str:
        """What a form calls it."""
        return f"{self.channel}:{self.address}"


class Made(msgspec.Struct, frozen=True):
    """A subscription that was made, and what its messages are signed with: told once, and kept nowhere."""

    subscription_id: str
    secret: str | None


class NotThere(Exception):
    """There is no such subscription any more."""


class Subscriptions(Protocol):
    """Whoever keeps subscriptions. Threads may share it; its database may fail as the pages' own does."""

    def kept(self) -> Sequence[Kept]:
        """Every one that has not ended, the oldest first."""

    def ways(self) -> Sequence[Way]:
        """How somebody can be told."""

    def add(self, wish: Wish, now: Instant) -> Made:
        """Keep what was asked for, from now on. Raises `NoSubscription`."""

    def change(self, subscription_id: str, wish: Wish) -> None:
        """Keep it as it is asked for now; whose alerts and where to stay. Raises `NoSubscription` and `NotThere`."""

    def end(self, subscription_id: str, now: Instant) -> None:
        """End it. Raises `NotThere`."""


def wish_of(form: FormData, audience: str) -> Wish:
    """What a form asks for, of this audience."""
    channel, _, address = text_of(form, "to").partition(":")
    return Wish(
        audience=audience,
        channel=channel,
        address=text_of(form, "url") if address == ANY_ADDRESS else address,
        areas=_all_of(form, "areas"),
        families=_all_of(form, "families"),
        priorities=_all_of(form, "priorities"),
        markings=_all_of(form, "markings"),
        quiet_from=text_of(form, "quiet_from"),
        quiet_until=text_of(form, "quiet_until"),
        digest_at=text_of(form, "digest_at"),
    )


def way_of(wish: Wish, ways: Sequence[Way]) -> str:
    """Which of the ways a wish goes, as a form calls it."""
    values = {one.value for one in ways}
    named, stated = f"{wish.channel}:{wish.address}", f"{wish.channel}:{ANY_ADDRESS}"
    return named if named in values else stated if stated in values else ""


def text_of(form: Mapping[str, object], name: str) -> str:
    """What was written in a field."""
    value = form.get(name, "")
    return value.strip() if isinstance(value, str) else ""


def _all_of(form: FormData, name: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one for one in form.getlist(name) if isinstance(one, str)))
