"""What one series counts, during one step.

Theory of operation
-------------------
A series (area x indicator) is remembered as sparse counts by event day and, within it, by the day the claim was
received, in one row per month. A correction is a negative cell, so "known as of day D" stays answerable. What is known
only to the month has cells of its own.

Tallies are only noted as they come, because most batches ask for values at their end alone. They are counted all at
once, before the first question and before the rows are written: each month they lie in is unpacked once, changed in
place and packed once. So a value is what the tallies so far make of it, whenever in a step it is asked for.

Most months a period asks for are no longer counted in: the others of a quarter, of a week that begins in another. What
the days of such a row come to is remembered by the row itself, from one step to the next (`_sums_of`).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import msgspec

from safety_stream.core.model.tallies import Tally
from safety_stream.core.model.times import FROM_MONTHS, Day, Period, period_of
from safety_stream.core.stages.stage import Rows

MONTHS: Final = "month/"
"""What the rows of months begin with; series and first day follow."""

Cells = dict[Day, int]
"""Signed counts by report day."""


class Month(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The counts of one series and month: by event day and report day, and those known to the month only."""

    by_day: dict[Day, Cells] = msgspec.field(default_factory=dict)
    by_month: Cells = msgspec.field(default_factory=dict)


class Counts:
    """The counts of one series over its rows of months; nothing is written before `flush`."""

    def __init__(self, rows: Rows, series: str) -> None:
        """See what the rows remember of this series."""
        self._rows = rows
        self._prefix = f"{MONTHS}{series}|"
        self._counted = 0
        self._months: dict[Day, Month] = {}
        self._sums: dict[Day, _Sums] = {}
        self.told: list[Tally] = []
        """The tallies of this step: who has another notes it here."""

    def value(self, period: Period) -> int:
        """What a period comes to, by the tallies so far."""
        self._count()
        total = 0
        for starts in _months_in(period):
            sums = self._sums.get(starts) or self._summed(starts)
            if period.kind in FROM_MONTHS:
                total += sums.whole
            else:
                by_day = sums.by_day
                total += sum([by_day[day] for day in range(period.starts, period.ends) if day in by_day])
        return total

    def flush(self) -> None:
        """Write the months that changed to the rows, and forget those of which nothing is left."""
        self._count()
        for starts, month in sorted(self._months.items()):
            row, by_day = self._row(starts), {day: cells for day, cells in month.by_day.items() if cells}
            if by_day or month.by_month:
                self._rows.put(row, _ENCODER.encode(Month(by_day, month.by_month)))
            else:
                self._rows.delete(row)

    def _count(self) -> None:
        if self._counted == len(self.told):
            return
        for tally in self.told[self._counted :]:
            day, report_day = tally.event_day, tally.report_day
            starts = period_of(day, "month").starts
            month = self._months.get(starts) or self._unpacked(starts)
            cells = month.by_month if tally.precision == "month" else month.by_day.setdefault(day, {})
            count = cells.get(report_day, 0) + tally.count
            if count:
                cells[report_day] = count
            else:
                cells.pop(report_day, None)
            self._sums.pop(starts, None)
        self._counted = len(self.told)

    def _unpacked(self, starts: Day) -> Month:
        """The month to be changed; from now on it is one that is written."""
        packed = self._rows.get(self._row(starts))
        month = self._months[starts] = Month() if packed is None else _DECODER.decode(packed)
        return month

    def _summed(self, starts: Day) -> _Sums:
        month = self._months.get(starts)
        sums = self._sums[starts] = _sums_of(self._rows.get(self._row(starts))) if month is None else _Sums.of(month)
        return sums

    def _row(self, starts: Day) -> bytes:
        return f"{self._prefix}{starts}".encode()


class _Sums(msgspec.Struct, frozen=True, gc=False):
    """What the days of a month come to, and the month with what is known only to it."""

    by_day: dict[Day, int]
    whole: int

    @classmethod
    def of(cls, month: Month) -> _Sums:
        by_day = {day: sum(cells.values()) for day, cells in month.by_day.items()}
        return cls(by_day, sum(by_day.values()) + sum(month.by_month.values()))


@lru_cache(4096)
def _sums_of(packed: bytes | None) -> _Sums:
    return _Sums.of(Month() if packed is None else _DECODER.decode(packed))


@lru_cache(4096)
def _months_in(period: Period) -> tuple[Day, ...]:
    """The first days of the months that share a day with a period."""
    months = [period_of(period.starts, "month")]
    while months[-1].ends < period.ends:
        months.append(period_of(months[-1].ends, "month"))
    return tuple(month.starts for month in months)


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Month)
