"""A series counts what it was told, whenever it is asked, and remembers it from step to step."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any, Literal, get_args

import msgspec
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from tests.core.stages.making import at

from safety_stream.core.model.tallies import Tally
from safety_stream.core.model.times import Period, PeriodKind, period_of, to_day
from safety_stream.core.stages import counts
from safety_stream.core.stages.counts import Counts
from safety_stream.core.stages.rows import MemoryRows

FIRST = to_day(date(2025, 11, 20))
KINDS: tuple[PeriodKind, ...] = get_args(PeriodKind)
BY_MONTH = frozenset({"month", "quarter", "year"})


@st.composite
def tallies(draw: st.DrawFn) -> Tally:
    day, by_month = FIRST + draw(st.integers(0, 100)), draw(st.booleans())
    return Tally(
        area="E07000124",
        indicator="violence",
        event_day=period_of(day, "month").starts if by_month else day,
        precision="month" if by_month else "day",
        report_day=day + draw(st.integers(0, 2)),
        count=draw(st.integers(-2, 3)),
        as_of=at("2026-03-01T00:00"),
    )


PERIODS = st.builds(period_of, st.integers(FIRST - 10, FIRST + 110), st.sampled_from(KINDS))
LIVES = st.lists(st.one_of(tallies(), PERIODS, st.just("next step")), max_size=40)


def live_through(events: list[Tally | Period | str]) -> None:
    """Every question is answered as by adding up everything that was told before it."""
    rows, told = MemoryRows(), list[Tally]()
    series = Counts(rows, "E07000124|violence")
    for event in events:
        if isinstance(event, Tally):
            told.append(event)
            series.told.append(event)
        elif isinstance(event, Period):
            counting = [tally for tally in told if tally.precision == "day" or event.kind in BY_MONTH]
            expected = sum(tally.count for tally in counting if event.starts <= tally.event_day < event.ends)
            assert series.value(event) == expected
        else:
            series.flush()
            series = Counts(rows, "E07000124|violence")


@given(LIVES)
def test_a_value_is_the_sum_of_what_was_told_so_far(events: list[Tally | Period | str]) -> None:
    live_through(events)


@pytest.mark.parametrize("precision", ["day", "month"])
def test_what_cancels_out_leaves_no_row(precision: Literal["day", "month"]) -> None:
    rows = MemoryRows()
    for count in (2, -2):
        series = Counts(rows, "L-14|hate")
        series.told.append(a_tally(count, precision=precision))
        series.flush()

    assert len(rows) == 0


def test_a_day_that_cancels_out_leaves_its_month_with_the_other_days() -> None:
    rows = MemoryRows()
    for tally in (a_tally(2), a_tally(3, event_day=FIRST + 1), a_tally(-2)):
        series = Counts(rows, "L-14|hate")
        series.told.append(tally)
        series.flush()

    assert Counts(rows, "L-14|hate")._unpacked(period_of(FIRST, "month").starts).by_day == {FIRST + 1: {FIRST: 3}}


def test_what_was_taken_back_on_a_later_day_is_still_known_as_of_the_days_between() -> None:
    rows = MemoryRows()
    series = Counts(rows, "L-14|hate")
    series.told += [a_tally(2), a_tally(-2, report_day=FIRST + 9)]
    series.flush()

    assert series.value(period_of(FIRST, "month")) == 0
    assert Counts(rows, "L-14|hate")._unpacked(period_of(FIRST, "month").starts).by_day == {
        FIRST: {FIRST: 2, FIRST + 9: -2}
    }


def test_only_months_with_tallies_are_written() -> None:
    rows = MemoryRows()
    series = Counts(rows, "L-14|hate")
    series.value(period_of(FIRST, "year"))
    series.told.append(a_tally(1))
    series.value(period_of(FIRST, "year"))
    series.flush()

    assert len(rows) == 1


def a_tally(count: int, **changes: Any) -> Tally:
    tally = Tally(
        area="L-14",
        indicator="hate",
        event_day=FIRST,
        precision="day",
        report_day=FIRST,
        count=count,
        as_of=at("2026-03-01T00:00"),
    )
    return msgspec.structs.replace(tally, **changes)


Patch = pytest.MonkeyPatch


def sums_outlive_a_tally(patch: Patch) -> None:
    right = Counts._count

    def count(self: Counts) -> None:
        before = dict(self._sums)
        right(self)
        self._sums |= before

    patch.setattr(Counts, "_count", count)


def the_last_tally_counts_twice(patch: Patch) -> None:
    right = Counts._count

    def count(self: Counts) -> None:
        if self._counted < len(self.told):
            self.told.append(self.told[-1])
        right(self)

    patch.setattr(Counts, "_count", count)


def a_period_is_its_first_month(patch: Patch) -> None:
    right = counts._months_in
    patch.setattr(counts, "_months_in", lambda period: right(period)[:1])


def a_step_forgets_what_was_not_asked(patch: Patch) -> None:
    right = Counts.flush

    def flush(self: Counts) -> None:
        self._counted = len(self.told)
        right(self)

    patch.setattr(Counts, "flush", flush)


def what_is_known_to_the_month_counts_on_its_first_day(patch: Patch) -> None:
    right = counts._Sums.of

    def of(month: counts.Month) -> counts._Sums:
        return right(counts.Month({**month.by_day, min(month.by_day, default=FIRST): month.by_month}))

    patch.setattr(counts._Sums, "of", of)


@pytest.mark.parametrize(
    "broken",
    [
        sums_outlive_a_tally,
        the_last_tally_counts_twice,
        a_period_is_its_first_month,
        a_step_forgets_what_was_not_asked,
        what_is_known_to_the_month_counts_on_its_first_day,
    ],
)
def test_a_defect_is_noticed(monkeypatch: Patch, broken: Callable[[Patch], None]) -> None:
    broken(monkeypatch)
    counts._sums_of.cache_clear()

    @settings(max_examples=500, phases=[Phase.generate], database=None, derandomize=True, report_multiple_bugs=False)
    @given(LIVES)
    def run(events: list[Tally | Period | str]) -> None:
        live_through(events)

    with pytest.raises(AssertionError):
        run()
    counts._sums_of.cache_clear()
