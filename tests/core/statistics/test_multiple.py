"""The Benjamini-Hochberg procedure against its definition, and the minimum-count rule."""

from __future__ import annotations

from math import isnan, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safety_stream.core.statistics.multiple import benjamini_hochberg, has_enough_cases

shares = st.sampled_from([0.01, 0.05, 0.1, 0.3])
# Coarse numbers too, so that ties and p-values just on their limit occur.
families = st.lists(st.one_of(st.just(nan), st.floats(0, 1), st.integers(0, 40).map(lambda n: n / 400)), max_size=25)


def rejected_by_definition(p_values: list[float], q: float) -> list[bool]:
    """For every p-value: does a set of k at most q k / m hold it, for some k?"""
    tested = [p for p in p_values if not isnan(p)]
    limits = [limit for k in range(1, len(tested) + 1) if sum(p <= (limit := q * k / len(tested)) for p in tested) >= k]
    return [not isnan(p) and any(p <= limit for limit in limits) for p in p_values]


@given(families, shares)
def test_what_is_rejected_is_what_the_definition_rejects(p_values: list[float], q: float):
    assert benjamini_hochberg(p_values, q).tolist() == rejected_by_definition(p_values, q)


def test_the_example_of_benjamini_and_hochberg_rejects_four():
    """Section 3.2 of their paper: fifteen p-values, q = 0.05."""
    small = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459]
    large = [0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0]
    assert benjamini_hochberg(small + large, 0.05).tolist() == [True] * 4 + [False] * 11


@given(families, shares, st.data())
def test_order_does_not_matter(p_values: list[float], q: float, data: st.DataObject):
    order = data.draw(st.permutations(range(len(p_values))))
    rejected = benjamini_hochberg(p_values, q)
    assert benjamini_hochberg([p_values[at] for at in order], q).tolist() == [rejected[at] for at in order]


@given(families, shares)
def test_what_was_not_tested_changes_nothing(p_values: list[float], q: float):
    assert benjamini_hochberg([nan, *p_values, nan], q).tolist() == [
        False,
        *benjamini_hochberg(p_values, q).tolist(),
        False,
    ]


def test_a_table_is_one_family():
    assert benjamini_hochberg([[0.01, nan], [0.9, 0.04]], 0.1).tolist() == [[True, False], [False, True]]


@pytest.mark.parametrize("q", [0.0, 1.0, nan])
def test_a_share_must_be_one(q: float):
    with pytest.raises(ValueError, match="q must be above 0 and below 1"):
        benjamini_hochberg([0.1], q)


def test_a_p_value_must_be_a_probability():
    with pytest.raises(ValueError, match=r"p-values must be 0 to 1; got 0\.5 to 1\.5"):
        benjamini_hochberg([0.5, 1.5], 0.1)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [([9, 1, 1, 1, 2], True), ([9, 1, 1, 1, 1], False), ([0, 0, 0, 0, 3], True), ([0, 0, 0, 1, 2], False)],
)
def test_five_in_four_weeks_or_three_in_the_week_are_enough(counts: list[int], expected: bool):
    assert has_enough_cases([counts], [4]).tolist() == [[expected]]


def test_what_is_enough_can_be_said():
    counts = [[2, 0, 0, 1], [0, 0, 0, 4]]
    assert has_enough_cases(counts, [3, 0], recent=(3, 8), current=5).tolist() == [[True, False], [True, False]]
    assert has_enough_cases(counts, [3, 0], recent=(9, 1), current=2).tolist() == [[False, True], [True, False]]


def test_the_recent_weeks_are_one_at_least():
    with pytest.raises(ValueError, match="recent must look at 1 week or more, not 0"):
        has_enough_cases(np.zeros((1, 4)), [3], recent=(5, 0))
