"""Bounds for series with less than two years of history: EARS C1, C2 and C3, the Bayes system and the old RKI system.

They know no trend and little or nothing of the season, so they see less and cry wolf more often than Farrington's
algorithm; what they find must be labelled as weaker.

Sources: Hutwagner, Thompson, Seeman, Treadwell (2003), *The bioterrorism preparedness and response Early Aberration
Reporting System (EARS)*, J Urban Health 80:i89-i96. Riebler (2004), *Empirischer Vergleich von statistischen Methoden
zur Ausbruchserkennung bei Surveillance Daten*, Bachelor's thesis, LMU Munich. Both are in R's `surveillance`.
"""

from __future__ import annotations

from typing import Literal

import msgspec
import numpy as np
from numpy.typing import ArrayLike

from safety_stream.core.statistics.distributions import (
    negative_binomial_survival,
    negative_binomial_upper_quantile,
    normal_quantile,
    normal_survival,
)
from safety_stream.core.statistics.series import Flags, Floats, Weeks, checked_counts, checked_weeks

_FEWEST_WEEKS = 3
_LAG = 2
_LARGEST_POISSON = 20
_CROW_GARDNER = np.array([
    3.285, 5.323, 6.686, 8.102, 9.598, 11.177, 12.817, 13.765, 14.921, 16.768, 17.633, 19.05, 20.335, 21.364, 22.945,
    23.762, 25.4, 26.306, 27.735, 28.966, 30.017,
])  # fmt: skip
"""Upper ends of 95 % intervals of a Poisson mean, for counts from 0; Crow and Gardner (1959), Biometrika 46:441-453."""


class ShortHistory(msgspec.Struct, frozen=True, eq=False):
    """What was found: arrays of one row per series and one column per judged week.

    A week with too little history has NaN everywhere and no alarm.

    Attributes:
        bound: The greatest count that is still no alarm.
        p_value: Probability of the count or more, had nothing happened; NaN for C3, which has no known distribution.
        alarm: Whether the count is above the bound.
        expected: Mean the count is compared with.
    """

    bound: Floats
    p_value: Floats
    alarm: Flags
    expected: Floats


class Ears(msgspec.Struct, frozen=True, kw_only=True):
    """How EARS judges.

    Raises `ValueError` naming the parameter that makes no sense.

    Attributes:
        statistic: `C1` compares with the weeks just before, `C2` leaves out the last two of them, `C3` adds up how far
            C2 was above 1 in this week and those two.
        alpha: One-sided probability of an alarm in a week without an outbreak, were counts normal.
        baseline: Weeks to compare with.
        least_sd: Standard deviation to assume where the baseline shows less. A baseline of equal counts shows none at
            all, and every further event would be an alarm; Burkom advises 0.5 or 1.
    """

    statistic: Literal["C1", "C2", "C3"]
    alpha: float
    baseline: int = 7
    least_sd: float = 0.5

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if self.statistic not in {"C1", "C2", "C3"}:
            raise ValueError(f"statistic must be C1, C2 or C3, not {self.statistic}")
        if not 0 < self.alpha < 1 / 2:
            raise ValueError(f"alpha must be above 0 and below 0.5, not {self.alpha}")
        if self.baseline < _FEWEST_WEEKS:
            raise ValueError(f"baseline must be {_FEWEST_WEEKS} weeks or more, not {self.baseline}")
        if self.least_sd <= 0:
            raise ValueError(f"least_sd must be above 0, not {self.least_sd}")


C1 = Ears(statistic="C1", alpha=0.001)
C2 = Ears(statistic="C2", alpha=0.001)
C3 = Ears(statistic="C3", alpha=0.025)
"""C3's usual alpha puts its threshold near 2."""


def _demand_windows(b: int, w: int, freq: int, *, this_year: bool) -> None:
    """Refuse windows that cannot be meant."""
    if b < (0 if this_year else 1):
        raise ValueError(f"b must be 0 years or more, 1 or more without this year; not {b}")
    if w < 1:
        raise ValueError(f"w must be 1 week or more, not {w}")
    if b and freq < 2 * w + 1:
        raise ValueError(f"w must leave 2 w + 1 weeks within a year of {freq}; {w} is too wide")


class Bayes(msgspec.Struct, frozen=True, kw_only=True):
    """How the Bayes system judges: a Poisson count whose rate is known from its baseline by a gamma distribution.

    Raises `ValueError` naming the parameter that makes no sense.

    Attributes:
        b: Years to look back, with the `w` weeks on both sides of the judged week's place in each.
        w: Weeks of each window on one side.
        this_year: Whether the `w` weeks just before the judged one belong to the baseline.
        alpha: One-sided probability of an alarm in a week without an outbreak.
        freq: Weeks in a year; 12 judges months.
    """

    b: int
    w: int
    this_year: bool
    alpha: float = 0.05
    freq: int = 52

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        _demand_windows(self.b, self.w, self.freq, this_year=self.this_year)
        if not 0 < self.alpha < 1:
            raise ValueError(f"alpha must be above 0 and below 1, not {self.alpha}")

    @property
    def history(self) -> int:
        """How many weeks must lie before a judged one."""
        return self.b * self.freq + self.w

    @property
    def weeks(self) -> int:
        """How many weeks the rate is known from."""
        return int(_steps(self).size)


class Rki(msgspec.Struct, frozen=True, kw_only=True):
    """How the first system of the Robert Koch Institute judged: a fixed limit around the mean of the same weeks.

    Only to compare with: it has no alpha to choose, and up to a mean of 20 it forgets what is behind the point.
    Raises `ValueError` naming the parameter that makes no sense.

    Attributes:
        b: Years to look back, with the `w` weeks on both sides of the judged week's place in each.
        w: Weeks of each window on one side.
        this_year: Whether the `w` weeks just before the judged one belong to the baseline.
        freq: Weeks in a year; 12 judges months.
    """

    b: int
    w: int
    this_year: bool
    freq: int = 52

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        _demand_windows(self.b, self.w, self.freq, this_year=self.this_year)


RKI_1 = Rki(b=0, w=6, this_year=True)
RKI_2 = Rki(b=1, w=6, this_year=True)
RKI_3 = Rki(b=2, w=4, this_year=False)

BAYES_1 = Bayes(b=0, w=6, this_year=True)
BAYES_2 = Bayes(b=1, w=6, this_year=True)
BAYES_3 = Bayes(b=2, w=4, this_year=False)


def ears(counts: ArrayLike, weeks: ArrayLike, control: Ears) -> ShortHistory:
    """Judge weeks of many series by EARS: `baseline` weeks of history, 2 more for C2, 4 more for C3.

    The bound of C3 is the count at which the sum of the three weeks reaches its threshold, and 0 where the two weeks
    before do that alone. That is the paper's; the bound R's `earsC` gives for C3 moves with the judged count itself.

    Args:
        counts: Whole numbers (series, weeks), consecutive weeks.
        weeks: Columns to judge.
        control: How to judge.

    Raises:
        ValueError: An argument is not of its shape or range; the message names it.
    """
    observed = checked_counts(counts)
    judged = checked_weeks(weeks, observed)
    mean, sd = _moments(observed, control)
    z = normal_quantile(1 - control.alpha)
    score = (observed - mean) / sd
    if control.statistic != "C3":
        bound, p_value = mean + z * sd, normal_survival(score)
    else:
        excess = np.full((observed.shape[0], observed.shape[1] + _LAG), np.nan)
        excess[:, _LAG:] = np.maximum(score - 1, 0.0)
        left = z - (excess[:, :-_LAG] + excess[:, 1 : -_LAG + 1])
        bound = np.where(left < 0, 0.0, np.maximum(mean + (1 + left) * sd, 0.0))
        bound[np.isnan(left)] = np.nan
        p_value = np.full_like(bound, np.nan)
        mean = np.where(np.isnan(left), np.nan, mean)
    bound = bound[:, judged]
    return ShortHistory(bound, p_value[:, judged], observed[:, judged] > bound, mean[:, judged])


def bayes(counts: ArrayLike, weeks: ArrayLike, control: Bayes = BAYES_2) -> ShortHistory:
    """Judge weeks of many series by the predictive distribution of the Bayes system, under Jeffreys' prior.

    A week needs `b * freq + w` weeks of history.

    Args:
        counts: Whole numbers (series, weeks), consecutive weeks.
        weeks: Columns to judge.
        control: How to judge.

    Raises:
        ValueError: An argument is not of its shape or range; the message names it.
    """
    observed = checked_counts(counts)
    judged = checked_weeks(weeks, observed)
    steps = _steps(control)
    is_known = judged + steps.min() >= 0
    known = judged[is_known]
    shape = (observed.shape[0], judged.size)
    bound, p_value, expected = (np.full(shape, np.nan) for _ in range(3))
    total = observed[:, known[:, None] + steps].sum(axis=2)
    mean = (total + 0.5) / steps.size
    dispersion = np.full_like(mean, 1 + 1 / steps.size)
    expected[:, is_known] = mean
    bound[:, is_known] = negative_binomial_upper_quantile(control.alpha, mean, dispersion)
    p_value[:, is_known] = negative_binomial_survival(observed[:, known], mean, dispersion)
    return ShortHistory(bound, p_value, observed[:, judged] > bound, expected)


def rki(counts: ArrayLike, weeks: ArrayLike, control: Rki = RKI_2) -> ShortHistory:
    """Judge weeks of many series by the old system of the Robert Koch Institute; there is no p-value.

    A week needs `b * freq + w` weeks of history. Above a mean of 20 the bound is two standard deviations above it;
    below, the upper end of the 95 % interval of a Poisson mean, as R's `algo.rki` has it.

    Args:
        counts: Whole numbers (series, weeks), consecutive weeks.
        weeks: Columns to judge.
        control: How to judge.

    Raises:
        ValueError: An argument is not of its shape or range; the message names it.
    """
    observed = checked_counts(counts)
    judged = checked_weeks(weeks, observed)
    steps = _steps(control)
    is_known = judged + steps.min() >= 0
    shape = (observed.shape[0], judged.size)
    bound, expected = np.full(shape, np.nan), np.full(shape, np.nan)
    # Lying together in memory, so that no bit of a mean depends on what else is in the batch.
    history = np.ascontiguousarray(observed[:, judged[is_known][:, None] + steps])
    mean = history.mean(axis=2)
    whole = np.minimum(np.floor(mean), _CROW_GARDNER.size - 1).astype(np.int64)
    normal = mean + 2 * history.std(axis=2, ddof=1) if steps.size > 1 else mean
    expected[:, is_known] = mean
    bound[:, is_known] = np.where(mean > _LARGEST_POISSON, normal, _CROW_GARDNER[whole])
    return ShortHistory(bound, np.full(shape, np.nan), observed[:, judged] > bound, expected)


def _steps(control: Bayes | Rki) -> Weeks:
    """Where the baseline lies, as weeks from the judged one: all below 0."""
    before = [-lag for lag in range(1, control.w + 1)] if control.this_year else []
    around = [
        -year * control.freq + lag for year in range(1, control.b + 1) for lag in range(-control.w, control.w + 1)
    ]
    return np.array(before + around, dtype=np.int64)


def _moments(counts: Floats, control: Ears) -> tuple[Floats, Floats]:
    """Mean and standard deviation of the baseline of every week, NaN where it does not go back far enough."""
    mean, sd = np.full_like(counts, np.nan), np.full_like(counts, np.nan)
    first = control.baseline + (0 if control.statistic == "C1" else _LAG)
    if counts.shape[1] > first:
        last = counts.shape[1] - 1 - (first - control.baseline)
        overlapping = np.lib.stride_tricks.sliding_window_view(counts[:, :last], control.baseline, axis=1)
        # Lying together in memory, so that no bit of a sum depends on what else is in the batch.
        windows = np.ascontiguousarray(overlapping)
        mean[:, first:] = windows.mean(axis=2)
        sd[:, first:] = np.maximum(windows.std(axis=2, ddof=1), control.least_sd)
    return mean, sd
