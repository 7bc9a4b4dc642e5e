"""Many series at once: which p-values to act on, and which counts are too small to act on whatever they say."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from safety_stream.core.statistics.series import Flags, checked_counts, checked_weeks, recent_totals


def benjamini_hochberg(p_values: ArrayLike, q: float) -> Flags:
    """Which p-values to reject so that on average at most the share `q` of the rejected is false.

    All of them together, of whatever shape, are one family; NaN was not tested: it is not counted and never rejected.
    Benjamini and Hochberg (1995), *Controlling the false discovery rate*, J R Stat Soc B 57:289-300; the share holds
    for independent and for positively dependent tests.

    Raises:
        ValueError: `q` is not above 0 and below 1, or a p-value is no probability.
    """
    values = np.asarray(p_values, dtype=np.float64)
    tested = values[~np.isnan(values)]
    if not 0 < q < 1:
        raise ValueError(f"q must be above 0 and below 1, not {q}")
    if tested.size and not (tested.min() >= 0 and tested.max() <= 1):
        raise ValueError(f"p-values must be 0 to 1; got {tested.min()} to {tested.max()}")
    ranked = np.sort(tested)
    passing = ranked[ranked <= q * np.arange(1, ranked.size + 1) / ranked.size]
    # A comparison with NaN is false. Without a passing one nothing is below -1.
    return values <= (passing[-1] if passing.size else -1.0)


def has_enough_cases(
    counts: ArrayLike, weeks: ArrayLike, *, recent: tuple[int, int] = (5, 4), current: int = 3
) -> Flags:
    """Whether there are cases enough to act on: (series, judged).

    Args:
        counts: Whole numbers (series, weeks), consecutive weeks.
        weeks: Columns to judge.
        recent: (cases, weeks): so many cases in so many weeks up to the judged one are enough.
        current: So many cases in the judged week alone are enough.

    Raises:
        ValueError: An argument is not of its shape or range; the message names it.
    """
    observed = checked_counts(counts)
    judged = checked_weeks(weeks, observed)
    cases, period = recent
    if period < 1:
        raise ValueError(f"recent must look at 1 week or more, not {period}")
    return (recent_totals(observed, judged, period) >= cases) | (observed[:, judged] >= current)


def discovered(p_values: Sequence[float], q: float) -> list[bool]:
    """`benjamini_hochberg` of plain numbers."""
    return [bool(is_rejected) for is_rejected in benjamini_hochberg(p_values, q).tolist()]
