"""Estimates of what has not been told yet: against Bayes' rule written out, and what simulated weeks come to."""

from __future__ import annotations

import re
from math import exp, lgamma, log
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safety_stream.core.model.times import period_of
from safety_stream.core.statistics import nowcast as module
from safety_stream.core.statistics.nowcast import Control, Nowcast, nowcast
from safety_stream.core.statistics.triangle import Triangle

SUNDAY = 20_464
PLAIN = Control(least_variation=0.01)


def a_triangle(cells: Any, *, as_of: int = SUNDAY, told_since: int = 0) -> Triangle:
    """Weeks, the last one holding `as_of`; what had not been told by then is blotted out."""
    table = np.array(cells, dtype=np.int64)
    rows, delays = table.shape
    last = period_of(as_of, "week")
    periods = [period_of(last.starts - 7 * back, "week") for back in reversed(range(rows))]
    unseen = np.arange(delays)[None, :] > np.arange(rows)[::-1, None]
    return Triangle(tuple(periods), as_of, told_since, np.where(unseen, 0, table))


def newest(found: list[Nowcast]) -> tuple[int, int | None, int | None, int | None]:
    return found[-1].counted, found[-1].lower, found[-1].estimate, found[-1].upper


def test_what_is_still_to_come_is_what_bayes_rule_says():
    """Written out: P(M) of a negative binomial times P(counted | M) of a beta-binomial, over all M there may be."""
    mean, dispersion, share, alike = 12.0, 3.0, 0.4, 0.2
    size, alpha, beta = mean / (dispersion - 1), share * (1 / alike - 1), (1 - share) * (1 / alike - 1)
    of = [np.array([one]) for one in (mean, dispersion, share, alike, 0.0, 1.0)]
    for counted in (0, 1, 7, 40):

        def joint(m: int, counted: int = counted) -> float:
            level = lgamma(size + m) - lgamma(size) - lgamma(m + 1) + m * log(1 - 1 / dispersion)
            choices = lgamma(m + 1) - lgamma(counted + 1) - lgamma(m - counted + 1)
            told = lgamma(alpha + counted) + lgamma(beta + m - counted) - lgamma(alpha + beta + m)
            return exp(level + choices + told)

        all_m = [joint(m) for m in range(counted, counted + 600)]
        found = module._coming(np.array([float(counted)]), module._Learnt(*of))[0]
        assert found[:64] == pytest.approx(np.array(all_m[:64]) / sum(all_m), abs=1e-12)


def test_where_everything_is_told_at_once_the_estimate_is_the_count():
    cells = np.zeros((40, 6))
    cells[:, 0] = 20
    assert newest(nowcast(a_triangle(cells))) == (20, 20, 20, 20)


def test_where_half_is_told_at_once_the_estimate_is_twice_the_count():
    cells = np.zeros((60, 3))
    cells[:, :2] = 100
    counted, lower, estimate, upper = newest(nowcast(a_triangle(cells), PLAIN))
    assert counted == 100
    assert estimate == pytest.approx(200, abs=3)
    assert lower < 190
    assert upper > 210


def test_a_file_that_has_not_come_leaves_the_level_and_one_that_has_the_count():
    """Every other week everything comes at once, else a week later."""
    cells = np.zeros((60, 3))
    cells[::2, 0] = cells[1::2, 1] = 30
    cells[-1] = 0
    counted, lower, estimate, upper = newest(nowcast(a_triangle(cells), PLAIN))
    assert (counted, estimate) == (0, 30)
    assert (lower, upper) == pytest.approx((21, 39), abs=3)
    cells[-1, 0] = 26
    counted, lower, estimate, upper = newest(nowcast(a_triangle(cells), PLAIN))
    assert (counted, lower, estimate) == (26, 26, 26)
    assert upper <= 27


def test_what_is_always_taken_back_later_is_expected_to_be_taken_back():
    cells = np.zeros((60, 4))
    cells[:, 0], cells[:, 2] = 100, -10
    counted, lower, estimate, upper = newest(nowcast(a_triangle(cells)))
    assert counted == 100
    assert estimate == pytest.approx(90, abs=1)
    assert lower < 87
    assert 93 < upper < 100


def test_more_taken_back_than_is_known_is_no_negative_number():
    cells = np.zeros((30, 4))
    cells[:, 0], cells[:, 1] = 3, -3
    cells[::3, 0] = 6
    cells[-1, 0] = -2
    counted, lower, _, _ = newest(nowcast(a_triangle(cells)))
    assert (counted, lower) == (-2, 0)


def test_a_first_doubling_is_not_explained_away():
    """Half is told in the first week. Forty where there were ten is forty, not something between."""
    cells = np.zeros((60, 3))
    cells[:, 0], cells[:, 1] = 10, 10
    cells[-1, 0] = 40
    _, lower, estimate, upper = newest(nowcast(a_triangle(cells)))
    assert estimate > 70
    assert lower < 80 < upper


@pytest.mark.parametrize(
    ("cells", "told_since", "control", "periods"),
    [
        (np.full((12, 5), 9), 0, Control(fewest=9), 8),
        (np.eye(40, 5, k=-30), 0, Control(), 36),
        (np.full((40, 5), 9), SUNDAY - 7 * 10, Control(), 6),
        (np.full((40, 5), 9) * (np.arange(5) > 0), 0, Control(), 36),
    ],
    ids=["few periods", "few events", "told of at once when the series began", "so young nothing is ever told"],
)
def test_where_too_little_is_known_there_is_no_estimate(cells: Any, told_since: int, control: Control, periods: int):
    found = nowcast(a_triangle(cells, told_since=told_since), control)
    assert newest(found)[1:] == (None, None, None)
    assert found[-1].delays_from == periods


def test_a_week_that_is_not_over_and_one_beyond_the_longest_delay_have_none():
    cells = np.full((40, 5), 9)
    over, not_over = (nowcast(a_triangle(cells, as_of=day)) for day in (SUNDAY, SUNDAY + 3))
    assert [one.period.starts for one in over] == [SUNDAY - 6 - 7 * back for back in (3, 2, 1, 0)]
    assert [one.period.starts for one in not_over] == [SUNDAY - 6 - 7 * back for back in (2, 1, 0)]


def test_it_learns_from_the_latest_complete_weeks_only():
    """Delays changed long ago: everything was told at once then, half of it comes a week later now."""
    cells = np.zeros((80, 3))
    cells[:30, 0] = 100
    cells[30:, :2] = 50
    recent, longer = (newest(nowcast(a_triangle(cells), Control(most=most))) for most in (40, 70))
    assert recent[1] > 80
    assert longer[1] < 60


tables = st.lists(st.lists(st.integers(-3, 8), min_size=4, max_size=4), min_size=1, max_size=30)


@given(tables, st.floats(0.5, 0.98))
def test_an_interval_is_whole_numbers_around_the_estimate(cells: list[list[int]], level: float):
    for one in nowcast(a_triangle(cells), Control(level=level)):
        if one.estimate is not None:
            assert 0 <= one.lower <= one.estimate <= one.upper
            assert one.level == level


@given(tables)
def test_a_higher_level_is_no_narrower(cells: list[list[int]]):
    narrow, wide = (nowcast(a_triangle(cells), Control(level=level)) for level in (0.5, 0.95))
    for one, other in zip(narrow, wide, strict=True):
        assert one.estimate == other.estimate
        if one.estimate is not None:
            assert other.lower <= one.lower
            assert one.upper <= other.upper


@pytest.mark.parametrize("alike", [0.02, 0.5])
@pytest.mark.parametrize("mean", [3, 30])
def test_intervals_hold_what_weeks_come_to_as_often_as_they_say(mean: int, alike: float):
    """Levels and shares from the model itself, as wide as it supposes: 90 % meant, at least 88 % and not all."""
    chance = np.random.default_rng([20_260_131, mean, round(100 * alike)])
    held = []
    for _ in range(600):
        totals = chance.poisson(chance.gamma(1.0, mean, 45))
        share = chance.beta(0.4 * (1 / alike - 1), 0.6 * (1 / alike - 1), 45)
        first = chance.binomial(totals, share)
        cells = np.stack([first, totals - first, np.zeros(45)], axis=1)
        _, lower, estimate, upper = newest(nowcast(a_triangle(cells)))
        if estimate is not None:
            held.append(lower <= totals[-1] <= upper)
    assert len(held) > 590
    assert 0.88 <= np.mean(held) <= 0.99


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"level": 1.0}, "level must be above 0 and below 1, not 1.0"),
        ({"fewest": 1}, "fewest must be 2 or more and not above most, not 1 and 52"),
        ({"events": 0}, "events must be 1 or more, not 0"),
        ({"least_variation": 0.0}, "least_variation must be above 0, not 0.0"),
        ({"least_share": 1.0}, "least_share must be 0 or more and below 1, not 1.0"),
    ],
)
def test_what_makes_no_sense_says_which_parameter(changed: dict[str, Any], message: str):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Control(**changed)
