"""Weeks taken together, against the distribution of their sum."""

from __future__ import annotations

import re
from math import nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safety_stream.core.statistics.distributions import negative_binomial_mass, negative_binomial_survival
from safety_stream.core.statistics.recent import recent_survival


@given(
    st.lists(st.tuples(st.integers(0, 30), st.floats(0.05, 20)), min_size=2, max_size=2),
    st.sampled_from([1.0, 1.5, 4.0]),
)
def test_two_weeks_are_as_probable_as_all_pairs_of_counts_with_that_sum(
    weeks: list[tuple[int, float]], dispersion: float
):
    counts, means = np.array(weeks).T
    total = int(counts.sum())
    below = 0.0
    for first in range(total):
        second = np.arange(total - first, dtype=np.float64)
        one = negative_binomial_mass(np.array([float(first)]), means[:1], np.array([dispersion]))
        other = negative_binomial_mass(second, np.full(second.shape, means[1]), np.full(second.shape, dispersion))
        below += float(one[0] * other.sum())
    found = recent_survival([counts], means[None], np.full((1, 2), dispersion))
    assert found[0, 1] == pytest.approx(1 - below, abs=1e-9)
    assert np.isnan(found[0, 0])


def test_a_period_of_one_is_the_week_alone():
    counts, mean, dispersion = np.array([[3.0, 0.0, 9.0]]), np.array([[1.0, 2.0, 3.0]]), np.array([[1.0, 2.0, 1.5]])
    np.testing.assert_array_equal(
        recent_survival(counts, mean, dispersion, 1), negative_binomial_survival(counts, mean, dispersion)
    )


def test_weeks_without_an_expectation_say_nothing_nor_do_those_whose_sum_they_belong_to():
    found = recent_survival(np.ones((1, 6)), np.array([[1, 1, nan, 1, 1, 1.0]]), np.ones((1, 6)), 2)
    assert np.isnan(found).tolist() == [[True, False, True, True, False, False]]
    assert np.isnan(recent_survival(np.ones((1, 2)), np.ones((1, 2)), np.ones((1, 2)), 3)).all()


@pytest.mark.parametrize(
    ("mean", "period", "message"),
    [
        (np.ones((1, 3)), 2, "mean must have the shape of counts, (1, 2), not (1, 3)"),
        (np.ones((1, 2)), 0, "period must be 1 week or more, not 0"),
    ],
)
def test_what_makes_no_sense_says_which_parameter(mean: np.ndarray, period: int, message: str):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        recent_survival(np.ones((1, 2)), mean, np.ones((1, 2)), period)
