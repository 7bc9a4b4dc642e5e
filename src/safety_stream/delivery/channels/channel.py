"""What a channel is: it gives one message to one provider, and says what came of it.

The contract, which one suite of tests holds all of them to:

- `send` never raises. What it cannot do now is `TryAgain`, what it never will be able to `GiveUp`.
- It returns within a minute, however the provider behaves; where a subscriber states the provider, even one that
  answers a byte at a time. Those in the settings are trusted not to.
- The message's id goes along as whatever the provider recognises a repeat by. Where it recognises none, the channel
  says so (`recognises_repeats`), and a sender that dies in between may have told twice.
- `TryAgain.may_be_taken` unless it is certain that the provider does not have the message.
- It keeps nothing between messages, and is called from several threads.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final, Protocol

import msgspec

from safety_stream.core.model.times import SECOND, Instant, to_datetime
from safety_stream.delivery.model import GiveUp, Message, Outcome, Taken, TryAgain, Whereabouts
from safety_stream.delivery.settings import DeliverySettings

PATIENCE_SECONDS: Final = 10.0
"""How long a provider may say nothing; one that a subscriber states, how long an attempt may take in all."""

_ASKED_WAIT_MAX: Final[Instant] = 3_600 * SECOND
"""A provider that asks for more is asked again after this."""


class Channel(Protocol):
    """A channel that is set up. See the module for what holds of it."""

    def send(self, message: Message, address: str, now: Instant) -> Outcome:
        """Give a message to the provider. `address` is what the message's address refers to."""

    def whereabouts(self, provider_id: str) -> Whereabouts:
        """Where a message is that the provider took; asked only where the kind of channel confirms."""


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of channel: what it is called, how it behaves, and how it is set up.

    `confirms`: the provider says later whether a message arrived. `recognises_repeats`: it takes a message once,
    however often it is sent. `fails_alone`: each address has a provider of its own. `takes_any_address`: a subscription
    may state the address itself; of all others it names one in the settings. `make` gives None where nothing is set up.
    """

    name: str
    title: str
    confirms: bool
    recognises_repeats: bool
    fails_alone: bool
    takes_any_address: bool
    make: Callable[[DeliverySettings], Channel | None]


def outcome_of(status: int, retry_after: str | None, now: Instant) -> Outcome:
    """What an HTTP status says of a message, for providers that answer by it."""
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return Taken()
    after = asked_wait(retry_after, now)
    if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        return TryAgain("busy", after)
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return TryAgain("shut-out", after)
    if status == HTTPStatus.GONE:
        return GiveUp("gone")
    if status in (HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY):
        return GiveUp("refused")
    # After 5xx the provider may have done half of it.
    return TryAgain("broken", after, may_be_taken=status >= HTTPStatus.INTERNAL_SERVER_ERROR)


def asked_wait(retry_after: str | None, now: Instant) -> Instant:
    """Milliseconds a `Retry-After` asks for, in seconds or as a date; nought where it asks for nothing to be read."""
    if retry_after is None:
        return 0
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return min(int(text[:9]) * SECOND, _ASKED_WAIT_MAX)
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return 0
    return max(0, min(_millis_between(to_datetime(now), until), _ASKED_WAIT_MAX))


def _millis_between(start: datetime, end: datetime) -> Instant:
    aware = end if end.tzinfo is not None else end.replace(tzinfo=UTC)
    return round((aware - start).total_seconds() * SECOND)
