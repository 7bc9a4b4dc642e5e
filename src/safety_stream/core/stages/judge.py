"""Judge: weekly values in, what is thought of them and the findings of rules for signals out.

Theory of operation
-------------------
Every week of every judged series stands under a judgement that is a function of the values as they are now, of how far
the feeds have come, and of the settings: nothing depends on when a value arrived. What has to be judged anew is kept as
one mark per series, the first week from which on:

    a value is restated          its series, from that week
    a week is over, or complete  the series of the indicator, from that week
    the settings are others      all series, from their beginning
    a rule for signals is        the same: its findings are those of all weeks

Weeks are judged in order, some at a time (`SLICE`), until no mark is left before the last week that is over. A mark
always runs to that last week, because later weeks rest on earlier ones; and a week is judged as one batch, whoever is
marked, because its series compete for what may be believed. Farrington's baseline leaves out the last half year, so a
late report changes the expectation of hardly any week an officer still looks at.

A week goes out only when something has changed that is said of it.

What the rules find in a week (`core/rules/signal.py`) is remembered beside it, whole, and whatever judges a week holds
it against what they find now. So the findings that stand are those of the judgements that stand, and a difference that
no judgement brought about is the doing of a rule that changed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from safety_stream.core.catalogue import Catalogue
from safety_stream.core.judgements.settings import Settings, Target
from safety_stream.core.judgements.signals import LOOKS_BACK, Judged, Weighed, judged_week
from safety_stream.core.model.feeds import FeedStatus
from safety_stream.core.model.findings import Finding
from safety_stream.core.model.indicators import IndicatorValue
from safety_stream.core.model.judgements import Judgement, Method
from safety_stream.core.model.tallies import series_key
from safety_stream.core.model.times import Day, Instant, day_of, period_of
from safety_stream.core.rules.changing import cause_by_version
from safety_stream.core.rules.engine import difference
from safety_stream.core.rules.signal import signalled, signals_of
from safety_stream.core.stages.stage import (
    CLOCK_ROW,
    Clock,
    Output,
    Record,
    Rows,
    Step,
    Table,
    complete_to,
    mark_more,
    unreadable,
)
from safety_stream.core.statistics.expecting import Expected, expected_of

SLICE: Final = 26
"""How many weeks are judged in one step: half a second of work where all series are marked."""

WEEK: Final = 7
YEAR_OF_WEEKS: Final = 52


class History(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The weekly values of a series, from its first Monday on; weeks after the last are nought."""

    first: Day
    values: list[int]


class Reached(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """How far things have come: weeks before `over` are past, before `complete[indicator]` final.

    `first` is the Monday each indicator's history begins with, in whatever area.
    """

    over: Day
    complete: dict[str, Day]
    first: dict[str, Day]


class Marks(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Which series have to be judged anew, from which Monday on, and by what settings and rules all have been marked.

    `rules` are those by id, each with its version and what it says in short; `causes` the last change of each.
    """

    since: dict[str, Day]
    by: str
    rules: dict[str, tuple[int, str]] = {}
    causes: dict[str, str] = {}


class Told(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What was last said of a week: the judgements by series, each with its revision."""

    judged: dict[str, Judged]
    revisions: dict[str, int]


class Found(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What the rules found in a week of a series, by finding id."""

    standing: dict[str, Finding]


_NOTHING: Final = Found({})
_NO_HISTORY: Final = History(0, [])


def make_step(catalogue: Catalogue, partitions: int) -> Step:
    """The judge step for this catalogue's settings; `partitions` of measure say how far the feeds are."""
    judging = None if catalogue.signals is None else _Judging(catalogue, catalogue.signals, partitions)

    def step(rows: Rows, records: Sequence[Record], idle_at: Instant | None) -> list[Output]:
        if judging is None:
            return []
        judge = _Judge(rows, judging)
        for record in records:
            judge.take(record)
        if idle_at is not None:
            judge.move_to(idle_at)
        return judge.close()

    return step


class _Judging:
    """What is judged and by what, fixed for a run."""

    def __init__(self, catalogue: Catalogue, settings: Settings, partitions: int) -> None:
        self.settings = settings
        self.known = catalogue.judging
        self.partitions = partitions
        self.sources = catalogue.sources
        self.indicators = {one.id: one for one in catalogue.indicators if one.id in settings.indicators}
        self.areas = frozenset(settings.areas)
        self.by = _digest((settings, catalogue.judging))
        self.limbs = [(rule, limb) for rule in catalogue.rules if rule.status != "retired" for limb in signals_of(rule)]
        self.rules = {rule.id: (rule.version, _digest(rule)) for rule, _ in self.limbs}

    def is_judged(self, value: IndicatorValue) -> bool:
        return value.period == "week" and value.indicator in self.indicators and value.area in self.areas

    def target(self, series: str, week: Day) -> int | None:
        """The agreed limit that holds for a week, the latest one."""
        area, indicator = series.split("|")
        valid: list[Target] = [
            one
            for one in self.settings.targets
            if (one.area, one.indicator) == (area, indicator) and one.valid_from <= week
        ]
        return max(valid, key=lambda one: one.valid_from).at_most if valid else None


class _Judge:
    """The partition during one step."""

    def __init__(self, rows: Rows, judging: _Judging) -> None:
        self._rows = rows
        self._judging = judging
        self._histories = Table(rows, "history/", History)
        self._weeks = Table(rows, "week/", Told)
        self._found = Table(rows, "found/", Found)
        self._clocks = Table(rows, "", Clock)
        self._reached_row = Table(rows, "reached", Reached)
        self._marks_row = Table(rows, "marks", Marks)
        self._clock = self._clocks.get(CLOCK_ROW) or Clock()
        self._reached = self._reached_row.get("") or Reached(0, {}, {})
        marks = self._marks_row.get("") or Marks({}, judging.by, judging.rules)
        self._since = dict(marks.since)
        self._is_new = (marks.by, marks.rules) != (judging.by, judging.rules)
        self._causes = marks.causes | _causes(marks.rules, judging.rules)
        self._outputs: list[Output] = []

    def take(self, record: Record) -> None:
        """Fold one record in."""
        value = record.value
        if isinstance(value, FeedStatus):
            self._clock = self._clock.at(value.as_of).hear(value)
        elif isinstance(value, IndicatorValue):
            self._clock = self._clock.at(value.as_of)
            if self._judging.is_judged(value):
                self._remember(value)
        else:
            raise unreadable("judge", record)

    def move_to(self, as_of: Instant) -> None:
        """Time has passed."""
        self._clock = self._clock.at(as_of)

    def close(self) -> list[Output]:
        """Judge what has to be judged, remember everything, and give the outputs."""
        self._reach()
        if self._is_new:
            self._mark_all()
        self._judge_slice()
        self._clocks.put_if_other(CLOCK_ROW, self._clock)
        self._reached_row.put_if_other("", self._reached)
        judging = self._judging
        marks = Marks(dict(sorted(self._since.items())), judging.by, judging.rules, dict(sorted(self._causes.items())))
        self._marks_row.put_if_other("", marks)
        for table in (self._histories, self._weeks, self._found, self._clocks, self._reached_row, self._marks_row):
            table.flush()
        mark_more(self._rows, has_more=bool(self._due()))
        return self._outputs

    def _remember(self, value: IndicatorValue) -> None:
        series = series_key(value.area, value.indicator)
        known = self._histories.get(series)
        history = known or History(value.starts, [])
        before = (history.first - value.starts) // WEEK
        if before > 0:
            history = History(value.starts, [0] * before + history.values)
        at = (value.starts - history.first) // WEEK
        values = history.values + [0] * (at + 1 - len(history.values))
        values[at] = value.value
        self._histories.put(series, History(history.first, values))
        first = self._reached.first.get(value.indicator)
        if first is None or value.starts < first:
            # With a longer history everything is expected anew.
            self._reached = msgspec.structs.replace(
                self._reached, first=dict(sorted((self._reached.first | {value.indicator: value.starts}).items()))
            )
            self._mark_indicator(value.indicator, value.starts)
        # A series that is new was nought for as long as there are others of its indicator.
        self._mark(series, value.starts if known else self._reached.first[value.indicator])

    def _reach(self) -> None:
        """Note which weeks are over and which are complete, and mark what is judged by that."""
        over = period_of(day_of(self._clock.as_of), "week").starts if self._clock.as_of > 0 else 0
        newest = self._clock.newest(self._judging.partitions)
        complete = dict(self._reached.complete)
        for name, indicator in sorted(self._judging.indicators.items()):
            until = complete_to(newest, indicator.feeds, self._judging.sources)
            week = min(period_of(day_of(until), "week").starts, over) if until > 0 else 0
            was = complete.get(name, 0)
            if week > was:
                complete[name] = week
                self._mark_indicator(name, was)
        if over > self._reached.over:
            for name in self._judging.indicators:
                self._mark_indicator(name, self._reached.over)
        self._reached = Reached(max(over, self._reached.over), complete, self._reached.first)

    def _mark_all(self) -> None:
        for name in self._reached.first:
            self._mark_indicator(name, 0)

    def _mark_indicator(self, indicator: str, since: Day) -> None:
        first = self._reached.first.get(indicator)
        if first is not None:
            for area in self._judging.settings.areas:
                series = series_key(area, indicator)
                if self._histories.get(series) is not None:
                    self._mark(series, max(since, first))

    def _mark(self, series: str, since: Day) -> None:
        self._since[series] = min(since, self._since.get(series, since))

    def _due(self) -> dict[str, Day]:
        """The marks before the last week that is over; the others wait for theirs to be."""
        return {series: since for series, since in self._since.items() if since < self._reached.over}

    def _judge_slice(self) -> None:
        due = self._due()
        if not due:
            return
        first = min(due.values())
        stop = min(self._reached.over, first + SLICE * WEEK)
        expected = self._expected(due, first, stop)
        before = [self._judged(week) for week in range(first - LOOKS_BACK * WEEK, first, WEEK)]
        for week in range(first, stop, WEEK):
            judged = self._judge_week(week, due, expected, before)
            before = [*before[1:], judged]
        for series in due:
            self._since[series] = max(self._since[series], stop)
        if stop == self._reached.over:
            # Nothing is left to be judged: what comes next marks itself.
            self._since = {series: since for series, since in self._since.items() if since > stop}

    def _judged(self, week: Day) -> dict[str, Judged]:
        told = self._weeks.get(_week_row(week))
        return told.judged if told else {}

    def _expected(self, due: Mapping[str, Day], first: Day, stop: Day) -> dict[str, dict[Day, Expected | None]]:
        """What the weeks of the slice let expect, for each marked series."""
        alike: dict[Day, list[str]] = {}
        for series in sorted(series for series, since in due.items() if since < stop):
            alike.setdefault(self._reached.first[_indicator_of(series)], []).append(series)
        found: dict[str, dict[Day, Expected | None]] = {}
        for begins, names in alike.items():
            columns = {
                (_indicator_of(name), _area_of(name)): self._values(name, range(begins, stop, WEEK)) for name in names
            }
            start = max(first, begins)
            said = expected_of(
                columns,
                (start - begins) // WEEK,
                (stop - begins) // WEEK,
                self._judging.settings.expecting,
                begins,
                self._judging.known,
            )
            for (indicator, area), of_weeks in said.items():
                found[series_key(area, indicator)] = dict(zip(range(start, stop, WEEK), of_weeks, strict=True))
        return found

    def _values(self, series: str, weeks: range) -> list[int]:
        """The values of these weeks; nought outside the history."""
        history = self._histories.get(series) or _NO_HISTORY
        places = ((week - history.first) // WEEK for week in weeks)
        return [history.values[at] if 0 <= at < len(history.values) else 0 for at in places]

    def _judge_week(
        self,
        week: Day,
        due: Mapping[str, Day],
        expected: Mapping[str, Mapping[Day, Expected | None]],
        before: Sequence[Mapping[str, Judged]],
    ) -> dict[str, Judged]:
        row = _week_row(week)
        told = self._weeks.get(row) or Told({}, {})
        weighed = {series: judged.weighed for series, judged in told.judged.items() if due.get(series, week + 1) > week}
        for series, of_weeks in expected.items():
            of_week = of_weeks.get(week)
            if due[series] <= week and of_week is not None:
                weighed[series] = self._weigh(series, week, of_week)
        judged = judged_week(week, weighed, before, self._judging.settings.levels)
        if judged != told.judged:
            revisions = dict(told.revisions)
            for series, now in judged.items():
                was = told.judged.get(series)
                if was != now:
                    revisions[series] = revisions.get(series, 0) + 1
                    self._say(series, week, now, was, revisions[series])
            self._weeks.put(row, Told(judged, dict(sorted(revisions.items()))))
        for series in sorted(judged.keys() | told.judged.keys()):
            self._find(series, week, judged.get(series), told.judged.get(series))
        return judged

    def _find(self, series: str, week: Day, now: Judged | None, was: Judged | None) -> None:
        """Hold what the rules find in a week against what they found."""
        row = f"{series}|{week}"
        before = (self._found.get(row) or _NOTHING).standing
        found = [signalled(rule, limb, series, week, now) for rule, limb in self._judging.limbs] if now else []
        after = {finding.finding_id: finding for finding in found if finding is not None}
        if before == after:
            return
        if after:
            self._found.put(row, Found(after))
        else:
            self._found.delete(row)
        as_of = self._clock.as_of
        for change in difference(before, after, as_of, f"judged {row}"):
            cause = change.cause if now != was else self._causes.get(change.finding.rule_id, change.cause)
            said = msgspec.structs.replace(change, cause=cause)
            self._outputs.append(Output(topic="findings", key=said.finding.key, value=said, received_at=as_of))

    def _weigh(self, series: str, week: Day, expected: Expected) -> Weighed:
        begins = self._reached.first[_indicator_of(series)]
        recent = self._values(series, range(max(begins, week - LOOKS_BACK * WEEK), week + WEEK, WEEK))
        year = YEAR_OF_WEEKS * WEEK
        return Weighed(
            value=recent[-1],
            final=week < self._reached.complete.get(_indicator_of(series), 0),
            recent=tuple(recent),
            past_years=tuple(self._values(series, range(week - year, begins - 1, -year))),
            target=self._judging.target(series, week),
            expected=expected,
        )

    def _say(self, series: str, week: Day, now: Judged, was: Judged | None, revision: int) -> None:
        area, indicator = series.split("|")
        judgement = Judgement(
            area=area,
            indicator=indicator,
            period="week",
            starts=week,
            ends=week + WEEK,
            value=now.weighed.value,
            final=now.weighed.final,
            method=_method(now),
            weaker=now.over.weaker,
            together=now.together,
            counted=now.counted,
            expected=now.over.mean,
            spread=now.over.spread,
            amber_above=now.rarity.amber_above,
            red_above=now.rarity.red_above,
            low_below=now.rarity.low_below,
            p=now.rarity.p,
            p_low=now.rarity.p_low,
            tests=now.tests,
            discoveries=now.discoveries,
            signal=now.signal,
            reasons=now.reasons,
            opened=now.breach.opened if now.breach else None,
            red_since=now.breach.red_since if now.breach else None,
            target=now.weighed.target,
            recent=now.weighed.recent,
            past_years=now.weighed.past_years,
            by=self._judging.by,
            revision=revision,
            restates=was.signal if was else None,
            as_of=self._clock.as_of,
        )
        key = f"{series}|week|{week}"
        self._outputs.append(Output(topic="signals", key=key, value=judgement, received_at=self._clock.as_of))


def _causes(old: Mapping[str, tuple[int, str]], new: Mapping[str, tuple[int, str]]) -> dict[str, str]:
    """Why each rule that is not what it was finds something else."""
    changed = sorted(rule_id for rule_id in old.keys() | new.keys() if old.get(rule_id) != new.get(rule_id))
    versions = {rule_id: [side[rule_id][0] if rule_id in side else None for side in (old, new)] for rule_id in changed}
    return {rule_id: cause_by_version(rule_id, *both) for rule_id, both in versions.items()}


def _digest(value: object) -> str:
    return hashlib.sha256(_ENCODER.encode(value)).hexdigest()[:16]


def _area_of(series: str) -> str:
    return series.partition("|")[0]


def _indicator_of(series: str) -> str:
    return series.partition("|")[2]


def _method(judged: Judged) -> Method:
    return "bayes" if judged.over.weaker else "farrington"


def _week_row(week: Day) -> str:
    return f"{week:06d}"


# Sets have no order of their own, and the same settings must be the same bytes.
_ENCODER = msgspec.msgpack.Encoder(order="deterministic")
