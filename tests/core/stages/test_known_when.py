"""The ledger of the tallies and the measure stage come to the same counts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.core.stages.making import a_record

from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.indicators import IndicatorValue
from safety_stream.core.model.tallies import Tally
from safety_stream.core.model.times import Period, period_of, start_of
from safety_stream.core.stages import measure
from safety_stream.core.stages.rows import MemoryRows
from safety_stream.core.statistics.triangle import ledger_of

FIRST = 20_440


@st.composite
def some_tallies(draw: st.DrawFn) -> list[Tally]:
    """Of one series, in the order they were told: the stage's time never goes back."""
    found = []
    for report_day in sorted(draw(st.lists(st.integers(FIRST, FIRST + 50), max_size=20))):
        by_month = draw(st.booleans())
        event_day = draw(st.integers(FIRST - 60, report_day))
        found.append(
            Tally(
                area="E07000117",
                indicator="violence",
                event_day=period_of(event_day, "month").starts if by_month else event_day,
                precision="month" if by_month else "day",
                report_day=report_day,
                count=draw(st.integers(-2, 4).filter(bool)),
                as_of=start_of(report_day),
            )
        )
    return found


@given(some_tallies())
def test_what_is_known_after_each_day_is_what_measure_publishes(catalogue: Catalogue, tallies: list[Tally]) -> None:
    step, rows = measure.make_step(catalogue, 1), MemoryRows()
    published: dict[Period, int] = {}
    for report_day in sorted({tally.report_day for tally in tallies}):
        batch = [a_record(one, "tallies", received_at=one.as_of) for one in tallies if one.report_day == report_day]
        for output in step(rows, batch, None):
            if isinstance(output.value, IndicatorValue):
                value = output.value
                published[Period(value.starts, value.ends, value.period)] = value.value
        for kind in ("day", "week", "month"):
            expected = {period: count for period, count in published.items() if period.kind == kind}
            assert ledger_of(tallies).known(kind, report_day) == expected
