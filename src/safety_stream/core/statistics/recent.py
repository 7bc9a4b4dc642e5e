"""The last few weeks taken together: what spreads over two weeks shows better in their sum than in either.

Counts of one dispersion add up to a negative binomial count of that dispersion whose mean is the sum of their means,
so the probability of the sum needs no approximation beyond the model's own.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from safety_stream.core.statistics.distributions import negative_binomial_survival
from safety_stream.core.statistics.series import Floats, checked_counts


def recent_survival(counts: ArrayLike, mean: Floats, dispersion: Floats, period: int = 2) -> Floats:
    """The probability of as many events or more in the `period` weeks up to each week: (series, weeks).

    NaN where one of the weeks has no expectation, and in the weeks before there are so many.

    Args:
        counts: Whole numbers (series, weeks), consecutive weeks.
        mean: What each week lets expect by a model that had not seen the weeks summed: of the same shape, above 0;
            NaN where nothing.
        dispersion: Variance / mean of the counts around it, of the same shape, 1 or more; that of the last week counts.
        period: Weeks to sum; 1 is the week alone.

    Raises:
        ValueError: An argument is not of its shape or range; the message names it.
    """
    observed = checked_counts(counts)
    for name, table in (("mean", mean), ("dispersion", dispersion)):
        if table.shape != observed.shape:
            raise ValueError(f"{name} must have the shape of counts, {observed.shape}, not {table.shape}")
    if period < 1:
        raise ValueError(f"period must be 1 week or more, not {period}")
    probability = np.full(observed.shape, np.nan)
    if observed.shape[1] < period:
        return probability
    total, expected = (
        np.lib.stride_tricks.sliding_window_view(table, period, axis=1).sum(axis=2) for table in (observed, mean)
    )
    known = np.isfinite(expected)
    probability[:, period - 1 :][known] = negative_binomial_survival(
        total[known], expected[known], dispersion[:, period - 1 :][known]
    )
    return probability
