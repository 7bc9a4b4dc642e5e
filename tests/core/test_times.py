"""Calendar periods: whole, gapless, and of four weeks counted from a Monday."""

from __future__ import annotations

from datetime import date
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safety_stream.core.model.times import FOUR_WEEKS_FROM, FROM_MONTHS, PeriodKind, period_of, to_date, to_day

DAYS = st.integers(to_day(date(1950, 1, 1)), to_day(date(2150, 1, 1)))
KINDS: tuple[PeriodKind, ...] = get_args(PeriodKind)


@given(DAYS, st.sampled_from(KINDS))
def test_every_day_is_in_one_period_of_a_kind_and_the_next_begins_where_it_ends(day: int, kind: PeriodKind):
    period = period_of(day, kind)

    assert period.starts <= day < period.ends
    assert period_of(period.starts, kind) == period == period_of(period.ends - 1, kind)
    assert period_of(period.ends, kind).starts == period.ends


@given(DAYS)
def test_a_block_of_four_weeks_is_four_weeks_from_monday(day: int):
    block = period_of(day, "four-weeks")

    assert [period_of(block.starts + 7 * week, "week").starts for week in range(5)] == [
        *range(block.starts, block.ends, 7),
        block.ends,
    ]
    assert (block.starts - FOUR_WEEKS_FROM) % 28 == 0


def test_four_weeks_are_counted_from_a_monday_that_begins_a_year():
    assert to_date(FOUR_WEEKS_FROM) == date(2018, 1, 1)
    assert to_date(FOUR_WEEKS_FROM).weekday() == 0


@pytest.mark.parametrize("kind", sorted(FROM_MONTHS))
@given(day=DAYS)
def test_what_is_made_of_months_begins_and_ends_with_one(kind: PeriodKind, day: int):
    period = period_of(day, kind)

    assert {to_date(period.starts).day, to_date(period.ends).day} == {1}
