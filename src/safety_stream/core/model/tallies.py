"""Signed counts for one series and day: what indicators are made of."""

from __future__ import annotations

from typing import Literal

import msgspec

from safety_stream.core.model.times import Day, Instant


class Tally(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """`count` more (or, negative, fewer) incidents of `indicator` in `area` on `event_day`, known since `report_day`.

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
