"""The driver of the outbox: takes what is due, gives it to its channel, and writes down what came of it.

It has no clock and no chance of its own, and never waits: whoever runs it does, and may run it in several threads. What
a channel raises against its contract is a failure like any other, after which nobody knows what the provider has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import structlog

from safety_stream.core.model.findings import Priority
from safety_stream.core.model.times import SECOND, Instant
from safety_stream.delivery.channels import CHANNELS
from safety_stream.delivery.channels.channel import Channel, Kind
from safety_stream.delivery.model import (
    GiveUp,
    Message,
    Outcome,
    Status,
    Subscription,
    TryAgain,
    Whereabouts,
    trial_id,
)
from safety_stream.delivery.outbox import Claimed, Outbox
from safety_stream.delivery.settings import DeliverySettings


class Observer(Protocol):
    """Whoever keeps figures of delivery."""

    def attempted(self, channel: str, came_of_it: str) -> None:
        """An attempt ended: "taken", or why not."""

    def handed_over(self, priority: Priority, seconds: float) -> None:
        """A message about one alert was taken by a provider, so long after the alert was published."""

    def ended(self, channel: str, status: Status) -> None:
        """A message came to an end: delivered, or given up."""


class Sender:
    """Sends what is due in an outbox. `clock` gives milliseconds since the epoch, `chance` a number from 0 to 1."""

    def __init__(
        self,
        outbox: Outbox,
        channels: Mapping[str, Channel],
        addresses: Mapping[str, str],
        *,
        clock: Callable[[], Instant],
        chance: Callable[[], float],
        observer: Observer,
        kinds: Mapping[str, Kind] = CHANNELS,
    ) -> None:
        self._outbox = outbox
        self._channels = channels
        self._addresses = addresses
        self._clock = clock
        self._chance = chance
        self._observer = observer
        self._kinds = kinds
        self._log = structlog.get_logger()

    def send_next(self) -> bool:
        """Try the most urgent message that is due; False when there is none."""
        claimed = self._outbox.claim(self._clock())
        if claimed is None:
            return False
        outcome = self._attempt(claimed)
        confirms = claimed.channel in self._kinds and self._kinds[claimed.channel].confirms
        status = self._outbox.settle(claimed, outcome, self._clock(), self._chance(), confirms=confirms)
        self._tell(claimed, outcome, status)
        return True

    def ask_next(self) -> bool:
        """Ask providers where the messages are that are due to be asked after; False when there are none."""
        asked = self._outbox.to_ask(self._clock())
        for one in asked:
            status = self._outbox.answer(one, self._where(one.channel, one.provider_id), self._clock())
            if status != "sent":
                self._observer.ended(one.channel, status)
            if status == "given-up":
                self._log.error("message.given_up", message_id=one.message_id, channel=one.channel, why="not delivered")
        return bool(asked)

    def _attempt(self, claimed: Claimed) -> Outcome:
        return attempt(claimed.message, claimed.channel, self._channels, self._addresses, self._clock(), self._kinds)

    def _where(self, channel: str, provider_id: str) -> Whereabouts:
        found = self._channels.get(channel)
        try:
            return "unknown" if found is None else found.whereabouts(provider_id)
        except Exception:  # noqa: BLE001 - as above
            self._log.exception("channel.failed", channel=channel)
            return "unknown"

    def _tell(self, claimed: Claimed, outcome: Outcome, status: Status) -> None:
        why = outcome.why if isinstance(outcome, TryAgain | GiveUp) else "taken"
        self._observer.attempted(claimed.channel, why)
        if status == "sent" and claimed.message.form == "single":
            (notice,) = claimed.message.notices
            self._observer.handed_over(claimed.priority, (self._clock() - notice.as_of) / SECOND)
        if status == "given-up":
            self._observer.ended(claimed.channel, status)
            self._log.error("message.given_up", message_id=claimed.message.message_id, channel=claimed.channel, why=why)


def attempt(
    message: Message,
    channel: str,
    channels: Mapping[str, Channel],
    addresses: Mapping[str, str],
    now: Instant,
    kinds: Mapping[str, Kind] = CHANNELS,
) -> Outcome:
    """Give a message to its channel, if that is set up and the address stands for somebody."""
    found = channels.get(channel)
    if found is None:
        return TryAgain("shut-out")
    address = addresses.get(message.address)
    if address is None and kinds[channel].takes_any_address:
        address = message.address
    if address is None:
        return TryAgain("unknown-address")
    try:
        return found.send(message, address, now)
    except Exception:  # noqa: BLE001 - one channel's mistake must not keep the others from telling
        structlog.get_logger().exception("channel.failed", channel=channel, message_id=message.message_id)
        return TryAgain("broken", may_be_taken=True)


def trial(
    subscription: Subscription, channels: Mapping[str, Channel], addresses: Mapping[str, str], now: Instant
) -> Outcome:
    """Tell a subscription that messages reach it, once, past the outbox: nothing of it is kept or tried again."""
    message = Message(
        message_id=trial_id(subscription.subscription_id, now),
        subscription_id=subscription.subscription_id,
        form="trial",
        address=subscription.address,
        notices=(),
        is_repeat=False,
    )
    return attempt(message, subscription.channel, channels, addresses, now)


def channels_of(settings: DeliverySettings, kinds: Mapping[str, Kind] = CHANNELS) -> dict[str, Channel]:
    """The channels that are set up, by name."""
    made = {name: kind.make(settings) for name, kind in kinds.items()}
    return {name: channel for name, channel in made.items() if channel is not None}
