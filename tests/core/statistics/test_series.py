"""Counts and weeks are checked where they come in."""

from __future__ import annotations

import re
from math import nan
from typing import Any

import numpy as np
import pytest

from safety_stream.core.statistics.series import checked_counts, checked_weeks, recent_totals


@pytest.mark.parametrize("counts", [[[1.5]], [[-1]], [[nan]], [[float("inf")]]])
def test_counts_are_whole_and_not_negative(counts: list[list[float]]):
    with pytest.raises(
        ValueError, match="counts must be whole numbers of 0 or more; fill weeks without a report with 0"
    ):
        checked_counts(counts)


def test_counts_are_a_table():
    with pytest.raises(ValueError, match=r"counts must be a table of \(series, weeks\), not of 1 dimensions"):
        checked_counts([1, 2, 3])


@pytest.mark.parametrize(
    ("weeks", "message"),
    [
        (3, "weeks must be a list of columns, not of 0 dimensions"),
        ([0, 5], "weeks must be columns of the counts, 0 to 4; got 0 to 5"),
        ([-1], "weeks must be columns of the counts, 0 to 4; got -1 to -1"),
        ([2.5], "weeks must be whole numbers"),
    ],
)
def test_weeks_are_columns_of_the_counts(weeks: Any, message: str):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        checked_weeks(weeks, np.zeros((1, 5)))


def test_recent_totals_end_with_the_judged_week_and_begin_with_the_series():
    counts = checked_counts([[1, 2, 3, 4, 5], [0, 0, 0, 0, 7]])
    assert recent_totals(counts, np.array([4, 1, 0]), 3).tolist() == [[12, 3, 1], [7, 0, 0]]
