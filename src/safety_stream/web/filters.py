"""Which alerts of the inbox somebody wants to see: a form, an address to keep, and what the read model is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TypeVar, get_args
from urllib.parse import urlencode

import msgspec

from safety_stream.core.model.findings import Family, Priority
from safety_stream.core.model.handling import HandlingState

LONGEST_TEXT: Final = 100

LONGEST_NUMBER: Final = 15
"""Digits of a number of a feed that anybody can mean; what is longer no database takes."""

T = TypeVar("T", bound=str)


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """What is chosen; an empty choice leaves nothing out. `since` is a number of the feed: only what is newer."""

    priorities: tuple[Priority, ...] = ()
    areas: tuple[str, ...] = ()
    families: tuple[Family, ...] = ()
    states: tuple[HandlingState, ...] = ()
    text: str = ""
    since: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left out."""
        return self == Filter()

    def query(self, **further: str) -> str:
        """As the end of an address; the same choice is the same text. Begins with `?`, or is empty."""
        pairs = [*self._pairs(), *sorted(further.items())]
        return f"?{urlencode(pairs)}" if pairs else ""

    def _pairs(self) -> Iterator[tuple[str, str]]:
        named = (("priority", self.priorities), ("area", self.areas), ("family", self.families), ("state", self.states))
        for name, values in named:
            yield from ((name, value) for value in values)
        if self.text:
            yield "text", self.text
        if self.since:
            yield "since", str(self.since)


def read_filter(values: Iterable[tuple[str, str]], known_areas: Iterable[str]) -> Filter:
    """The filter an address asks for. What nobody could have chosen is left out, so an old address still works."""
    asked: dict[str, list[str]] = {}
    for name, value in values:
        asked.setdefault(name, []).append(value)
    return Filter(
        priorities=tuple(_chosen(asked, "priority", get_args(Priority))),
        areas=tuple(_chosen(asked, "area", sorted(known_areas))),
        families=tuple(_chosen(asked, "family", get_args(Family))),
        states=tuple(_chosen(asked, "state", get_args(HandlingState))),
        text=_only(asked, "text").strip()[:LONGEST_TEXT],
        since=number_of(_only(asked, "since")) or 0,
    )


def number_of(text: str) -> int | None:
    """A number of a feed as an address or a form states it; None for what is none, or none there can be."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER else None


def _chosen(asked: Mapping[str, list[str]], name: str, possible: Iterable[T]) -> Iterator[T]:
    return (value for value in possible if value in asked.get(name, ()))


def _only(asked: Mapping[str, list[str]], name: str) -> str:
    return asked.get(name, [""])[-1]
