"""Events rarer than two a week: judged by the days between them, at each event, and not by counts of empty weeks.

The last few events took some days, those before them some more. If the rate stood still and events came independently,
the share of the last days in all of them is a beta variable whatever the rate, so the p-value is exact where there is
hardly any history, and the rate need not be known. It is the same as asking a negative binomial: with `baseline` events
in B days, t days bring on average baseline x t / B of them, with the dispersion 1 + t / B.

It knows neither season nor trend: for events this rare nobody does.

Sources: Przyborowski and Wilenski (1940), *Homogeneity of results in testing samples from Poisson series*, Biometrika
31:313-323, for the comparison of two rates; Benneyan (2001), *Performance of number-between g-type statistical quality
control charts for monitoring adverse events*, Health Care Manag Sci 4:319-336, for charts of what lies between events.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import ArrayLike

from safety_stream.core.statistics.distributions import negative_binomial_survival
from safety_stream.core.statistics.series import Floats


class DaysBetween(msgspec.Struct, frozen=True, eq=False):
    """What was found: arrays with one entry per event; NaN for the first ones, which have too little behind them.

    Attributes:
        span: Days the last `together` gaps took.
        expected: Days they would take at the rate of the events before.
        p_value: Probability that they take so few days or fewer, had the rate stood still.
    """

    span: Floats
    expected: Floats
    p_value: Floats


def days_between(days: ArrayLike, *, together: int = 3, baseline: int = 20, resolution: float = 1.0) -> DaysBetween:
    """Judge each event of one series by how fast it and those just before it came.

    Args:
        days: When each event was, in days from anywhere, not falling: (events,).
        together: Gaps to judge at once; few notice a burst soonest, many a lasting rise.
        baseline: Gaps before those to compare with.
        resolution: How finely the days are known. Two events of one day may be this far apart, so the span is taken as
            that much longer and the baseline as that much shorter: p-values are then never too small.

    Raises:
        ValueError: An argument is not of its shape or range; the message names it.
    """
    when = np.asarray(days, dtype=np.float64)
    if when.ndim != 1 or not np.isfinite(when).all() or (np.diff(when) < 0).any():
        raise ValueError("days must be a list of days that never fall; sort the events")
    if together < 1 or baseline < 1:
        raise ValueError(f"together and baseline must be 1 gap or more, not {together} and {baseline}")
    if resolution < 0:
        raise ValueError(f"resolution must be 0 days or more, not {resolution}")
    span, expected, p_value = (np.full(when.shape, np.nan) for _ in range(3))
    history = together + baseline
    if when.size <= history:
        return DaysBetween(span, expected, p_value)
    took = when[history:] - when[baseline:-together]
    before = when[baseline:-together] - when[:-history]
    span[history:] = took
    expected[history:] = before * (together / baseline)
    # A baseline of no time at all says that nothing is fast.
    known = before > resolution
    ratio = np.where(known, (took + resolution) / np.where(known, before - resolution, 1.0), 0.0)
    some = np.where(ratio > 0, ratio, 1.0)
    probability = negative_binomial_survival(np.full(some.shape, float(together)), baseline * some, 1 + some)
    p_value[history:] = np.where(known, np.where(ratio > 0, probability, 0.0), 1.0)
    return DaysBetween(span, expected, p_value)
