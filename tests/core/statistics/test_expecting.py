"""What a week lets expect where the history says something else than the algorithm takes it for."""

from __future__ import annotations

import numpy as np
import pytest

from safety_stream.core.judging import Judging
from safety_stream.core.statistics import farrington
from safety_stream.core.statistics.expecting import Expected, Expecting, expected_of, rarity_of, together_of
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


def test_few_events_let_expect_half_an_event_more_than_there_were():
    """As the Bayes system has it by Jeffreys' prior."""
    seven = [int(week % 52 == 20) + int(week % 104 == 21) for week in range(290)]
    flat = Expecting(
        trusted=Control(b=5, no_periods=1, trend=False, threshold_method="predictive"), least_years=5, short=BAYES_2
    )
    column = 5 * 52 + 20
    events = sum(seven[column - 52 * year + lag] for year in range(1, 6) for lag in range(-3, 4))

    (one,) = expected_of({("violence", "a"): seven}, column, column + 1, flat, 4, Judging())["violence", "a"]

    assert one is not None
    assert one.mean == pytest.approx((events + 0.5) / 35, rel=1e-3)
    assert one.spread == pytest.approx(1 + one.error)
    assert one.error == pytest.approx(one.mean / events, rel=1e-3)


def test_quiet_weeks_taken_as_one_are_rare_as_seldom_as_they_should_be():
    """Their means are one estimate of nineteen weeks: were each wrong by itself, 1.5 % would be at .01 or below."""
    number, weeks, together = 6_000, 19, 4
    chance = np.random.default_rng(4)
    means = (chance.poisson(20, (number, weeks)).sum(axis=1) + 0.5) / weeks
    one = [Expected(mean, 1 + 1 / weeks, weaker=False, error=1 / weeks) for mean in means.tolist()]
    totals = chance.poisson(20, (number, together)).sum(axis=1).tolist()

    found = rarity_of(totals, [together_of([week] * together) for week in one], (0.01, 0.001, 0.01))

    for level in (0.01, 0.05):
        noise = 3 * (level * (1 - level) / number) ** 0.5
        assert sum(one.p <= level for one in found) / number <= level + noise
        assert sum(one.p_low <= level for one in found) / number <= level + noise


def test_no_bound_is_made_where_none_is_asked_for(monkeypatch: pytest.MonkeyPatch):
    counts = [late(120), late(120)[::-1]]
    whole = farrington_flexible(counts, [270, 275], BY.trusted)

    def never(*_: object) -> None:
        raise AssertionError("a bound was made")

    monkeypatch.setattr(farrington, "negative_binomial_upper_quantile", never)
    mean, spread, doubt = farrington_expected(counts, [270, 275], BY.trusted)
    np.testing.assert_array_equal(mean, whole.expected)
    np.testing.assert_array_equal(spread + mean * doubt, whole.dispersion)
    expected(counts[0], 270)
