"""Government security classifications: how closely something must be kept, and whether somebody may be told it.

A marking may bear conditions beside its level: `OFFICIAL-SENSITIVE C:lancashire-police` rests on what the police
reported under handling code C of the 3x5x2 grading, and goes to nobody but those whom they have on their list. They are
a part of the marking because whatever is made of something bears its marking, so that none is lost on the way.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal, get_args

Marking = Literal["OFFICIAL", "OFFICIAL-SENSITIVE"]

MARKINGS: Final[tuple[Marking, ...]] = get_args(Marking)
"""From the lowest to the highest."""

HandlingCode = Literal["P", "C"]
"""Of the 3x5x2 grading: lawful sharing permitted, or permitted with the conditions of whoever reported it."""

_CONDITION = " C:"


def highest_marking(markings: Iterable[str]) -> str:
    """What is made of several things is kept as closely as the closest of them, and under the conditions of them all.

    A level nobody knows is above all.
    """
    several = list(markings)
    level = max((level_of(one) for one in several), key=_height)
    return level + "".join(sorted({_CONDITION + who for one in several for who in conditions_of(one)}))


def under_condition_of(originator: str, marking: str) -> str:
    """The marking of what an organisation reported under handling code C."""
    return f"{marking}{_CONDITION}{originator}"


def level_of(marking: str) -> str:
    """How closely something is kept, without the conditions."""
    return marking.partition(_CONDITION)[0]


def conditions_of(marking: str) -> tuple[str, ...]:
    """The organisations under whose conditions something may be told, sorted."""
    return tuple(marking.split(_CONDITION)[1:])


def is_above(marking: str, ceiling: Marking) -> bool:
    """Whether somebody who may be told things up to a ceiling may not be told this."""
    return _height(level_of(marking)) > _height(ceiling)


def _height(level: str) -> int:
    return MARKINGS.index(level) if level in MARKINGS else len(MARKINGS)
