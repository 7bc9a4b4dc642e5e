"""The interval of a Poisson count, against plain sums."""

from __future__ import annotations

from math import exp, factorial

import pytest

from safety_stream.core.statistics.rates import poisson_interval


def below(count: int, mean: float) -> float:
    """The probability of fewer than `count`."""
    return sum(exp(-mean) * mean**number / factorial(number) for number in range(count))


@pytest.mark.parametrize("mean", [0.01, 0.5, 1.0, 3.689, 3.69, 8.0, 25.0, 100.0])
@pytest.mark.parametrize("alpha", [0.001, 0.05, 0.5])
def test_either_side_is_left_as_rarely_as_asked_and_no_more_rarely_than_it_must(mean: float, alpha: float):
    low, high = poisson_interval(mean, alpha)

    assert below(low, mean) <= alpha / 2 < below(low + 1, mean)
    assert 1 - below(high + 1, mean) <= alpha / 2
    assert high == 0 or 1 - below(high, mean) > alpha / 2


def test_known_intervals():
    # R: qpois(c(.025, .975), 10) is 4, 17; of P(X < k) <= .025 the greatest k is 4 too.
    assert poisson_interval(10.0, 0.05) == (4, 17)
    assert poisson_interval(0.0, 0.05) == (0, 0)
