"""Charts that remember: what no single week shows, but many weeks together do.

Both take what each week lets expect from a model of the series (`farrington`), add up by how much the counts lie above
it, and so find slow rises that never exceed a bound. They know nothing of season and trend themselves: on raw counts
they only find those.

- `cusum` adds up log likelihood ratios of a mean `ratio` times the expected one, never below 0. Höhle and Paul (2008),
  *Count data regression charts for the monitoring of surveillance time series*, Comput Stat Data Anal 52:4357-4368; in
  R `surveillance::algo.glrnb` with a known ratio.
- `ewma` averages standardised residuals, older ones less. Lucas and Saccucci (1990), *Exponentially weighted moving
  average control schemes*, Technometrics 32:1-12.

A chart starts anew after an alarm, and lets weeks without an expectation pass.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import ArrayLike

from safety_stream.core.statistics.series import Flags, Floats, checked_counts


class Chart(msgspec.Struct, frozen=True, eq=False):
    """What was found: arrays of one row per series and one column per week.

    Attributes:
        statistic: Where the chart stands after the week, and before it starts anew.
        bound: The greatest count that was still no alarm, as a real number; NaN without an expectation.
        alarm: Whether the statistic is above the threshold.
    """

    statistic: Floats
    bound: Floats
    alarm: Flags


class Cusum(msgspec.Struct, frozen=True, kw_only=True):
    """What a cumulative sum looks for. Raises `ValueError` naming the parameter that makes no sense.

    Attributes:
        ratio: The rise it finds soonest: the mean is so many times the expected one. The size of the negative binomial
            stays as it is.
        threshold: Log likelihood ratio above which there is an alarm.
    """

    ratio: float = 1.5
    threshold: float = 5.0

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if self.ratio <= 1:
            raise ValueError(f"ratio must be above 1, not {self.ratio}")
        if self.threshold <= 0:
            raise ValueError(f"threshold must be above 0, not {self.threshold}")


class Ewma(msgspec.Struct, frozen=True, kw_only=True):
    """How a moving average forgets. Raises `ValueError` naming the parameter that makes no sense.

    Attributes:
        weight: Share of the latest week, above 0; at 1 the weeks before count nothing.
        threshold: Standard deviations of the average above which there is an alarm.
    """

    weight: float = 0.2
    threshold: float = 3.0

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if not 0 < self.weight <= 1:
            raise ValueError(f"weight must be above 0 and at most 1, not {self.weight}")
        if self.threshold <= 0:
            raise ValueError(f"threshold must be above 0, not {self.threshold}")


def cusum(counts: ArrayLike, mean: Floats, dispersion: Floats, control: Cusum = Cusum()) -> Chart:  # noqa: B008 - frozen
    """Add up the evidence for a rise, week after week.

    Args:
        counts: Whole numbers (series, weeks), consecutive weeks.
        mean: What each week lets expect, of the same shape, above 0; NaN where nothing.
        dispersion: Variance / mean of the counts around it, of the same shape, 1 or more.
        control: What to look for.

    Raises:
        ValueError: An argument is not of its shape or range; the message names it.
    """
    observed, known = _checked(counts, mean, dispersion)
    log_ratio, excess = np.log(control.ratio), np.where(known, dispersion - 1, 0.0)
    is_poisson = excess == 0
    size = np.where(known, mean, 1.0) / np.where(is_poisson, 1.0, excess)
    # log((size + ratio mean) / (size + mean)), per event and, times the size, per week.
    widening = np.log1p(excess * (control.ratio - 1) / (1 + excess))
    per_event = log_ratio - widening
    per_week = np.where(is_poisson, np.where(known, mean, 0.0) * (control.ratio - 1), size * widening)
    evidence = np.where(known, observed * per_event - per_week, 0.0)
    statistic, before = _running(evidence, control.threshold)
    bound = np.where(known, np.maximum((control.threshold - before + per_week) / per_event, -1.0), np.nan)
    return Chart(statistic, bound, known & (statistic > control.threshold))


def ewma(counts: ArrayLike, mean: Floats, dispersion: Floats, control: Ewma = Ewma()) -> Chart:  # noqa: B008 - frozen
    """Average the residuals of the weeks, standardised by the transformation of Anscombe; arguments as for `cusum`.

    The average is divided by its own standard deviation, which grows with the weeks since the chart started.
    """
    observed, known = _checked(counts, mean, dispersion)
    expected = np.where(known, mean, 1.0)
    spread = np.where(known, dispersion, 1.0)
    # A residual is scale (count^(2/3) - mean^(2/3)).
    scale = 1.5 / (expected ** (1 / 6) * np.sqrt(spread))
    residual = scale * (observed ** (2 / 3) - expected ** (2 / 3))
    statistic, bound = np.zeros_like(observed), np.full_like(observed, np.nan)
    average, variance = np.zeros(observed.shape[0]), np.zeros(observed.shape[0])
    kept = 1 - control.weight
    for week in range(observed.shape[1]):
        here = known[:, week]
        variance = np.where(here, kept**2 * variance + control.weight**2, variance)
        sd = np.sqrt(np.where(variance > 0, variance, 1.0))
        greatest = (control.threshold * sd - kept * average) / control.weight
        root = greatest / scale[:, week] + expected[:, week] ** (2 / 3)
        bound[:, week] = np.where(here, np.where(root < 0, -1.0, np.maximum(root, 0.0) ** 1.5), np.nan)
        average = np.where(here, kept * average + control.weight * residual[:, week], average)
        statistic[:, week] = average / sd
        is_alarm = here & (statistic[:, week] > control.threshold)
        average, variance = np.where(is_alarm, 0.0, average), np.where(is_alarm, 0.0, variance)
    return Chart(statistic, bound, known & (statistic > control.threshold))


def _running(evidence: Floats, threshold: float) -> tuple[Floats, Floats]:
    """Sums of evidence that start anew below 0 and above the threshold, after each week and before it."""
    after, before = np.zeros_like(evidence), np.zeros_like(evidence)
    level = np.zeros(evidence.shape[0])
    for week in range(evidence.shape[1]):
        before[:, week] = level
        after[:, week] = np.maximum(level + evidence[:, week], 0.0)
        level = np.where(after[:, week] > threshold, 0.0, after[:, week])
    return after, before


def _checked(counts: ArrayLike, mean: Floats, dispersion: Floats) -> tuple[Floats, Flags]:
    """The counts, and where something is expected."""
    observed = checked_counts(counts)
    for name, table in (("mean", mean), ("dispersion", dispersion)):
        if table.shape != observed.shape:
            raise ValueError(f"{name} must have the shape of counts, {observed.shape}, not {table.shape}")
    known: Flags = np.isfinite(mean)
    if not ((mean[known] > 0).all() and (dispersion[known] >= 1).all()):
        raise ValueError("mean must be above 0 and dispersion 1 or more wherever there is a mean")
    return observed, known
