"""The inbox: what is open, most urgent first, what changed since the reader last looked, and what was taken back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, get_args

import msgspec

from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.findings import Priority
from safety_stream.core.model.published import PublishedAlert
from safety_stream.core.model.times import Instant
from safety_stream.readmodel.reading import place_of
from safety_stream.web import words
from safety_stream.web.filters import Filter
from safety_stream.web.views.choices import Choice, area_choices, choices_of
from safety_stream.web.views.row import AlertRow, Some, alert_row

PAGE: Final = 50
"""Alerts on a page of the inbox."""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What the read model says for the inbox: at most one alert more than a page holds, to know that there are more.

    `seen` is the number of the feed the reader has looked up to (0: nobody knows), `newest` the newest there is, and
    `changed` how many alerts have changed since that the reader may see, and `new` those of them that are listed here.
    """

    alerts: Sequence[PublishedAlert]
    counts: Mapping[str, int]
    withdrawn: Some
    seen: int
    newest: int
    changed: int
    blind: tuple[str, ...]
    new: frozenset[str] = frozenset()


class PriorityCount(msgspec.Struct, frozen=True):
    """How many are open of a priority, and the link to them alone."""

    priority: Priority
    words: str
    number: int
    href: str
    is_chosen: bool


class InboxView(msgspec.Struct, frozen=True, kw_only=True):
    """Everything on the page."""

    heading: str
    counts: tuple[PriorityCount, ...]
    rows: tuple[AlertRow, ...]
    withdrawn: tuple[AlertRow, ...]
    withdrawn_more: int
    withdrawn_href: str
    shift: str
    filter: Filter
    priorities: tuple[Choice, ...]
    families: tuple[Choice, ...]
    states: tuple[Choice, ...]
    areas: tuple[Choice, ...]
    changed: int
    changed_href: str
    has_looked: bool
    here: str
    all_href: str
    critical_href: str
    next_href: str
    newest: int
    empty: str
    blind: tuple[str, ...]


class SavedChoice(msgspec.Struct, frozen=True):
    """A choice somebody keeps: its name, the link to it, and whether it is the one on the page."""

    name: str
    href: str
    is_chosen: bool


def saved_view(kept: Sequence[tuple[str, str]], chosen: Filter) -> tuple[SavedChoice, ...]:
    """The choices somebody keeps, by name."""
    return tuple(SavedChoice(name, f"/inbox{query}", query == chosen.query()) for name, query in kept)


def inbox_view(
    found: Found, chosen: Filter, catalogue: Catalogue, allowed: frozenset[str] | None, now: Instant, shift: Instant
) -> InboxView:
    """The page; `allowed` are the areas the reader may choose from, `shift` is when this shift began."""
    shown = found.alerts[:PAGE]
    rows = tuple(alert_row(alert, catalogue, now, is_new=alert.alert_id in found.new) for alert in shown)
    is_more = len(found.alerts) > PAGE
    open_now = sum(found.counts.values())
    return InboxView(
        heading=f"{open_now:,} open {'alert' if open_now == 1 else 'alerts'}",
        counts=tuple(_count(priority, found.counts.get(priority, 0), chosen) for priority in get_args(Priority)),
        rows=rows,
        withdrawn=tuple(
            alert_row(alert, catalogue, now, is_new=alert.alert_id in found.new) for alert in found.withdrawn.alerts
        ),
        withdrawn_more=found.withdrawn.total - len(found.withdrawn.alerts),
        withdrawn_href="/inbox" + Filter(states=("withdrawn",)).query(),
        shift=words.at(shift),
        filter=chosen,
        priorities=choices_of({one: f"{one} {said}" for one, said in words.PRIORITIES.items()}, chosen.priorities),
        families=choices_of(words.FAMILIES, chosen.families),
        states=choices_of(words.STATES, chosen.states),
        areas=area_choices(catalogue, allowed, chosen.areas),
        changed=found.changed,
        changed_href="/inbox" + Filter(since=found.seen).query(),
        has_looked=bool(found.seen),
        here="/inbox" + chosen.query(),
        all_href="/inbox",
        critical_href="/inbox" + Filter(priorities=("P1",)).query(),
        next_href="/inbox" + chosen.query(after=place_of(shown[-1])) if is_more else "",
        newest=found.newest,
        empty=_empty(chosen),
        blind=found.blind,
    )


def _count(priority: Priority, number: int, chosen: Filter) -> PriorityCount:
    href = "/inbox" + Filter(priorities=(priority,)).query()
    return PriorityCount(priority, words.PRIORITIES[priority], number, href, chosen.priorities == (priority,))


def _empty(chosen: Filter) -> str:
    if chosen.is_empty:
        return "No alert is open. Whether partners' feeds are heard at all is said under Feeds."
    return "No alert is as chosen. Choose less, or see all open alerts."
