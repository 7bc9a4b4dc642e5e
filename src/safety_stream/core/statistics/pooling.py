"""One indicator in many areas: the season and trend of all together, the level of each.

Where areas rise and fall together, fourteen of them know the season far better than each alone. In a Poisson regression
with a level for each area and one season and trend for all, the expected count of an area is the expected total times
the area's share of the events; so the total is fitted by Farrington's algorithm and shared out. Only the rule that
drops a trend which leads above everything seen is left out: totals hardly waver, and a growing one would lose its trend
at the height of its season. The dispersion is the mean of those of the areas.

The price: an area that goes its own way, by a season or trend of its own, is compared with what the others do. Shares
are taken of the latest years only, so that a slow drift is followed.

The idea of borrowing strength over areas is that of RAMMIE: Morbey et al. (2015), *The application of a novel 'rising
activity, multi-level mixed effects, indicator emphasis' (RAMMIE) method for syndromic surveillance in England*,
Bioinformatics 31:3660-3665. What is fitted here is simpler.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import ArrayLike

from safety_stream.core.statistics.distributions import negative_binomial_survival, negative_binomial_upper_quantile
from safety_stream.core.statistics.farrington import IMPROVED, Control, Farrington, farrington_flexible
from safety_stream.core.statistics.series import checked_counts, checked_excluded, checked_weeks, recent_totals

YEARS_OF_SHARES = 2
"""An area's share is that of so many years before the weeks left out; default, ours."""


def pooled_farrington(
    counts: ArrayLike,
    weeks: ArrayLike,
    control: Control = IMPROVED,
    *,
    excluded: ArrayLike | None = None,
    covariates: ArrayLike | None = None,
) -> Farrington:
    """Judge weeks of areas by what all of them together let expect.

    Args:
        counts: Whole numbers (areas, weeks) of one indicator, consecutive weeks.
        weeks: Columns to judge.
        control: How to judge; its `threshold_method` must be `nbPlugin`.
        excluded: Flags (weeks,) of weeks that are in no baseline and no share.
        covariates: Numbers (covariates, weeks): what acts on all areas alike. What acts on one alone would move its
            share, for which there is no place here.

    An area without an event in the years of its share has NaN everywhere and no alarm.

    Raises:
        ValueError: An argument is not of its shape or range; the message names it.
    """
    observed = checked_counts(counts)
    judged = checked_weeks(weeks, observed)
    if control.threshold_method != "nbPlugin":
        raise ValueError(f"threshold_method must be nbPlugin to pool areas, not {control.threshold_method}")
    alone = farrington_flexible(observed, judged, control, excluded=excluded, covariates=covariates)
    of_total = msgspec.structs.replace(control, trend_within_seen=False)
    total = observed.sum(axis=0, keepdims=True)
    together = farrington_flexible(total, judged, of_total, excluded=excluded, covariates=covariates)
    # Weeks too early to be judged end before the first column; they have no expectation either.
    ends = np.maximum(judged - control.past_weeks_not_included - 1, 0)
    counted_weeks = np.where(checked_excluded(excluded, observed), 0.0, observed)
    past = recent_totals(counted_weeks, ends, YEARS_OF_SHARES * control.freq)
    share = past / np.maximum(past.sum(axis=0), 1.0)
    expected = np.where(share > 0, share * together.expected, np.nan)
    counted = ~np.isnan(alone.dispersion)
    dispersion = np.where(counted, alone.dispersion, 0.0).sum(axis=0) / np.maximum(counted.sum(axis=0), 1)
    spread = np.broadcast_to(np.maximum(dispersion, 1.0), expected.shape)
    known = ~np.isnan(expected)
    bound, p_value = np.full(expected.shape, np.nan), np.full(expected.shape, np.nan)
    bound[known] = negative_binomial_upper_quantile(control.alpha, expected[known], spread[known])
    p_value[known] = negative_binomial_survival(observed[:, judged][known], expected[known], spread[known])
    cases, period = control.limit54
    bound[recent_totals(observed, judged, period) < cases] = np.nan
    return Farrington(
        bound,
        p_value,
        observed[:, judged] > bound,
        expected,
        known & together.trend_kept,
        np.where(known, spread, np.nan),
    )
