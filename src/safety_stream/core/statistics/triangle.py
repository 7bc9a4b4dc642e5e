"""What was known when: the signed tallies of one series by event day and by report day.

A `Ledger` holds every claim and every correction as the signed counts they are, so what was known on any past day is a
sum and no memory of what was published. Such a value is exact, and it is a value: nothing in here is estimated.

A reporting triangle is the ledger cut for estimating: a row for each period, a column for each delay. It is cut by the
day it is for. If that is a Wednesday, a column ends on Wednesdays, so what is known of this week on its third day
stands beside what was known of earlier weeks on theirs; in a month the cuts lie at the same share of each month. So no
column is half full, whatever the day.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from safety_stream.core.model.tallies import Tally
from safety_stream.core.model.times import Day, Period, PeriodKind, period_of

Counts = NDArray[np.int64]
"""Whole numbers; corrections are negative ones."""

_FINE: Final = ("day", "week")
"""Kinds of period in which what is known to the month only is not counted."""


class Cell(msgspec.Struct, frozen=True, gc=False):
    """Where a count belongs: when it happened, whether only the month of that is known, and when it was told."""

    event_day: Day
    by_month: bool
    report_day: Day


class Ledger(msgspec.Struct, frozen=True):
    """The signed counts of one series. What adds up to 0 in a cell was told and taken back on one day."""

    cells: Mapping[Cell, int]

    def known(self, kind: PeriodKind, as_of: Day) -> dict[Period, int]:
        """What was known at the end of a day: the count of every period something had been told of, in order."""
        counts: dict[Period, int] = defaultdict(int)
        for cell, count in self._counted_in(kind):
            if cell.report_day <= as_of:
                counts[period_of(cell.event_day, kind)] += count
        return dict(sorted(counts.items()))

    def triangle(self, kind: PeriodKind, as_of: Day, longest: int) -> Triangle:
        """The reporting triangle as it was at the end of a day, with delays of 0 to `longest` periods.

        Raises `ValueError` when `longest` is not 1 or more, and when by then nothing had been told at all.
        """
        if longest < 1:
            raise ValueError(f"longest must be 1 or more, not {longest}")
        told = [(cell, count) for cell, count in self._counted_in(kind) if cell.report_day <= as_of]
        if not told:
            raise ValueError("nothing had been told of any period by that day: take a later one")
        first = min(as_of, *(cell.event_day for cell, _ in told))
        periods = _consecutive(period_of(first, kind), as_of)
        place = {period: row for row, period in enumerate(periods)}
        cuts = [_cut(period, periods[-1], as_of) for period in periods]
        cells: Counts = np.zeros((len(periods), longest + 1), dtype=np.int64)
        for cell, count in told:
            # Events dated ahead of the day belong to no row yet.
            row = place.get(period_of(cell.event_day, kind))
            if row is None:
                continue
            delay = max(bisect_left(cuts, cell.report_day) - row, 0)
            if delay <= longest:
                cells[row, delay] += count
        return Triangle(tuple(periods), as_of, min(cell.report_day for cell, _ in told), cells)

    def _counted_in(self, kind: PeriodKind) -> Iterable[tuple[Cell, int]]:
        is_fine = kind in _FINE
        return ((cell, count) for cell, count in self.cells.items() if not (cell.by_month and is_fine))


class Triangle(msgspec.Struct, frozen=True, eq=False):
    """Counts by period and delay, as they were known at the end of day `as_of`.

    Attributes:
        periods: Consecutive, the last one holding `as_of`.
        as_of: The day it is for.
        told_since: The day of the first claim of all. Of periods before it the delays were not seen.
        cells: Net counts (periods, delays), corrections below 0. The period so many before the last has been seen with
            delays up to that many; what is not seen yet holds 0, what came later than the longest delay is in no cell.
    """

    periods: tuple[Period, ...]
    as_of: Day
    told_since: Day
    cells: Counts


def ledger_of(tallies: Iterable[Tally]) -> Ledger:
    """The ledger of one series, its tallies in any order. Raises `ValueError` when they are of more than one."""
    counts: dict[Cell, int] = defaultdict(int)
    series: tuple[str, str] | None = None
    for tally in tallies:
        if series not in (None, (tally.area, tally.indicator)):
            raise ValueError("a ledger holds one series: take the tallies of one area and one indicator")
        series = tally.area, tally.indicator
        counts[Cell(tally.event_day, tally.precision == "month", tally.report_day)] += tally.count
    return Ledger(counts)


def _consecutive(first: Period, until: Day) -> list[Period]:
    periods = [first]
    while periods[-1].ends <= until:
        periods.append(period_of(periods[-1].ends, first.kind))
    return periods


def _cut(period: Period, last: Period, as_of: Day) -> Day:
    """The day of a period that has as much of it behind as `as_of` has of the last one."""
    passed, whole = as_of - last.starts + 1, last.ends - last.starts
    own = period.ends - period.starts
    return period.starts - 1 - (-passed * own // whole)
