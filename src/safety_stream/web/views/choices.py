"""What a form offers to choose from."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TypeVar

import msgspec

from safety_stream.core.catalogue import AreaKind, Catalogue

T = TypeVar("T", bound=str)

_ORDER: tuple[AreaKind, ...] = ("district", "division", "csp", "county", "reserved")


class Choice(msgspec.Struct, frozen=True):
    """One of several: what is sent, what is read, and whether it is chosen."""

    value: str
    text: str
    chosen: bool


def choices_of(named: Mapping[T, str], chosen: Collection[str]) -> tuple[Choice, ...]:
    """Every one that has a name, in the order of the names."""
    return tuple(Choice(value, text, value in chosen) for value, text in named.items())


def area_choices(catalogue: Catalogue, allowed: frozenset[str] | None, chosen: Collection[str]) -> tuple[Choice, ...]:
    """The areas somebody may choose, districts first."""
    areas = sorted(catalogue.areas.by_code.values(), key=lambda area: (_ORDER.index(area.kind), area.name))
    return tuple(
        Choice(area.code, area.name, area.code in chosen) for area in areas if allowed is None or area.code in allowed
    )
