"""What each week of many series let expect, by the best method its history is long enough for, and how rare a count is.

Plain numbers in, plain numbers out: whoever judges weeks needs no arrays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite, sqrt
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
    """The mean of a count, its variance / mean, and whether that comes from the weaker method.

    So much of the spread as `error` is there because the mean is an estimate: its variance / mean.
    """

    mean: float
    spread: float
    weaker: bool
    error: float = 0.0


def together_of(weeks: Sequence[Expected]) -> Expected:
    """What some weeks taken as one let expect; whether the weaker method is in it says the last of them.

    The mean m of each week is an estimate, wrong by E, and all of them come of one baseline: where it had too few
    events by chance, all weeks are expected too low. So while the counts vary each by itself, the errors add up:

        variance of the sum = sum of own x m + variance of (sum of E),
        variance of (sum of E) = (sum of the standard deviations of E)^2 at most, and as much where all go one way.

    They do go one way: next to one another, weeks are of one season level and one trend. For k weeks of a mean m known
    from n weeks, E has the variance own x m / n, and the sum has k own m + k^2 own m / n = k m own (1 + k / n): the
    factor is 1 + k / n for the sum, where each of its weeks alone has 1 + 1 / n. For a Poisson rate known by a gamma
    distribution that is no bound but exact: the sum is negative binomial with this dispersion.
    """
    mean = sum(week.mean for week in weeks)
    own = sum((week.spread - week.error) * week.mean for week in weeks) / mean
    error = sum(week.mean * sqrt(week.error / week.mean) for week in weeks) ** 2 / mean
    return Expected(mean, own + error, weeks[-1].weaker, error)


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
        for series, mean, spread, weaker, error in zip(counts, *said, strict=True):
            if isfinite(mean):
                found[series][column - first] = Expected(mean, spread, weaker, error)
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
) -> tuple[Floats, Floats, Flags, Floats]:
    """Mean, spread, whether they are the weaker method's, and the error in it, of one week of each series.

    A fit knows the logarithm of the mean, as good as normally distributed around the fitted one. The mean of what that
    lets expect is greater than the fitted one by half the variance of the logarithm, to first order: after T events in
    n weeks, without season and trend, (T + 1/2) / n, which is what the Bayes system has by Jeffreys' prior. Where
    events are many it is nothing; where they are few, the fitted mean alone would expect too little half of the time.
    """
    fitted, mean, spread, error = (np.full(table.shape[0], np.nan) for _ in range(4))
    years = min(by.trusted.b, (column - by.trusted.w) // by.trusted.freq)
    if years >= by.least_years:
        # No week before these has a part in it, and a covariate need not be known that far back.
        start = column - years * by.trusted.freq - by.trusted.w
        mondays = begins + DAYS_IN_WEEK * np.arange(start, column + 1)
        parts = farrington_expected(
            table[:, start : column + 1],
            [column - start],
            msgspec.structs.replace(by.trusted, b=years),
            excluded=concerns.excluded(mondays),
            covariates=concerns.columns(mondays),
        )
        fitted, dispersion, doubt = (part[:, 0] for part in parts)
        mean = fitted * (1 + doubt / 2)
        error = mean * doubt
        spread = dispersion + error
    # A fit that comes to no end says nothing, and one of a series without any event next to nothing.
    is_weaker = ~(fitted > _LEAST_MEAN) | (spread > np.maximum(mean, _LARGEST_SPREAD))
    if is_weaker.any():
        mean[is_weaker] = bayes(table[is_weaker], [column], by.short).expected[:, 0]
        # A count whose rate is known from so many weeks wavers by that much more.
        error[is_weaker] = 1 / by.short.weeks
        spread[is_weaker] = 1 + error[is_weaker]
    return mean, spread, is_weaker, error
