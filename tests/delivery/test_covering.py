"""Whom nobody could tell: each audience of P1 and each rung of a ladder, by why."""

from __future__ import annotations

from typing import Any

import pytest
from tests.delivery.making import NOON, subscription

from safety_stream.core.alerts.handling import Clocks, Policy, Rung
from safety_stream.core.catalogue import Audience
from safety_stream.delivery.covering import Unheard, to_be_heard, unheard
from safety_stream.delivery.model import Subscription
from safety_stream.delivery.settings import DeliverySettings

SETTINGS = DeliverySettings.model_validate(
    {
        "link": "https://alerts.example.invalid/",
        "addresses": {"on-call": "on.call@example.invalid"},
        "mail": {"host": "mail.example.invalid", "sender": "alerts@example.invalid"},
        "webhook": {"key": "k" * 40},
    }
)
HOOK = "https://hook.example.invalid/"


def audience(name: str, *priorities: Any, **changes: Any) -> Audience:
    return Audience(id=name, title=name, families=("threshold",), priorities=priorities, fields=(), **changes)


AUDIENCES = (
    audience("desk", "P1", "P2"),
    audience("analyst", "P2", "P3"),
    audience("inspector", "P1", "P2", hears="escalated"),
)
NEEDED = to_be_heard(AUDIENCES, Policy(clocks={"P2": Clocks(ladder=(Rung(1, "inspector"),))}))


def hook(whose: str, **changes: Any) -> Subscription:
    return subscription(audience=whose, **{"channel": "webhook", "address": HOOK} | changes)


def test_an_audience_of_p1_and_a_rung_at_its_priority_must_be_able_to_hear():
    assert NEEDED == [("desk", "P1"), ("inspector", "P2")]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, None),
        ({"areas": ("E07000117",)}, None),
        ({"priorities": ("P1",)}, None),
        ({"channel": "mail", "address": "on-call"}, None),
        ({"ended": NOON}, "nobody"),
        ({"priorities": ("P2",)}, "nobody"),
        ({"channel": "mail", "address": "nobody-is-called-so"}, "no-channel"),
        ({"channel": "notify", "address": "on-call"}, "no-channel"),
        ({"channel": "no-such-channel"}, "no-channel"),
    ],
)
def test_whoever_subscribed_hears_if_a_channel_leads_there(changes: dict[str, Any], why: str | None):
    found = list(unheard(NEEDED, [hook("desk", **changes), hook("inspector")], SETTINGS))

    assert found == ([] if why is None else [Unheard("desk", "P1", why)])


def test_one_provider_that_answers_is_enough():
    two = [
        hook("desk"),
        hook("desk", channel="mail", address="on-call"),
        hook("inspector", channel="mail", address="on-call"),
    ]

    assert list(unheard(NEEDED, two, SETTINGS, {f"webhook {HOOK}"})) == []
    assert list(unheard(NEEDED, two, SETTINGS, {"mail"})) == [Unheard("inspector", "P2", "failing")]


def test_where_nobody_subscribed_nobody_hears():
    assert [one.why for one in unheard(NEEDED, [], SETTINGS)] == ["nobody", "nobody"]


def test_whoever_subscribed_to_what_cannot_be_read_hears_nothing_of_whatever_priority():
    needed = to_be_heard(AUDIENCES, Policy(), unread={"analyst", "desk"})
    found = list(unheard(needed, [hook("desk"), hook("analyst")], SETTINGS, unread={"analyst", "desk"}))

    assert found == [Unheard("analyst", "P1", "unread"), Unheard("desk", "P1", "unread")]
