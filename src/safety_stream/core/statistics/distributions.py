"""The distributions behind bounds and p-values, with no more than log-gamma and sums.

A negative binomial is given by its mean and its dispersion (variance / mean); at a dispersion of 1 it is the Poisson.
Probabilities come from the saddle-point form of the mass function (Loader 2000, *Fast and accurate computation of
binomial probabilities*), which keeps its precision where the size grows beyond all bounds and plain differences of
log-gamma lose it. Tails are summed term by term from there, on the side of the mean where the terms fall. Where that
would take more than some terms, as it does where dispersion or mean are great, what is left is the last mass times a
continued fraction of the incomplete beta function (Didonato and Morris 1992, *Algorithm 708*, ACM TOMS 18:360-373).
So no tail is more work than about 10 times the root of its dispersion and the root of its mean.
"""

from __future__ import annotations

from collections.abc import Callable
from math import erfc, lgamma, log, pi, sqrt
from statistics import NormalDist

import msgspec
import numpy as np

from safety_stream.core.statistics.series import Flags, Floats

_NORMAL = NormalDist()
_FIRST_CHUNK = 16
_LARGEST_CHUNK = 1024
_MOST_TERMS = 2032
"""Terms of a tail that are summed, a chunk each of 16 to 1024: enough up to a dispersion of about 50."""

_MOST_STEPS = 10_000
"""Steps of a continued fraction. A dispersion of a million takes 7,000, a mean of a hundred million 4,200."""

_NEGLIGIBLE = 1e-17
_STANDS_STILL = 1e-15
_STIRLING_FROM = 16.0
_NEAR = 0.5


def normal_quantile(probability: float) -> float:
    """The value a standard normal variable stays below with this probability."""
    return _NORMAL.inv_cdf(probability)


def normal_survival(values: Floats) -> Floats:
    """The probability that a standard normal variable is greater than each value."""
    return 0.5 * _each(erfc, values / sqrt(2))


def student_two_sided(values: Floats, degrees: int) -> Floats:
    """The probability that |T| reaches |value|, with T of Student's distribution with `degrees` degrees of freedom.

    By the finite sums for whole degrees (Abramowitz and Stegun 26.7.3 and 26.7.4); exact to about 1e-15, absolutely.
    """
    angle = np.arctan(np.abs(values) / sqrt(degrees))
    cosine_squared = np.cos(angle) ** 2
    is_odd = degrees % 2 == 1
    term = np.cos(angle) if is_odd else np.ones_like(angle)
    total = np.zeros_like(angle)
    for factor in range(2 if is_odd else 1, degrees, 2):
        total = total + term
        term = term * cosine_squared * (factor / (factor + 1))
    within = np.sin(angle) * total
    if is_odd:
        within = (angle + within) * (2 / pi)
    beyond: Floats = np.clip(1 - within, 0.0, 1.0)
    return beyond


def negative_binomial_mass(counts: Floats, mean: Floats, dispersion: Floats) -> Floats:
    """The probability of exactly each count. All of one shape; counts >= 0, means > 0, dispersions >= 1."""
    is_poisson = dispersion == 1
    excess = np.where(is_poisson, 1.0, dispersion - 1)
    size = mean / excess
    none = np.exp(-np.where(is_poisson, mean, size * np.log(dispersion)))
    some = np.maximum(counts, 1.0)
    # The count and the size are compared with what each would be if the count were expected at their total.
    total = some + size
    shift = (some - mean) / dispersion
    of_size = _stirling_error(total) - _stirling_error(size) - _discrepancy(size, -shift, total / dispersion)
    expected = np.where(is_poisson, mean, total * excess / dispersion)
    exponent = np.where(is_poisson, 0.0, of_size) - _stirling_error(some) - _discrepancy(some, shift, expected)
    scale = np.where(is_poisson, 1.0, size / total) / (2 * pi * some)
    return np.where(counts == 0, none, np.exp(exponent) * np.sqrt(scale))


def negative_binomial_survival(counts: Floats, mean: Floats, dispersion: Floats) -> Floats:
    """The probability of each count or more. All of one shape; counts >= 0, means > 0, dispersions >= 1."""
    is_upper = counts > mean
    start = np.where(is_upper, counts, np.maximum(counts - 1, 0.0))
    tail = _tail(start, is_upper, mean, dispersion)
    survival = np.where(is_upper, tail, 1 - tail)
    return np.where(counts == 0, 1.0, np.clip(survival, 0.0, 1.0))


def negative_binomial_mid_survival(counts: Floats, mean: Floats, dispersion: Floats) -> Floats:
    """The probability of more than each count and half that of exactly it: the mid-p value.

    Uniform on average (its mean is 1/2) where the survival, being discrete, is too large; it no longer keeps a nominal
    error rate in every case. Lancaster (1961), *Significance tests in discrete distributions*, JASA 56:223-234. Of the
    same shape and range as the survival.
    """
    whole = negative_binomial_survival(counts, mean, dispersion)
    middle: Floats = whole - 0.5 * negative_binomial_mass(counts, mean, dispersion)
    return np.clip(middle, 0.0, 1.0)


def negative_binomial_upper_quantile(alpha: float, mean: Floats, dispersion: Floats) -> Floats:
    """The smallest count that is exceeded with a probability of at most `alpha`, 0 < alpha < 1: whole numbers.

    By halving the stretch that Cantelli's inequality leaves.
    """
    sd = np.sqrt(mean * dispersion)
    below = np.maximum(np.floor(mean - sd * sqrt(alpha / (1 - alpha))) - 1, -1.0)
    above = np.ceil(mean + sd * sqrt((1 - alpha) / alpha))
    while (open_cells := above - below > 1).any():
        middle = np.floor((below + above) / 2)
        is_enough = np.zeros(mean.shape, dtype=np.bool_)
        is_enough[open_cells] = (
            negative_binomial_survival(middle[open_cells] + 1, mean[open_cells], dispersion[open_cells]) <= alpha
        )
        above = np.where(open_cells & is_enough, middle, above)
        below = np.where(open_cells & ~is_enough, middle, below)
    return above


def _tail(start: Floats, is_upper: Flags, mean: Floats, dispersion: Floats) -> Floats:
    """The mass from `start` on, away to the greater counts where `is_upper`, to the smaller ones elsewhere."""
    shape = start.shape
    start, mean, dispersion = (array.ravel() for array in (start, mean, dispersion))
    is_upper = is_upper.ravel()
    last = negative_binomial_mass(start, mean, dispersion)
    total = last.copy()
    share, growth = mean / dispersion, 1 - 1 / dispersion
    rows = np.arange(start.size)
    done, chunk = 0, _FIRST_CHUNK
    while rows.size and done < _MOST_TERMS:
        up = is_upper[rows, None]
        steps = np.arange(done, done + chunk, dtype=np.float64)
        # The greater of the two neighbours each step passes between: P(k) / P(k - 1) = (share + growth (k - 1)) / k.
        greater = np.maximum(start[rows, None] + np.where(up, steps + 1, -steps), 0.0)
        weight = share[rows, None] + growth[rows, None] * np.maximum(greater - 1, 0.0)
        ratios = np.where(up, weight / np.maximum(greater, 1.0), greater / weight)
        masses = last[rows, None] * np.cumprod(ratios, axis=1)
        total[rows] += masses.sum(axis=1)
        last[rows] = masses[:, -1]
        rows = rows[last[rows] > _NEGLIGIBLE * total[rows]]
        done, chunk = done + chunk, min(2 * chunk, _LARGEST_CHUNK)
    if rows.size:
        reached = start[rows] + np.where(is_upper[rows], done, -done)
        total[rows] += last[rows] * (_times(reached, is_upper[rows], mean[rows], dispersion[rows]) - 1)
    return total.reshape(shape)


def _times(start: Floats, is_upper: Flags, mean: Floats, dispersion: Floats) -> Floats:
    """How many times its first mass a tail is. Starts of upper tails are above the mean, others a count below or more.

    The upper tail from k on is the incomplete beta function of (k, size) at 1 - 1 / dispersion, the lower one that of
    (size, k + 1) at 1 / dispersion. The fraction is written with 1 / a and b x instead of a and b, since the size is
    infinite where the dispersion is 1.
    """
    share, growth = mean / dispersion, 1 - 1 / dispersion
    flat = np.where(is_upper, 1 / np.maximum(start, 1.0), (dispersion - 1) / mean)
    at = np.where(is_upper, growth, 1 / dispersion)
    rise = np.where(is_upper, share, (start + 1) / dispersion)
    near = 1 + np.where(is_upper, start - mean, mean - start - 1) / dispersion
    front = np.where(is_upper, start, share + growth * start)
    fixed = _Fraction(flat, at, rise, near, front)
    value = (1 + flat) / near
    above, below = (np.zeros_like(mean), np.ones_like(mean)), (np.ones_like(mean), near / (1 + flat))
    times = np.empty_like(mean)
    rows = np.arange(mean.size)
    for step in range(1, _MOST_STEPS + 1):
        numerator, denominator = fixed.terms(step)
        upper = numerator * above[0] + denominator * above[1]
        lower = numerator * below[0] + denominator * below[1]
        before, value = value, upper / lower
        times[rows] = fixed.front * value
        # Both are kept near 1 by dividing through: only their ratio counts.
        above, below = (above[1] / lower, value), (below[1] / lower, np.ones_like(value))
        open_rows = np.abs(value - before) > _STANDS_STILL * value
        if not open_rows.any():
            break
        if not open_rows.all():
            rows, value, fixed = rows[open_rows], value[open_rows], fixed.at_rows(open_rows)
            above, below = ((one[open_rows], other[open_rows]) for one, other in (above, below))
    return times


class _Fraction(msgspec.Struct, frozen=True, eq=False):
    """The continued fraction of the incomplete beta function of (a, b) at x, for each row.

    `flat` is 1 / a, `at` x, `rise` b x, `near` 1 + a - (a + b) x, and `front` what to multiply a tail's first mass by.
    """

    flat: Floats
    at: Floats
    rise: Floats
    near: Floats
    front: Floats

    def terms(self, step: int) -> tuple[Floats, Floats]:
        """The partial numerator and denominator of a step, from 1 on."""
        narrowed = 1 / (1 + (2 * step - 1) * self.flat)
        wide = step * (self.rise - step * self.at)
        numerator = (1 + (step - 1) * self.flat) * (
            narrowed**2 * wide * ((1 + (step - 1) * self.flat) * self.at + self.rise * self.flat)
        )
        share = (1 + step * self.flat) / (1 + (2 * step + 1) * self.flat)
        denominator = step + wide * self.flat * narrowed + share * (self.near + step * (2 - self.at))
        return numerator, denominator

    def at_rows(self, rows: Flags) -> _Fraction:
        """Of some of the rows only."""
        return _Fraction(*(part[rows] for part in msgspec.structs.astuple(self)))


def _stirling_error(values: Floats) -> Floats:
    """What Stirling's formula misses of log(value!)."""
    large = np.maximum(values, _STIRLING_FROM)
    square = large * large
    series: Floats = (1 / 12 - (1 / 360 - (1 / 1260 - 1 / 1680 / square) / square) / square) / large
    is_small = values < _STIRLING_FROM
    small = values[is_small]
    series[is_small] = _each(lgamma, small + 1) - (small + 0.5) * np.log(small) + small - 0.5 * log(2 * pi)
    return series


def _discrepancy(values: Floats, shift: Floats, expected: Floats) -> Floats:
    """How far values = expected + shift are off: x log(x / expected) - (x - expected), precise where both are near."""
    relative = shift / expected
    is_near = np.abs(relative) < _NEAR
    logarithm = np.where(is_near, np.log1p(np.where(is_near, relative, 0.0)), np.log(values / expected))
    discrepancy: Floats = values * logarithm - shift
    return discrepancy


def _each(function: Callable[[float], float], values: Floats) -> Floats:
    return np.array([function(value) for value in values.ravel().tolist()], dtype=np.float64).reshape(values.shape)
