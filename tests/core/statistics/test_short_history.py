"""EARS and Bayes by hand; their agreement with R is tested beside this."""

from __future__ import annotations

import re
from statistics import NormalDist, mean, stdev
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safety_stream.core.statistics.short_history import (
    BAYES_1,
    BAYES_2,
    BAYES_3,
    C1,
    C2,
    C3,
    RKI_1,
    RKI_2,
    RKI_3,
    Bayes,
    Ears,
    Rki,
    ShortHistory,
    bayes,
    ears,
    rki,
)

COUNTS = [4, 6, 5, 7, 3, 8, 5, 6, 9, 7, 4, 12, 5, 6, 20, 8]


def test_c1_is_the_mean_of_the_seven_weeks_before_and_about_three_deviations():
    found = ears([COUNTS], [14], C1)
    before = COUNTS[7:14]
    assert found.expected[0, 0] == pytest.approx(mean(before))
    assert found.bound[0, 0] == pytest.approx(mean(before) + NormalDist().inv_cdf(0.999) * stdev(before))
    assert found.p_value[0, 0] == pytest.approx(NormalDist().cdf((mean(before) - 20) / stdev(before)))
    assert found.alarm[0, 0]


def test_c2_leaves_out_the_last_two_weeks():
    found = ears([COUNTS], [14], C2)
    before = COUNTS[5:12]
    assert found.bound[0, 0] == pytest.approx(mean(before) + NormalDist().inv_cdf(0.999) * stdev(before))


def c2_of(week: int, count: int) -> float:
    before = COUNTS[week - 9 : week - 2]
    return (count - mean(before)) / stdev(before)


@pytest.mark.parametrize("count", range(0, 30, 3))
@pytest.mark.parametrize("week", [11, 12, 13, 14])
def test_c3_adds_up_what_three_weeks_are_above_one(week: int, count: int):
    counts = [*COUNTS[:week], count]
    earlier = sum(max(0, c2_of(at, COUNTS[at]) - 1) for at in (week - 2, week - 1))
    expected = earlier + max(0, c2_of(week, count) - 1) > NormalDist().inv_cdf(0.975)
    found = ears([counts], [week], C3)
    assert (found.alarm[0, 0], np.isnan(found.p_value[0, 0])) == (expected, True)


def test_after_two_bad_weeks_any_case_is_an_alarm_of_c3():
    found = ears([[5, 6, 4, 5, 6, 4, 5, 5, 5, 30, 30, 1]], [11], C3)
    assert (found.bound[0, 0], found.alarm[0, 0]) == (0.0, True)


@pytest.mark.parametrize("control", [C1, C2])
def test_where_the_baseline_never_varies_the_least_deviation_stands_in(control: Ears):
    counts = np.zeros((1, 12))
    counts[0, 11] = 1
    found = ears(counts, [11], control)
    assert found.bound[0, 0] == pytest.approx(0.5 * NormalDist().inv_cdf(0.999))
    assert not found.alarm[0, 0]
    assert ears(counts, [11], msgspec.structs.replace(control, least_sd=0.1)).alarm[0, 0]


@pytest.mark.parametrize(("control", "first"), [(C1, 7), (C2, 9), (C3, 11)])
def test_ears_needs_its_baseline(control: Ears, first: int):
    found = ears([COUNTS], [first - 1, first], control)
    assert np.isnan(found.bound).tolist() == [[True, False]]
    assert np.isnan(found.expected).tolist() == [[True, False]]
    assert not found.alarm[0, 0]
    assert np.isnan(ears([[1, 2]], [1], control).bound).all()


def test_bayes_is_the_predictive_distribution_under_jeffreys_prior():
    """Six weeks with 36 cases: the chance of k more is negative binomial of size 36.5 and probability 6 / 7."""
    counts = [6, 6, 6, 6, 6, 6, 0]
    chance = [(1 / (1 + 1 / 6)) ** 36.5]
    for k in range(60):
        chance.append(chance[-1] * (36.5 + k) / (k + 1) / 7)
    expected = next(k for k in range(60) if sum(chance[: k + 1]) >= 0.95)
    found = bayes([counts], [6], BAYES_1)
    assert (found.bound[0, 0], found.p_value[0, 0]) == (expected, 1)
    assert found.expected[0, 0] == pytest.approx(36.5 / 6)
    counts[6] = expected + 1
    found = bayes([counts], [6], BAYES_1)
    assert (found.alarm[0, 0], found.p_value[0, 0]) == (True, pytest.approx(1 - sum(chance[: expected + 1])))


@pytest.mark.parametrize(("control", "first", "weeks"), [(BAYES_1, 6, 6), (BAYES_2, 58, 19), (BAYES_3, 108, 18)])
def test_bayes_needs_its_baseline(control: Bayes, first: int, weeks: int):
    counts = np.ones((1, 120))
    found = bayes(counts, [first - 1, first], control)
    assert np.isnan(found.bound).tolist() == [[True, False]]
    assert np.isnan(found.p_value).tolist() == [[True, False]]
    assert found.expected[0, 1] == pytest.approx((weeks + 0.5) / weeks)
    assert not found.alarm[0, 0]


def test_rki_takes_two_deviations_above_a_mean_of_twenty_and_a_table_below():
    many = [20, 22, 25, 21, 30, 23, 99]
    found = rki([many], [6], RKI_1)
    assert found.bound[0, 0] == pytest.approx(mean(many[:6]) + 2 * stdev(many[:6]))
    few = [3, 3, 3, 4, 4, 4, 9]
    # The mean of 3.5 counts as 3, whose interval ends at 8.102.
    assert rki([few], [6], RKI_1).bound[0, 0] == 8.102
    assert rki([few], [6], RKI_1).alarm[0, 0]
    assert np.isnan(rki([few], [5], RKI_1).bound[0, 0])


def judged_by(name: str, counts: np.ndarray, weeks: list[int]) -> ShortHistory:
    controls: dict[str, Any] = {
        "C1": C1,
        "C2": C2,
        "C3": C3,
        "bayes 1": BAYES_1,
        "bayes 2": BAYES_2,
        "bayes 3": BAYES_3,
        "rki 1": RKI_1,
        "rki 2": RKI_2,
        "rki 3": RKI_3,
    }
    control = controls[name]
    if isinstance(control, Ears):
        return ears(counts, weeks, control)
    return rki(counts, weeks, control) if isinstance(control, Rki) else bayes(counts, weeks, control)


@given(
    st.sampled_from(["C1", "C2", "C3", "bayes 1", "bayes 2", "bayes 3", "rki 1", "rki 2", "rki 3"]),
    st.integers(0, 2**32 - 1),
    st.lists(st.integers(0, 129), min_size=1, max_size=4),
)
def test_series_are_judged_alone_and_without_what_comes_after(name: str, seed: int, weeks: list[int]):
    chance = np.random.default_rng(seed)
    counts = chance.poisson(np.array([[0.1], [2.0], [50.0]]), (3, 130))
    whole = judged_by(name, counts, weeks)
    assert (whole.alarm == (counts[:, weeks] > whole.bound)).all()
    for row, column in np.ndindex(3, len(weeks)):
        alone = judged_by(name, counts[[row], : weeks[column] + 1], [weeks[column]])
        for one, all_of_them in zip(msgspec.structs.astuple(alone), msgspec.structs.astuple(whole), strict=True):
            np.testing.assert_array_equal(one[0, 0], all_of_them[row, column])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"statistic": "C4"}, "statistic must be C1, C2 or C3, not C4"),
        ({"alpha": 0.7}, "alpha must be above 0 and below 0.5, not 0.7"),
        ({"baseline": 2}, "baseline must be 3 weeks or more, not 2"),
        ({"least_sd": 0.0}, "least_sd must be above 0, not 0.0"),
    ],
)
def test_an_ears_that_makes_no_sense_says_which_parameter(change: dict[str, Any], message: str):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Ears(**({"statistic": "C1", "alpha": 0.001} | change))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"b": -1}, "b must be 0 years or more, 1 or more without this year; not -1"),
        ({"b": 0, "this_year": False}, "b must be 0 years or more, 1 or more without this year; not 0"),
        ({"w": 0}, "w must be 1 week or more, not 0"),
        ({"w": 26}, "w must leave 2 w + 1 weeks within a year of 52; 26 is too wide"),
        ({"alpha": 0.0}, "alpha must be above 0 and below 1, not 0.0"),
    ],
)
def test_a_bayes_that_makes_no_sense_says_which_parameter(change: dict[str, Any], message: str):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Bayes(**({"b": 1, "w": 6, "this_year": True} | change))


def test_an_rki_that_makes_no_sense_says_which_parameter():
    with pytest.raises(ValueError, match="w must be 1 week or more, not 0"):
        Rki(b=1, w=0, this_year=True)
