"""What a step counts, summed per cell before it goes out.

Counting is additive, so nobody can tell, and a busy batch sends one record where it would have sent hundreds. What has
different causes is summed apart.
"""

from __future__ import annotations

from collections import Counter

from safety_stream.core.model.tallies import Cause, Tally, series_key
from safety_stream.core.model.times import Day, Instant
from safety_stream.core.stages.stage import Output

Cell = tuple[str, str, Day, bool, Day, Cause | None]
"""Area, indicator, event day, whether known to the month only, report day, cause."""


def tallies_of(cells: Counter[Cell], as_of: Instant) -> list[Output]:
    """The tallies of what was counted, in order; what came to nothing is not said."""
    return [
        Output(
            topic="tallies",
            key=series_key(area, indicator),
            value=Tally(
                area=area,
                indicator=indicator,
                event_day=event_day,
                precision="month" if by_month else "day",
                report_day=report_day,
                count=count,
                as_of=as_of,
                cause=cause,
            ),
            received_at=as_of,
        )
        for (area, indicator, event_day, by_month, report_day, cause), count in sorted(cells.items(), key=_order)
        if count
    ]


def _order(counted: tuple[Cell, int]) -> tuple[object, ...]:
    *where, cause = counted[0]
    return (*where, cause or "")
