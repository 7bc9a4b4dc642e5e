"""Probabilities against sums, exact fractions and published values."""

from __future__ import annotations

from fractions import Fraction
from math import comb, exp, factorial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safety_stream.core.statistics import distributions
from safety_stream.core.statistics.distributions import (
    negative_binomial_mass,
    negative_binomial_mid_survival,
    negative_binomial_survival,
    negative_binomial_upper_quantile,
    normal_quantile,
    normal_survival,
    student_two_sided,
)

means = st.floats(0.001, 200)
dispersions = st.one_of(st.just(1.0), st.floats(1, 1 + 1e-6), st.floats(1, 30))
alphas = st.sampled_from([0.001, 0.005, 0.01, 0.05, 0.25])


def of(*counts: float) -> np.ndarray:
    return np.array(counts, dtype=np.float64)


def mass(counts: np.ndarray, mean: float, dispersion: float) -> np.ndarray:
    return negative_binomial_mass(counts, np.full(counts.shape, mean), np.full(counts.shape, dispersion))


def survival(counts: np.ndarray, mean: float, dispersion: float) -> np.ndarray:
    return negative_binomial_survival(counts, np.full(counts.shape, mean), np.full(counts.shape, dispersion))


def quantile(alpha: float, mean: float, dispersion: float) -> float:
    return float(negative_binomial_upper_quantile(alpha, of(mean), of(dispersion))[0])


def until_nothing_is_left(mean: float, dispersion: float) -> np.ndarray:
    return np.arange(np.ceil(mean + 60 * dispersion + 20 * np.sqrt(mean * dispersion)), dtype=np.float64)


@given(means, dispersions)
def test_the_mass_adds_up_to_one_with_the_mean_and_variance_promised(mean: float, dispersion: float):
    counts = until_nothing_is_left(mean, dispersion)
    masses = mass(counts, mean, dispersion)
    assert masses.sum() == pytest.approx(1, rel=1e-11)
    assert (masses * counts).sum() == pytest.approx(mean, rel=1e-10)
    assert (masses * (counts - mean) ** 2).sum() == pytest.approx(dispersion * mean, rel=1e-9)


@pytest.mark.parametrize("size", [1, 2, 5, 40])
@pytest.mark.parametrize("dispersion", [2, 3, 10])
def test_the_mass_is_that_of_failures_before_the_last_of_some_successes(size: int, dispersion: int):
    chance = Fraction(1, dispersion)
    expected = [float(comb(k + size - 1, k) * chance**size * (1 - chance) ** k) for k in range(120)]
    assert mass(np.arange(120.0), size * (dispersion - 1), dispersion) == pytest.approx(expected, rel=1e-12)


def test_without_dispersion_it_is_the_poisson_distribution():
    expected = [exp(-3.5) * 3.5**k / factorial(k) for k in range(60)]
    assert mass(np.arange(60.0), 3.5, 1.0) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("mean", [0.01, 4.0, 900.0])
def test_a_dispersion_next_to_one_is_next_to_the_poisson_distribution(mean: float):
    """Where differences of log-gamma of the size, here up to 9e14, would have no digit left."""
    counts = np.arange(np.ceil(mean + 10 * np.sqrt(mean)) + 1)
    assert mass(counts, mean, 1 + 1e-12) == pytest.approx(mass(counts, mean, 1.0), rel=1e-9)


@given(means, dispersions)
def test_survival_is_what_the_mass_leaves(mean: float, dispersion: float):
    counts = until_nothing_is_left(mean, dispersion)
    expected = np.cumsum(mass(counts, mean, dispersion)[::-1])[::-1]
    some = np.unique(np.linspace(0, counts.size - 1, 40).astype(np.int64))
    np.testing.assert_allclose(survival(counts[some], mean, dispersion), expected[some], rtol=1e-8, atol=1e-13)


def test_far_out_survival_keeps_its_precision():
    """P(X >= k) of the geometric distribution is q ** k."""
    counts = of(1, 30, 300, 1000)
    assert survival(counts, 4.0, 5.0) == pytest.approx(0.8**counts, rel=1e-12)


def test_nothing_is_left_beyond_all_numbers():
    assert survival(of(0, 1e6), 5.0, 1.0).tolist() == [1.0, 0.0]
    assert survival(of(3, 0), 1e8, 2.0).tolist() == [1.0, 1.0]


@given(means, st.one_of(dispersions, st.floats(30, 3000)), st.floats(-3, 12))
def test_the_continued_fraction_is_the_sum(mean: float, dispersion: float, away: float):
    counts = of(np.floor(max(mean + away * np.sqrt(mean * dispersion), 0)))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(distributions, "_MOST_TERMS", 10**6)
        summed = survival(counts, mean, dispersion)
        patched.setattr(distributions, "_MOST_TERMS", 0)
        assert survival(counts, mean, dispersion) == pytest.approx(summed, rel=1e-11, abs=1e-250)


@pytest.mark.parametrize("dispersion", [1e3, 7.35e5, 1e6])
def test_great_dispersions_keep_their_precision(dispersion: float):
    """P(X >= k) of the geometric distribution is q ** k, and so is what is left of any smaller one far out."""
    counts = np.floor(dispersion * of(0.5, 1, 2, 30))
    growth = np.log1p(-1 / dispersion)
    assert survival(counts, dispersion - 1, dispersion) == pytest.approx(np.exp(growth * counts), rel=1e-9)
    nothing = 1 - np.exp(-0.17 / (dispersion - 1) * np.log(dispersion))
    assert survival(of(1), 0.17, dispersion) == pytest.approx(nothing, rel=1e-7)


class Work:
    """How many terms are summed and how many steps of a fraction are taken, over all cells of all tails."""

    def __init__(self, patched: pytest.MonkeyPatch) -> None:
        self.terms = self.steps = 0
        cumprod, terms = np.cumprod, distributions._Fraction.terms

        def summed(ratios: np.ndarray, axis: int) -> np.ndarray:
            self.terms += ratios.size
            return cumprod(ratios, axis=axis)

        def stepped(fraction: distributions._Fraction, step: int) -> tuple[np.ndarray, np.ndarray]:
            self.steps += fraction.at.size
            return terms(fraction, step)

        patched.setattr(np, "cumprod", summed)
        patched.setattr(distributions._Fraction, "terms", stepped)


@pytest.mark.parametrize("dispersion", [1.0, 1.5, 100.0, 1e3, 1e4, 735_157.0])
@pytest.mark.parametrize("mean", [1e-3, 0.17, 30.0, 1e4, 1e6])
def test_a_tail_is_bounded_work(mean: float, dispersion: float, monkeypatch: pytest.MonkeyPatch):
    """Once a quantile at a mean of 0.17 and a dispersion of 735,157 took minutes, by millions of terms a halving."""
    work = Work(monkeypatch)
    for away in (0, 0.1, 1, 10):
        work.terms = work.steps = 0
        survival(of(np.floor(mean + away * np.sqrt(mean * dispersion)) + 1), mean, dispersion)
        survival(of(np.floor(max(mean - away * np.sqrt(mean * dispersion), 0))), mean, dispersion)
        assert work.terms <= 2 * 2032
        assert work.steps <= 2 * (10 * np.sqrt(dispersion) + np.sqrt(mean) + 50)


def test_a_quantile_is_as_many_tails_as_its_stretch_has_halvings(monkeypatch: pytest.MonkeyPatch):
    work = Work(monkeypatch)
    found = quantile(0.005, 0.17, 735_157.0)
    assert survival(of(found + 1), 0.17, 735_157.0)[0] <= 0.005
    assert work.terms <= 20 * 2032
    assert work.steps <= 20 * 10 * np.sqrt(735_157)


@given(means, dispersions)
def test_the_mid_p_value_is_a_half_on_average_and_never_above_the_survival(mean: float, dispersion: float):
    counts = until_nothing_is_left(mean, dispersion)
    middle = negative_binomial_mid_survival(counts, np.full(counts.shape, mean), np.full(counts.shape, dispersion))
    assert (mass(counts, mean, dispersion) * middle).sum() == pytest.approx(0.5, rel=1e-9)
    assert (middle <= survival(counts, mean, dispersion)).all()


@given(alphas, means, dispersions)
def test_the_quantile_is_the_smallest_count_exceeded_as_rarely(alpha: float, mean: float, dispersion: float):
    found = quantile(alpha, mean, dispersion)
    cumulative = np.cumsum(mass(until_nothing_is_left(mean, dispersion), mean, dispersion))
    smallest = float(np.flatnonzero(cumulative >= 1 - alpha - 1e-12)[0])
    largest = float(np.flatnonzero(cumulative >= 1 - alpha + 1e-12)[0])
    assert smallest <= found <= largest


@given(alphas, means, dispersions)
def test_a_count_is_above_the_quantile_exactly_when_its_survival_is_at_most_alpha(
    alpha: float, mean: float, dispersion: float
):
    counts = quantile(alpha, mean, dispersion) + of(0, 1, 2)
    assert (survival(counts, mean, dispersion) <= alpha).tolist() == [False, True, True]


def test_many_cells_at_once_are_each_alone():
    chance = np.random.default_rng(7)
    mean, dispersion = chance.uniform(0.1, 80, (6, 5)), 1 + chance.integers(0, 4, (6, 5)) * 1.0
    counts = chance.integers(0, 120, (6, 5)).astype(np.float64)
    alone = [
        float(negative_binomial_survival(of(count), of(at), of(spread))[0])
        for count, at, spread in zip(counts.flat, mean.flat, dispersion.flat, strict=True)
    ]
    assert negative_binomial_survival(counts, mean, dispersion).ravel().tolist() == alone


def test_normal_values_are_the_published_ones():
    assert normal_quantile(0.995) == pytest.approx(2.575829303548901, rel=1e-14)
    assert normal_survival(of(0, 1.959963984540054, 8)) == pytest.approx([0.5, 0.025, 6.220960574271785e-16], rel=1e-12)


@pytest.mark.parametrize(
    ("degrees", "value", "expected"),
    [
        (1, 12.706204736432095, 0.05),
        (2, 4.302652729911275, 0.05),
        (3, 5.840909309746, 0.01),
        (10, 2.2281388519649, 0.05),
        (30, -2.749995653567, 0.01),
        (225, 1.970563, 0.05),
    ],
)
def test_student_probabilities_are_the_published_ones(degrees: int, value: float, expected: float):
    assert student_two_sided(of(value), degrees) == pytest.approx([expected], rel=1e-5)


@given(st.floats(-30, 30), st.integers(1, 300))
def test_student_probabilities_meet_the_normal_ones_from_above(value: float, degrees: int):
    normal = 2 * normal_survival(of(abs(value)))
    more, fewer = student_two_sided(of(value), degrees + 2), student_two_sided(of(value), degrees)
    assert normal[0] - 1e-14 <= more[0] <= fewer[0] + 1e-14
