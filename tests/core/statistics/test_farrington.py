"""What must hold of Farrington's algorithm whatever the series; its agreement with R is tested beside this."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safety_stream.core.statistics.farrington import IMPROVED, ORIGINAL, Control, Farrington, farrington_flexible

YEAR = 52
FIRST = 5 * YEAR + 3
"""The first week with enough history."""
WEEKS = FIRST + 30

controls = st.builds(
    msgspec.structs.replace,
    st.sampled_from([IMPROVED, ORIGINAL]),
    b=st.sampled_from([2, 3, 5]),
    threshold_method=st.sampled_from(["delta", "nbPlugin", "muan", "predictive"]),
    p_threshold_trend=st.sampled_from([0.05, 1.0]),
    power_transform=st.sampled_from(["2/3", "1/2", "none"]),
)


@st.composite
def several(draw: st.DrawFn) -> np.ndarray:
    """A few series from hardly anything to hundreds a week, plain or wild, with a season and outbreaks."""
    chance = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    week = np.arange(WEEKS)
    rows = []
    for level in draw(st.lists(st.sampled_from([0.0, 0.05, 0.5, 3.0, 30.0, 400.0]), min_size=1, max_size=4)):
        mean = level * np.exp(0.4 * np.cos(week * 2 * np.pi / YEAR) + chance.normal(0, 0.003) * week)
        wild = chance.choice([1e-9, 0.2, 1.0])
        outbreaks = chance.poisson(6 * (chance.uniform(size=WEEKS) < 0.02))
        rows.append(chance.poisson(mean * chance.gamma(1 / wild, wild, WEEKS)) + outbreaks)
    return np.array(rows)


judged = st.lists(st.integers(FIRST, WEEKS - 1), min_size=1, max_size=2)


def assert_same(one: Farrington, other: Farrington, **tolerance: float) -> None:
    for name, left, right in zip(
        one.__struct_fields__, msgspec.structs.astuple(one), msgspec.structs.astuple(other), strict=True
    ):
        np.testing.assert_allclose(left, right, err_msg=name, **({"rtol": 0, "atol": 0} | tolerance))


@settings(max_examples=25)
@given(several(), judged, controls, st.data())
def test_series_know_nothing_of_one_another(
    counts: np.ndarray, weeks: list[int], control: Control, data: st.DataObject
):
    """Bit by bit: a series is judged the same alone, among others, and in whatever order."""
    order = data.draw(st.permutations(range(len(counts))))
    together = farrington_flexible(counts[order], weeks, control)
    for place, row in enumerate(order):
        alone = farrington_flexible(counts[[row]], weeks, control)
        assert_same(alone, Farrington(*(part[[place]] for part in msgspec.structs.astuple(together))))


@settings(max_examples=25)
@given(several(), judged, controls, st.integers(0, 50))
def test_what_comes_after_a_judged_week_changes_nothing(
    counts: np.ndarray, weeks: list[int], control: Control, later: int
):
    whole = farrington_flexible(counts, weeks, control)
    for column, week in enumerate(weeks):
        changed = counts.copy()
        changed[:, week + 1 :] = later
        for other in (changed, counts[:, : week + 1]):
            found = farrington_flexible(other, [week], control)
            assert_same(found, Farrington(*(part[:, [column]] for part in msgspec.structs.astuple(whole))))


@settings(max_examples=25)
@given(several(), judged, controls)
def test_the_judged_count_and_the_weeks_left_out_move_neither_bound_nor_mean(
    counts: np.ndarray, weeks: list[int], control: Control
):
    control = msgspec.structs.replace(control, limit54=(0, 1))
    week = weeks[0]
    changed = counts.copy()
    changed[:, week - control.past_weeks_not_included : week + 1] += 9
    one, other = (farrington_flexible(table, [week], control) for table in (counts, changed))
    np.testing.assert_array_equal(one.bound, other.bound)
    np.testing.assert_array_equal(one.expected, other.expected)
    assert (np.isnan(one.p_value) | (other.p_value <= one.p_value)).all()


@settings(max_examples=25)
@given(several(), judged, controls)
def test_an_alarm_is_a_count_above_the_bound_and_a_p_value_of_at_most_alpha(
    counts: np.ndarray, weeks: list[int], control: Control
):
    found = farrington_flexible(counts, weeks, control)
    has_bound = ~np.isnan(found.bound)
    assert (found.alarm == (counts[:, weeks] > found.bound)).all()
    assert (found.alarm == (has_bound & (found.p_value <= control.alpha))).all()
    assert ((found.dispersion >= 1) | np.isnan(found.dispersion)).all()


@settings(max_examples=25)
@given(several(), judged, controls, st.sampled_from([0.001, 0.3, 7.0, 1e6]))
def test_a_population_counts_only_by_its_proportions(
    counts: np.ndarray, weeks: list[int], control: Control, factor: float
):
    population = 1000 + 5 * np.broadcast_to(np.arange(counts.shape[1]), counts.shape) + 100 * (counts % 7)
    one = farrington_flexible(counts, weeks, control, population=population)
    other = farrington_flexible(counts, weeks, control, population=population * factor)
    assert_same(one, other, rtol=1e-6, atol=1e-9)


@settings(max_examples=20)
@given(several(), judged, controls)
def test_a_population_that_stands_still_is_none(counts: np.ndarray, weeks: list[int], control: Control):
    one = farrington_flexible(counts, weeks, control)
    other = farrington_flexible(counts, weeks, control, population=np.full(counts.shape, 250_000))
    assert_same(one, other, rtol=1e-6, atol=1e-9)


def poisson(mean: Any, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).poisson(np.broadcast_to(mean, WEEKS))[None, :]


@pytest.mark.parametrize("control", [IMPROVED, ORIGINAL], ids=["improved", "original"])
def test_a_level_series_is_expected_to_stay_level_and_an_outbreak_stands_out(control: Control):
    counts = poisson(20.0)
    counts[0, FIRST + 5] = 60
    found = farrington_flexible(counts, [FIRST + 4, FIRST + 5], control)
    assert found.expected == pytest.approx(np.full((1, 2), 20), rel=0.15)
    assert (found.bound > 27).all()
    assert (found.bound < 42).all()
    assert found.alarm.tolist() == [[False, True]]
    assert found.p_value[0, 1] < 1e-8


def test_the_season_is_expected_to_come_back():
    season = 20 + 15 * np.cos(2 * np.pi * np.arange(WEEKS) / YEAR)
    found = farrington_flexible(poisson(season), [5 * YEAR + 26, 5 * YEAR + 29], IMPROVED)
    assert found.expected == pytest.approx(np.array([[5, 6]]), rel=0.3)


def test_a_past_outbreak_hardly_moves_the_bound_once_it_is_weighted_down():
    quiet = poisson(10.0)
    struck = quiet.copy()
    struck[0, FIRST - 2 * YEAR : FIRST - 2 * YEAR + 3] += 60
    reweighted, plain = IMPROVED, msgspec.structs.replace(IMPROVED, reweight=False)
    bounds = {
        (name, control.reweight): farrington_flexible(table, [FIRST], control).bound[0, 0]
        for name, table in [("quiet", quiet), ("struck", struck)]
        for control in (reweighted, plain)
    }
    assert abs(bounds["struck", True] - bounds["quiet", True]) <= 3
    assert bounds["struck", False] - bounds["quiet", False] > 10


@pytest.mark.parametrize(
    ("rises", "change", "kept"),
    [
        (0.003, {}, True),
        (0.003, {"trend": False}, False),
        (0.003, {"b": 2}, False),
        (0.0, {"p_threshold_trend": 0.0001}, False),
        (-0.003, {"p_threshold_trend": 0.0001}, True),
    ],
)
def test_a_trend_is_kept_when_three_years_and_its_significance_carry_it(
    rises: float, change: dict[str, Any], kept: bool
):
    counts = poisson(30 * np.exp(rises * np.arange(WEEKS)))
    assert farrington_flexible(counts, [FIRST], msgspec.structs.replace(IMPROVED, **change)).trend_kept[0, 0] == kept


def test_a_trend_that_leads_beyond_everything_seen_is_dropped():
    counts = np.floor(np.exp(0.025 * np.arange(WEEKS)))[None, :]
    found = farrington_flexible(counts, [FIRST], IMPROVED)
    learnt = counts[0, : FIRST - IMPROVED.past_weeks_not_included]
    assert (found.trend_kept[0, 0], found.expected[0, 0] <= learnt.max()) == (False, True)


def test_few_cases_have_no_bound_and_no_alarm_but_all_the_rest():
    counts = np.zeros((1, WEEKS), dtype=np.int64)
    counts[0, ::25] = 1
    counts[0, FIRST] = 4
    one, other = (
        farrington_flexible(counts, [FIRST], msgspec.structs.replace(IMPROVED, limit54=limit))
        for limit in [(5, 4), (4, 4)]
    )
    assert (np.isnan(one.bound[0, 0]), one.alarm[0, 0], other.alarm[0, 0]) == (True, False, True)
    for part in ("p_value", "expected", "dispersion"):
        np.testing.assert_array_equal(getattr(one, part), getattr(other, part))


@pytest.mark.parametrize("control", [IMPROVED, ORIGINAL], ids=["improved", "original"])
def test_the_first_events_ever_are_an_alarm(control: Control):
    counts = np.zeros((1, WEEKS), dtype=np.int64)
    counts[0, FIRST] = 5
    found = farrington_flexible(counts, [FIRST], control)
    assert (found.alarm[0, 0], found.trend_kept[0, 0]) == (True, False)
    assert found.expected[0, 0] < 1e-6


def test_a_mean_of_which_nothing_is_known_gives_no_bound():
    """The season level of the week has no event: its mean may be 0 or, as far as `muan` can tell, anything."""
    counts = np.where((np.arange(WEEKS) % YEAR > 20) & (np.arange(WEEKS) % YEAR < 40), 5, 0)[None, :]
    counts[0, FIRST] = 6
    found = farrington_flexible(counts, [FIRST], msgspec.structs.replace(IMPROVED, threshold_method="muan"))
    assert (np.isnan(found.bound[0, 0]), np.isnan(found.p_value[0, 0]), found.alarm[0, 0]) == (True, True, False)


def test_a_week_with_too_little_history_is_not_judged():
    found = farrington_flexible(poisson(9.0), [0, FIRST - 1, FIRST], IMPROVED)
    for part in (found.bound, found.p_value, found.expected, found.dispersion):
        assert np.isnan(part).tolist() == [[True, True, False]]
    assert (found.alarm | found.trend_kept)[0, :2].tolist() == [False, False]


def test_too_few_weeks_for_the_levels_are_not_judged():
    months = Control(b=3, w=0, no_periods=12, past_weeks_not_included=35, freq=12)
    assert np.isnan(farrington_flexible(poisson(9.0), [40], months).expected).all()


def test_nothing_to_judge_is_no_result():
    assert farrington_flexible(poisson(9.0), [], IMPROVED).bound.shape == (1, 0)
    assert farrington_flexible(np.zeros((0, WEEKS)), [FIRST], IMPROVED).bound.shape == (0, 1)


def test_as_it_stands_the_control_is_the_improved_setting():
    assert Control() == IMPROVED
    assert (ORIGINAL.no_periods, ORIGINAL.weights_threshold, ORIGINAL.threshold_method) == (1, 1.0, "delta")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"b": 0}, "b must be 1 year or more, not 0"),
        ({"w": -1}, "w must be 0 weeks or more, not -1"),
        ({"w": 26}, "w must leave 2 w + 1 weeks within a year of 52; 26 is too wide"),
        ({"b": 2, "w": 0}, "b years of 2 w + 1 weeks must make 3 weeks; take more years or weeks"),
        ({"no_periods": 0}, "no_periods must be 1 to 46, a week for each level; not 0"),
        ({"no_periods": 47}, "no_periods must be 1 to 46, a week for each level; not 47"),
        ({"past_weeks_not_included": -1}, "past_weeks_not_included must be 0 to 256, not -1"),
        ({"past_weeks_not_included": 257}, "past_weeks_not_included must be 0 to 256, not 257"),
        ({"weights_threshold": 0.0}, "weights_threshold must be above 0, not 0.0"),
        ({"p_threshold_trend": 1.5}, "p_threshold_trend must be 0 to 1, not 1.5"),
        ({"alpha": 0.5}, "alpha must be above 0 and below 0.5, not 0.5"),
        ({"limit54": (5, 0)}, "limit54 must be 0 or more cases in 1 or more weeks, not (5, 0)"),
        ({"threshold_method": "guess"}, "threshold_method must be delta, nbPlugin, muan or predictive, not guess"),
        ({"power_transform": "1/3"}, "power_transform must be 2/3, 1/2 or none, not 1/3"),
    ],
)
def test_a_control_that_makes_no_sense_says_which_parameter(change: dict[str, Any], message: str):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Control(**change)


@pytest.mark.parametrize(
    ("population", "message"),
    [
        (np.ones(WEEKS), "population must have the shape of counts, (1, 293), not (293,)"),
        (np.zeros((1, WEEKS)), "population must be above 0 in every week; leave out weeks in which nobody was there"),
    ],
)
def test_a_population_must_be_people_week_by_week(population: np.ndarray, message: str):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        farrington_flexible(poisson(9.0), [FIRST], population=population)


def test_the_predictive_bound_takes_the_error_of_the_fit_into_account():
    """It is never below the plug-in's."""
    counts = np.random.default_rng(11).poisson(np.array([[0.3], [4.0], [80.0]]), (3, WEEKS))
    plain, predictive = (
        farrington_flexible(counts, [FIRST, WEEKS - 1], msgspec.structs.replace(IMPROVED, threshold_method=method))
        for method in ("nbPlugin", "predictive")
    )
    np.testing.assert_array_equal(plain.expected, predictive.expected)
    assert (predictive.dispersion > plain.dispersion).all()
    assert ((predictive.bound >= plain.bound) | np.isnan(plain.bound)).all()
    # A level of the season rests on 5 x 7 weeks, and the trend adds its own; R's standard error would be 80 times less.
    assert 1 / 35 < predictive.dispersion[2, 0] - plain.dispersion[2, 0] < 6 / 35
