"""Windows on occurrence time: exact at their edges, cheap away from them.

A window of calendar months has no fixed length, and asking the calendar costs more than all the rest of counting. But a
month is never shorter than 28 days nor longer than 31, and so many days of the calendar are hardly ever anything but as
many exact ones: only what lies near the edge needs the calendar.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from safety_stream.core.model.times import DAY_LENGTH, HOUR, Duration, Instant, before

_MEAN_MONTH = 2_629_746_000
"""Milliseconds in a Gregorian month on average; `_SLACK` covers clamped ends, leap days and summer time."""

_SLACK = 4 * DAY_LENGTH

_SUMMER_TIME = 2 * HOUR
"""By how much days of the calendar may be shorter or longer than exact ones: in the 1940s there was a double one."""

_LONG_AGO: Instant = -(10**18)


def shortest(length: Duration) -> int:
    """Milliseconds no window of this length is shorter than."""
    if length.days:
        return length.days * DAY_LENGTH - _SUMMER_TIME
    return length.months * _MEAN_MONTH - _SLACK if length.months else length.millis


def longest(length: Duration) -> int:
    """Milliseconds no window of this length, and no calendar period of it, is longer than."""
    if length.days:
        return length.days * DAY_LENGTH + _SUMMER_TIME
    return length.months * _MEAN_MONTH + _SLACK if length.months else length.millis + DAY_LENGTH


def since_closing(closings: Sequence[Instant], last: Instant) -> Instant:
    """From when on none of sorted `closings` lies strictly between what happens and `last`: the latest before it."""
    earlier = bisect_left(closings, last)
    return closings[earlier - 1] if earlier else _LONG_AGO


def first_open(times: Sequence[Instant], last: int, length: Duration, closings: Sequence[Instant]) -> int:
    """As `first_within`, of those only with none of sorted `closings` strictly between them and `times[last]`."""
    first = first_within(times, last, length)
    return bisect_left(times, since_closing(closings, times[last]), first, last + 1) if closings else first


def first_of_chain(times: Sequence[Instant], length: Duration, links: int) -> tuple[int, int]:
    """The index of the first of sorted `times` that a chain back from the last reaches, and where its last link ends.

    Each of at most so many links goes from the window that ends there to the first in it.
    """
    first = link = len(times) - 1
    for _ in range(links):
        link, first = first, first_within(times, first, length)
        if first == link:
            break
    return first, link


def number_within(times: Sequence[Instant], end: Instant, length: Duration) -> int:
    """How many of sorted `times` lie in the window that ends at `end`, both ends included."""
    return bisect_right(times, end) - bisect_left(times, before(end, length))


def first_within(times: Sequence[Instant], last: int, length: Duration) -> int:
    """The index of the first of sorted `times` in the window that ends at `times[last]`, both ends included."""
    end = times[last]
    first = bisect_left(times, end - longest(length), 0, last + 1)
    if times[first] >= end - shortest(length):
        return first
    return bisect_left(times, before(end, length), first, last + 1)
