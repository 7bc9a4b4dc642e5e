"""Calendar periods: whole, gapless, and of four weeks counted from a Monday; and days of the calendar as lengths."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safety_stream.core.model.times import (
    DAY_LENGTH,
    FOUR_WEEKS_FROM,
    FROM_MONTHS,
    HOUR,
    LONDON,
    SECOND,
    Duration,
    PeriodKind,
    after,
    before,
    beyond_the_calendar,
    length_in_words,
    period_of,
    to_date,
    to_datetime,
    to_day,
    to_instant,
)
from safety_stream.core.rules.windows import longest, shortest

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


def at(text: str, fold: int = 0) -> int:
    """The instant of a London wall time; of one that is there twice the first, or the second with `fold`."""
    return to_instant(datetime.fromisoformat(text).replace(tzinfo=LONDON, fold=fold))


@pytest.mark.parametrize(
    ("ends", "days", "begins"),
    [
        (at("2026-03-29T12:00"), 1, at("2026-03-28T12:00")),
        (at("2026-03-30T00:30"), 1, at("2026-03-29T00:30")),
        # There is no half past one on the night the clocks go forward: by the clock before, it is half past two.
        (at("2026-03-30T01:30"), 1, at("2026-03-29T02:30")),
        (at("2026-10-25T12:00"), 1, at("2026-10-24T12:00")),
        # There are two of them on the night they go back: either way the first counts.
        (at("2026-10-26T01:30"), 1, at("2026-10-25T01:30")),
        (at("2026-10-25T01:30"), 1, at("2026-10-24T01:30")),
        (at("2026-10-25T01:30", fold=1), 1, at("2026-10-24T01:30")),
        (at("2026-11-01T12:00"), 365, at("2025-11-01T12:00")),
        (at("2024-03-01T12:00"), 1, at("2024-02-29T12:00")),
    ],
)
def test_days_of_the_calendar_lead_to_the_same_time_on_the_wall(ends: int, days: int, begins: int):
    assert before(ends, Duration(days=days)) == begins


def test_such_a_day_has_twenty_three_hours_or_twenty_five():
    day = Duration(days=1)
    assert after(at("2026-03-28T12:00"), day) - at("2026-03-28T12:00") == 23 * HOUR
    assert after(at("2026-10-24T12:00"), day) - at("2026-10-24T12:00") == 25 * HOUR
    assert after(at("2026-10-24T01:30"), day) == at("2026-10-25T01:30")
    assert after(at("2026-03-28T01:30"), day) == at("2026-03-29T02:30")


# Both nights of this decade, and those of the double summer time.
_NIGHTS = [at(day) for day in ("2026-03-29T01:00", "2026-10-25T01:00", "1941-05-04T02:00", "1947-11-02T02:00")]


@given(
    st.one_of(
        st.builds(lambda night, hours: night + hours * HOUR // 4, st.sampled_from(_NIGHTS), st.integers(-9000, 9000)),
        st.integers(at("1930-01-01"), at("2040-01-01")),
    ),
    st.integers(1, 400),
)
def test_days_of_the_calendar_are_those_of_a_calendar_and_nearly_exact_ones(instant: int, number: int):
    length = Duration(days=number)
    begins, ends = before(instant, length), after(instant, length)

    local = to_datetime(instant).astimezone(LONDON)
    for moved, days in ((begins, -number), (ends, number)):
        there = to_datetime(moved).astimezone(LONDON)
        assert there.date() == local.date() + timedelta(days=days)
        assert there.time() == local.time() or there.hour - local.hour == 1
    assert shortest(length) <= instant - begins <= longest(length)
    assert shortest(length) <= ends - instant <= longest(length)


def test_a_length_is_of_one_unit_and_says_which():
    assert length_in_words(Duration(days=1)) == "1 calendar day"
    assert length_in_words(Duration(millis=28 * DAY_LENGTH).by_calendar) == "28 calendar days"
    assert Duration(millis=36 * HOUR).by_calendar == Duration(millis=36 * HOUR)
    assert Duration(months=1).by_calendar == Duration(months=1)
    for mixed in ({"days": 1, "months": 1}, {"days": 1, "millis": SECOND}, {"days": -1}):
        with pytest.raises(ValueError, match="one of them and none negative"):
            Duration(**mixed)


def test_what_no_calendar_has_a_date_for_is_said_to_be_so():
    last = to_instant(datetime(9999, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC))
    first = to_instant(datetime(2, 1, 1, tzinfo=UTC))

    assert [beyond_the_calendar(one) for one in (last, first, 0)] == ["", "", ""]
    assert {beyond_the_calendar(one) for one in (last + 1, 2**63 - 1)} == {"after the year 9999"}
    assert {beyond_the_calendar(one) for one in (first - 1, -(2**63))} == {"before the year 2"}
    for one in (last, first):
        assert to_datetime(one).astimezone(LONDON)
