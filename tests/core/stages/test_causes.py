"""Every revision says why it came, and however tallies are cut into batches, all is said in the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from tests.core.stages.making import a_record
from tests.core.stages.test_measure import MONDAY, RECEIVED, a_status, a_tally

from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.feeds import FeedStatus
from safety_stream.core.model.indicators import IndicatorValue
from safety_stream.core.model.tallies import Cause, Tally
from safety_stream.core.model.times import Day, period_of, start_of
from safety_stream.core.stages import measure
from safety_stream.core.stages.measure import Published, _Series
from safety_stream.core.stages.rows import MemoryRows

PERIODS = ("day", "week", "four-weeks", "month")
"""Those of violence."""

Told = Tally | FeedStatus


class Measured:
    """Measure, and why it said each revision of a series."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._step = measure.make_step(catalogue, 1)
        self._rows = MemoryRows()
        self.revisions: list[IndicatorValue] = []

    def take(self, *values: Told) -> list[IndicatorValue]:
        records = [a_record(value, "tallies", received_at=value.as_of) for value in values]
        said = [output.value for output in self._step(self._rows, records, None)]
        new = [value for value in said if isinstance(value, IndicatorValue)]
        self.revisions += new
        return new

    def day(self, *values: Told) -> list[tuple[int, bool, tuple[Cause, ...]]]:
        """What is said of the day's value, its finality and its causes."""
        return [(one.value, one.final, one.causes) for one in self.take(*values) if one.period == "day"]

    def all_causes(self) -> dict[tuple[str, Day], set[Cause]]:
        """Per period what its revisions said, and what is held."""
        found: dict[tuple[str, Day], set[Cause]] = {}
        for value in self.revisions:
            found.setdefault((value.period, value.starts), set()).update(value.causes)
        for row, packed in self._rows.scan(b"value/", b"value0"):
            _, _, kind, starts = row.decode().split("|")
            found[kind, int(starts)].update(msgspec.msgpack.decode(packed, type=Published).held)
        return found


def complete_to(day: Day, catalogue: Catalogue) -> FeedStatus:
    """The feed of violence has come so far."""
    return a_status(RECEIVED, police_crimes=start_of(day) + catalogue.sources["police-crimes"].usual_latency)


def test_what_comes_of_reports_corrections_and_withdrawals(catalogue: Catalogue) -> None:
    measured = Measured(catalogue)

    assert measured.day(a_tally(3, cause="reported")) == [(3, False, ("reported",))]
    assert measured.day(a_tally(-1, cause="withdrawn"), a_tally(2, cause="corrected")) == [
        (4, False, ("corrected", "withdrawn"))
    ]
    assert measured.day(complete_to(MONDAY + 1, catalogue)) == [(4, True, ("completed",))]


def test_what_is_reported_after_all_feeds_were_complete_is_late_and_a_correction_is_none(catalogue: Catalogue) -> None:
    measured = Measured(catalogue)
    measured.take(a_tally(3, cause="reported"), complete_to(MONDAY + 1, catalogue))

    revisions = measured.take(a_tally(1, cause="reported"), a_tally(1, cause="corrected"))

    assert {one.period: one.causes for one in revisions} == {
        "day": ("corrected", "late"),
        **dict.fromkeys(PERIODS[1:], ("corrected", "reported")),
    }


def test_a_report_is_late_by_what_was_complete_when_it_came_though_it_came_in_one_batch(catalogue: Catalogue) -> None:
    complete = complete_to(MONDAY + 1, catalogue)

    assert Measured(catalogue).day(a_tally(1, cause="reported"), complete) == [(1, True, ("completed", "reported"))]
    assert Measured(catalogue).day(complete, a_tally(1, cause="reported")) == [(1, True, ("late",))]


def test_what_comes_to_nothing_is_told_with_the_next_revision(catalogue: Catalogue) -> None:
    measured = Measured(catalogue)
    measured.take(a_tally(3, cause="reported"))

    assert measured.day(a_tally(1, cause="reported"), a_tally(-1, cause="withdrawn")) == []
    assert measured.day(a_tally(-1, cause="corrected"), a_tally(1, cause="corrected")) == []
    assert measured.day(a_tally(1, cause="persons-linked")) == [
        (4, False, ("corrected", "persons-linked", "reported", "withdrawn"))
    ]
    assert measured.day(a_tally(1, cause="reported")) == [(5, False, ("reported",))]


def test_tallies_told_before_there_were_causes_have_none(catalogue: Catalogue) -> None:
    assert Measured(catalogue).day(a_tally(3)) == [(3, False, ())]


def test_what_was_published_before_there_were_causes_is_still_known() -> None:
    before = msgspec.msgpack.encode((3, True, 2))

    assert msgspec.msgpack.decode(before, type=Published) == Published(3, True, 2)


TOLD_CAUSES = sorted(set(get_args(Cause)) - {"late", "completed"})
EVENTS = st.lists(
    st.one_of(
        st.builds(
            a_tally,
            st.sampled_from([-1, 1, 1]),
            event_day=st.integers(MONDAY - 9, MONDAY + 9),
            cause=st.sampled_from([*TOLD_CAUSES, "reported", "reported", None]),
        ),
        st.builds(
            a_tally,
            event_day=st.just(period_of(MONDAY, "month").starts),
            precision=st.just("month"),
            cause=st.sampled_from(TOLD_CAUSES),
        ),
        st.integers(MONDAY - 9, MONDAY + 40),
    ),
    max_size=12,
)


def folded(events: Sequence[Tally | Day], covers_from: Day) -> dict[tuple[str, Day], set[str]]:
    """Naively: each event by itself. A day is how far the feed is complete, which never goes back.

    What begins before the day from which on the feed tells of everything is never complete.
    """
    complete = 0
    causes: dict[tuple[str, Day], set[str]] = {}
    waiting: set[tuple[str, Day, Day]] = set()
    for event in events:
        if isinstance(event, int):
            complete = max(complete, event)
            for kind, starts, ends in list(waiting):
                if ends <= complete:
                    causes[kind, starts].add("completed")
                    waiting.discard((kind, starts, ends))
            continue
        for kind in PERIODS:
            if event.precision == "month" and kind != "month":
                continue
            period = period_of(event.event_day, kind)  # type: ignore[arg-type]
            told = causes.setdefault((kind, period.starts), set())
            if period.ends > complete and period.starts >= covers_from:
                waiting.add((kind, period.starts, period.ends))
            if event.cause == "reported" and covers_from <= period.starts and period.ends <= complete:
                told.add("late")
            elif event.cause is not None:
                told.add(event.cause)
    return causes


def live_through(catalogue: Catalogue, events: Sequence[Tally | Day], cuts: Sequence[bool]) -> None:
    measured = Measured(catalogue)
    batch: list[Told] = []
    for event, is_cut in zip(events, cuts, strict=True):
        batch.append(complete_to(event, catalogue) if isinstance(event, int) else event)
        if is_cut:
            measured.take(*batch)
            batch = []
    measured.take(*batch)

    assert measured.all_causes() == folded(events, catalogue.sources["police-crimes"].covers_from)
    assert all(list(one.causes) == sorted(set(one.causes)) for one in measured.revisions)


@given(events=EVENTS, data=st.data())
def test_all_that_is_said_and_held_does_not_depend_on_batches(
    catalogue: Catalogue, events: list[Tally | Day], data: st.DataObject
) -> None:
    cuts = data.draw(st.lists(st.booleans(), min_size=len(events), max_size=len(events)))

    live_through(catalogue, events, cuts)


Patch = pytest.MonkeyPatch


def nothing_is_late(patch: Patch) -> None:
    patch.setattr(measure, "_LATE", measure._BITS)


def all_is_explained_at_the_end(patch: Patch) -> None:
    right = measure._Partition._hear

    def hear(self: Any, status: FeedStatus) -> None:
        patch.setattr(measure._Partition, "_explain", lambda *_: None)
        right(self, status)
        patch.setattr(measure._Partition, "_explain", explain)

    explain = measure._Partition._explain
    patch.setattr(measure._Partition, "_hear", hear)


def what_came_to_nothing_is_forgotten(patch: Patch) -> None:
    right = measure._Partition._publish

    def publish(self: Any, series: Any, period: Any) -> None:
        key = series.key_of(period)
        before = self._published.get(key)
        if before is not None:
            self._published.put(key, msgspec.structs.replace(before, held=()))
        right(self, series, period)

    patch.setattr(measure._Partition, "_publish", publish)


def a_first_value_is_never_completed(patch: Patch) -> None:
    patch.setattr(measure, "_CAME_IN_TIME", 0)


def a_period_ends_a_day_later(patch: Patch) -> None:
    right = _Series.explain
    patch.setattr(_Series, "explain", lambda self, covers_from, reached: right(self, covers_from, reached - 1))


def what_is_not_covered_is_complete(patch: Patch) -> None:
    right = _Series.explain
    patch.setattr(_Series, "explain", lambda self, _, reached: right(self, 0, reached))


@pytest.mark.parametrize(
    "broken",
    [
        nothing_is_late,
        all_is_explained_at_the_end,
        what_came_to_nothing_is_forgotten,
        a_first_value_is_never_completed,
        a_period_ends_a_day_later,
        what_is_not_covered_is_complete,
    ],
)
def test_a_defect_is_noticed(catalogue: Catalogue, monkeypatch: Patch, broken: Callable[[Patch], None]) -> None:
    broken(monkeypatch)

    @settings(max_examples=500, phases=[Phase.generate], database=None, derandomize=True, report_multiple_bugs=False)
    @given(EVENTS, st.data())
    def run(events: list[Tally | Day], data: st.DataObject) -> None:
        live_through(catalogue, events, data.draw(st.lists(st.booleans(), min_size=len(events), max_size=len(events))))

    with pytest.raises(AssertionError):
        run()
