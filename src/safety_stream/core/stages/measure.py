"""Measure: signed tallies in, indicator values and threshold findings out.

Theory of operation
-------------------
A series (area x indicator) is remembered as sparse counts by event day and, within it, by the day the claim was
received, in one row per month. A period's value is the sum of its cells, so a correction is a negative cell and "known
as of day D" stays answerable. What is known only to the month counts in periods of a month or longer.

Values touched by a batch go out once, at its end, as the next revision of the period. A value is provisional until
every feed its indicator rests on is complete to the period's end; the wake-up index of the feeds' clocks brings it back
to be published as final. Threshold findings are looked at record by record, so that each has the time at which it
could first be known. How far the feeds have come is said on, by the day, after the values that follow from it: only
then does a reader know that a period of which nothing was published had nothing in it.

Other limits in the catalogue are held against what is remembered, some series at a time while tallies go on
(`changing.py`); a series is governed by the old limits or by the new, and the difference is put out with its cause.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from typing import Final

import msgspec

from safety_stream.core.catalogue import Catalogue, Indicator
from safety_stream.core.model.feeds import FeedStatus
from safety_stream.core.model.findings import Finding
from safety_stream.core.model.indicators import IndicatorValue
from safety_stream.core.model.tallies import Tally, is_within_a_district, series_key
from safety_stream.core.model.times import FROM_MONTHS, Day, Instant, Period, PeriodKind, day_of, period_of, start_of
from safety_stream.core.rules.calendar import exceedance
from safety_stream.core.rules.changing import cause_of
from safety_stream.core.rules.engine import difference
from safety_stream.core.rules.rule import Calendar, Limb, Rule
from safety_stream.core.stages.changing import Change
from safety_stream.core.stages.stage import (
    CLOCK_ROW,
    Clock,
    Output,
    Record,
    Rows,
    Step,
    Table,
    Unreadable,
    Wakes,
    complete_to,
    unreadable,
)

Cells = dict[Day, int]
"""Signed counts by report day."""


class Month(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The counts of one series and month: by event day and report day, and those known to the month only."""

    by_day: dict[Day, Cells] = msgspec.field(default_factory=dict)
    by_month: Cells = msgspec.field(default_factory=dict)


class Published(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What was last published of a period."""

    value: int
    final: bool
    revision: int


class SaidOn(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """How far the feeds had come when it was last said on: the day it was, and per source the day it is complete to."""

    as_of: Day
    complete_to: dict[str, Day]


class Threshold(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The standing threshold findings of one series and period, by finding id."""

    standing: dict[str, Finding] = msgspec.field(default_factory=dict)


SLICE: Final = 20
"""How many series go over to other limits in one step: each has ten years of weeks."""

WORK: Final = 10_000
"""No more of them once so many periods have been held against their limits: of days there are seven times as many."""

_MONTHS: Final = "month/"


def make_step(catalogue: Catalogue, partitions: int) -> Step:
    """The measure step for this catalogue's indicators and `key: area` rules.

    `partitions` of register say how far the feeds are.
    """
    indicators = {indicator.id: indicator for indicator in catalogue.indicators}
    present = _ENCODER.encode(tuple(rule for rule in catalogue.rules if any(_is_limit(limb) for limb in rule.limbs)))

    def step(rows: Rows, records: Sequence[Record], idle_at: Instant | None) -> list[Output]:
        partition = _Partition(rows, catalogue, indicators, Change(rows, present), partitions)
        for record in records:
            partition.take(record)
        if idle_at is not None:
            partition.move_to(idle_at)
        elif not records:
            partition.go_over()
        return partition.close()

    return step


class _Partition:
    """One partition during one step: its tables, its clock, what was touched and what goes out."""

    def __init__(
        self,
        rows: Rows,
        catalogue: Catalogue,
        indicators: dict[str, Indicator],
        change: Change,
        partitions: int,
    ) -> None:
        self._rows = rows
        self._catalogue = catalogue
        self._change = change
        self._partitions = partitions
        self._indicators = indicators
        self._old = _unpacked(change.standing)
        self._new = self._old if change.target is None else _unpacked(change.target)
        self._months = Table(rows, _MONTHS, Month)
        self._published = Table(rows, "value/", Published)
        self._thresholds = Table(rows, "threshold/", Threshold)
        self._clocks = Table(rows, "", Clock)
        self._said = Table(rows, "said-on", SaidOn)
        self._wakes = Wakes(rows)
        self._clock = self._clocks.get(CLOCK_ROW) or Clock()
        self._newest = self._clock.newest(partitions)
        self._has_news = False
        self._heard_at: int | None = None
        self._touched: dict[tuple[str, str, Period], None] = {}
        self._outputs: list[Output] = []

    def take(self, record: Record) -> None:
        """Fold one record in."""
        self._has_news = True
        value = record.value
        if isinstance(value, FeedStatus):
            self.move_to(value.as_of)
            self._hear(value)
            self._heard_at = record.partition
        elif isinstance(value, Tally):
            self.move_to(record.received_at)
            self._add(value)
        else:
            raise unreadable("measure", record)

    def move_to(self, as_of: Instant) -> None:
        """Move the partition's own time on, and look again at every period that waited for it."""
        self._clock = self._clock.at(as_of)
        for at, key in self._wakes.due("as_of", self._clock.as_of):
            self._has_news = True
            area, indicator, period = _read_key(key)
            self._judge(area, indicator, period, min(max(at, 0), self._clock.as_of))

    def go_over(self) -> None:
        """Hold the next series against the limits they are to stand under, and say what that makes of them."""
        target = self._change.begin()
        if target is None:
            return
        old, new = self._old, _unpacked(target)
        causes = {
            rule_id: cause_of(old.get(rule_id), new.get(rule_id))
            for rule_id in sorted(old.keys() | new.keys())
            if old.get(rule_id) != new.get(rule_id)
        }
        take_over = partial(self._take_over, old=old, new=new, causes=causes)
        self._change.go_over(_ALL_MONTHS, SLICE, WORK, take_over, _end_of_series)

    def close(self) -> list[Output]:
        """Publish what was touched, remember everything, and give the outputs.

        That time has passed and nobody waited for it need not be remembered: the next wake says so again.
        """
        for area, indicator, period in sorted(self._touched):
            self._publish(area, indicator, period)
        if self._has_news:
            self._clocks.put(CLOCK_ROW, self._clock)
        if self._heard_at is not None:
            self._say_on(self._heard_at)
        for table in (self._months, self._published, self._thresholds, self._clocks, self._said):
            table.flush()
        self._change.close(has_read=self._has_news)
        return self._outputs

    def _take_over(self, end: bytes, old: _Rules, new: _Rules, causes: Mapping[str, str]) -> int:
        """Take one series over; the work are the periods held."""
        series = end[len(_MONTHS) : -len(_LAST)]
        area, indicator = series.decode().split("|")
        kinds = {kind for rules in (old, new) for *_, kind in _limits_of(rules, indicator)}
        periods = self._periods(series, kinds)
        for period in periods:
            self._hold(area, indicator, period, new, self._clock.as_of, causes)
        return len(periods)

    def _hear(self, status: FeedStatus) -> None:
        self._clock = self._clock.hear(status)
        before, self._newest = self._newest, self._clock.newest(self._partitions)
        for source, _ in sorted(self._newest.items() - before.items()):
            if source in self._catalogue.sources:
                for _, key in self._wakes.due(f"feed:{source}", self._complete_to(source)):
                    area, indicator, period = _read_key(key)
                    # An indicator that has left the catalogue is shown no more.
                    if indicator in self._indicators:
                        self._touched[area, indicator, period] = None

    def _say_on(self, partition: int) -> None:
        complete_to = {
            source: day_of(self._complete_to(source))
            for source in sorted(self._newest)
            if source in self._catalogue.sources
        }
        said = SaidOn(day_of(self._clock.as_of), complete_to)
        if self._said.get("") == said:
            return
        self._said.put("", said)
        status = FeedStatus(as_of=self._clock.as_of, newest=self._newest, partition=partition)
        self._outputs.append(Output(topic="indicator-values", key=None, value=status, received_at=self._clock.as_of))

    def _add(self, tally: Tally) -> None:
        series = series_key(tally.area, tally.indicator)
        row = f"{series}|{period_of(tally.event_day, 'month').starts}"
        month = self._months.get(row) or Month()
        by_month = tally.precision == "month"
        cells = dict(month.by_month if by_month else month.by_day.get(tally.event_day, {}))
        cells[tally.report_day] = cells.get(tally.report_day, 0) + tally.count
        if not cells[tally.report_day]:
            del cells[tally.report_day]
        if by_month:
            self._months.put(row, Month(month.by_day, cells))
        else:
            self._months.put(row, Month({**month.by_day, tally.event_day: cells}, month.by_month))
        # One that has left the catalogue is counted, for it may come back, and shown no more.
        for kind in self._kinds(tally.area, tally.indicator) if tally.indicator in self._indicators else ():
            if by_month and kind not in FROM_MONTHS:
                continue
            period = period_of(tally.event_day, kind)
            if kind in self._indicators[tally.indicator].periods:
                self._touched[tally.area, tally.indicator, period] = None
            self._judge(tally.area, tally.indicator, period, self._clock.as_of)

    def _kinds(self, area: str, indicator: str) -> Iterable[PeriodKind]:
        kinds = dict.fromkeys(self._indicators[indicator].periods)
        kinds.update(dict.fromkeys(kind for *_, kind in _limits_of(self._rules_for(area, indicator), indicator)))
        return kinds

    def _rules_for(self, area: str, indicator: str) -> _Rules:
        """What governs a series: the new limits once it has gone over."""
        row = f"{_MONTHS}{series_key(area, indicator)}|".encode()
        return self._new if self._change.is_over(row) else self._old

    def _periods(self, series: bytes, kinds: Iterable[PeriodKind]) -> list[Period]:
        """The periods of these kinds in which anything of the series may lie, in order."""
        start, stop = _MONTHS.encode() + series + b"|", _MONTHS.encode() + series + _LAST
        found: set[Period] = set()
        for row, _ in self._rows.scan(start, stop):
            month = period_of(int(row[len(start) :]), "month")
            for kind in kinds:
                period = period_of(month.starts, kind)
                while period.starts < month.ends:
                    found.add(period)
                    period = period_of(period.ends, kind)
        return sorted(found, key=lambda period: (period.starts, period.kind))

    def _value(self, area: str, indicator: str, period: Period) -> int:
        series = series_key(area, indicator)
        total = 0
        start = period_of(period.starts, "month").starts
        while start < period.ends:
            month = self._months.get(f"{series}|{start}")
            if month is not None:
                total += sum(
                    sum(cells.values()) for day, cells in month.by_day.items() if period.starts <= day < period.ends
                )
                if period.kind in FROM_MONTHS:
                    total += sum(month.by_month.values())
            start = period_of(start, "month").ends
        return total

    def _publish(self, area: str, indicator: str, period: Period) -> None:
        key = _write_key(area, indicator, period)
        value, final = self._value(area, indicator, period), self._is_final(indicator, period, key)
        before = self._published.get(key)
        if before is not None and (before.value, before.final) == (value, final):
            return
        revision = before.revision + 1 if before else 1
        self._published.put(key, Published(value, final, revision))
        self._outputs.append(
            Output(
                topic="indicator-values",
                key=key,
                value=IndicatorValue(
                    area=area,
                    indicator=indicator,
                    period=period.kind,
                    starts=period.starts,
                    ends=period.ends,
                    value=value,
                    final=final,
                    revision=revision,
                    restates=before.value if before else None,
                    as_of=self._clock.as_of,
                ),
                received_at=self._clock.as_of,
            )
        )

    def _is_final(self, indicator: str, period: Period, key: str) -> bool:
        ends = start_of(period.ends)
        for source in self._indicators[indicator].feeds:
            if self._complete_to(source) < ends:
                self._wakes.ask(f"feed:{source}", ends, key)
                return False
        return True

    def _complete_to(self, source: str) -> Instant:
        return complete_to(self._newest, (source,), self._catalogue.sources)

    def _judge(self, area: str, indicator: str, period: Period, as_of: Instant) -> None:
        """Compare a period with the limits of its kind, once it is over; before that, ask to be woken."""
        rules = self._rules_for(area, indicator)
        if any(kind == period.kind for *_, kind in _limits_of(rules, indicator)):
            self._hold(area, indicator, period, rules, as_of, {})

    def _hold(
        self, area: str, indicator: str, period: Period, rules: _Rules, as_of: Instant, causes: Mapping[str, str]
    ) -> None:
        """Hold a period against these limits; what `causes` names no rule for is the doing of a tally."""
        if is_within_a_district(area):
            # Limits are agreed for areas, not for what lies within them.
            return
        limits = [(rule, limb) for rule, limb, kind in _limits_of(rules, indicator) if kind == period.kind]
        key = _write_key(area, indicator, period)
        ends = start_of(period.ends)
        if as_of < ends:
            if limits:
                self._wakes.ask("as_of", ends, key)
            return
        value = self._value(area, indicator, period)
        found = [exceedance(rule, limb, area, period, value) for rule, limb in limits]
        after = {finding.finding_id: finding for finding in found if finding is not None}
        before = (self._thresholds.get(key) or Threshold()).standing
        if before == after:
            return
        if after:
            self._thresholds.put(key, Threshold(after))
        else:
            self._thresholds.delete(key)
        for change in difference(before, after, as_of, f"tally {key}"):
            said = msgspec.structs.replace(change, cause=causes.get(change.finding.rule_id, change.cause))
            self._outputs.append(Output(topic="findings", key=said.finding.key, value=said, received_at=as_of))


_Rules = Mapping[str, Rule]
"""Rules with limits, by id; retired ones are not among them."""

_LAST: Final = b"|\xff"
"""What a series is followed by, beyond all its months and before the next series."""

_ALL_MONTHS: Final = ((_MONTHS.encode(), _MONTHS.encode() + b"\xff"),)

# Sets have no order of their own, and the same rules must be the same bytes.
_ENCODER = msgspec.msgpack.Encoder(order="deterministic")
_DECODER = msgspec.msgpack.Decoder(tuple[Rule, ...])


@lru_cache(4)
def _unpacked(packed: bytes) -> _Rules:
    try:
        return {rule.id: rule for rule in _DECODER.decode(packed) if rule.status != "retired"}
    except msgspec.DecodeError as error:
        raise Unreadable(
            f"measure cannot go on: the limits its series stand under cannot be read ({error}). "
            f"A newer worker wrote them: run that version, and start the worker again."
        ) from error


def _is_limit(limb: Limb) -> bool:
    return limb.keys == ("area",)


def _limits_of(rules: _Rules, indicator: str) -> Iterator[tuple[Rule, Limb, PeriodKind]]:
    for rule in rules.values():
        for limb in rule.limbs:
            condition = limb.condition
            if _is_limit(limb) and isinstance(condition, Calendar) and condition.indicator == indicator:
                yield rule, limb, condition.per


def _end_of_series(row: bytes) -> bytes:
    return row[: row.rindex(b"|")] + _LAST


def _write_key(area: str, indicator: str, period: Period) -> str:
    return f"{series_key(area, indicator)}|{period.kind}|{period.starts}"


def _read_key(key: str) -> tuple[str, str, Period]:
    area, indicator, kind, starts = key.split("|")
    named: PeriodKind = kind  # type: ignore[assignment]
    return area, indicator, period_of(int(starts), named)
