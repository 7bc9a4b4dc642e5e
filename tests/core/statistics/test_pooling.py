"""Areas judged together: what is shared, and what is not."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from safety_stream.core.statistics.farrington import IMPROVED, Farrington, farrington_flexible
from safety_stream.core.statistics.pooling import pooled_farrington

WEEKS = 300
JUDGED = [270, 290]
SEASON = np.exp(0.8 * np.cos(2 * np.pi * np.arange(WEEKS) / 52))
LEVELS = np.array([[0.6], [1.5], [1.0], [3.0]] * 4)


def areas(seed: int = 2) -> np.ndarray:
    return np.random.default_rng(seed).poisson(LEVELS * SEASON)


def test_one_area_alone_is_judged_as_ever():
    counts = areas()[3:4]
    control = msgspec.structs.replace(IMPROVED, trend_within_seen=False)
    for one, other in zip(
        msgspec.structs.astuple(pooled_farrington(counts, JUDGED)),
        msgspec.structs.astuple(farrington_flexible(counts, JUDGED, control)),
        strict=True,
    ):
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_the_expected_counts_are_shares_of_the_expected_total():
    counts = areas()
    control = msgspec.structs.replace(IMPROVED, trend_within_seen=False)
    found = pooled_farrington(counts, JUDGED)
    total = farrington_flexible(counts.sum(axis=0, keepdims=True), JUDGED, control)
    assert found.expected.sum(axis=0) == pytest.approx(total.expected[0])
    past = counts[:, 290 - 26 - 104 : 290 - 26].sum(axis=1)
    assert found.expected[:, 1] == pytest.approx(total.expected[0, 1] * past / past.sum())
    alone = farrington_flexible(counts, JUDGED)
    assert found.dispersion == pytest.approx(np.broadcast_to(alone.dispersion.mean(axis=0), (16, 2)))


def test_a_season_shared_is_known_better_than_each_area_knows_it():
    truth = LEVELS * SEASON[JUDGED]
    errors = {"alone": 0.0, "together": 0.0}
    for seed in range(5):
        errors["alone"] += (np.log(farrington_flexible(areas(seed), JUDGED).expected / truth) ** 2).mean()
        errors["together"] += (np.log(pooled_farrington(areas(seed), JUDGED).expected / truth) ** 2).mean()
    assert errors["together"] < errors["alone"] / 3


def test_a_total_that_rises_to_where_it_never_was_keeps_its_trend():
    rising = np.exp(0.006 * np.arange(WEEKS))
    counts = np.random.default_rng(8).poisson(20 * LEVELS * rising)
    total = counts.sum(axis=0, keepdims=True)
    assert not farrington_flexible(total, JUDGED).trend_kept.any()
    found = pooled_farrington(counts, JUDGED)
    assert found.trend_kept.all()
    assert found.expected == pytest.approx(20 * LEVELS * rising[JUDGED], rel=0.1)


def test_an_area_in_which_nothing_ever_happened_has_no_expectation():
    counts = areas()
    counts[0] = 0
    found = pooled_farrington(counts, JUDGED)
    assert np.isnan(found.expected[0]).all()
    assert not found.alarm[0].any()
    assert not np.isnan(found.expected[1:]).any()


def test_neither_later_weeks_nor_those_left_out_nor_the_order_of_areas_matter():
    counts = areas()
    later = counts.copy()
    later[:, JUDGED[0] + 1 :] += 7
    assert_same(pooled_farrington(counts, JUDGED[:1]), pooled_farrington(later, JUDGED[:1]))
    recent = counts.copy()
    recent[:, JUDGED[0] - 26 : JUDGED[0]] += 7
    one, other = pooled_farrington(counts, JUDGED[:1]), pooled_farrington(recent, JUDGED[:1])
    np.testing.assert_array_equal(one.expected, other.expected)
    mirrored = pooled_farrington(counts[::-1], JUDGED[:1])
    np.testing.assert_allclose(mirrored.p_value[::-1], one.p_value, rtol=1e-9)


def assert_same(one: Farrington, other: Farrington) -> None:
    for left, right in zip(msgspec.structs.astuple(one), msgspec.structs.astuple(other), strict=True):
        np.testing.assert_array_equal(left, right)


def test_an_outbreak_in_one_area_is_an_alarm_there_only():
    counts = areas()
    counts[2, JUDGED[0]] += 15
    found = pooled_farrington(counts, JUDGED[:1])
    assert np.flatnonzero(found.p_value[:, 0] < 1e-6).tolist() == [2]


def test_only_the_plain_threshold_can_be_pooled():
    with pytest.raises(ValueError, match="threshold_method must be nbPlugin to pool areas, not delta"):
        pooled_farrington(areas(), JUDGED, msgspec.structs.replace(IMPROVED, threshold_method="delta"))
