"""What a day lets expect: the mean of the same weekday in the weeks before it.

Of what is rare single days tell no more: no season, no trend, no day of the year. The mean is that of a Poisson rate
known from its baseline alone, by Jeffreys' prior half an incident above what was counted, as in `short_history.py`; so
it is never nought. The tail of the Poisson distribution above it is exact, but what varies more than that is flagged
too often (docs/statistics.md, "By the day").
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final

import msgspec

from safety_stream.core.judging import Exclusion
from safety_stream.core.model.times import Day
from safety_stream.core.statistics.expecting import Expected, Series

_WEEK: Final = 7
_JEFFREYS: Final = 0.5


class Weekdays(msgspec.Struct, frozen=True, kw_only=True):
    """The baseline: as many `weeks` before a day, without the `weeks_left_out` just before it.

    With fewer than `least_weeks` of them nothing is expected.
    """

    weeks: int
    weeks_left_out: int
    least_weeks: int


def expected_of_days(
    counts: Mapping[Series, Sequence[int]],
    first: int,
    last: int,
    by: Weekdays,
    begins: Day,
    exclusions: Sequence[Exclusion],
    left_out: Collection[Day],
) -> dict[Series, list[Expected | None]]:
    """What days `first` to before `last` (columns of `counts`) of each series let expect; None: too little is known.

    Column 0 is day `begins`, the first of the history. The days `left_out` are in no baseline and let expect nothing;
    those in an exclusion that concerns the series are in no baseline. What is said of a day depends on no later one.
    """
    usual = [
        [] if begins + column in left_out else _usual(column, by, begins, left_out) for column in range(first, last)
    ]
    found: dict[Series, list[Expected | None]] = {}
    for series, values in counts.items():
        stretches = [one for one in exclusions if one.concerns(*series)]
        found[series] = [
            _expected([values[at] for at in columns if not _is_within(begins + at, stretches)], by) for columns in usual
        ]
    return found


def _usual(column: int, by: Weekdays, begins: Day, left_out: Collection[Day]) -> list[int]:
    """The columns of the same weekday in the weeks looked back on."""
    back = (column - _WEEK * weeks for weeks in range(by.weeks_left_out + 1, by.weeks + 1))
    return [at for at in back if at >= 0 and begins + at not in left_out]


def _is_within(day: Day, stretches: Sequence[Exclusion]) -> bool:
    return any(one.first <= day <= one.last for one in stretches)


def _expected(baseline: Sequence[int], by: Weekdays) -> Expected | None:
    if len(baseline) < by.least_weeks:
        return None
    return Expected((sum(baseline) + _JEFFREYS) / len(baseline), 1.0, weaker=False)
