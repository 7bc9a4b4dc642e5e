"""Judge: values of weeks and days in, what is thought of them and the findings of rules for signals out.

Theory of operation
-------------------
Every period of every judged series stands under a judgement that is a function of the values as they are now, of how
far the feeds have come, and of the settings: nothing depends on when a value arrived. Weeks and days are judged apart
(`core/judgements/kinds.py`), each kind from its own values, and in the same way. A history begins with the first period
that all feeds of its indicator cover (`covers_from`); what is told of periods before it is neither a count nor nought.
What has to be judged anew is kept as one mark per series, the first period from which on:

    a value is restated            its series, from that period
    a period is over, or complete  the series of the indicator, from that period
    the settings are others        all series, from their beginning
    feeds cover another time       the series of the indicator, from the earlier beginning
    a rule for signals is          the same: its findings are those of all weeks

Periods are judged in order, some at a time (`SLICE`), until no mark is left before the last one that is over. A mark
always runs to that last one, because later periods rest on earlier ones; and a week is judged as one batch, whoever is
marked, because its series compete for what may be believed. Farrington's baseline leaves out the last half year, so a
late report changes the expectation of hardly any week an officer still looks at.

A period goes out only when something has changed that is said of it. One that is judged no more, because the settings
no longer name its series or too little lets expect anything, is said once more, without signal and breach, where it had
either: nobody may take for open what nobody will close. Its values are still kept, so that whoever names the series
again finds it whole.

What the rules find in a week (`core/rules/signal.py`) is remembered beside it, whole, and whatever judges a week holds
it against what they find now. So the findings that stand are those of the judgements that stand, and a difference that
no judgement brought about is the doing of a rule that changed. No rule asks for days.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final

import msgspec

from safety_stream.core.catalogue import Catalogue
from safety_stream.core.judgements.kinds import WEEK, Kind, digest, kinds_of
from safety_stream.core.judgements.signals import LOOKS_BACK, Judged, Row, Weighed
from safety_stream.core.model.feeds import FeedStatus
from safety_stream.core.model.findings import Finding
from safety_stream.core.model.indicators import IndicatorValue
from safety_stream.core.model.judgements import Judgement
from safety_stream.core.model.tallies import series_key
from safety_stream.core.model.times import Day, Instant, day_of, period_of, to_date, to_day
from safety_stream.core.rules.changing import cause_by_version
from safety_stream.core.rules.engine import difference
from safety_stream.core.rules.rule import Limb, Rule
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
    first_covered,
    mark_more,
    unreadable,
)
from safety_stream.core.statistics.expecting import Expected

SLICE: Final = 26
"""How many periods of a kind are judged in one step: half a second of work where all series are marked."""


class History(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The values of a series, from the first period of which any was heard; all other periods are nought."""

    first: Day
    values: list[int]


class Reached(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """How far things have come: periods before `over` are past, before `complete[indicator]` final.

    `first` is the period each indicator's history begins with, of those that are judged or once were.
    """

    over: Day
    complete: dict[str, Day]
    first: dict[str, Day]


class Marks(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Which series have to be judged anew, from which period on, and by what settings and rules all have been marked.

    `rules` are those by id, each with its version and what it says in short; `causes` the last change of each.
    """

    since: dict[str, Day]
    by: str
    rules: dict[str, tuple[int, str]] = {}
    causes: dict[str, str] = {}


class Told(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What was last said of a period: the judgements by series, each with its revision."""

    judged: dict[str, Judged]
    revisions: dict[str, int]


class Found(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What the rules found in a period of a series, by finding id."""

    standing: dict[str, Finding]


_NOTHING: Final = Found({})
_NO_HISTORY: Final = History(0, [])

_Levels = tuple[float | None, float | None, float | None]
_NO_LEVELS: Final[_Levels] = (None, None, None)
"""Of a period that is judged no more: its bounds may be those of other settings."""


def make_step(catalogue: Catalogue, partitions: int) -> Step:
    """The judge step for this catalogue's settings; `partitions` of measure say how far the feeds are."""
    judging = [_Judging(catalogue, kind, partitions) for kind in kinds_of(catalogue)]

    def step(rows: Rows, records: Sequence[Record], idle_at: Instant | None) -> list[Output]:
        judge = _Judge(rows, judging)
        for record in records:
            judge.take(record)
        if idle_at is not None:
            judge.move_to(idle_at)
        return judge.close()

    return step


class _Judging:
    """What is judged of one kind of period and by what, fixed for a run."""

    def __init__(self, catalogue: Catalogue, kind: Kind, partitions: int) -> None:
        self.kind = kind
        self.partitions = partitions
        self.sources = catalogue.sources
        self.indicators = {one.id: one for one in catalogue.indicators if one.id in kind.indicators}
        firsts = {one.id: first_covered(kind.period, one.feeds, self.sources) for one in catalogue.indicators}
        self.first = {name: first for name, first in firsts.items() if first is not None}
        self.limbs: list[tuple[Rule, Limb]] = []
        if kind.period == "week":
            running = (rule for rule in catalogue.rules if rule.status != "retired")
            self.limbs = [(rule, limb) for rule in running for limb in signals_of(rule)]
        self.rules = {rule.id: (rule.version, digest(rule)) for rule, _ in self.limbs}


class _Judge:
    """The partition during one step."""

    def __init__(self, rows: Rows, judging: Sequence[_Judging]) -> None:
        self._rows = rows
        self._clocks = Table(rows, "", Clock)
        self._clock = self._clocks.get(CLOCK_ROW) or Clock()
        self._kinds = [_Periods(rows, one) for one in judging]

    def take(self, record: Record) -> None:
        """Fold one record in."""
        value = record.value
        if isinstance(value, FeedStatus):
            self._clock = self._clock.at(value.as_of).hear(value)
        elif isinstance(value, IndicatorValue):
            self._clock = self._clock.at(value.as_of)
            for periods in self._kinds:
                periods.take(value)
        else:
            raise unreadable("judge", record)

    def move_to(self, as_of: Instant) -> None:
        """Time has passed."""
        self._clock = self._clock.at(as_of)

    def close(self) -> list[Output]:
        """Judge what has to be judged, remember everything, and give the outputs."""
        outputs = [output for periods in self._kinds for output in periods.close(self._clock)]
        self._clocks.put_if_other(CLOCK_ROW, self._clock)
        self._clocks.flush()
        mark_more(self._rows, has_more=any(periods.have_more for periods in self._kinds))
        return outputs


class _Periods:
    """The periods of one kind during one step."""

    def __init__(self, rows: Rows, judging: _Judging) -> None:
        self._rows = rows
        self._judging = judging
        self._kind = judging.kind
        # Weeks were judged alone at first: their rows stand under no name of theirs.
        at = "" if self._kind.period == "week" else f"{self._kind.period}/"
        self._all_histories = f"{at}history/"
        self._histories = Table(rows, self._all_histories, History)
        self._told = Table(rows, f"{at}{self._kind.period}/", Told)
        self._found = Table(rows, f"{at}found/", Found)
        self._reached_row = Table(rows, f"{at}reached", Reached)
        self._marks_row = Table(rows, f"{at}marks", Marks)
        self._reached = self._reached_row.get("") or Reached(0, {}, {})
        of_interest = self._reached.first.keys() | judging.indicators.keys()
        covered = {name: first for name, first in judging.first.items() if name in of_interest}
        self._first = dict(sorted((self._reached.first | covered).items()))
        marks = self._marks_row.get("") or Marks({}, self._kind.by, judging.rules)
        self._since = dict(marks.since)
        self._is_new = (marks.by, marks.rules) != (self._kind.by, judging.rules)
        self._causes = marks.causes | _causes(marks.rules, judging.rules)
        self._as_of: Instant = 0
        self._outputs: list[Output] = []

    def take(self, value: IndicatorValue) -> None:
        """Fold a value in, if it is one of these periods, and its series is judged or once was."""
        if value.period != self._kind.period or value.indicator not in self._first:
            return
        series = series_key(value.area, value.indicator)
        if self._is_judged(series) or self._histories.get(series) is not None:
            self._remember(series, value)

    def close(self, clock: Clock) -> list[Output]:
        """Judge what has to be judged, remember everything, and give the outputs."""
        self._as_of = clock.as_of
        self._reach(clock)
        if self._is_new:
            self._mark_all()
        self._judge_slice()
        self._reached_row.put_if_other("", self._reached)
        by, rules = self._kind.by, self._judging.rules
        marks = Marks(dict(sorted(self._since.items())), by, rules, dict(sorted(self._causes.items())))
        self._marks_row.put_if_other("", marks)
        for table in (self._histories, self._told, self._found, self._reached_row, self._marks_row):
            table.flush()
        return self._outputs

    @property
    def have_more(self) -> bool:
        """Whether there is more to be judged."""
        return bool(self._due())

    def _is_judged(self, series: str) -> bool:
        return self._kind.judges(_area_of(series), _indicator_of(series))

    def _remember(self, series: str, value: IndicatorValue) -> None:
        known = self._histories.get(series)
        history = known or History(value.starts, [])
        before = (history.first - value.starts) // self._kind.length
        if before > 0:
            history = History(value.starts, [0] * before + history.values)
        at = (value.starts - history.first) // self._kind.length
        values = history.values + [0] * (at + 1 - len(history.values))
        values[at] = value.value
        self._histories.put(series, History(history.first, values))
        first = self._first[value.indicator]
        if value.starts >= first:
            # A series that is new was nought for as long as its feeds have told of everything.
            self._mark(series, value.starts if self._reaches(known, first) else first)

    def _reaches(self, history: History | None, first: Day) -> bool:
        """Whether anything was heard of a period or of one after it."""
        return history is not None and history.first + len(history.values) * self._kind.length > first

    def _reach(self, clock: Clock) -> None:
        """Note which periods are over, complete and covered, and mark what is judged by that."""
        for name, first in self._first.items():
            was = self._reached.first.get(name, first)
            if was != first:
                self._mark_indicator(name, min(was, first))
        over = self._start_of_period(clock.as_of)
        newest = clock.newest(self._judging.partitions)
        complete = dict(self._reached.complete)
        for name, indicator in sorted(self._judging.indicators.items()):
            until = complete_to(newest, indicator.feeds, self._judging.sources)
            starts = min(self._start_of_period(until), over)
            was = complete.get(name, 0)
            if starts > was:
                complete[name] = starts
                self._mark_indicator(name, was)
        if over > self._reached.over:
            for name in self._judging.indicators:
                self._mark_indicator(name, self._reached.over)
        self._reached = Reached(max(over, self._reached.over), complete, self._first)

    def _start_of_period(self, instant: Instant) -> Day:
        """The first day of the period an instant is in: those before it are over by then."""
        return period_of(day_of(instant), self._kind.period).starts if instant > 0 else 0

    def _mark_all(self) -> None:
        """Mark every series that is remembered: also one that is judged no more must be said to be."""
        start = self._all_histories.encode()
        remembered = [row[len(start) :].decode() for row, _ in self._rows.scan(start, start[:-1] + b"0")]
        for series in remembered:
            first = self._first[_indicator_of(series)]
            if self._reaches(self._histories.get(series), first):
                self._mark(series, first)

    def _mark_indicator(self, indicator: str, since: Day) -> None:
        first = self._first.get(indicator)
        if first is not None:
            # Where less is covered than was, what was said of the rest is taken back.
            since = max(since, min(first, self._reached.first.get(indicator, first)))
            for area in self._kind.areas:
                series = series_key(area, indicator)
                if self._reaches(self._histories.get(series), first):
                    self._mark(series, since)

    def _mark(self, series: str, since: Day) -> None:
        self._since[series] = min(since, self._since.get(series, since))

    def _due(self) -> dict[str, Day]:
        """The marks before the last period that is over; the others wait for theirs to be."""
        return {series: since for series, since in self._since.items() if since < self._reached.over}

    def _judge_slice(self) -> None:
        due = self._due()
        if not due:
            return
        length = self._kind.length
        first = min(due.values())
        stop = min(self._reached.over, first + SLICE * length)
        expected = self._expected(due, first, stop)
        before: list[Row] = [self._judged(starts) for starts in range(first - LOOKS_BACK * length, first, length)]
        for starts in range(first, stop, length):
            judged = self._judge_period(starts, due, expected, before)
            before = [*before[1:], judged]
        for series in due:
            self._since[series] = max(self._since[series], stop)
        if stop == self._reached.over:
            # Nothing is left to be judged: what comes next marks itself.
            self._since = {series: since for series, since in self._since.items() if since > stop}

    def _judged(self, starts: Day) -> dict[str, Judged]:
        told = self._told.get(_row_of(starts))
        return told.judged if told else {}

    def _expected(self, due: Mapping[str, Day], first: Day, stop: Day) -> dict[str, dict[Day, Expected | None]]:
        """What the periods of the slice let expect, for each marked series that is judged."""
        length = self._kind.length
        alike: dict[Day, list[str]] = {}
        for series in sorted(series for series, since in due.items() if since < stop and self._is_judged(series)):
            if self._first[_indicator_of(series)] < stop:
                alike.setdefault(self._first[_indicator_of(series)], []).append(series)
        found: dict[str, dict[Day, Expected | None]] = {}
        for begins, names in alike.items():
            columns = {
                (_indicator_of(name), _area_of(name)): self._values(name, range(begins, stop, length)) for name in names
            }
            start = max(first, begins)
            said = self._kind.expected(columns, (start - begins) // length, (stop - begins) // length, begins)
            for (indicator, area), of_periods in said.items():
                periods = range(start, stop, length)
                found[series_key(area, indicator)] = dict(zip(periods, of_periods, strict=True))
        return found

    def _values(self, series: str, periods: Iterable[Day]) -> list[int]:
        """The values of these periods; nought outside the history."""
        history = self._histories.get(series) or _NO_HISTORY
        places = ((starts - history.first) // self._kind.length for starts in periods)
        return [history.values[at] if 0 <= at < len(history.values) else 0 for at in places]

    def _judge_period(
        self,
        starts: Day,
        due: Mapping[str, Day],
        expected: Mapping[str, Mapping[Day, Expected | None]],
        before: Sequence[Row],
    ) -> dict[str, Judged]:
        row = _row_of(starts)
        told = self._told.get(row) or Told({}, {})
        weighed = {
            series: judged.weighed
            for series, judged in told.judged.items()
            if due.get(series, starts + 1) > starts and self._is_judged(series)
        }
        for series, of_periods in expected.items():
            of_period = of_periods.get(starts)
            if due[series] <= starts and of_period is not None:
                weighed[series] = self._weigh(series, starts, of_period)
        judged = self._kind.judged(starts, weighed, before)
        if judged != told.judged:
            self._told.put(row, Told(judged, self._say_changes(starts, judged, told)))
        for series in sorted(judged.keys() | told.judged.keys()):
            self._find(series, starts, judged.get(series), told.judged.get(series))
        return judged

    def _say_changes(self, starts: Day, judged: Mapping[str, Judged], told: Told) -> dict[str, int]:
        """Say what is judged otherwise than it was told, and give the revisions."""
        revisions, levels = dict(told.revisions), self._kind.levels
        for series in sorted(judged.keys() | told.judged.keys()):
            was = told.judged.get(series)
            now = judged.get(series) or _given_up(was)
            if now is not None and now != was:
                revisions[series] = revisions.get(series, 0) + 1
                self._say(
                    series, starts, now, was, revisions[series], levels=levels if series in judged else _NO_LEVELS
                )
        return dict(sorted(revisions.items()))

    def _find(self, series: str, starts: Day, now: Judged | None, was: Judged | None) -> None:
        """Hold what the rules find in a period against what they found."""
        row = f"{series}|{starts}"
        before = (self._found.get(row) or _NOTHING).standing
        found = [signalled(rule, limb, series, starts, now) for rule, limb in self._judging.limbs] if now else []
        after = {finding.finding_id: finding for finding in found if finding is not None}
        if before == after:
            return
        if after:
            self._found.put(row, Found(after))
        else:
            self._found.delete(row)
        for change in difference(before, after, self._as_of, f"judged {row}"):
            cause = change.cause
            if not self._is_judged(series):
                cause = f"signals.yaml no longer has {series} judged"
            elif now == was:
                cause = self._causes.get(change.finding.rule_id, cause)
            said = msgspec.structs.replace(change, cause=cause)
            self._outputs.append(Output(topic="findings", key=said.finding.key, value=said, received_at=self._as_of))

    def _weigh(self, series: str, starts: Day, expected: Expected) -> Weighed:
        length = self._kind.length
        area, indicator = _area_of(series), _indicator_of(series)
        begins = self._first[indicator]
        recent = self._values(series, range(max(begins, starts - LOOKS_BACK * length), starts + length, length))
        return Weighed(
            value=recent[-1],
            final=starts < self._reached.complete.get(indicator, 0),
            recent=tuple(recent),
            past_years=tuple(self._values(series, _in_years_before(starts, begins))),
            target=self._kind.target(area, indicator, starts),
            expected=expected,
        )

    def _say(
        self, series: str, starts: Day, now: Judged, was: Judged | None, revision: int, *, levels: _Levels
    ) -> None:
        amber, red, low = levels
        judgement = Judgement(
            area=_area_of(series),
            indicator=_indicator_of(series),
            period=self._kind.period,
            starts=starts,
            ends=starts + self._kind.length,
            value=now.weighed.value,
            final=now.weighed.final,
            method=self._kind.method(now),
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
            by=self._kind.by,
            revision=revision,
            restates=was.signal if was else None,
            as_of=self._as_of,
            amber_level=amber,
            red_level=red,
            low_level=low,
        )
        key = f"{series}|{self._kind.period}|{starts}"
        self._outputs.append(Output(topic="signals", key=key, value=judgement, received_at=self._as_of))


@lru_cache(512)
def _in_years_before(starts: Day, begins: Day) -> tuple[Day, ...]:
    """The periods of the years before, down to the first of the history, the latest first.

    Each begins on the same weekday, on the day nearest to the same one of its year: 52 weeks back, every time, would be
    twelve days off after ten years.
    """
    date, found = to_date(starts), list[Day]()
    for year in range(date.year - 1, 0, -1):
        # The 29th of February is the 28th elsewhere.
        same = to_day(date.replace(year=year, day=min(date.day, monthrange(year, date.month)[1])))
        nearest = same + (starts - same + WEEK // 2) % WEEK - WEEK // 2
        if nearest < begins:
            break
        found.append(nearest)
    return tuple(found)


def _given_up(was: Judged | None) -> Judged | None:
    """What is said of a period that is judged no more."""
    if was is None or (was.signal == "none" and was.breach is None):
        return was
    return msgspec.structs.replace(was, tests=0, discoveries=0, signal="none", reasons=(), breach=None)


def _causes(old: Mapping[str, tuple[int, str]], new: Mapping[str, tuple[int, str]]) -> dict[str, str]:
    """Why each rule that is not what it was finds something else."""
    changed = sorted(rule_id for rule_id in old.keys() | new.keys() if old.get(rule_id) != new.get(rule_id))
    versions = {rule_id: [side[rule_id][0] if rule_id in side else None for side in (old, new)] for rule_id in changed}
    return {rule_id: cause_by_version(rule_id, *both) for rule_id, both in versions.items()}


def _area_of(series: str) -> str:
    return series.partition("|")[0]


def _indicator_of(series: str) -> str:
    return series.partition("|")[2]


def _row_of(starts: Day) -> str:
    return f"{starts:06d}"
