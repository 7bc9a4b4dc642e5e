"""Instants, days and calendar arithmetic, always in Europe/London where a calendar is meant.

An `Instant` is a whole number of milliseconds since 1970-01-01T00:00Z: what Kafka, Avro and the timelines hold, so
nothing is converted on the hot path. A `Day` is a number of days since 1970-01-01 on the Europe/London calendar
(Avro's `date`). Months are calendar months with the 31st clamped; days as durations are exactly 24 hours, unless they
are said to be those of the calendar: then they lead to the same time on the wall, and one may last 23 or 25 hours.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

Instant = int
"""Milliseconds since 1970-01-01T00:00Z."""

Day = int
"""Days since 1970-01-01 on the Europe/London calendar."""

Precision = Literal["instant", "day", "month"]
"""How well a partner knows when something happened; a coarser one never feeds a finer count."""

PeriodKind = Literal["day", "week", "four-weeks", "month", "quarter", "year"]
"""Calendar periods: weeks run Monday to Sunday; four weeks are blocks of 28 days, one of which begins on
`FOUR_WEEKS_FROM`."""

LONDON = ZoneInfo("Europe/London")
SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY_LENGTH = 24 * HOUR
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()

FOUR_WEEKS_FROM: Day = date(2018, 1, 1).toordinal() - _EPOCH_ORDINAL
"""Monday 1 January 2018: blocks of four weeks are counted from it, both ways. A Monday, so that a block is four whole
weeks; the first of a year, so that anybody can count from it in a calendar; and in the Agreement's first three years,
so that its histories are counted alike."""

FROM_MONTHS: frozenset[PeriodKind] = frozenset({"month", "quarter", "year"})
"""Periods made of whole months: what is known only to the month counts in these alone."""

_FOUR_WEEKS = 28
_MONTHS_IN: dict[PeriodKind, int] = {"month": 1, "quarter": 3, "year": 12}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Duration(msgspec.Struct, frozen=True, gc=False, order=True):
    """A length of time as rules state it: whole months or days of the London calendar, or exact milliseconds.

    Raises `ValueError` when more than one of them is given or any is negative.
    """

    months: int = 0
    millis: int = 0
    days: int = 0

    def __post_init__(self) -> None:
        """Refuse a mixture: "one month and three days" has no single meaning."""
        given = (self.months, self.millis, self.days)
        if min(given) < 0 or sum(map(bool, given)) > 1:
            message = (
                f"a duration is whole months, calendar days or milliseconds, one of them and none negative: {self!r}"
            )
            raise ValueError(message)

    @property
    def is_whole_days(self) -> bool:
        """Whether it is a number of exact days."""
        return self.millis > 0 and self.millis % DAY_LENGTH == 0

    @property
    def by_calendar(self) -> Duration:
        """The length with its days counted by the calendar; one without whole days as it is."""
        return Duration(days=self.millis // DAY_LENGTH) if self.is_whole_days else self


_TOLD_IN_HOURS = 72 * HOUR
"""Up to this length people speak of hours."""


def length_in_words(length: Duration) -> str:
    """`12 months`, `28 days`, `72 hours`, `15 minutes`: a length as a catalogue file states it, in one fixed unit.

    Days by the calendar are `28 calendar days`.
    """
    if length.months:
        number, unit = length.months, "month"
    elif length.days:
        number, unit = length.days, "calendar day"
    elif length.millis % DAY_LENGTH == 0 and length.millis > _TOLD_IN_HOURS:
        number, unit = length.millis // DAY_LENGTH, "day"
    elif length.millis % HOUR == 0:
        number, unit = length.millis // HOUR, "hour"
    else:
        number, unit = length.millis // MINUTE, "minute"
    return f"{number:,} {unit}" if number == 1 else f"{number:,} {unit}s"


def ordinal(number: int) -> str:
    """`1st`, `2nd`, `11th`."""
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th") if number // 10 % 10 != 1 else "th"
    return f"{number}{ending}"


class Period(msgspec.Struct, frozen=True, gc=False, order=True):
    """One calendar period, `[starts, ends)` in days."""

    starts: Day
    ends: Day
    kind: PeriodKind


def to_datetime(instant: Instant) -> datetime:
    """The aware UTC datetime of an instant."""
    return _EPOCH + timedelta(milliseconds=instant)


def to_instant(moment: datetime) -> Instant:
    """The instant of an aware datetime, truncated to milliseconds. Raises `ValueError` when it is naive."""
    if moment.tzinfo is None:
        message = f"a moment needs a time zone: {moment.isoformat()}"
        raise ValueError(message)
    return (moment - _EPOCH) // timedelta(milliseconds=1)


_CALENDAR = (to_instant(datetime(2, 1, 1, tzinfo=UTC)), to_instant(datetime(9999, 12, 31, tzinfo=UTC)) + DAY_LENGTH)


def beyond_the_calendar(instant: Instant) -> str:
    """`after the year 9999`, or `before the year 2`: of an instant no calendar here has a date for; empty of others."""
    if instant < _CALENDAR[0]:
        return "before the year 2"
    return "" if instant < _CALENDAR[1] else "after the year 9999"


def to_iso(instant: Instant) -> str:
    """An instant as ISO 8601 in UTC, to the millisecond: `2026-01-31T20:00:00.000Z`."""
    return to_datetime(instant).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def to_date(day: Day) -> date:
    """The calendar date of a day."""
    return date.fromordinal(day + _EPOCH_ORDINAL)


def to_day(when: date) -> Day:
    """The day of a calendar date."""
    return when.toordinal() - _EPOCH_ORDINAL


@lru_cache(maxsize=4096)
def _day_of_quarter_hour(quarter_hours: int) -> Day:
    # Offsets of Europe/London change on quarter hours only, so this is exact and spares a zone look-up a record.
    moment = to_datetime(quarter_hours * 15 * MINUTE).astimezone(LONDON)
    return to_day(moment.date())


def day_of(instant: Instant) -> Day:
    """The London calendar day an instant falls on (a day may last 23 or 25 hours)."""
    return _day_of_quarter_hour(instant // (15 * MINUTE))


@lru_cache(maxsize=4096)
def start_of(day: Day) -> Instant:
    """The first instant of a London calendar day."""
    when = to_date(day)
    return to_instant(datetime(when.year, when.month, when.day, tzinfo=LONDON))


@lru_cache(maxsize=4096)
def period_of(day: Day, kind: PeriodKind) -> Period:
    """The period of this kind that holds the day."""
    when = to_date(day)
    if kind == "day":
        return Period(day, day + 1, kind)
    if kind == "week":
        monday = day - when.weekday()
        return Period(monday, monday + 7, kind)
    if kind == "four-weeks":
        start_day = day - (day - FOUR_WEEKS_FROM) % _FOUR_WEEKS
        return Period(start_day, start_day + _FOUR_WEEKS, kind)
    months = _MONTHS_IN[kind]
    first_month = (when.month - 1) // months * months
    start = date(when.year, first_month + 1, 1)
    after = first_month + months
    end = date(when.year + after // 12, after % 12 + 1, 1)
    return Period(to_day(start), to_day(end), kind)


def _months_away(instant: Instant, months: int) -> Instant:
    local = to_datetime(instant).astimezone(LONDON)
    index = local.year * 12 + local.month - 1 + months
    year, month = divmod(index, 12)
    last = (date(year + (month + 1) // 12, (month + 1) % 12 + 1, 1) - timedelta(days=1)).day
    moved = local.replace(year=year, month=month + 1, day=min(local.day, last), fold=0)
    return to_instant(moved)


def _days_away(instant: Instant, days: int) -> Instant:
    # As with months: of a time on the wall that is there twice the first, of one that is not by the clock before it.
    local = to_datetime(instant).astimezone(LONDON).replace(fold=0)
    return to_instant(local + timedelta(days=days))


def before(instant: Instant, length: Duration) -> Instant:
    """The start of a window of this length that ends at `instant`; both ends belong to the window (rules.md 3.1)."""
    if length.months:
        return _months_away(instant, -length.months)
    return _days_away(instant, -length.days) if length.days else instant - length.millis


def after(instant: Instant, length: Duration) -> Instant:
    """The instant this length after `instant`: deadlines, and the far end of a span."""
    if length.months:
        return _months_away(instant, length.months)
    return _days_away(instant, length.days) if length.days else instant + length.millis
