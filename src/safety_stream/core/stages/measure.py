"""Measure: signed tallies in, indicator values and threshold findings out.

Theory of operation
-------------------
A series (area x indicator) is remembered as signed counts by day (`counts.py`), and a period's value is their sum. What
is known only to the month counts in periods of a month or longer.

What depends on the series alone is looked up once a step, when its first tally or wake-up comes: its counts, its
periods, the limits that govern it (`_Series`). A tally then changes one cell and notes which periods it touched.
Values touched by a batch go out once, at its end, as the next revision of the period. A value is provisional until
every feed its indicator rests on is complete to the period's end; the wake-up index of the feeds' clocks brings it back
to be published as final. Threshold findings are looked at record by record, so that each has the time at which it
could first be known. How far the feeds have come is said on, by the day, after the values that follow from it: only
then does a reader know that a period of which nothing was published had nothing in it.

A revision says why: the causes of all tallies of its period since the last one. What came to nothing is held until
something goes out (`Published.held`). Whether a report is late is settled when it comes, by how far the feeds have come
then, and not when its batch ends. So what has gone out of a period and what is held, taken together, are the same
causes however its tallies were cut into batches; only which revision has which depends on it.

Other limits in the catalogue are held against what is remembered, some series at a time while tallies go on
(`changing.py`); a series is governed by the old limits or by the new, and the difference is put out with its cause.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Final, get_args

import msgspec

from safety_stream.core.catalogue import Catalogue, Indicator
from safety_stream.core.model.feeds import FeedStatus
from safety_stream.core.model.findings import Finding
from safety_stream.core.model.indicators import IndicatorValue
from safety_stream.core.model.tallies import Cause, Tally, is_within_a_district, merged, series_key
from safety_stream.core.model.times import (
    FROM_MONTHS,
    Day,
    Instant,
    Period,
    PeriodKind,
    Precision,
    day_of,
    period_of,
    start_of,
)
from safety_stream.core.rules.calendar import exceedance
from safety_stream.core.rules.changing import cause_of
from safety_stream.core.rules.engine import difference
from safety_stream.core.rules.rule import Calendar, Limb, Rule
from safety_stream.core.stages.changing import Change
from safety_stream.core.stages.counts import MONTHS, Counts
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
    is_covered,
    unreadable,
)


class Published(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What was last published of a period, and the causes of what has happened to it since and changed nothing."""

    value: int
    final: bool
    revision: int
    held: tuple[Cause, ...] = ()


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
        self._old = _limits(change.standing)
        self._new = self._old if change.target is None else _limits(change.target)
        self._published = Table(rows, "value/", Published)
        self._thresholds = Table(rows, "threshold/", Threshold)
        self._clocks = Table(rows, "", Clock)
        self._said = Table(rows, "said-on", SaidOn)
        self._wakes = Wakes(rows)
        self._clock = self._clocks.get(CLOCK_ROW) or Clock()
        self._newest = self._clock.newest(partitions)
        self._has_news = False
        self._heard_at: int | None = None
        self._complete: dict[str, Instant] = {}
        self._spans: dict[tuple[str, ...], tuple[Day, Day]] = {}
        self._series: dict[tuple[str, str], _Series] = {}
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
        if as_of <= self._clock.as_of:
            # Who waited for that time was woken when it came, and who has asked since waits for a later one.
            return
        self._clock = self._clock.at(as_of)
        for at, key in self._wakes.due("as_of", as_of):
            self._has_news = True
            area, indicator, period = _read_key(key)
            series = self._series_of(area, indicator)
            if period.kind in series.limits:
                self._hold(series, period, series.limits[period.kind], max(at, 0), {})

    def go_over(self) -> None:
        """Hold the next series against the limits they are to stand under, and say what that makes of them."""
        target = self._change.begin()
        if target is None:
            return
        old, new = _unpacked(self._change.standing), _unpacked(target)
        causes = {
            rule_id: cause_of(old.get(rule_id), new.get(rule_id))
            for rule_id in sorted(old.keys() | new.keys())
            if old.get(rule_id) != new.get(rule_id)
        }
        take_over = partial(self._take_over, new=_limits(target), causes=causes)
        self._change.go_over(_ALL_MONTHS, SLICE, WORK, take_over, _end_of_series)

    def close(self) -> list[Output]:
        """Publish what was touched, remember everything, and give the outputs.

        That time has passed and nobody waited for it need not be remembered: the next wake says so again.
        """
        for _, series in sorted(self._series.items()):
            self._explain(series)
            for period in sorted(series.touched()):
                self._publish(series, period)
            series.flush()
        if self._has_news:
            self._clocks.put(CLOCK_ROW, self._clock)
        if self._heard_at is not None:
            self._say_on(self._heard_at)
        for table in (self._published, self._thresholds, self._clocks, self._said):
            table.flush()
        self._change.close(has_read=self._has_news)
        return self._outputs

    def _take_over(self, end: bytes, new: _Limits, causes: Mapping[str, str]) -> int:
        """Take one series over; the work are the periods held."""
        row = end[len(MONTHS) : -len(_LAST)]
        area, indicator = row.decode().split("|")
        series = self._series_of(area, indicator)
        before, after = (_limits_on(area, indicator, limits) for limits in (self._old, new))
        periods = self._periods(row, before.keys() | after.keys())
        for period in periods:
            self._hold(series, period, after.get(period.kind, ()), self._clock.as_of, causes)
        return len(periods)

    def _hear(self, status: FeedStatus) -> None:
        for series in self._series.values():
            self._explain(series)
        self._clock = self._clock.hear(status)
        before, self._newest = self._newest, self._clock.newest(self._partitions)
        self._complete.clear()
        self._spans.clear()
        for source, _ in sorted(self._newest.items() - before.items()):
            if source in self._catalogue.sources:
                for _, key in self._wakes.due(f"feed:{source}", self._complete_to(source)):
                    area, indicator, period = _read_key(key)
                    # An indicator that has left the catalogue is shown no more.
                    if indicator in self._indicators:
                        self._series_of(area, indicator).waited.append(period)

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
        series = self._series_of(tally.area, tally.indicator)
        series.told.append(tally)
        if series.judged:
            for period in _periods_with(tally.event_day, tally.precision, series.judged):
                self._hold(series, period, series.limits[period.kind], self._clock.as_of, {})

    def _explain(self, series: _Series) -> None:
        """Have a series note why its tallies came, those that were told under the clocks as they are."""
        if series.is_explained:
            return
        span = self._spans.get(series.feeds)
        if span is None:
            span = self._spans[series.feeds] = self._complete_span(series.feeds)
        series.explain(*span)

    def _complete_span(self, feeds: Sequence[str]) -> tuple[Day, Day]:
        """From which day to before which all of these feeds are complete."""
        sources = self._catalogue.sources
        if any(source not in sources for source in feeds):
            return 0, 0
        reached = min([self._complete_to(source) for source in feeds], default=0)
        return max([sources[source].covers_from for source in feeds], default=0), day_of(max(reached, 0))

    def _series_of(self, area: str, indicator: str) -> _Series:
        series = self._series.get((area, indicator))
        if series is None:
            limits = _limits_on(area, indicator, self._limits_for(area, indicator))
            series = _Series(self._rows, area, self._indicators.get(indicator), indicator, limits)
            self._series[area, indicator] = series
        return series

    def _limits_for(self, area: str, indicator: str) -> _Limits:
        """What governs a series: the new limits once it has gone over."""
        row = f"{MONTHS}{series_key(area, indicator)}|".encode()
        return self._new if self._change.is_over(row) else self._old

    def _periods(self, series: bytes, kinds: Iterable[PeriodKind]) -> list[Period]:
        """The periods of these kinds in which anything of the series may lie, in order."""
        start, stop = MONTHS.encode() + series + b"|", MONTHS.encode() + series + _LAST
        found: set[Period] = set()
        for row, _ in self._rows.scan(start, stop):
            month = period_of(int(row[len(start) :]), "month")
            for kind in kinds:
                period = period_of(month.starts, kind)
                while period.starts < month.ends:
                    found.add(period)
                    period = period_of(period.ends, kind)
        return sorted(found, key=lambda period: (period.starts, period.kind))

    def _publish(self, series: _Series, period: Period) -> None:
        """Put a value out as the next revision of its period, unless it was last said like this."""
        key = series.key_of(period)
        value, final = series.value(period), self._is_final(series, period, key)
        before, marks = self._published.get(key), series.marks(period)
        causes = _named(marks)
        if before is not None and before.value == value and before.final == final:
            if causes:
                held = merged(before.held, causes)
                self._published.put_if_other(key, msgspec.structs.replace(before, held=held))
            return
        revision = before.revision + 1 if before else 1
        was_final = before.final if before else final and not marks & _CAME_IN_TIME
        if final != was_final:
            causes = merged(causes, ("completed" if final else "catalogue-changed",))
        if before is not None and before.held:
            causes = merged(before.held, causes)
        self._published.put(key, Published(value, final, revision))
        self._outputs.append(
            Output(
                topic="indicator-values",
                key=key,
                value=IndicatorValue(
                    area=series.area,
                    indicator=series.indicator,
                    period=period.kind,
                    starts=period.starts,
                    ends=period.ends,
                    value=value,
                    final=final,
                    revision=revision,
                    restates=before.value if before else None,
                    as_of=self._clock.as_of,
                    causes=causes,
                ),
                received_at=self._clock.as_of,
            )
        )

    def _is_final(self, series: _Series, period: Period, key: str) -> bool:
        ends = start_of(period.ends)
        if not is_covered(period, series.feeds, self._catalogue.sources):
            return False
        for source in series.feeds:
            if self._complete_to(source) < ends:
                self._wakes.ask(f"feed:{source}", ends, key)
                return False
        return True

    def _complete_to(self, source: str) -> Instant:
        until = self._complete.get(source)
        if until is None:
            until = self._complete[source] = complete_to(self._newest, (source,), self._catalogue.sources)
        return until

    def _hold(self, series: _Series, period: Period, limits: _Limbs, as_of: Instant, causes: Mapping[str, str]) -> None:
        """Hold a period against these limits once it is over; before that, ask to be woken.

        What `causes` names no rule for is the doing of a tally.
        """
        key = series.key_of(period)
        ends = start_of(period.ends)
        if as_of < ends:
            if limits:
                self._wakes.ask("as_of", ends, key)
            return
        value = series.value(period)
        found = [exceedance(rule, limb, series.area, period, value) for rule, limb in limits]
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


class _Series(Counts):
    """One series during one step: what it counts, what is looked up for it, and the periods that waited for a feed.

    An indicator that has left the catalogue is counted, for it may come back; it is shown no more, and no tally has
    it held against limits.
    """

    def __init__(self, rows: Rows, area: str, known: Indicator | None, indicator: str, limits: _OfKinds) -> None:
        self._key = series_key(area, indicator)
        super().__init__(rows, self._key)
        self.area = area
        self.indicator = indicator
        self.feeds = known.feeds if known else ()
        self.shown = known.periods if known else ()
        self.limits = limits
        # In the order of the indicator's periods, the others after them.
        self.judged = (
            tuple(kind for kind in dict.fromkeys((*self.shown, *limits)) if kind in limits) if known and limits else ()
        )
        self.waited: list[Period] = []
        self._noted: defaultdict[int, set[Period]] = defaultdict(set)
        self._explained = 0

    @property
    def is_explained(self) -> bool:
        """Whether no tally has come since causes were last noted."""
        return self._explained == len(self.told)

    def explain(self, covers_from: Day, reached: Day) -> None:
        """Note the causes of the tallies since the last time, when all feeds were complete from day to day."""
        for tally in self.told[self._explained :]:
            in_time, late = _IN_TIME[tally.cause], _LATE[tally.cause]
            periods = _periods_with(tally.event_day, tally.precision, self.shown)
            if tally.event_day >= reached:
                # As is mostly so: none of the periods it lies in is complete.
                self._noted[in_time].update(periods)
                continue
            for period in periods:
                is_complete = period.ends <= reached and covers_from <= period.starts
                self._noted[late if is_complete else in_time].add(period)
        self._explained = len(self.told)

    def marks(self, period: Period) -> int:
        """What was noted of the tallies of this step that count in a period."""
        marks = 0
        for noted, periods in self._noted.items():
            if period in periods:
                marks |= noted
        return marks

    def touched(self) -> set[Period]:
        """The periods to be published: those that waited for a feed, and those in which a tally counts."""
        return set(self.waited).union(*self._noted.values())

    def key_of(self, period: Period) -> str:
        return f"{self._key}|{period.kind}|{period.starts}"


# Noted for every tally and period, so they are bits of a number.
_BITS: Final[Mapping[Cause | None, int]] = {cause: 1 << at for at, cause in enumerate(get_args(Cause))} | {None: 0}
_CAME_IN_TIME: Final = 1 << len(_BITS)
_IN_TIME: Final = {cause: bit | _CAME_IN_TIME for cause, bit in _BITS.items()}
_LATE: Final = {cause: _BITS["late"] if cause == "reported" else bit for cause, bit in _BITS.items()}
"""What to note of a tally by its cause: one that came before the feeds were complete to the period's end, or after."""


@lru_cache(1024)
def _named(marks: int) -> tuple[Cause, ...]:
    return tuple(sorted(cause for cause, bit in _BITS.items() if cause is not None and marks & bit))


_Rules = Mapping[str, Rule]
"""Rules with limits, by id; retired ones are not among them."""

_Limbs = Sequence[tuple[Rule, Limb]]
_OfKinds = Mapping[PeriodKind, _Limbs]
_Limits = Mapping[str, _OfKinds]
"""The limbs that are limits, by indicator and kind of period."""

_LAST: Final = b"|\xff"
"""What a series is followed by, beyond all its months and before the next series."""

_ALL_MONTHS: Final = ((MONTHS.encode(), MONTHS.encode() + b"\xff"),)

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


@lru_cache(4)
def _limits(packed: bytes) -> _Limits:
    found: dict[str, dict[PeriodKind, list[tuple[Rule, Limb]]]] = {}
    for rule in _unpacked(packed).values():
        for limb in rule.limbs:
            condition = limb.condition
            if _is_limit(limb) and isinstance(condition, Calendar) and condition.indicator is not None:
                found.setdefault(condition.indicator, {}).setdefault(condition.per, []).append((rule, limb))
    return found


def _limits_on(area: str, indicator: str, limits: _Limits) -> _OfKinds:
    """Limits are agreed for areas, not for what lies within them."""
    return {} if is_within_a_district(area) else limits.get(indicator, {})


def _is_limit(limb: Limb) -> bool:
    return limb.keys == ("area",)


@lru_cache(8192)
def _periods_with(day: Day, precision: Precision, kinds: tuple[PeriodKind, ...]) -> tuple[Period, ...]:
    """The periods of these kinds in which counts what is known of a day, or of the month that begins with it."""
    return tuple(period_of(day, kind) for kind in kinds if precision == "day" or kind in FROM_MONTHS)


def _end_of_series(row: bytes) -> bytes:
    return row[: row.rindex(b"|")] + _LAST


def _read_key(key: str) -> tuple[str, str, Period]:
    area, indicator, kind, starts = key.split("|")
    named: PeriodKind = kind  # type: ignore[assignment]
    return area, indicator, period_of(int(starts), named)
