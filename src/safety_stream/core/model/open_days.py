"""On which days somebody is there, and when such a day begins: school days, working days.

Which days a calendar leaves out is for the catalogue to say (`catalogue/calendars/`). It knows a stretch of days only;
before and after it every day from Monday to Friday is taken for open. So a deadline beyond it comes too early rather
than too late, and nobody waits for ever.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import datetime
from operator import attrgetter

import msgspec

from safety_stream.core.model.times import DAY_LENGTH, LONDON, Day, Instant, day_of, to_date, to_instant

_FRIDAY = 5


class Closed(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A stretch of days on which nobody is there, both ends in it."""

    first: Day
    last: Day


class OpenDays(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A calendar: the days from Monday to Friday, but for those in `closed`, sorted and apart from one another.

    An open day begins `opens` minutes after midnight by the clock on the wall. From `known_from` to `known_to`, both in
    it, somebody has said which days are closed.
    """

    id: str
    opens: int
    closed: tuple[Closed, ...]
    known_from: Day
    known_to: Day

    def is_open(self, day: Day) -> bool:
        """Whether somebody is there on that day."""
        if to_date(day).isoweekday() > _FRIDAY:
            return False
        before = bisect_right(self.closed, day, key=attrgetter("first"))
        return not before or self.closed[before - 1].last < day

    def opening(self, day: Day) -> Instant:
        """When that day begins, were it open."""
        when, (hour, minute) = to_date(day), divmod(self.opens, 60)
        return to_instant(datetime(when.year, when.month, when.day, hour, minute, tzinfo=LONDON))

    def opening_after(self, at: Instant, number: int) -> Instant:
        """When the next open day begins, or the second or third: strictly after an instant."""
        day = day_of(at)
        while True:
            if self.is_open(day) and self.opening(day) > at:
                number -= 1
                if not number:
                    return self.opening(day)
            day += 1

    def longest(self, number: int) -> int:
        """Milliseconds no `opening_after` is further away than: so many times the longest it is ever closed."""
        # From a Friday to a Monday, an hour more when the clocks go back.
        closed = max((stretch.last - stretch.first + 1 for stretch in self._joined()), default=0)
        return number * (max(closed, 2) + 2) * DAY_LENGTH

    def _joined(self) -> list[Closed]:
        """The closed stretches, those with nothing but a weekend between them or about them as one."""
        joined: list[Closed] = []
        for stretch in self.closed:
            first, last = stretch.first, stretch.last
            while not self.is_open(first - 1):
                first -= 1
            while not self.is_open(last + 1):
                last += 1
            joined.append(Closed(first, last))
        return joined


class Ahead(msgspec.Struct, frozen=True, gc=False):
    """The beginning of an open day of a calendar: of the next (1), or of the one so many further on."""

    days: OpenDays
    number: int = 1
