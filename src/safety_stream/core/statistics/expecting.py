"""What each week of many series let expect, by the best method its history is long enough for, and how rare a count is.

Plain numbers in, plain numbers out: whoever judges weeks needs no arrays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Final

import msgspec
import numpy as np

from safety_stream.core.judging import Covariate, Exclusion, Judging, StepChange
from safety_stream.core.model.times import Day
from safety_stream.core.statistics.covariates import DAYS_IN_WEEK, columns_of, weeks_excluded
from safety_stream.core.statistics.distributions import negative_binomial_survival, negative_binomial_upper_quantile
from safety_stream.core.statistics.farrington import Control, farrington_expected
from safety_stream.core.statistics.series import Flags, Floats, Weeks
from safety_stream.core.statistics.short_history import Bayes, bayes

_LEAST_MEAN: Final = 1e-3
"""A mean below this is no mean anybody has seen: one incident in a thousand weeks."""


_LARGEST_SPREAD: Final = 1e3
"""A fit whose variance is more than so many times its mean, and whose standard deviation is more than its mean, says
nothing: the bound would be beyond all that ever was. So it is where a season of the baseline has no event at all, as
before a feed began. Default, ours."""


class Expecting(msgspec.Struct, frozen=True, kw_only=True):
    """By what to expect: `trusted` from `least_years` of history on, with as many years as there are, else `short`."""

    trusted: Control
    least_years: int
    short: Bayes

    @property
    def history(self) -> int:
        """How many weeks must lie before one of which anything is expected."""
        return min(self.short.history, self.least_years * self.trusted.freq + self.trusted.w)


class Expected(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The mean of a count, its variance / mean, and whether that comes from the weaker method."""

    mean: float
    spread: float
    weaker: bool


class Rarity(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """How rare a count is: the probability of as many or more and of as few or fewer, and where signals begin.

    A count above `amber_above` has a `p` of at most the amber level, and so on; one below `low_below` a `p_low` below
    the level of improvement.
    """

    p: float
    p_low: float
    amber_above: int
    red_above: int
    low_below: int


Series = tuple[str, str]
"""An indicator and an area."""


def expected_of(
    counts: Mapping[Series, Sequence[int]], first: int, last: int, by: Expecting, begins: Day, known: Judging
) -> dict[Series, list[Expected | None]]:
    """What weeks `first` to before `last` (columns of `counts`) of each series let expect; None: too little is known.

    All series have the same number of consecutive weeks, column 0 being the first of the history, that of Monday
    `begins`; `known` is what is known of series beforehand. What is said of a week depends on no later one, nor on
    the other series.
    """
    found: dict[Series, list[Expected | None]] = {series: [None] * (last - first) for series in counts}
    if not counts:
        return found
    table, concerns = np.asarray(list(counts.values()), dtype=np.float64), _Concerns.of(known, list(counts))
    for column in range(max(first, by.history), last):
        said = (part.tolist() for part in _expected_in(table, column, by, begins, concerns))
        for series, mean, spread, weaker in zip(counts, *said, strict=True):
            if isfinite(mean):
                found[series][column - first] = Expected(mean, spread, weaker)
    return found


def rarity_of(counted: Sequence[int], expected: Sequence[Expected], levels: tuple[float, float, float]) -> list[Rarity]:
    """How rare each count is against what was expected; `levels` are those of amber, red and improvement."""
    if not counted:
        return []
    counts = np.asarray(counted, dtype=np.float64)
    mean = np.array([one.mean for one in expected], dtype=np.float64)
    spread = np.array([one.spread for one in expected], dtype=np.float64)
    amber, red, improvement = levels
    columns = (
        negative_binomial_survival(counts, mean, spread),
        1 - negative_binomial_survival(counts + 1, mean, spread),
        negative_binomial_upper_quantile(amber, mean, spread),
        negative_binomial_upper_quantile(red, mean, spread),
        # The least count that more than so small a share of weeks stay at or below.
        negative_binomial_upper_quantile(1 - improvement, mean, spread),
    )
    return [
        Rarity(p, p_low, int(above), int(far_above), int(below))
        for p, p_low, above, far_above, below in zip(*(column.tolist() for column in columns), strict=True)
    ]


class _Concerns(msgspec.Struct, frozen=True, eq=False):
    """What is known, and which series each part of it concerns: flags (parts, series).

    All series are fitted at once, each with every column: one of noughts takes no part.
    """

    known: Judging
    by_exclusion: Flags
    by_column: Flags

    @classmethod
    def of(cls, known: Judging, series: Sequence[Series]) -> _Concerns:
        """Look it up for each series."""
        columns: tuple[Covariate | StepChange, ...] = (*known.covariates, *known.steps)
        return cls(known, _flags(known.exclusions, series), _flags(columns, series))

    def excluded(self, mondays: Weeks) -> Flags:
        """The weeks that are in no baseline: (series, weeks)."""
        flags = np.array([weeks_excluded(mondays, [one]) for one in self.known.exclusions], dtype=np.bool_)
        flags = flags.reshape(len(self.known.exclusions), 1, mondays.size)
        merged: Flags = np.logical_or.reduce(flags & self.by_exclusion[:, :, None], axis=0)
        return merged

    def columns(self, mondays: Weeks) -> Floats:
        """What acts beside season and trend: (parts, series, weeks)."""
        found: Floats = columns_of(mondays, self.known)[:, None, :] * self.by_column[:, :, None]
        return found


def _flags(parts: Sequence[Exclusion | Covariate | StepChange], series: Sequence[Series]) -> Flags:
    flags = [[part.concerns(*one) for one in series] for part in parts]
    return np.array(flags, dtype=np.bool_).reshape(len(parts), len(series))


def _expected_in(
    table: Floats, column: int, by: Expecting, begins: Day, concerns: _Concerns
) -> tuple[Floats, Floats, Flags]:
    """Mean, spread and whether they are the weaker method's, of one week of each series."""
    mean, spread = (np.full(table.shape[0], np.nan) for _ in range(2))
    years = min(by.trusted.b, (column - by.trusted.w) // by.trusted.freq)
    if years >= by.least_years:
        # No week before these has a part in it, and a covariate need not be known that far back.
        start = column - years * by.trusted.freq - by.trusted.w
        mondays = begins + DAYS_IN_WEEK * np.arange(start, column + 1)
        expected, dispersion = farrington_expected(
            table[:, start : column + 1],
            [column - start],
            msgspec.structs.replace(by.trusted, b=years),
            excluded=concerns.excluded(mondays),
            covariates=concerns.columns(mondays),
        )
        mean, spread = expected[:, 0], dispersion[:, 0]
    # A fit that comes to no end says nothing, and one of a series without any event next to nothing.
    is_weaker = ~(mean > _LEAST_MEAN) | (spread > np.maximum(mean, _LARGEST_SPREAD))
    if is_weaker.any():
        mean[is_weaker] = bayes(table[is_weaker], [column], by.short).expected[:, 0]
        # A count whose rate is known from so many weeks wavers by that much more.
        spread[is_weaker] = 1 + 1 / by.short.weeks
    return mean, spread, is_weaker
