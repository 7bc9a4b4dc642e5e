"""CUSUM and EWMA against plain loops; the CUSUM's agreement with R is tested beside this."""

from __future__ import annotations

import re
from math import inf, lgamma, log, nan, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safety_stream.core.statistics.charts import Chart, Cusum, Ewma, cusum, ewma

WEEKS = 30


@st.composite
def monitored(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Counts of a few series, what was expected, and with which dispersion; some weeks without an expectation."""
    chance = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = (draw(st.integers(1, 3)), WEEKS)
    mean = chance.choice([0.05, 0.8, 6.0, 90.0], (shape[0], 1)) * chance.uniform(0.5, 2, shape)
    dispersion = chance.choice([1.0, 1.3, 5.0], shape)
    counts = chance.poisson(mean * chance.choice([1.0, 1.6], shape)).astype(float)
    mean[chance.uniform(size=shape) < 0.1] = nan
    return counts, mean, dispersion


def log_mass(count: float, mean: float, size: float) -> float:
    if size == inf:
        return count * log(mean) - mean - lgamma(count + 1)
    return (
        lgamma(count + size)
        - lgamma(size)
        - lgamma(count + 1)
        + size * log(size / (size + mean))
        + count * log(mean / (size + mean))
    )


@given(monitored(), st.sampled_from([1.2, 1.5, 3.0]), st.sampled_from([0.5, 2.0, 5.0]))
def test_the_cusum_adds_up_log_likelihood_ratios_and_starts_anew_after_an_alarm(
    series: tuple[np.ndarray, np.ndarray, np.ndarray], ratio: float, threshold: float
):
    counts, mean, dispersion = series
    found = cusum(counts, mean, dispersion, Cusum(ratio=ratio, threshold=threshold))
    for row in range(len(counts)):
        level = 0.0
        for week in range(WEEKS):
            mu, phi = mean[row, week], dispersion[row, week]
            if not np.isnan(mu):
                size = inf if phi == 1 else mu / (phi - 1)
                level = max(
                    0.0, level + log_mass(counts[row, week], ratio * mu, size) - log_mass(counts[row, week], mu, size)
                )
            assert found.statistic[row, week] == pytest.approx(level, abs=1e-8)
            if level > threshold:
                level = 0.0


@given(monitored(), st.sampled_from([0.1, 0.3, 1.0]))
def test_the_average_forgets_and_knows_its_own_deviation(
    series: tuple[np.ndarray, np.ndarray, np.ndarray], weight: float
):
    counts, mean, dispersion = series
    found = ewma(counts, mean, dispersion, Ewma(weight=weight, threshold=2.0))
    for row in range(len(counts)):
        residuals: list[float] = []
        for week in range(WEEKS):
            mu, phi = mean[row, week], dispersion[row, week]
            if not np.isnan(mu):
                residuals.append(1.5 * (counts[row, week] ** (2 / 3) - mu ** (2 / 3)) / (mu ** (1 / 6) * sqrt(phi)))
            shares = [weight * (1 - weight) ** back for back in range(len(residuals))]
            expected = sum(share * one for share, one in zip(shares, reversed(residuals), strict=True))
            deviation = sqrt(sum(share**2 for share in shares)) or 1.0
            assert found.statistic[row, week] == pytest.approx(expected / deviation, abs=1e-8)
            if expected / deviation > 2.0 and not np.isnan(mu):
                residuals.clear()


def charts(series: tuple[np.ndarray, np.ndarray, np.ndarray]) -> list[Chart]:
    return [cusum(*series, Cusum(threshold=2.0)), ewma(*series, Ewma(threshold=2.0))]


@given(monitored())
def test_an_alarm_is_a_count_above_the_bound(series: tuple[np.ndarray, np.ndarray, np.ndarray]):
    for found in charts(series):
        beyond = series[0] - found.bound
        # On the bound itself the last digit decides.
        clear = np.abs(np.nan_to_num(beyond, nan=1.0)) > 1e-9
        assert (found.alarm == (beyond > 0))[clear].all()
        np.testing.assert_array_equal(np.isnan(found.bound), np.isnan(series[1]))
        assert not found.alarm[np.isnan(series[1])].any()


@given(monitored(), st.integers(0, WEEKS - 1))
def test_what_comes_later_and_other_series_change_nothing(series: tuple[np.ndarray, np.ndarray, np.ndarray], week: int):
    for whole, alone in zip(charts(series), charts(tuple(part[:1, : week + 1] for part in series)), strict=True):
        np.testing.assert_array_equal(whole.statistic[:1, : week + 1], alone.statistic)
        np.testing.assert_array_equal(whole.bound[:1, : week + 1], alone.bound)


def test_a_slow_rise_no_week_shows_is_found():
    """A mean of 9 where 6 are expected: each week is likely enough, ten of them are not."""
    counts, mean = np.full((1, 12), 9), np.full((1, 12), 6.0)
    for found in (
        cusum(counts, mean, np.ones_like(mean), Cusum(threshold=5.0)),
        ewma(counts, mean, np.ones_like(mean)),
    ):
        assert 2 < np.flatnonzero(found.alarm[0])[0] < 10


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Cusum(ratio=1.0), "ratio must be above 1, not 1.0"),
        (lambda: Cusum(threshold=0.0), "threshold must be above 0, not 0.0"),
        (lambda: Ewma(weight=0.0), "weight must be above 0 and at most 1, not 0.0"),
        (lambda: Ewma(threshold=-1.0), "threshold must be above 0, not -1.0"),
        (
            lambda: cusum([[1]], np.ones((1, 2)), np.ones((1, 1))),
            "mean must have the shape of counts, (1, 1), not (1, 2)",
        ),
        (
            lambda: ewma([[1]], np.zeros((1, 1)), np.ones((1, 1))),
            "mean must be above 0 and dispersion 1 or more wherever there is a mean",
        ),
    ],
)
def test_what_makes_no_sense_says_which_parameter(make: object, message: str):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        make()
