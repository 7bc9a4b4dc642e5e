"""Signed counts for one series and day: what indicators are made of."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import msgspec

from safety_stream.core.model.times import Day, Instant

Cause = Literal[
    "reported",
    "late",
    "corrected",
    "withdrawn",
    "persons-linked",
    "time-passed",
    "completed",
    "catalogue-changed",
]
"""Why a count is what it is now.

`reported`: something was told for the first time; `late`: so it was, and all feeds behind the count had been complete
to the period's end before. `corrected`: what had been told was said otherwise. `withdrawn`: it was taken back, be it
withdrawn, erased or restricted; which of these is nobody's business who reads counts. `persons-linked`: a steward
decided whether two tokens are one person's. `time-passed`: a rule had waited for a moment. `completed`: the feeds came
to be complete to the period's end, and the count became final. `catalogue-changed`: rules, indicators or areas did.

A tally is never `late` or `completed`: only where it is counted it is known how far the feeds have come.
"""


class Tally(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """`count` more (or, negative, fewer) of `indicator` in `area` on `event_day`, known since `report_day`.

    `event_day` is the London day of the occurrence's start; with precision "month" it is the first of the month and
    feeds periods of a month or longer only. `report_day` is the day the backbone received the claim. `cause` is None of
    one that was told before tallies had causes.
    """

    area: str
    indicator: str
    event_day: Day
    precision: Literal["day", "month"]
    report_day: Day
    count: int
    as_of: Instant
    cause: Cause | None = None


@lru_cache(1024)
def merged(one: tuple[Cause, ...], other: tuple[Cause, ...]) -> tuple[Cause, ...]:
    """The causes that are among these or those: each once, and sorted."""
    return tuple(sorted({*one, *other}))


def series_key(area: str, indicator: str) -> str:
    """The key of a series: one area x one indicator over time."""
    return f"{area}|{indicator}"


_LSOA, _WARD = "lsoa:", "ward:"


def lsoa_area(code: str) -> str:
    """The area of a series within an LSOA: no area of the catalogue, so that nothing is above it."""
    return _LSOA + code


def ward_area(code: str) -> str:
    """The area of a series within a ward; nothing is above it either."""
    return _WARD + code


def is_within_a_district(area: str) -> bool:
    """Whether an area is a part of a district: such counts are small, and for inside alone."""
    return area.startswith((_LSOA, _WARD))
