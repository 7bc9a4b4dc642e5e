"""Which days are open, when they begin, and which of them is the next."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.rules.making import at

from safety_stream.core.model.open_days import Closed, OpenDays
from safety_stream.core.model.times import DAY_LENGTH, HOUR, day_of, to_date


def days(*stretches: tuple[str, str], opens: int = 9 * 60) -> OpenDays:
    """Closed on these days; only 2026 is known."""
    closed = tuple(Closed(*(day_of(at(f"{day}T00:00")) for day in stretch)) for stretch in stretches)
    first, last = (day_of(at(f"2026-{day}T00:00")) for day in ("01-01", "12-31"))
    return OpenDays(id="school", opens=opens, closed=closed, known_from=first, known_to=last)


SCHOOL = days(
    ("2026-01-01", "2026-01-02"),
    ("2026-03-27", "2026-03-27"),
    ("2026-03-30", "2026-04-10"),
    ("2026-07-21", "2026-08-31"),
    ("2026-12-21", "2026-12-31"),
)


@pytest.mark.parametrize(
    ("when", "begins"),
    [
        ("2026-01-13T22:00", "2026-01-14T09:00"),
        ("2026-01-14T00:00", "2026-01-14T09:00"),
        ("2026-01-14T08:59:59", "2026-01-14T09:00"),
        ("2026-01-14T09:00", "2026-01-15T09:00"),
        # A Friday evening, a Saturday, a Sunday night.
        ("2026-01-16T20:00", "2026-01-19T09:00"),
        ("2026-01-17T10:00", "2026-01-19T09:00"),
        ("2026-01-18T23:59:59", "2026-01-19T09:00"),
        # The last day of a term; a day of its own beside a weekend and a holiday.
        ("2026-07-20T15:00", "2026-09-01T09:00"),
        ("2026-03-26T15:00", "2026-04-13T09:00"),
        # The last evening of a year the calendar knows, and into one that it does.
        ("2026-12-31T22:00", "2027-01-01T09:00"),
        ("2025-12-31T22:00", "2026-01-05T09:00"),
        # Beyond the calendar: from Monday to Friday.
        ("2030-12-24T22:00", "2030-12-25T09:00"),
        ("2030-12-27T22:00", "2030-12-30T09:00"),
        ("2020-08-07T22:00", "2020-08-10T09:00"),
    ],
)
def test_the_next_open_day_begins_by_the_clock_on_the_wall(when: str, begins: str):
    assert SCHOOL.opening_after(at(when), 1) == at(begins)


@pytest.mark.parametrize(("when", "hours"), [("2026-03-27T09:00", 71), ("2026-10-23T09:00", 73)])
def test_over_the_night_the_clocks_change_it_is_an_hour_less_or_more(when: str, hours: int):
    assert days().opening_after(at(when), 1) - at(when) == hours * HOUR


def test_the_third_open_day_is_counted_over_weekends_and_holidays():
    assert SCHOOL.opening_after(at("2026-03-25T22:00"), 3) == at("2026-04-14T09:00")
    assert SCHOOL.opening_after(at("2026-01-14T08:00"), 2) == at("2026-01-15T09:00")


def test_a_day_may_begin_at_midnight():
    assert days(opens=0).opening_after(at("2026-01-16T00:00"), 1) == at("2026-01-19T00:00")
    assert days(opens=0).opening_after(at("2026-01-15T23:59:59"), 1) == at("2026-01-16T00:00")


@given(st.integers(-400, 800), st.integers(0, DAY_LENGTH - 1), st.integers(1, 12))
def test_it_is_the_right_one_of_those_that_begin_and_no_further_than_the_longest(day: int, later: int, number: int):
    when = at("2026-01-01T00:00") + day * DAY_LENGTH + later
    begins = SCHOOL.opening_after(when, number)

    opened = [SCHOOL.opening(one) for one in range(day_of(when), day_of(begins) + 1) if SCHOOL.is_open(one)]
    assert [one for one in opened if one > when][number - 1 :] == [begins]
    assert when < begins <= when + SCHOOL.longest(number)
    assert to_date(day_of(begins)).strftime("%a") not in ("Sat", "Sun")


def test_without_a_closed_day_the_longest_is_a_weekend():
    assert days().longest(1) == 4 * DAY_LENGTH
