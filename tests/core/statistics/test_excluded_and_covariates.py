"""Weeks that are in no baseline, and columns beside season and trend."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safety_stream.core.statistics.distributions import negative_binomial_survival
from safety_stream.core.statistics.farrington import IMPROVED, ORIGINAL, Control, Farrington, farrington_flexible
from safety_stream.core.statistics.pooling import pooled_farrington

YEAR = 52
FIRST = 5 * YEAR + 3
WEEKS = FIRST + 60
WEEK = np.arange(WEEKS)
STEP = (WEEK >= FIRST - 2 * YEAR).astype(float)
BONFIRE = np.select([WEEK % YEAR == 43, WEEK % YEAR == 44], [7.0, 6.0], 0.0)
HOLIDAYS = np.where(np.isin(WEEK % YEAR, [0, 13, 17, 21, 34]), 1.0, 0.0)
HOLIDAYS[13::YEAR] = 2.0
HOLIDAYS[15 + YEAR], HOLIDAYS[13 + YEAR] = 2.0, 0.0

controls = st.builds(
    msgspec.structs.replace,
    st.sampled_from([IMPROVED, ORIGINAL]),
    b=st.sampled_from([2, 3, 5]),
    threshold_method=st.sampled_from(["delta", "nbPlugin", "muan", "predictive"]),
    p_threshold_trend=st.sampled_from([0.05, 1.0]),
)
judged = st.lists(st.integers(FIRST, WEEKS - 1), min_size=1, max_size=2)


@st.composite
def several(draw: st.DrawFn) -> np.ndarray:
    """A few series from hardly anything to hundreds a week."""
    chance = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    levels = draw(st.lists(st.sampled_from([0.0, 0.05, 0.5, 3.0, 30.0, 400.0]), min_size=1, max_size=4))
    mean = np.array(levels)[:, None] * np.exp(0.4 * np.cos(WEEK * 2 * np.pi / YEAR))
    wild = chance.choice([1e-9, 0.3])
    return chance.poisson(mean * chance.gamma(1 / wild, wild, mean.shape))


@st.composite
def windows(draw: st.DrawFn) -> np.ndarray:
    """One or two stretches of weeks that are left out."""
    flags = np.zeros(WEEKS, dtype=bool)
    for _ in range(draw(st.integers(1, 2))):
        start = draw(st.integers(0, WEEKS - 1))
        flags[start : start + draw(st.integers(1, 90))] = True
    return flags


def parts(found: Farrington) -> list[np.ndarray]:
    return list(msgspec.structs.astuple(found))


def assert_same(one: Farrington, other: Farrington) -> None:
    for name, left, right in zip(one.__struct_fields__, parts(one), parts(other), strict=True):
        np.testing.assert_array_equal(left, right, err_msg=name)


def drawn(mean: Any, rows: int = 1, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).poisson(np.broadcast_to(mean, (rows, WEEKS)))


# --- weeks left out


@settings(max_examples=25)
@given(several(), windows(), judged, controls, st.integers(0, 10_000))
def test_counts_of_weeks_left_out_have_no_influence(
    counts: np.ndarray, flags: np.ndarray, weeks: list[int], control: Control, instead: int
):
    control = msgspec.structs.replace(control, limit54=(0, 1))
    for week in weeks:
        changed = counts.copy()
        changed[:, flags & (week != WEEK)] = instead
        assert_same(*(farrington_flexible(table, [week], control, excluded=flags) for table in (counts, changed)))


@settings(max_examples=25)
@given(several(), windows(), windows(), judged, controls)
def test_each_series_may_leave_out_weeks_of_its_own(
    counts: np.ndarray, flags: np.ndarray, others: np.ndarray, weeks: list[int], control: Control
):
    own = np.array([(flags, others)[row % 2] for row in range(len(counts))])
    together = farrington_flexible(counts, weeks, control, excluded=own)
    for row in range(len(counts)):
        alone = farrington_flexible(counts[[row]], weeks, control, excluded=own[row])
        assert_same(alone, Farrington(*(part[[row]] for part in parts(together))))


@settings(max_examples=20)
@given(several(), judged, controls)
def test_no_week_left_out_and_no_column_are_as_nothing_said(counts: np.ndarray, weeks: list[int], control: Control):
    plain = farrington_flexible(counts, weeks, control)
    none = np.zeros(counts.shape, dtype=bool)
    assert_same(plain, farrington_flexible(counts, weeks, control, excluded=none, covariates=np.zeros((0, WEEKS))))


def test_a_judged_week_that_is_left_out_is_judged_from_the_others():
    counts = drawn(20.0)
    counts[0, FIRST] = 60
    alone = np.zeros(WEEKS, dtype=bool)
    alone[FIRST] = True
    found = farrington_flexible(counts, [FIRST], excluded=alone)
    assert found.alarm[0, 0]
    assert_same(found, farrington_flexible(counts, [FIRST]))


@pytest.mark.parametrize(("years", "kept"), [(2, True), (3, False)])
def test_a_trend_rests_on_three_years_of_which_weeks_are_left(years: int, kept: bool):
    counts = drawn(30 * np.exp(0.003 * WEEK))
    flags = np.zeros(WEEKS, dtype=bool)
    first = FIRST - 5 * YEAR - 3
    flags[first + YEAR : first + (1 + years) * YEAR] = True
    assert farrington_flexible(counts, [FIRST], excluded=flags).trend_kept[0, 0] == kept


def test_a_season_that_is_left_out_whole_lets_nothing_be_expected():
    flags = np.isin((WEEK - FIRST + 3) % YEAR, range(7))
    found = farrington_flexible(drawn(20.0), [FIRST, FIRST + 20], excluded=flags)
    assert np.isnan(found.expected).tolist() == [[True, False]]
    assert not found.alarm[0, 0]


def test_a_lockdown_left_out_is_no_news():
    quiet = drawn(40.0)
    dip = (WEEK >= 120) & (WEEK < 190)
    struck = np.where(dip, quiet // 4, quiet)
    plain, left_out = (
        farrington_flexible(table, [FIRST], excluded=flags).expected[0, 0]
        for table, flags in [(struck, None), (struck, dip)]
    )
    assert left_out == pytest.approx(40, rel=0.08)
    assert abs(plain - 40) > 4


# --- columns beside season and trend


def fitted_plainly(
    counts: np.ndarray, week: int, covariates: np.ndarray, excluded: np.ndarray
) -> tuple[float, float, float]:
    """Expected count, dispersion and p-value by an iteration on the whole matrix, weighted down and done again."""
    first, last = week - 5 * YEAR - 3, week - 26
    weeks = np.array([one for one in range(first, last) if not excluded[one]])
    lengths = [7, *[5] * 9]
    levels = np.repeat(np.arange(10), lengths)[(np.append(weeks, week) - first) % YEAR]
    matrix = np.column_stack(
        [np.eye(10)[levels], np.append(weeks, week) - week, covariates[:, np.append(weeks, week)].T]
    )
    learnt, here = matrix[:-1], matrix[-1]
    observed = counts[weeks].astype(float)
    prior = np.ones(weeks.size)
    for turn in range(2):
        link = np.log(observed + 0.1)
        for _ in range(40):
            mean = np.exp(link)
            weight = prior * mean
            response = link + observed / mean - 1
            inverse = np.linalg.inv(learnt.T @ (weight[:, None] * learnt))
            link = learnt @ (inverse @ learnt.T @ (weight * response))
        mean, weight = np.exp(link), prior * np.exp(link)
        dispersion = max(1.0, (weight * ((observed - mean) / mean) ** 2).sum() / (weeks.size - learnt.shape[1]))
        if not turn:
            leverage = weight * np.einsum("ij,jk,ik->i", learnt, inverse, learnt)
            residual = 1.5 * (observed ** (2 / 3) * mean ** (-1 / 6) - np.sqrt(mean))
            residual /= np.sqrt(dispersion * (1 - leverage))
            prior = np.where(residual > 2.58, 1 / np.maximum(residual, 1e-9) ** 2, 1.0)
            prior *= weeks.size / prior.sum()
    expected = np.exp(here @ inverse @ learnt.T @ (weight * (learnt @ (inverse @ learnt.T @ (weight * response)))))
    spread = dispersion + expected * dispersion * (here @ inverse @ here)
    return expected, spread, negative_binomial_survival(counts[[week]].astype(float), expected, np.array([spread]))[0]


@pytest.mark.parametrize("week", [FIRST + 1, FIRST + 16, FIRST + 37, FIRST + 52])
@pytest.mark.parametrize("level", [3.0, 60.0])
@pytest.mark.parametrize("seed", [1, 2])
def test_it_is_what_an_iteration_on_the_whole_matrix_gives(week: int, level: float, seed: int):
    columns = np.array([STEP, BONFIRE, HOLIDAYS])
    effects = np.array([0.5, 0.1, -0.2]) @ columns
    counts = drawn(level * np.exp(0.3 * np.cos(2 * np.pi * WEEK / YEAR) + 0.001 * WEEK + effects), seed=seed)
    counts[0, 100:102] *= 3
    dip = (WEEK >= 140) & (WEEK < 180)
    control = Control(threshold_method="predictive", trend_within_seen=False)
    found = farrington_flexible(counts, [week], control, covariates=columns, excluded=dip)
    expected, spread, p_value = fitted_plainly(counts[0], week, columns, dip)
    assert found.trend_kept[0, 0]
    assert found.expected[0, 0] == pytest.approx(expected, rel=1e-6)
    assert found.dispersion[0, 0] == pytest.approx(spread, rel=1e-4)
    assert found.p_value[0, 0] == pytest.approx(p_value, rel=1e-3)


def test_a_known_effect_is_found_again():
    """In the week of bonfire night three times as many, in those of a bank holiday a fifth less."""
    effects = np.array([np.log(3) / 7, np.log(0.8)]) @ np.array([BONFIRE, HOLIDAYS])
    counts = drawn(30 * np.exp(effects), rows=40)
    weeks = np.flatnonzero((WEEK >= FIRST) & ((WEEK % YEAR == 43) | (WEEK % YEAR == 34)))
    truth = 30 * np.exp(effects[weeks])
    with_columns = farrington_flexible(counts, weeks, covariates=[BONFIRE, HOLIDAYS]).expected.mean(axis=0)
    without = farrington_flexible(counts, weeks).expected.mean(axis=0)
    assert with_columns == pytest.approx(truth, rel=0.03)
    assert (abs(without / truth - 1) > 0.1).all()


def test_after_a_change_of_recording_alarms_are_as_rare_as_ever_once_it_is_told():
    """Half as many again are recorded. Untold, that alarms for a year, and then the trend expects it to go on."""
    weeks = np.arange(FIRST, FIRST + 26)
    rates = {}
    for before in (40, 104):
        change = (WEEK >= FIRST - before).astype(float)
        counts = drawn(20 * np.exp(np.log(1.5) * change), rows=100)
        told, untold = (farrington_flexible(counts, weeks, covariates=one) for one in ([change], None))
        assert told.expected.mean() == pytest.approx(30, rel=0.03)
        rates[before] = told.alarm.mean(), untold.alarm.mean(), untold.expected.mean()
    assert max(rates[40][0], rates[104][0]) < 0.01
    assert rates[40][1] > 0.03
    assert (rates[104][1] < 0.001, rates[104][2] > 34) == (True, True)


@pytest.mark.parametrize(
    "columns",
    [
        [np.full(WEEKS, 3.0)],
        [WEEK >= FIRST - 10],  # new since the baseline ended
        [WEEK >= FIRST - 28],  # two weeks of it: less than three weeks' worth
        [np.isin((WEEK - FIRST + 3) % YEAR, range(7))],  # the level of the season
        [0.5 * WEEK - 30],  # the trend
        [np.zeros(WEEKS), np.ones(WEEKS)],
    ],
    ids=["constant", "since", "too new", "season", "trend", "two constants"],
)
def test_a_column_that_says_too_little_takes_no_part(columns: Any):
    counts = drawn(20.0 * np.exp(0.001 * WEEK), rows=3)
    found = farrington_flexible(counts, [FIRST], covariates=np.array(columns, dtype=float))
    plain = farrington_flexible(counts, [FIRST])
    assert plain.trend_kept.all()
    assert_same(found, plain)


def test_a_column_that_stands_there_twice_counts_once():
    counts = drawn(20.0, rows=3)
    once = farrington_flexible(counts, [FIRST], covariates=[STEP, HOLIDAYS])
    assert_same(once, farrington_flexible(counts, [FIRST], covariates=[STEP, HOLIDAYS, 3 - 2 * STEP, STEP + HOLIDAYS]))


def test_in_weeks_in_which_hardly_any_event_is_to_be_expected_none_is_no_news():
    """Else five bank holidays without an event would make the first one ever an alarm."""
    rare = np.where(WEEK % YEAR == 0, 1.0, 0.0)
    counts = np.where(np.random.default_rng(3).uniform(size=WEEKS) < 0.3, 1, 0)[None, :]
    counts[0, WEEK % YEAR == 0] = 0
    week = 6 * YEAR
    found, plain = (farrington_flexible(counts, [week], covariates=one) for one in ([rare], None))
    assert found.expected == plain.expected > 0.1
    often = farrington_flexible(10 * counts, [week], covariates=[rare])
    assert often.expected[0, 0] < 0.1


@settings(max_examples=20)
@given(several(), judged, controls, st.data())
def test_series_with_columns_know_nothing_of_one_another(
    counts: np.ndarray, weeks: list[int], control: Control, data: st.DataObject
):
    chance = np.random.default_rng(data.draw(st.integers(0, 99)))
    own = np.where(chance.uniform(size=(len(counts), 1)) < 0.5, BONFIRE, chance.integers(0, 3, counts.shape))
    columns = np.array([np.broadcast_to(STEP, counts.shape), own])
    order = data.draw(st.permutations(range(len(counts))))
    together = farrington_flexible(counts[order], weeks, control, covariates=columns[:, order])
    for place, row in enumerate(order):
        alone = farrington_flexible(counts[[row]], weeks, control, covariates=columns[:, [row]])
        assert_same(alone, Farrington(*(part[[place]] for part in parts(together))))


@settings(max_examples=20)
@given(several(), st.integers(FIRST, WEEKS - 2), controls)
def test_what_the_calendar_says_of_later_weeks_changes_nothing(counts: np.ndarray, week: int, control: Control):
    columns = np.array([STEP, HOLIDAYS])
    later = columns.copy()
    later[:, week + 1 :] = 99
    assert_same(*(farrington_flexible(counts, [week], control, covariates=one) for one in (columns, later)))


@settings(max_examples=20)
@given(several(), judged, controls, st.sampled_from([0.01, 7.0, 1e5]), st.sampled_from([0.0, -3.0, 1e4]))
def test_neither_scale_nor_origin_of_a_column_matters(
    counts: np.ndarray, weeks: list[int], control: Control, scale: float, origin: float
):
    columns = np.array([STEP, HOLIDAYS])
    one, other = (
        farrington_flexible(counts, weeks, control, covariates=c) for c in (columns, origin + scale * columns)
    )
    np.testing.assert_allclose(one.expected, other.expected, rtol=1e-6, atol=1e-9)
    np.testing.assert_array_equal(one.trend_kept, other.trend_kept)


@pytest.mark.parametrize(
    ("argument", "value", "message"),
    [
        (
            "excluded",
            np.zeros(5, dtype=bool),
            "excluded must have the shape of counts, (1, 323), or of its weeks, not (5,)",
        ),
        ("excluded", np.zeros(WEEKS), "excluded must be flags, one for each week: whether it is left out"),
        ("covariates", STEP, "covariates must each have the shape of counts, (1, 323), or of its weeks, not ()"),
        (
            "covariates",
            [STEP[1:]],
            "covariates must each have the shape of counts, (1, 323), or of its weeks, not (322,)",
        ),
        ("covariates", [np.full(WEEKS, np.nan)], "covariates must be numbers in every week, judged ones too"),
    ],
)
def test_what_is_said_of_weeks_must_be_of_their_shape(argument: str, value: Any, message: str):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        farrington_flexible(drawn(9.0), [FIRST], **{argument: value})


# --- areas together


def test_areas_together_leave_out_weeks_and_know_of_a_change_of_recording():
    levels = np.array([[2.0], [6.0], [3.0]] * 3)
    counts = np.random.default_rng(5).poisson(levels * np.exp(np.log(2) * STEP))
    dip = (WEEK >= FIRST - 100) & (WEEK < FIRST - 60)
    # As in a lockdown that emptied one place and not another: its shares say nothing of later.
    counts[0::3, dip] = 90
    found = pooled_farrington(counts, [FIRST], excluded=dip, covariates=[STEP])
    assert found.expected[:, 0] == pytest.approx(2 * levels[:, 0], rel=0.15)
    assert pooled_farrington(counts, [FIRST]).expected[0, 0] > 1.5 * 2 * levels[0, 0]
