"""The formats of calendars: days on which nobody is there, and days on which more or less happens."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from safety_stream.catalogue.formats.parts import MANY_MAX, Length, LondonDay, Name, Prose, Strict

_ANNUAL_DAY = re.compile(r"[0-9]{2}-[0-9]{2}")


class ClosedEntry(Strict):
    """A stretch of days on which nobody is there, both ends in it; `last` left out: one day."""

    first: LondonDay
    last: LondonDay | None = None
    title: Prose


class KnownEntry(Strict):
    """From when to when a calendar knows its closed days, both ends in it."""

    first: LondonDay
    last: LondonDay


class OpenDaysFile(Strict):
    """`calendars/*.yaml`: which days from Monday to Friday are none of some kind, and when such a day begins.

    Lint warns when `known` ends sooner than after `renew_before`.
    """

    id: Name
    title: Prose
    opens: Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
    known: KnownEntry
    renew_before: Length
    closed: Annotated[list[ClosedEntry], Field(max_length=MANY_MAX)]
    source: Prose


def annual_day_of_text(text: object) -> tuple[int, int]:
    """`10-24` as month and day; every year must have it. Raises `ValueError`."""
    try:
        when = date.fromisoformat(f"2001-{text if isinstance(text, str) and _ANNUAL_DAY.fullmatch(text) else ''}")
    except ValueError:
        raise ValueError("a day of every year is written 10-24: month, day") from None
    return when.month, when.day


AnnualDay = Annotated[tuple[int, int], BeforeValidator(annual_day_of_text)]


class EachYearEntry(Strict):
    """A stretch of days of every year, both ends in it; if its last comes before its first, it is over New Year."""

    first: AnnualDay
    last: AnnualDay


class EffectEntry(Strict):
    """Days on which more or less happens, from one or more of: bank holidays, their eves, a calendar, dates."""

    id: Name
    title: Prose
    bank_holidays: Literal["england-and-wales", "scotland", "northern-ireland"] | None = None
    eves_of: Name | None = None
    closed_of: Name | None = None
    each_year: EachYearEntry | None = None
    stretches: Annotated[list[ClosedEntry], Field(max_length=MANY_MAX)] = []
    source: Prose


class EffectsFile(Strict):
    """`calendars/effects/*.yaml`: the days of what moves series beside their season.

    Lint warns when `known` ends sooner than after `renew_before`.
    """

    known: KnownEntry
    renew_before: Length
    effects: Annotated[list[EffectEntry], Field(max_length=MANY_MAX)]
