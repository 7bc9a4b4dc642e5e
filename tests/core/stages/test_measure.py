"""Signed tallies become values that are restated, provisional until their feeds are complete, and held to limits."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from tests.core.stages.making import a_record, at, covering

from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.feeds import FeedStatus
from safety_stream.core.model.findings import FindingChange
from safety_stream.core.model.indicators import IndicatorValue
from safety_stream.core.model.tallies import Tally
from safety_stream.core.model.times import DAY_LENGTH, HOUR, Instant, PeriodKind, to_date, to_day
from safety_stream.core.stages import measure
from safety_stream.core.stages.rows import MemoryRows

MONDAY = to_day(date(2026, 1, 5))
RECEIVED = at("2026-01-06T12:00")
RIBBLE_VALLEY_WEEK = 35
"""The number of catalogue/rules/district-count.yaml."""


def a_tally(count: int = 1, **changes: Any) -> Tally:
    values: dict[str, Any] = {
        "area": "E07000124",
        "indicator": "violence",
        "event_day": MONDAY,
        "precision": "day",
        "report_day": MONDAY + 1,
        "count": count,
        "as_of": RECEIVED,
    }
    return Tally(**(values | changes))


def a_status(as_of: Instant, **newest: Instant) -> FeedStatus:
    return FeedStatus(
        as_of=as_of, newest={source.replace("_", "-"): seen for source, seen in newest.items()}, partition=0
    )


def run(catalogue: Catalogue, *batches: list[Tally | FeedStatus]) -> list[Any]:
    step, rows = measure.make_step(catalogue, 1), MemoryRows()
    return [
        output.value
        for batch in batches
        for output in step(rows, [a_record(value, "tallies", received_at=value.as_of) for value in batch], None)
    ]


def standing(values: list[Any]) -> dict[tuple[str, str, str, int], tuple[int, bool]]:
    """The newest value of each period."""
    return {
        (value.area, value.indicator, value.period, value.starts): (value.value, value.final)
        for value in values
        if isinstance(value, IndicatorValue)
    }


def findings(values: list[Any]) -> list[tuple[str, Instant]]:
    return [(value.change, value.as_of) for value in values if isinstance(value, FindingChange)]


def test_a_tally_counts_in_every_period_of_its_indicator(catalogue: Catalogue) -> None:
    values = standing(run(catalogue, [a_tally(3)]))

    assert values == {
        ("E07000124", "violence", "day", MONDAY): (3, False),
        ("E07000124", "violence", "week", MONDAY): (3, False),
        ("E07000124", "violence", "four-weeks", to_day(date(2025, 12, 22))): (3, False),
        ("E07000124", "violence", "month", to_day(date(2026, 1, 1))): (3, False),
    }


def test_what_is_known_to_the_month_counts_in_the_month_alone(catalogue: Catalogue) -> None:
    first = to_day(date(2026, 1, 1))
    values = standing(run(catalogue, [a_tally(2, precision="month", event_day=first)]))

    assert values == {("E07000124", "violence", "month", first): (2, False)}


def test_longer_periods_hold_what_their_days_and_months_hold(catalogue: Catalogue) -> None:
    """Four weeks across two years are made of days; quarter and year of what is known to the month as well."""
    kinds: tuple[PeriodKind, ...] = ("four-weeks", "month", "quarter", "year")
    indicators = tuple(msgspec.structs.replace(one, periods=kinds) for one in catalogue.indicators)
    first = to_day(date(2025, 12, 1))
    tallies = [
        a_tally(2, precision="month", event_day=first),
        a_tally(3, event_day=to_day(date(2025, 12, 21))),
        a_tally(5, event_day=to_day(date(2025, 12, 31))),
        a_tally(7, event_day=to_day(date(2026, 1, 18))),
        a_tally(11, event_day=to_day(date(2026, 1, 19))),
    ]

    values = standing(run(msgspec.structs.replace(catalogue, indicators=indicators, rules=()), tallies))

    assert {(kind, to_date(starts).isoformat()): value for (_, _, kind, starts), (value, _) in values.items()} == {
        ("four-weeks", "2025-11-24"): 3,
        ("four-weeks", "2025-12-22"): 12,
        ("four-weeks", "2026-01-19"): 11,
        ("month", "2025-12-01"): 10,
        ("month", "2026-01-01"): 18,
        ("quarter", "2025-10-01"): 10,
        ("quarter", "2026-01-01"): 18,
        ("year", "2025-01-01"): 10,
        ("year", "2026-01-01"): 18,
    }


def test_a_week_across_two_months_is_one_week(catalogue: Catalogue) -> None:
    saturday, sunday = to_day(date(2026, 1, 31)), to_day(date(2026, 2, 1))
    values = standing(run(catalogue, [a_tally(2, event_day=saturday), a_tally(5, event_day=sunday)]))

    assert values["E07000124", "violence", "week", to_day(date(2026, 1, 26))] == (7, False)


def test_a_correction_restates_and_says_what(catalogue: Catalogue) -> None:
    values = run(catalogue, [a_tally(3)], [a_tally(-1)])
    last = [value for value in values if value.period == "day"][-1]

    assert (last.value, last.revision, last.restates) == (2, 2, 3)


def test_a_value_is_final_once_its_feed_is_complete_to_the_end(catalogue: Catalogue) -> None:
    end = at("2026-01-06T00:00")
    latency = catalogue.sources["police-crimes"].usual_latency
    early = run(catalogue, [a_tally(3)], [a_status(RECEIVED + HOUR, police_crimes=end + latency - 1)])
    complete = run(catalogue, [a_tally(3)], [a_status(RECEIVED + HOUR, police_crimes=end + latency)])

    assert standing(early)["E07000124", "violence", "day", MONDAY] == (3, False)
    assert standing(complete)["E07000124", "violence", "day", MONDAY] == (3, True)


def test_what_no_feed_covers_is_never_final(catalogue: Catalogue) -> None:
    latency = catalogue.sources["police-crimes"].usual_latency
    status = a_status(RECEIVED + HOUR, police_crimes=at("2026-02-01T00:00") + latency)
    tally = a_tally(3, event_day=to_day(date(2025, 12, 31)))

    def final(known: Catalogue) -> dict[str, bool]:
        values = standing(run(known, [tally], [status]))
        return {kind: is_final for (_, _, kind, _), (_, is_final) in values.items()}

    assert final(catalogue) == {"day": False, "week": False, "four-weeks": False, "month": False}
    assert final(covering(catalogue, to_day(date(2025, 12, 30)))) == final(catalogue) | {"day": True}


def test_a_value_is_provisional_while_one_partition_lags(catalogue: Catalogue) -> None:
    complete = at("2026-01-06T00:00") + catalogue.sources["police-crimes"].usual_latency
    step, rows = measure.make_step(catalogue, 2), MemoryRows()
    step(rows, [a_record(a_tally(3), "tallies", received_at=RECEIVED)], None)

    def final(partition: int) -> list[str]:
        status = FeedStatus(as_of=RECEIVED, newest={"police-crimes": complete}, partition=partition)
        values = [output.value for output in step(rows, [a_record(status, "tallies", received_at=RECEIVED)], None)]
        return [
            value.period
            for value in values
            if isinstance(value, IndicatorValue) and value.indicator == "violence" and value.final
        ]

    assert final(1) == []
    assert final(0) == ["day"]


def test_a_late_report_restates_a_final_value(catalogue: Catalogue) -> None:
    values = run(
        catalogue,
        [a_tally(3)],
        [a_status(RECEIVED + 30 * DAY_LENGTH, police_crimes=RECEIVED + 30 * DAY_LENGTH)],
        [a_tally(1, as_of=RECEIVED + 31 * DAY_LENGTH)],
    )

    assert standing(values)["E07000124", "violence", "day", MONDAY] == (4, True)


def test_a_district_at_its_number_is_a_finding_when_the_week_is_over_and_not_before(catalogue: Catalogue) -> None:
    over = at("2026-01-12T00:00")
    within = run(catalogue, [a_tally(RIBBLE_VALLEY_WEEK)], [a_status(over - 1)])
    after = run(catalogue, [a_tally(RIBBLE_VALLEY_WEEK)], [a_status(over + DAY_LENGTH)])

    assert findings(within) == []
    assert findings(after) == [("raised", over)]


def test_one_fewer_is_none(catalogue: Catalogue) -> None:
    assert findings(run(catalogue, [a_tally(RIBBLE_VALLEY_WEEK - 1)], [a_status(at("2026-01-13T00:00"))])) == []


def test_a_late_report_raises_and_its_withdrawal_withdraws(catalogue: Catalogue) -> None:
    later = at("2026-01-20T09:00")
    values = run(
        catalogue,
        [a_tally(RIBBLE_VALLEY_WEEK - 1)],
        [a_status(at("2026-01-13T00:00"))],
        [a_tally(1, as_of=later)],
        [a_tally(-1, as_of=later + HOUR)],
    )

    assert findings(values) == [("raised", later), ("withdrawn", later + HOUR)]


def test_groupings_of_districts_have_values_and_no_district_limit(catalogue: Catalogue) -> None:
    values = run(catalogue, [a_tally(9_999, area="L-14")], [a_status(at("2026-01-13T00:00"))])

    assert findings(values) == []
    assert standing(values)["L-14", "violence", "week", MONDAY] == (9_999, False)


TALLIES = st.builds(
    a_tally,
    st.integers(-3, 40),
    event_day=st.integers(MONDAY - 9, MONDAY + 9),
    precision=st.just("day"),
    report_day=st.integers(MONDAY, MONDAY + 3),
)


@given(tallies=st.lists(TALLIES, max_size=8), data=st.data())
def test_what_stands_does_not_depend_on_order_or_batches(
    catalogue: Catalogue, tallies: list[Tally], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(tallies))
    cut = data.draw(st.integers(0, len(tallies)))
    end: list[Tally | FeedStatus] = [a_status(at("2026-02-20T00:00"), police_crimes=at("2026-02-20T00:00"))]
    one = run(catalogue, list(tallies), end)
    other = run(catalogue, list(shuffled[:cut]), list(shuffled[cut:]), end)

    assert standing(one) == standing(other)


def test_a_value_of_an_indicator_that_has_left_the_catalogue_waits_for_nothing(catalogue: Catalogue) -> None:
    rows = MemoryRows()
    measure.make_step(catalogue, 1)(rows, [a_record(a_tally(3), "tallies", received_at=RECEIVED)], None)
    left = msgspec.structs.replace(
        catalogue, indicators=tuple(one for one in catalogue.indicators if one.id != "violence"), rules=()
    )
    complete = a_record(a_status(RECEIVED, police_crimes=RECEIVED + 400 * DAY_LENGTH), "tallies", received_at=RECEIVED)

    values = [output.value for output in measure.make_step(left, 1)(rows, [complete], None)]

    assert [value for value in values if isinstance(value, IndicatorValue) and value.indicator == "violence"] == []


def test_an_idle_wake_that_wakes_nobody_writes_nothing(catalogue: Catalogue) -> None:
    rows = Rows()
    step = measure.make_step(catalogue, 1)
    step(rows, [a_record(a_tally(3), "tallies", received_at=RECEIVED)], None)
    rows.written.clear()

    assert step(rows, [], RECEIVED + 1) == []
    assert rows.written == []


class Rows(MemoryRows):
    """Rows that remember what was written to them."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []

    def put(self, key: bytes, value: bytes) -> None:
        self.written.append(key)
        super().put(key, value)


def test_how_far_the_feeds_are_is_said_on_after_the_values_and_by_the_day(catalogue: Catalogue) -> None:
    """A reader of values learns from it that a period of which nothing came had nothing in it."""
    rows = MemoryRows()
    step = measure.make_step(catalogue, 1)
    end = at("2026-01-06T00:00") + catalogue.sources["police-crimes"].usual_latency

    def said(*values: Tally | FeedStatus) -> list[Any]:
        records = [a_record(value, "tallies", received_at=value.as_of) for value in values]
        return [output.value for output in step(rows, records, None)]

    first = said(a_tally(3), a_status(RECEIVED, police_crimes=end))

    periods = len(next(one.periods for one in catalogue.indicators if one.id == "violence"))
    assert [type(value).__name__ for value in first] == ["IndicatorValue"] * periods + ["FeedStatus"]
    assert first[-1].newest == {"police-crimes": end}
    assert said(a_status(RECEIVED + HOUR, police_crimes=end + HOUR)) == []
    (later,) = said(a_status(RECEIVED + DAY_LENGTH, police_crimes=end + HOUR))
    assert (later.as_of, later.newest) == (RECEIVED + DAY_LENGTH, {"police-crimes": end + HOUR})


def test_a_second_word_of_a_feed_in_one_batch_is_heard_as_well(catalogue: Catalogue) -> None:
    end = at("2026-01-06T00:00") + catalogue.sources["police-crimes"].usual_latency
    batch: list[Tally | FeedStatus] = [
        a_tally(3),
        a_status(RECEIVED, police_crimes=end - 1),
        a_status(RECEIVED, police_crimes=end),
    ]

    assert standing(run(catalogue, batch))["E07000124", "violence", "day", MONDAY] == (3, True)


def test_a_week_is_looked_at_in_the_very_moment_it_is_over(catalogue: Catalogue) -> None:
    over = at("2026-01-12T00:00")

    values = run(catalogue, [a_tally(RIBBLE_VALLEY_WEEK)], [a_status(over - 1)], [a_status(over)])

    assert findings(values) == [("raised", over)]
