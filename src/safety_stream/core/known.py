"""What was known of an indicator at the end of a past day, period by period, and what is known now.

It adds up signed tallies and not published values, so it can be asked of every day and every kind of period. A count
alone does not say whether it is one to go by: a month of which a feed has told nothing yet looks like a fall. So every
period says whether all feeds behind the indicator were complete to its end, as measure has it, both then and now.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import msgspec

from safety_stream.core.catalogue import Source
from safety_stream.core.model.feeds import FeedStatus
from safety_stream.core.model.tallies import Cause, Tally
from safety_stream.core.model.times import FROM_MONTHS, Day, Period, PeriodKind, day_of, period_of, start_of, to_date
from safety_stream.core.stages.stage import Clock, complete_to, is_covered
from safety_stream.core.statistics.nowcast import LONGEST, Nowcast, nowcast
from safety_stream.core.statistics.triangle import ledger_of


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """What a model expects a period to come to (`nowcast`), no count. Without numbers where too little is known."""

    estimate: int | None
    lower: int | None
    upper: int | None
    level: float
    delays_from: int


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What was known of one period at the end of the day `as_of`, and what is known now.

    `complete`: whether every feed was complete to the period's end by then; `complete_now`, whether it is by now. Where
    one was not, a small count is no fall, and a difference is no rise. What was known is None where a feed does not
    cover the period: what it told of that is no count. `model_expects` is there when it was asked for, of periods that
    were over then and younger than the longest delay. `causes` are those of all that has come since, if there is a
    difference or not; `late` is what was reported of a period that was complete then.
    """

    area: str
    indicator: str
    period: PeriodKind
    starts: date
    ends: date
    as_of: date
    known: int | None
    complete: bool
    known_now: int | None
    complete_now: bool
    difference: int | None
    model_expects: Expected | None = None
    causes: tuple[Cause, ...] = ()


class Heard:
    """The tallies of one series, and how far the feeds had come at the end of the day `as_of` and have by now."""

    def __init__(self, area: str, indicator: str, as_of: Day) -> None:
        """Nothing has been told."""
        self._series = (area, indicator)
        self._as_of = as_of
        self._tallies: list[Tally] = []
        self._then = Clock()
        self._now = Clock()

    @property
    def reaches(self) -> Day:
        """The last day of which anything has been heard."""
        return day_of(self._now.as_of)

    def take(self, value: msgspec.Struct) -> None:
        """Fold in one value of the topic `tallies`, in any order; those of other series make no difference."""
        if isinstance(value, FeedStatus):
            self._now = self._now.at(value.as_of).hear(value)
            if day_of(value.as_of) <= self._as_of:
                self._then = self._then.hear(value)
        elif isinstance(value, Tally):
            self._now = self._now.at(value.as_of)
            if (value.area, value.indicator) == self._series:
                self._tallies.append(value)

    def periods(
        self, kind: PeriodKind, last: int, feeds: Sequence[Source], partitions: int, *, with_model: bool
    ) -> list[Known]:
        """The `last` periods up to the one that holds `as_of`, none before the first of which anything is known.

        `feeds` are those behind the indicator, `partitions` of register say how far they are.
        """
        ledger, ends = ledger_of(self._tallies), period_of(self._as_of, kind).ends
        then, now = ledger.known(kind, self._as_of), ledger.known(kind, self.reaches)
        expected = {}
        if with_model and then:
            triangle = ledger.triangle(kind, self._as_of, LONGEST[kind])
            expected = {one.period: _expected(one) for one in nowcast(triangle)}
        by_id = {source.id: source for source in feeds}
        complete_then, complete_now = (
            complete_to(clock.newest(partitions), by_id, by_id) for clock in (self._then, self._now)
        )
        area, indicator = self._series
        causes = self._causes_since(kind, day_of(max(complete_then, 0)))

        def known(period: Period) -> Known:
            covered = is_covered(period, by_id, by_id)
            counts = then.get(period, 0), now.get(period, 0)
            return Known(
                area=area,
                indicator=indicator,
                period=kind,
                starts=to_date(period.starts),
                ends=to_date(period.ends),
                as_of=to_date(self._as_of),
                known=counts[0] if covered else None,
                complete=covered and start_of(period.ends) <= complete_then,
                known_now=counts[1] if covered else None,
                complete_now=covered and start_of(period.ends) <= complete_now,
                difference=counts[1] - counts[0] if covered else None,
                model_expects=expected.get(period) if covered else None,
                causes=tuple(sorted(causes.get(period, ()))) if covered else (),
            )

        return [known(period) for period in _up_to(ends, kind, min(now, default=None))[-last:]]

    def _causes_since(self, kind: PeriodKind, complete: Day) -> dict[Period, set[Cause]]:
        """Why something has come of a period after the day; all before the day `complete` was complete by then."""
        found: dict[Period, set[Cause]] = {}
        for tally in self._tallies:
            is_counted = tally.precision == "day" or kind in FROM_MONTHS
            if tally.cause is not None and is_counted and tally.report_day > self._as_of:
                period = period_of(tally.event_day, kind)
                is_late = tally.cause == "reported" and period.ends <= complete
                found.setdefault(period, set()).add("late" if is_late else tally.cause)
        return found


def _up_to(ends: Day, kind: PeriodKind, first: Period | None) -> list[Period]:
    """The periods from the first one on that end by a day."""
    periods = []
    period = first
    while period is not None and period.ends <= ends:
        periods.append(period)
        period = period_of(period.ends, kind)
    return periods


def _expected(one: Nowcast) -> Expected:
    return Expected(
        estimate=one.estimate, lower=one.lower, upper=one.upper, level=one.level, delays_from=one.delays_from
    )
