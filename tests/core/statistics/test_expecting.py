"""What a week lets expect where the history says something else than the algorithm takes it for."""

from __future__ import annotations

import numpy as np
import pytest

from safety_stream.core.judging import Judging
from safety_stream.core.statistics import farrington
from safety_stream.core.statistics.expecting import Expected, Expecting, expected_of
from safety_stream.core.statistics.farrington import Control, farrington_expected, farrington_flexible
from safety_stream.core.statistics.short_history import BAYES_2

BY = Expecting(trusted=Control(b=5, threshold_method="predictive"), least_years=2, short=BAYES_2)
LATE_BY = 158
"""Weeks by which the second district began after the first."""


def expected(counts: list[int], first: int) -> list[Expected]:
    (found,) = expected_of({("violence", "a"): counts}, first, len(counts), BY, 4, Judging()).values()
    return [one for one in found if one is not None]


def late(weeks: int) -> list[int]:
    return [0] * LATE_BY + np.random.default_rng(2).poisson(90, weeks).tolist()


def test_a_season_that_was_nought_before_a_feed_began_says_nothing():
    """Farrington's algorithm gives it a mean of 0.17, give or take some hundreds: weeks of 90 are no news to it."""
    found = expected(late(120), LATE_BY + 20)
    assert max(one.spread for one in found) <= 1e3
    assert any(one.weaker for one in found)
    assert not found[-1].weaker


def test_great_counts_may_waver_by_their_size():
    counts = (np.random.default_rng(3).negative_binomial(4, 4 / 20_004, 300)).tolist()
    found = expected(counts, 280)
    assert not any(one.weaker for one in found)
    assert max(one.spread for one in found) > 1e3


def test_no_bound_is_made_where_none_is_asked_for(monkeypatch: pytest.MonkeyPatch):
    counts = [late(120), late(120)[::-1]]
    whole = farrington_flexible(counts, [270, 275], BY.trusted)

    def never(*_: object) -> None:
        raise AssertionError("a bound was made")

    monkeypatch.setattr(farrington, "negative_binomial_upper_quantile", never)
    mean, spread = farrington_expected(counts, [270, 275], BY.trusted)
    np.testing.assert_array_equal(mean, whole.expected)
    np.testing.assert_array_equal(spread, whole.dispersion)
    expected(counts[0], 270)
