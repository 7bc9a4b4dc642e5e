"""What a report says beyond its envelope that a rule may read: a name the catalogue declares, and a word or a number.

All values are text on the way, so that one shape carries them all. A number is its decimal digits, with a minus before
them if it is less than nought; yes and no are the words `true` and `false`. Which names there are, and what each may
say, is the catalogue's to declare (`catalogue/facts.yaml`); intake lets nothing else through.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

DIGITS_AT_MOST = 15
"""Digits of a number: as many as every partner's software can hold exactly, whatever it counts with."""

_PREFIX = "facts."

_IS_NUMBER = re.compile(rf"-?[0-9]{{1,{DIGITS_AT_MOST}}}").fullmatch


class Fact(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One thing a report says. A report says each name once, in order of name."""

    name: str
    value: str


def value_of(facts: Iterable[Fact], name: str) -> str | None:
    """What the facts say under a name; None when they do not."""
    for fact in facts:
        if fact.name == name:
            return fact.value
    return None


def number_of(value: str | None) -> int | None:
    """The number a value is; None for a word, and for nothing."""
    return int(value) if value is not None and _IS_NUMBER(value) else None


def fact_in(field: str) -> str | None:
    """`colour` of the field `facts.colour`; None for a field that is no fact."""
    return field.removeprefix(_PREFIX) if field.startswith(_PREFIX) else None
