"""Days between rare events, against gamma variables and the exact binomial."""

from __future__ import annotations

import re
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safety_stream.core.statistics.rare import days_between

gaps = st.lists(st.integers(0, 60), min_size=0, max_size=40)


@given(gaps, st.integers(1, 4), st.integers(1, 12), st.sampled_from([0.0, 0.5, 1.0]))
def test_the_p_value_is_the_exact_binomial_one(some: list[int], together: int, baseline: int, resolution: float):
    """P(Beta(k, n) <= x) = P(Binomial(n + k - 1, x) >= k), with x the share of the last days."""
    days = np.cumsum(some)
    found = days_between(days, together=together, baseline=baseline, resolution=resolution)
    for at in range(len(days)):
        if at < together + baseline:
            assert np.isnan(found.p_value[at])
            continue
        took = days[at] - days[at - together] + resolution
        before = days[at - together] - days[at - together - baseline] - resolution
        if before <= 0:
            assert found.p_value[at] == 1
            continue
        share, trials = took / (took + before), baseline + together - 1
        expected = sum(comb(trials, k) * share**k * (1 - share) ** (trials - k) for k in range(together, trials + 1))
        assert found.p_value[at] == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("rate", [0.01, 0.3, 4.0])
def test_p_values_are_uniform_whatever_the_rate(rate: float):
    chance = np.random.default_rng(3)
    found = [
        days_between(np.cumsum(chance.exponential(1 / rate, 24)), together=3, baseline=20, resolution=0).p_value[-1]
        for _ in range(4000)
    ]
    for level in (0.01, 0.05, 0.3):
        assert np.mean(np.array(found) <= level) == pytest.approx(level, abs=3.5 * np.sqrt(level / 4000))


def test_with_whole_days_p_values_are_never_too_small():
    chance = np.random.default_rng(4)
    found = [days_between(np.floor(np.cumsum(chance.exponential(2.0, 24)))).p_value[-1] for _ in range(3000)]
    for level in (0.01, 0.05, 0.3):
        assert np.mean(np.array(found) <= level) <= level


def test_a_burst_after_quiet_months_stands_out():
    days = [14 * week for week in range(24)] + [322 + 1, 322 + 2, 322 + 3]
    found = days_between(days)
    assert found.p_value[-1] < 0.005
    assert found.p_value[23] > 0.3
    assert (found.span[-1], found.expected[-1]) == (3, 42)


@given(gaps)
def test_what_comes_later_changes_nothing(some: list[int]):
    days = np.cumsum(some)
    whole, part = days_between(days, baseline=5), days_between(days[: len(days) // 2], baseline=5)
    np.testing.assert_array_equal(whole.p_value[: len(days) // 2], part.p_value)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"days": [3, 2]}, "days must be a list of days that never fall; sort the events"),
        ({"together": 0}, "together and baseline must be 1 gap or more, not 0 and 20"),
        ({"resolution": -1.0}, "resolution must be 0 days or more, not -1.0"),
    ],
)
def test_what_makes_no_sense_says_which_argument(changed: dict[str, object], message: str):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        days_between(**({"days": [1, 2]} | changed))
