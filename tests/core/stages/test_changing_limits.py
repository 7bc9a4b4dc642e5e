"""Other limits while tallies go on: every series is held against them, and the difference goes out with its cause."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import msgspec
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from tests.core.rules.making import a_rule, at

from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.feeds import FeedStatus
from safety_stream.core.model.findings import Finding, FindingChange
from safety_stream.core.model.tallies import Tally
from safety_stream.core.model.times import DAY_LENGTH, Instant, PeriodKind, to_day
from safety_stream.core.rules.rule import Calendar, Rule
from safety_stream.core.stages import measure
from safety_stream.core.stages.changing import Change
from safety_stream.core.stages.rows import MemoryRows
from safety_stream.core.stages.stage import MORE_ROW, Output, Record

MONDAY = to_day(date(2026, 1, 26))
BEGIN = at("2026-01-27T12:00")
OVER = at("2026-02-02T00:00")
"""The end of the week of that Monday, which ends in another month."""


def limit(number: int, version: int = 1, per: PeriodKind = "week", indicator: str = "violence", **changes: Any) -> Rule:
    """So many of an indicator in any area and period."""
    rule = a_rule(Calendar(per=per, at_least=number, indicator=indicator), id=f"limit-{per}", version=version)
    limbs = tuple(msgspec.structs.replace(limb, keys=("area",), steps={}) for limb in rule.limbs)
    return msgspec.structs.replace(rule, limbs=limbs, **changes)


class Stream:
    """Measure on one partition, whose catalogue can change."""

    def __init__(self, catalogue: Catalogue, *rules: Rule) -> None:
        self.rows = MemoryRows()
        self.standing: dict[str, Finding] = {}
        self._catalogue = catalogue
        self.change(*rules)

    def change(self, *rules: Rule) -> None:
        self._step = measure.make_step(msgspec.structs.replace(self._catalogue, rules=rules), 1)

    def count(self, count: int, area: str = "E07000124", day: int = MONDAY, as_of: Instant = BEGIN) -> list[Any]:
        values = {"area": area, "indicator": "violence", "event_day": day, "report_day": day, "count": count}
        return self.take(as_of, Tally(**values, precision="day", as_of=as_of))

    def wait(self, as_of: Instant) -> list[Any]:
        return self.take(as_of, FeedStatus(as_of=as_of, newest={}, partition=0))

    def take(self, as_of: Instant, value: msgspec.Struct) -> list[Any]:
        record = Record(topic="tallies", partition=0, offset=0, received_at=as_of, value=value)
        return self._told(self._step(self.rows, [record], None))

    def go_on(self) -> list[Any]:
        return self._told(self._step(self.rows, [], None))

    def settle(self) -> list[Any]:
        told = self.go_on()
        for _ in range(100):
            if self.rows.get(MORE_ROW) is None:
                return told
            told += self.go_on()
        raise AssertionError("it never ends")

    def _told(self, outputs: list[Output]) -> list[Any]:
        told = []
        for output in outputs:
            change = output.value
            if isinstance(change, FindingChange):
                before = self.standing.pop(change.finding.finding_id, None)
                assert (before is None) == (change.change == "raised")
                if change.change == "withdrawn":
                    assert before == change.finding
                else:
                    assert before != change.finding
                    self.standing[change.finding.finding_id] = change.finding
                told.append((change.change, change.finding.key, change.cause))
        copy = MemoryRows()
        for row, value in [*self.rows.scan(b"", b"~"), *self.rows.scan(b"~", b"\xff")]:
            copy.put(row, value)
        self.rows = copy
        return told


SERIES = "area:E07000124|violence"


def test_a_higher_limit_takes_back_what_the_lower_said(catalogue: Catalogue):
    stream = Stream(catalogue, limit(3))
    stream.count(3)
    assert stream.wait(OVER) == [("raised", SERIES, f"tally E07000124|violence|week|{MONDAY}")]

    stream.change(limit(4, version=2))
    assert stream.settle() == [("withdrawn", SERIES, "rule limit-week became version 2")]


def test_a_new_limit_is_held_against_weeks_that_are_over_and_waits_for_those_that_are_not(catalogue: Catalogue):
    stream = Stream(catalogue)
    stream.count(3)
    stream.count(3, day=MONDAY + 7)
    stream.wait(OVER)

    stream.change(limit(3))
    assert stream.settle() == [("raised", SERIES, "rule limit-week is new")]
    assert [change for change, *_ in stream.wait(OVER + 7 * DAY_LENGTH)] == ["raised"]


@pytest.mark.parametrize("gone", [(), (limit(3, status="retired"),)], ids=["left out", "retired"])
def test_a_limit_that_goes_takes_its_findings_with_it(catalogue: Catalogue, gone: tuple[Rule, ...]):
    stream = Stream(catalogue, limit(3))
    stream.count(3)
    stream.wait(OVER)

    stream.change(*gone)
    assert stream.settle() == [("withdrawn", SERIES, "rule limit-week is retired")]
    assert stream.count(1, as_of=OVER) == []


def test_until_a_series_has_gone_over_the_old_limit_governs_it(catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(measure, "SLICE", 1)
    stream = Stream(catalogue, limit(3))
    for area in ("E07000117", "E07000124"):
        stream.count(3, area)

    stream.change(limit(4, version=2))
    stream.go_on()
    assert [key for _, key, _ in stream.wait(OVER)] == [SERIES]
    assert stream.settle() == [("withdrawn", SERIES, "rule limit-week became version 2")]


def test_long_series_take_several_slices_and_say_the_same(catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch):
    at_once, in_parts = Stream(catalogue), Stream(catalogue)
    for stream in (at_once, in_parts):
        for area in ("E07000117", "E07000121", "E07000124"):
            stream.count(3, area)
        stream.wait(OVER)
        stream.change(limit(3))

    said = at_once.go_on()
    assert at_once.rows.get(MORE_ROW) is None
    # Five or six weeks lie in a month.
    monkeypatch.setattr(measure, "WORK", 7)
    slices = [in_parts.go_on() for _ in range(2)]
    assert [len(one) for one in slices] == [2, 1]
    assert in_parts.rows.get(MORE_ROW) is None
    assert [one for told in slices for one in told] == said


def test_other_rules_are_no_change_here(catalogue: Catalogue):
    stream = Stream(catalogue, limit(3))
    stream.count(3)

    stream.change(limit(3), a_rule(Calendar(per="week", at_least=1, of="harm")))
    stream.wait(BEGIN + 1)
    assert stream.rows.get(MORE_ROW) is None


RULES = st.lists(
    st.builds(limit, st.integers(1, 6), st.integers(1, 3), st.sampled_from(["week", "month", "quarter"])),
    max_size=2,
    unique_by=lambda rule: rule.id,
)
EVENTS = st.one_of(
    st.tuples(st.just("count"), st.integers(-1, 3), st.sampled_from(["E07000117", "E07000124"]), st.integers(-2, 9)),
    st.tuples(st.just("wait"), st.integers(0, 30)),
    st.tuples(st.just("go_on")),
    st.tuples(st.just("change"), RULES),
)
LIVES = (RULES, st.lists(EVENTS, max_size=20))


@given(*LIVES)
def test_whatever_happens_meanwhile_what_stands_is_what_the_last_limits_say(
    catalogue: Catalogue, rules: list[Rule], events: list[tuple[Any, ...]]
):
    live_through(catalogue, rules, events)


def live_through(catalogue: Catalogue, rules: list[Rule], events: list[tuple[Any, ...]]) -> None:
    """One partition lives through it all, another only through the tallies, under the last rules from the start."""
    last = next((about[0] for what, *about in reversed(events) if what == "change"), rules)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measure, "SLICE", 1)
        stream, fresh = Stream(catalogue, *rules), Stream(catalogue, *last)
        now = BEGIN
        for what, *about in events:
            if what == "count":
                count, area, day = about
                for one in (stream, fresh):
                    one.count(count, area, MONDAY + day, now)
            elif what == "wait":
                now += about[0] * DAY_LENGTH
                for one in (stream, fresh):
                    one.wait(now)
            elif what == "go_on":
                stream.go_on()
            else:
                stream.change(*about[0])
        stream.settle()
        assert stream.standing == fresh.standing
        for one in (stream, fresh):
            one.wait(now + 100 * DAY_LENGTH)
        assert stream.standing == fresh.standing


Patch = pytest.MonkeyPatch


def all_series_are_governed_by_the_old_limits(patch: Patch) -> None:
    patch.setattr(measure._Partition, "_limits_for", lambda self, *_: self._old)


def only_periods_that_begin_in_a_month_with_counts_are_held(patch: Patch) -> None:
    right = measure._Partition._periods
    patch.setattr(
        measure._Partition,
        "_periods",
        lambda self, series, kinds: [
            one
            for one in right(self, series, kinds)
            if self._rows.get(b"month/" + series + f"|{measure.period_of(one.starts, 'month').starts}".encode())
        ],
    )


def nobody_waits_for_the_new_limit(patch: Patch) -> None:
    right = measure._Partition._hold

    def hold(self: Any, series: Any, period: Any, limits: Any, as_of: Instant, causes: Any) -> None:
        if not causes or as_of >= measure.start_of(period.ends):
            right(self, series, period, limits, as_of, causes)

    patch.setattr(measure._Partition, "_hold", hold)


def half_a_series_goes_over_at_a_time(patch: Patch) -> None:
    patch.setattr(measure, "_end_of_series", lambda row: row[:-1] + b"\xff")


def a_change_ends_with_its_first_slice(patch: Patch) -> None:
    right = Change.go_over

    def go_over(self: Change, ranges: Any, *more: Any) -> None:
        right(self, ranges, *more)
        right(self, (), *more)

    patch.setattr(Change, "go_over", go_over)


@pytest.mark.parametrize(
    "broken",
    [
        all_series_are_governed_by_the_old_limits,
        only_periods_that_begin_in_a_month_with_counts_are_held,
        nobody_waits_for_the_new_limit,
        half_a_series_goes_over_at_a_time,
        a_change_ends_with_its_first_slice,
    ],
)
def test_a_defect_is_noticed(catalogue: Catalogue, monkeypatch: Patch, broken: Callable[[Patch], None]):
    broken(monkeypatch)

    @settings(max_examples=1_500, phases=[Phase.generate], database=None, derandomize=True, report_multiple_bugs=False)
    @given(*LIVES)
    def run(rules: list[Rule], events: list[tuple[Any, ...]]) -> None:
        live_through(catalogue, rules, events)

    with pytest.raises((AssertionError, ValueError)):
        run()
