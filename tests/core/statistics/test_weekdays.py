"""What a day lets expect, against the same weekdays picked out by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safety_stream.core.judging import Exclusion
from safety_stream.core.model.times import Day
from safety_stream.core.statistics.expecting import Expected
from safety_stream.core.statistics.weekdays import Weekdays, expected_of_days

BEGINS: Day = 20_000
ASSAULTS = ("violence", "E07000117")
BY = Weekdays(weeks=4, weeks_left_out=1, least_weeks=2)


def expected(
    counts: list[int], at: int, exclusions: tuple[Exclusion, ...] = (), left_out: tuple[Day, ...] = ()
) -> Expected | None:
    found = expected_of_days({ASSAULTS: counts}, at, at + 1, BY, BEGINS, exclusions, left_out)
    return found[ASSAULTS][0]


def an_exclusion(first: Day, last: Day, area: str) -> Exclusion:
    return Exclusion(id="strike", title="Strike", areas=frozenset({area}), first=first, last=last)


COUNTS = [10 * day for day in range(40)]
"""Each day has a number of its own: that of day 35 rests on days 7, 14 and 21."""


def test_a_day_lets_expect_the_mean_of_its_weekday_and_a_little_more():
    assert expected(COUNTS, 35) == Expected((70 + 140 + 210 + 0.5) / 3, 1.0, weaker=False)


def test_days_left_out_are_in_no_baseline_and_let_expect_nothing():
    assert expected(COUNTS, 35, left_out=(BEGINS + 14,)) == Expected((70 + 210 + 0.5) / 2, 1.0, weaker=False)
    assert expected(COUNTS, 35, left_out=(BEGINS + 35,)) is None


def test_excluded_days_are_in_no_baseline_of_the_series_they_concern():
    excluded = an_exclusion(BEGINS + 8, BEGINS + 14, "E07000117")
    other = an_exclusion(BEGINS + 8, BEGINS + 14, "E07000124")

    assert expected(COUNTS, 35, (excluded, other)) == Expected((70 + 210 + 0.5) / 2, 1.0, weaker=False)
    assert expected(COUNTS, 35, (other,)) == expected(COUNTS, 35)


@pytest.mark.parametrize("at", [0, 7, 14, 20])
def test_too_little_history_lets_expect_nothing(at: int):
    assert expected(COUNTS, at) is None


def test_two_weekdays_are_enough_where_so_many_are_asked_for():
    assert expected(COUNTS, 21) == Expected((0 + 70 + 0.5) / 2, 1.0, weaker=False)


def test_where_nothing_ever_happened_a_little_is_expected():
    one = expected([0] * 40, 35)

    assert one is not None
    assert one.mean == pytest.approx(0.5 / 3)


@given(st.lists(st.integers(0, 9), min_size=36, max_size=60), st.integers(0, 9))
def test_what_is_said_of_a_day_depends_on_no_later_one_nor_on_the_weeks_left_out(counts: list[int], other: int):
    changed = counts[:28] + [other] * (len(counts) - 28)

    assert expected(counts, 35) == expected(changed, 35)
