"""Who must be able to hear of alerts, and cannot: an audience of P1 or a rung of a ladder that nobody subscribed to.

An alert climbs to whoever the catalogue names. Whether anybody is there to be told stands in subscriptions, which
people edit, and in the settings of channels; so it is looked at while delivery runs, and not when the catalogue is
checked. A subscription that is narrowed to some areas, families or markings counts: others may have the rest.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Final, Literal

import msgspec

from safety_stream.core.alerts.handling import Policy
from safety_stream.core.catalogue import Audience
from safety_stream.core.model.findings import Priority
from safety_stream.delivery.channels import CHANNELS, provider_of
from safety_stream.delivery.model import Subscription
from safety_stream.delivery.settings import DeliverySettings

MOST_URGENT: Final[Priority] = "P1"

Lack = Literal["nobody", "unread", "no-channel", "failing"]
"""Nobody subscribed; somebody did, and what they are to be told cannot be read; no channel or address of whoever did is
set up; or every provider of them has failed last."""

IN_WORDS: Final[dict[Lack, str]] = {
    "nobody": "nobody subscribed",
    "unread": "the topic of its alerts is not there, or not for this process to read",
    "no-channel": "no channel or address of whoever subscribed is set up",
    "failing": "every provider of whoever subscribed has failed",
}


class Unheard(msgspec.Struct, frozen=True):
    """Of an audience's alerts of this priority nobody hears, and why."""

    audience: str
    priority: Priority
    why: Lack


def to_be_heard(
    audiences: Iterable[Audience], policy: Policy, office: str = "", unread: Collection[str] = frozenset()
) -> list[tuple[str, Priority]]:
    """Each audience of P1 and each rung of a ladder, with the priority it must be able to hear of; sorted.

    So must the `office` that answers for the data, if there is one: of alerts opened in an emergency. And so must
    whoever subscribed to an audience that cannot be read, of whatever priority: they wait for it.
    """
    always = {(one.id, MOST_URGENT) for one in audiences if one.hears == "always" and MOST_URGENT in one.priorities}
    always |= {(office, MOST_URGENT)} if office else set()
    rungs = {(rung.to, priority) for priority, one in policy.clocks.items() for rung in one.ladder}
    told = {name for name, _ in always | rungs}
    return sorted(always | rungs | {(name, MOST_URGENT) for name in unread if name not in told})


def unheard(
    needed: Iterable[tuple[str, Priority]],
    subscriptions: Iterable[Subscription],
    settings: DeliverySettings,
    failing: Collection[str] = frozenset(),
    unread: Collection[str] = frozenset(),
) -> Iterator[Unheard]:
    """Those of the needed nobody is told of.

    `failing` are providers that took nothing when they were last asked, `unread` audiences whose alerts nobody reads.
    """
    live = [one for one in subscriptions if one.ended is None]
    for audience, priority in needed:
        asked = [one for one in live if one.audience == audience and priority in (one.priorities or (priority,))]
        reached = [one for one in asked if _is_set_up(one, settings)]
        if audience in unread:
            yield Unheard(audience, priority, "unread")
        elif not asked:
            yield Unheard(audience, priority, "nobody")
        elif not reached:
            yield Unheard(audience, priority, "no-channel")
        elif all(provider_of(one.channel, one.address) in failing for one in reached):
            yield Unheard(audience, priority, "failing")


def _is_set_up(subscription: Subscription, settings: DeliverySettings) -> bool:
    kind = CHANNELS.get(subscription.channel)
    if kind is None or kind.make(settings) is None:
        return False
    return kind.takes_any_address or subscription.address in settings.addresses
