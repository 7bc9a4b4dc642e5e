"""Who is told of which alerts, how, and the form that changes it."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import Final, get_args
from urllib.parse import urlsplit

import msgspec

from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.findings import Family, Priority
from safety_stream.core.subscribing import Choices, Kept, Mistake, Wish, WishField
from safety_stream.web import words
from safety_stream.web.subscribing import ANY_ADDRESS, Way, way_of
from safety_stream.web.views.choices import Choice, choices_of

_FAMILIES: Final[tuple[Family, ...]] = get_args(Family)
_PRIORITIES: Final[tuple[Priority, ...]] = get_args(Priority)
_FIRST_OF: Final[Mapping[str, str]] = {"quiet": "quiet_from"}
"""The field a mistake leads to, where it is called otherwise."""


class SubscriptionLine(msgspec.Struct, frozen=True, kw_only=True):
    """One subscription; `href` is where it is changed, "" for whoever may not."""

    short: str
    by: str
    to: str
    only: tuple[str, ...]
    quiet: str
    digest: str
    since: str
    href: str


class SubscriptionsView(msgspec.Struct, frozen=True, kw_only=True):
    """The subscriptions of an audience."""

    audience: str
    lines: tuple[SubscriptionLine, ...]


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Boxes of one field; none where the audience cannot choose by it."""

    field: str
    title: str
    choices: tuple[Choice, ...]
    mistake: str


class Problem(msgspec.Struct, frozen=True):
    """A mistake, and the link to where it is."""

    text: str
    href: str


class WishView(msgspec.Struct, frozen=True, kw_only=True):
    """The form, as it was filled in, with what is wrong beside each field."""

    ways: tuple[Choice, ...]
    url: str
    states_url: bool
    groups: tuple[Group, ...]
    quiet_from: str
    quiet_until: str
    digest_at: str
    mistakes: Mapping[str, str]
    problems: tuple[Problem, ...]


def subscriptions_view(
    audience: str, kept: Sequence[Kept], changeable: Container[str], catalogue: Catalogue
) -> SubscriptionsView:
    """The list; those that may be changed here are named by their ids."""
    titles = {one.id: one.title for one in catalogue.audiences}
    lines = tuple(_line(one, may_change=one.subscription_id in changeable, catalogue=catalogue) for one in kept)
    return SubscriptionsView(audience=titles.get(audience, audience), lines=lines)


def line_of(one: Kept, catalogue: Catalogue) -> SubscriptionLine:
    """One subscription in words."""
    return _line(one, may_change=True, catalogue=catalogue)


def wish_view(
    wish: Wish, choices: Choices, ways: Sequence[Way], areas: Sequence[Choice], mistakes: Sequence[Mistake]
) -> WishView:
    """The form. `areas` are those that may be chosen."""
    said: dict[str, str] = {}
    for one in mistakes:
        field = "to" if one.field == "audience" else one.field
        said[field] = f"{said[field]}; {one.said}" if field in said else one.said
    said = {field: f"{text[:1].upper()}{text[1:]}." for field, text in said.items()}
    chosen = way_of(wish, ways)
    families = {one: words.FAMILIES[one] for one in _FAMILIES if one in choices.families}
    priorities = {one: f"{one} {words.PRIORITIES[one]}" for one in _PRIORITIES if one in choices.priorities}
    offered: list[tuple[WishField, str, Sequence[Choice]]] = [
        ("priorities", "Only these priorities", choices_of(priorities, wish.priorities)),
        ("families", "Only about", choices_of(families, wish.families)),
        ("markings", "Only of these markings", choices_of({one: one for one in choices.markings}, wish.markings)),
        ("areas", "Only these areas, and all within them", areas if choices.by_area else ()),
    ]
    boxes = {field for field, _, offers in offered if offers}
    return WishView(
        ways=tuple(Choice(one.value, _way_in_words(one), one.value == chosen) for one in ways),
        url=wish.address if chosen.endswith(f":{ANY_ADDRESS}") else "",
        states_url=any(one.address == ANY_ADDRESS for one in ways),
        groups=tuple(
            Group(field=field, title=title, choices=tuple(offers), mistake=said.get(field, ""))
            for field, title, offers in offered
        ),
        quiet_from=wish.quiet_from,
        quiet_until=wish.quiet_until,
        digest_at=wish.digest_at,
        mistakes=said,
        problems=tuple(
            Problem(text, f"#{_FIRST_OF.get(field, field if field not in boxes else f'{field}-1')}")
            for field, text in said.items()
        ),
    )


def _line(one: Kept, *, may_change: bool, catalogue: Catalogue) -> SubscriptionLine:
    wish = one.wish
    only = (
        words.listed(wish.priorities),
        words.listed([words.FAMILIES.get(family, family) for family in wish.families]),  # type: ignore[call-overload]
        words.listed([words.area_name(catalogue, code) for code in wish.areas]),
        words.listed(wish.markings),
    )
    return SubscriptionLine(
        short=one.subscription_id[:8],
        by=wish.channel,
        to=_address_in_words(wish.address),
        only=tuple(part for part in only if part),
        quiet=f"{wish.quiet_from} to {wish.quiet_until}" if wish.quiet_from else "",
        digest=wish.digest_at,
        since=words.at(one.since),
        href=f"/subscriptions/{one.subscription_id}" if may_change else "",
    )


def _address_in_words(address: str) -> str:
    """A web hook by its host: the rest of its address often lets in whoever knows it."""
    parts = urlsplit(address)
    if not parts.scheme:
        return address
    return f"{parts.scheme}://{parts.hostname}/" + ("…" if parts.path.strip("/") or parts.query else "")


def _way_in_words(way: Way) -> str:
    return f"{way.title}, to the address below" if way.address == ANY_ADDRESS else f"{way.title}: {way.address}"
