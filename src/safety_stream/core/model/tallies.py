"""Signed counts for one series and day: what indicators are made of."""

from __future__ import annotations

from typing import Literal

import msgspec

from safety_stream.core.model.times import Day, Instant


class Tally(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """`count` more (or, negative, fewer) of `indicator` in `area` on `event_day`, known since `report_day`.

    `event_day` is the London day of the occurrence's start; with precision "month" it is the first of the month and
    feeds periods of a month or longer only. `report_day` is the day the backbone received the claim.
    """

    area: str
    indicator: str
    event_day: Day
    precision: Literal["day", "month"]
    report_day: Day
    count: int
    as_of: Instant


def series_key(area: str, indicator: str) -> str:
    """The key of a series: one area x one indicator over time."""
    return f"{area}|{indicator}"


_LSOA = "lsoa:"


def lsoa_area(code: str) -> str:
    """The area of a series within an LSOA: no area of the catalogue, so that nothing is above it."""
    return _LSOA + code


def is_within_a_district(area: str) -> bool:
    """Whether an area is a part of a district: such counts are small, and for inside alone."""
    return area.startswith(_LSOA)
