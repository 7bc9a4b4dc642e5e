"""Alerts, subscriptions and providers for the tests of delivery. Nothing here is anybody's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine

from safety_stream.catalogue.delivering import load_delivering
from safety_stream.core.model.published import PublishedAlert
from safety_stream.core.model.times import Instant, to_instant
from safety_stream.data_files import catalogue_folder
from safety_stream.delivery.channels.channel import Kind
from safety_stream.delivery.model import GiveUp, Message, Outcome, Subscription, Taken, TryAgain, Whereabouts
from safety_stream.delivery.outbox import Outbox
from safety_stream.delivery.sending import Sender

BOUNDS = load_delivering(catalogue_folder())

NOON = to_instant(datetime(2026, 1, 14, 12, tzinfo=UTC))
"""A Wednesday in winter, when London shows what UTC does."""

TOPIC = "alerts.desk"


def at(hour: int, minute: int = 0, *, day: int = 14) -> Instant:
    return to_instant(datetime(2026, 1, day, hour, minute, tzinfo=UTC))


def alert(**changes: Any) -> PublishedAlert:
    fields = {
        "seq": 1,
        "audience": "desk",
        "alert_id": "3f1c8a6e-0000-5000-8000-000000000001",
        "version": 1,
        "change": "raised",
        "as_of": NOON,
        "reason": "new",
        "rule_id": "rv-graded",
        "title": "Repeat victim, graded",
        "family": "repeat-victimisation",
        "subject": "tok-a",
        "priority": "P2",
        "area": "E07000117",
        "areas": ("E07000117",),
        "explanation": "three reports in the window name tok-a",
        "late": False,
        "notify": True,
        "marking": "OFFICIAL-SENSITIVE",
    }
    return PublishedAlert(**fields | changes)


def withdrawn(**changes: Any) -> PublishedAlert:
    return alert(**{"seq": 2, "version": 2, "change": "withdrawn", "reason": "withdrawn"} | changes)


def subscription(**changes: Any) -> Subscription:
    fields = {
        "subscription_id": "5b000000-0000-5000-8000-000000000001",
        "audience": "desk",
        "channel": "fake",
        "address": "duty-desk",
        "since": 0,
    }
    return Subscription(**fields | changes)


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self, now: Instant = NOON) -> None:
        self.now = now

    def __call__(self) -> Instant:
        return self.now

    def on(self, millis: Instant) -> None:
        self.now += millis


class Provider:
    """A provider in one process: it takes messages, and does what it is told to instead.

    `behaves` gives what it answers to the n-th attempt, by name: "takes", "lies" (says it took it and keeps nothing),
    "stalls" (takes it, and nobody hears), "drops" (is gone before it took it), "429", "500". `inbox` is what its people
    see, by message, each once; `asks` every attempt.
    """

    def __init__(self, behaves: Callable[[int], str] = lambda _: "takes") -> None:
        self.behaves = behaves
        self.asks: list[str] = []
        self.inbox: dict[str, Message] = {}
        self.order: list[str] = []
        self.lied: set[str] = set()

    def send(self, message: Message, address: str, now: Instant) -> Outcome:  # noqa: PLR0911 - one for each behaviour
        del now
        assert address == "desk@example.invalid"
        self.asks.append(message.message_id)
        match self.behaves(len(self.asks)):
            case "takes":
                return self._take(message)
            case "lies":
                self.lied.add(message.message_id)
                return Taken(message.message_id)
            case "stalls":
                self._take(message)
                return TryAgain("timed-out", may_be_taken=True)
            case "drops":
                return TryAgain("unreachable")
            case "429":
                return TryAgain("busy", 90_000)
            case "500":
                return TryAgain("broken", may_be_taken=True)
            case "refuses":
                return GiveUp("refused")
            case "dies":
                self._take(message)
                raise Died
            case other:
                raise AssertionError(other)

    def _take(self, message: Message) -> Taken:
        if message.message_id not in self.inbox:
            self.order.append(message.message_id)
        self.inbox.setdefault(message.message_id, message)
        return Taken(message.message_id)

    def whereabouts(self, provider_id: str) -> Whereabouts:
        return "delivered" if provider_id in self.inbox else "under-way"


class Died(BaseException):
    """The process ends between a provider's taking a message and our writing it down."""


KINDS = {
    "fake": Kind(
        name="fake",
        title="A fake",
        confirms=True,
        recognises_repeats=True,
        fails_alone=False,
        takes_any_address=False,
        make=lambda _: None,
    )
}


class Figures:
    """Keeps what an observer is told."""

    def __init__(self) -> None:
        self.attempts: list[tuple[str, str]] = []
        self.seconds: list[float] = []
        self.ends: list[str] = []

    def attempted(self, channel: str, came_of_it: str) -> None:
        self.attempts.append((channel, came_of_it))

    def handed_over(self, priority: str, seconds: float) -> None:
        del priority
        self.seconds.append(seconds)

    def ended(self, channel: str, status: str) -> None:
        del channel
        self.ends.append(status)


def outbox(engine: Engine) -> Outbox:
    return Outbox(engine, BOUNDS, provider_of=lambda channel, _: channel)


def sender(box: Outbox, provider: Provider, clock: Clock, figures: Figures | None = None) -> Sender:
    return Sender(
        box,
        {"fake": provider},
        {"duty-desk": "desk@example.invalid"},
        clock=clock,
        chance=lambda: 0.5,
        observer=figures or Figures(),
        kinds=KINDS,
    )
