"""Government security classifications: how closely something must be kept, and whether somebody may be told it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal, get_args

Marking = Literal["OFFICIAL", "OFFICIAL-SENSITIVE"]

MARKINGS: Final[tuple[Marking, ...]] = get_args(Marking)
"""From the lowest to the highest."""


def highest_marking(markings: Iterable[str]) -> str:
    """What is made of several things is kept as closely as the closest of them; one nobody knows is above all."""
    return max(markings, key=_height)


def is_above(marking: str, ceiling: Marking) -> bool:
    """Whether somebody who may be told things up to a ceiling may not be told this."""
    return _height(marking) > _height(ceiling)


def _height(marking: str) -> int:
    return MARKINGS.index(marking) if marking in MARKINGS else len(MARKINGS)
