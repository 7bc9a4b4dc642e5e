"""A published count of an area and period, restated when what it rests on changes."""

from __future__ import annotations

import msgspec

from safety_stream.core.model.tallies import Cause
from safety_stream.core.model.times import Day, Instant, PeriodKind


class IndicatorValue(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """`value` incidents of `indicator` in `area` in the period of `period` kind from day `starts` until before `ends`.

    `revision` counts from 1 and `restates` is the value the last revision had (None at first). `final` is True once
    every feed the indicator rests on is complete to the period's end. A late report still restates a final value.
    `causes`, sorted, are those of all tallies of the period since the last revision, whatever came of them together,
    and `completed` once the value has become final.
    """

    area: str
    indicator: str
    period: PeriodKind
    starts: Day
    ends: Day
    value: int
    final: bool
    revision: int
    restates: int | None
    as_of: Instant
    causes: tuple[Cause, ...] = ()
