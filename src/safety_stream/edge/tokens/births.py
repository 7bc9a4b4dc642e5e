"""Dates of birth: what may stand for one another, what says little, and what cannot be. Pure.

A date is weak when it is one that systems write for want of another (1 January): such a one makes no primary token.
Day and month are often swapped; a date that could be says so, the smaller of the two first.
"""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache
from typing import Final

import msgspec

from safety_stream.edge.tokens.framing import framed
from safety_stream.edge.tokens.tables import Tables
from safety_stream.edge.tokens.unusable import Unusable

CACHED: Final = 1 << 16
"""How many different texts are remembered: there are some 36,000 birthdays of the living."""

_MONTHS: Final = 12

_YEAR_FIRST = re.compile(r"(\d{4})([-/.]?)(\d{1,2})\2(\d{1,2})(?:[T ]00:00(?::00(?:\.0+)?)?)?", re.ASCII)
_DAY_FIRST = re.compile(r"(\d{1,2})([-/. ])(\d{1,2})\2(\d{4})(?:[T ]00:00(?::00(?:\.0+)?)?)?", re.ASCII)


class Birth(msgspec.Struct, frozen=True):
    """A date of birth, framed. `swapped` is the same with day and month swapped; empty where they cannot have been."""

    whole: bytes
    swapped: bytes
    year: bytes
    is_weak: bool


class Births:
    """Reads dates of birth, none of them after `as_of`, by tables."""

    def __init__(self, tables: Tables, as_of: date) -> None:
        self._tables = tables
        self._as_of = as_of
        self.read = lru_cache(CACHED)(self._read)

    def _read(self, text: str) -> Birth | None:
        """The date in a field; None where there is none. Raises `Unusable` for a date that cannot be."""
        plain = text.strip().lower()
        if not plain or plain in self._tables.no_dates:
            return None
        born = _date_of(plain)
        if born > self._as_of:
            raise Unusable("lies in the future: mend it, or leave it empty")
        if self._as_of.year - born.year > self._tables.years_at_most:
            raise Unusable(f"is more than {self._tables.years_at_most} years ago: mend it, or leave it empty")
        iso = born.isoformat()
        low, high = sorted((born.day, born.month))
        return Birth(
            whole=framed(iso),
            swapped=framed(f"{born.year}:{low:02}:{high:02}") if high <= _MONTHS else b"",
            year=framed(f"{born.year}"),
            is_weak=iso[5:] in self._tables.default_days or iso in self._tables.default_dates,
        )


def _date_of(text: str) -> date:
    if match := _YEAR_FIRST.fullmatch(text):
        year, _, month, day = match.groups()
    elif match := _DAY_FIRST.fullmatch(text):
        day, _, month, year = match.groups()
    else:
        raise Unusable("is no date: write YYYY-MM-DD or DD/MM/YYYY, with the whole year")
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        # Nothing is chained: the message of `date` may repeat a part of the value.
        raise Unusable("is no day of the calendar: write YYYY-MM-DD or DD/MM/YYYY") from None
