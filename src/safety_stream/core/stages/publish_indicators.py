"""Publish indicators: each profile is shown what it may be, numbered without gap, and on record.

Theory of operation
-------------------
A profile that hides nothing is shown each value as it comes. A week's value is judged later, on a topic of its own:
when a judgement of this very value arrives, the value goes out again with it, as the next revision. What a profile that
rounds, or shows only final ones, holds back of values it holds back of their restatements too: a number goes out only
when what is shown has changed, with the profile's own revisions. The causes of what was held back go out with it; they
are no reason to show anything.

A profile that hides small counts is shown whole tables (`core/disclosure.py`) of indicators that count incidents, one
by one: every area of an indicator and period, groupings added up from their leaves, areas of which nothing was heard at
nought. The first is that of the first period all feeds of the indicator cover (`covers_from`): of what was before it
nobody knows what is missing. A table goes out once it is final: once every partition of measure has said that all feeds
are complete to the period's end. Tables stand still until the feeds have come on by a day (or a day has passed); then
those restated meanwhile go out, all at once, and of each only the cells whose shown number has changed. So nobody sees
which report moved what. All cells of a table have one `as_of`. A table keeps the hierarchy it first went out with. One
that may not be restated stays as it is. No signal is shown with it: what is thought of a week is made of other weeks,
too, and some of those are hidden.

A catalogue may come to show otherwise what was shown already: by another kind of period, in an indicator that counts
some of the same reports, to a profile of another name. Whoever has kept the tables from before could subtract. So it is
remembered to which day each kind of table of a profile went out, and of which reports (`Ledger`). One that is shown no
more, or counts other reports by the same name, is closed: it is not restated, and tables that may hold its reports,
whoever is shown them, begin after its last day. What one catalogue shows side by side is its own affair, and lint's.

Tables that are due are shown some at a time (`SLICE`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

import msgspec

from safety_stream.core.catalogue import Catalogue, Indicator, Profile
from safety_stream.core.disclosure import Hierarchy, cells_shown, hierarchy_of
from safety_stream.core.model.feeds import FeedStatus
from safety_stream.core.model.indicators import IndicatorValue
from safety_stream.core.model.judgements import Judgement, Signal
from safety_stream.core.model.published import PublishedIndicator
from safety_stream.core.model.tallies import Cause, is_within_a_district, merged, series_key
from safety_stream.core.model.times import Day, Instant, Period, PeriodKind, day_of, period_of, start_of
from safety_stream.core.rules.apart import are_apart
from safety_stream.core.rules.rule import Selector
from safety_stream.core.stages.publishing import Door
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

SLICE: Final = 5
"""How many tables are shown in one step: a fraction of a second of work, and no long transaction."""

JUDGED: Final[PeriodKind] = "week"
"""The kind of period whose judgements are shown; those of days are on the topic `signals` alone."""


class Said(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What was thought of a value."""

    value: int
    expected: float | None
    low: int | None
    high: int | None
    signal: Signal
    opened: Day | None


class Joined(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The newest value of a series and period, and what was last thought of it; either may come first."""

    value: IndicatorValue | None = None
    said: Said | None = None


class Shown(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What a profile last showed of a period."""

    value: int | None
    final: bool
    revision: int
    said: Said | None = None


class Held(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Why a value has changed since a profile last showed it."""

    causes: tuple[Cause, ...] = ()


class Counts(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The counts of a period by area: one table, before anything is hidden."""

    by_area: dict[str, int]


class Cell(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What was last shown of one cell of a table; None when it is hidden."""

    value: int | None
    revision: int


class Released(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What was last shown of a table, and the digest of the hierarchy it keeps."""

    hierarchy: str
    cells: dict[str, Cell]


class Progress(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """How far a profile has come with an indicator: periods from `first` to before `until` were shown or are due.

    `waiting` were restated since and stand still until the feeds have come on; `due` go out now. Each by its first day.
    """

    first: Day
    until: Day
    waiting: list[Day]
    due: list[Day]


class Told(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What tables of a profile, indicator and kind of period hold: what they select, of days from `since` to `until`.

    None that begins before `since` may be shown.
    """

    select: bytes
    since: Day
    until: Day


class Ledger(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Of which reports and to which day tables went out: those that still do, and by what they select those closed."""

    open: dict[str, Told] = msgspec.field(default_factory=dict)
    closed: dict[bytes, Day] = msgspec.field(default_factory=dict)

    def opened(self, row: str, told: Told) -> Ledger:
        """The ledger when tables of that row in `progress/` have come so far."""
        # Sorted, because a ledger is a row, and the same rows are the same bytes.
        return Ledger(dict(sorted({**self.open, row: told}.items())), self.closed)

    def without(self, row: str) -> Ledger:
        """The ledger when those tables go out no more."""
        told = self.open[row]
        still = {other: one for other, one in self.open.items() if other != row}
        until = max(told.until, self.closed.get(told.select, told.until))
        return Ledger(still, dict(sorted({**self.closed, told.select: until}.items())))


class Reached(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """How far things have come.

    The day it is by each partition of measure, and the day before which each indicator is complete.
    """

    days: dict[int, Day] = msgspec.field(default_factory=dict)
    complete: dict[str, Day] = msgspec.field(default_factory=dict)


def make_step(catalogue: Catalogue, partitions: int) -> Step:
    """The step that shows indicator values through this catalogue's profiles; `partitions` of measure say how far."""
    showing = _Showing(catalogue, partitions)

    def step(rows: Rows, records: Sequence[Record], idle_at: Instant | None) -> list[Output]:
        del idle_at
        door = _IndicatorDoor(rows, showing)
        for record in records:
            door.take(record)
        return door.close()

    return step


class _Showing:
    """What is shown to whom, fixed for a run: of `tables` each profile, indicator and kind of period, and the first."""

    def __init__(self, catalogue: Catalogue, partitions: int) -> None:
        self.catalogue = catalogue
        self.partitions = partitions
        self.indicators = {indicator.id: indicator for indicator in catalogue.indicators}
        self.open = [profile for profile in catalogue.profiles if not profile.suppresses]
        self.tables = [
            (profile, indicator, kind, first)
            for profile in catalogue.profiles
            if profile.suppresses
            for indicator in catalogue.indicators
            for kind in profile.periods_of(indicator)
            if (first := first_covered(kind, indicator.feeds, catalogue.sources)) is not None
        ]
        self.profiles_of: dict[tuple[str, PeriodKind], list[Profile]] = {}
        for profile, indicator, kind, _ in self.tables:
            self.profiles_of.setdefault((indicator.id, kind), []).append(profile)


class _IndicatorDoor(Door):
    """Shows indicator values: what came, what is held back, and what each profile was last shown."""

    def __init__(self, rows: Rows, showing: _Showing) -> None:
        super().__init__(rows, "audit.indicators")
        self._showing = showing
        self._shown = Table(rows, "shown/", Shown)
        self._held = Table(rows, "held/", Held)
        self._joined = Table(rows, "joined/", Joined)
        self._clocks = Table(rows, "", Clock)
        self._clock = self._clocks.get(CLOCK_ROW) or Clock()
        self._reached_row = Table(rows, "reached", Reached)
        self._reached = self._reached_row.get("") or Reached()
        self._tables = _Tables(rows, showing)
        self._rows = rows
        self._spans: dict[str, tuple[int, int, Instant]] = {}

    def take(self, record: Record) -> None:
        """Fold one record in."""
        value = record.value
        if isinstance(value, IndicatorValue):
            self._take_value(value, record.received_at)
        elif isinstance(value, Judgement):
            self._take_judgement(value, record.received_at)
        elif isinstance(value, FeedStatus):
            self._hear(value, record.received_at)
        else:
            raise unreadable("publish-indicators", record)

    def close(self) -> list[Output]:
        """Go on with what is due, put the batch's disclosures on record, remember everything, and give the outputs."""
        self._show_tables(self._clock.as_of)
        for profile, (first, last, at) in sorted(self._spans.items()):
            self.put_on_record(profile, f"indicators.{profile}", (first, last), None, (), at)
        self._clocks.put_if_other(CLOCK_ROW, self._clock)
        self._reached_row.put_if_other("", self._reached)
        for table in (self.numbers, self._shown, self._held, self._joined, self._clocks, self._reached_row):
            table.flush()
        mark_more(self._rows, has_more=self._tables.close())
        return self.outputs

    # --- What comes in.

    def _take_value(self, value: IndicatorValue, received_at: Instant) -> None:
        if is_within_a_district(value.area):
            self._show_value(value, None, received_at)
            return
        self._tables.remember(value)
        said = None
        if value.period == JUDGED:
            key = _period_key(value.area, value.indicator, value.period, value.starts)
            joined = self._joined.get(key) or Joined()
            self._joined.put(key, Joined(value, joined.said))
            said = joined.said
        self._show_value(value, said, received_at)

    def _take_judgement(self, judgement: Judgement, received_at: Instant) -> None:
        if judgement.period != JUDGED:
            return
        key = _period_key(judgement.area, judgement.indicator, judgement.period, judgement.starts)
        joined = self._joined.get(key) or Joined()
        said = _said(judgement)
        self._joined.put(key, Joined(joined.value, said))
        if joined.value is not None:
            as_of = max(joined.value.as_of, judgement.as_of)
            # Why it came was told, or is held, since it came.
            self._show_value(msgspec.structs.replace(joined.value, as_of=as_of, causes=()), said, received_at)

    def _hear(self, status: FeedStatus, received_at: Instant) -> None:
        self._clock = self._clock.at(status.as_of).hear(status)
        days = self._reached.days
        today = max(day_of(max(status.as_of, 0)), days.get(status.partition, 0))
        reached = msgspec.structs.replace(
            self._reached, days=dict(sorted((days | {status.partition: today}).items())), complete=self._complete()
        )
        has_come_on = reached.complete != self._reached.complete or self._today(reached) > self._today(self._reached)
        self._reached = reached
        if has_come_on:
            self._tables.come_on(reached)
            self._show_tables(received_at)

    def _complete(self) -> dict[str, Day]:
        """The day before which each indicator is complete, by what all partitions have said; it never goes back."""
        newest = self._clock.newest(self._showing.partitions)
        complete = {}
        for name, indicator in sorted(self._showing.indicators.items()):
            until = complete_to(newest, indicator.feeds, self._showing.catalogue.sources)
            complete[name] = max(day_of(until) if until > 0 else 0, self._reached.complete.get(name, 0))
        return complete

    def _today(self, reached: Reached) -> Day:
        return min((reached.days.get(partition, 0) for partition in range(self._showing.partitions)), default=0)

    # --- What goes out.

    def _show_value(self, value: IndicatorValue, said: Said | None, received_at: Instant) -> None:
        """Show a value in every profile that hides nothing and has it, with what is thought of this very value."""
        for profile in self._showing.open:
            if (profile.areas and value.area not in profile.areas) or value.period not in profile.periods:
                continue
            if is_within_a_district(value.area) and profile.hides:
                continue
            if profile.indicators and value.indicator not in profile.indicators:
                continue
            told = said if said is not None and said.value == value.value else None
            seen = None if profile.final_only and not value.final else self._seen(profile, value, told)
            if "causes" in profile.shows:
                seen = self._with_causes(profile, value, seen)
            if seen is not None:
                self._put(profile, seen, told, received_at)

    def _seen(self, profile: Profile, value: IndicatorValue, told: Said | None) -> PublishedIndicator | None:
        """The value as a profile shows it; None when it has shown all that before."""
        revision, restates, count = value.revision, value.restates, shown_count(value.value, profile)
        is_joined = value.period == JUDGED and not is_within_a_district(value.area) and _is_told_of_judgements(profile)
        if is_joined or profile.hides:
            row = f"{profile.id}/{_period_key(value.area, value.indicator, value.period, value.starts)}"
            before = self._shown.get(row)
            now = Shown(count, value.final, before.revision + 1 if before else 1, told if is_joined else None)
            if before is not None and msgspec.structs.replace(now, revision=before.revision) == before:
                return None
            revision = now.revision
            restates = before.value if before else None
            self._shown.put(row, now)
        return PublishedIndicator(
            seq=0,
            profile=profile.id,
            area=value.area,
            indicator=value.indicator,
            period=value.period,
            starts=value.starts,
            ends=value.ends,
            value=count,
            final=value.final,
            revision=revision,
            restates=restates,
            as_of=value.as_of,
        )

    def _with_causes(
        self, profile: Profile, value: IndicatorValue, seen: PublishedIndicator | None
    ) -> PublishedIndicator | None:
        """What is shown, with why, and why what was held back before; the causes of what is held back now wait."""
        row = f"{profile.id}/{_period_key(value.area, value.indicator, value.period, value.starts)}"
        held = self._held.get(row)
        causes = value.causes if held is None else merged(held.causes, value.causes)
        if seen is not None:
            if held is not None:
                self._held.delete(row)
            return msgspec.structs.replace(seen, causes=causes)
        if causes:
            self._held.put_if_other(row, Held(causes))
        return None

    def _show_tables(self, received_at: Instant) -> None:
        for profile, indicator, period in self._tables.due():
            for area, cell, before in self._tables.restated(profile, indicator, period):
                seen = PublishedIndicator(
                    seq=0,
                    profile=profile.id,
                    area=area,
                    indicator=indicator.id,
                    period=period.kind,
                    starts=period.starts,
                    ends=period.ends,
                    value=cell.value,
                    final=True,
                    revision=cell.revision,
                    restates=before.value if before else None,
                    as_of=self._clock.as_of,
                )
                self._put(profile, seen, None, received_at)

    def _put(self, profile: Profile, seen: PublishedIndicator, said: Said | None, received_at: Instant) -> None:
        topic = f"indicators.{profile.id}"
        seq = self.next_number(topic)
        first, _, _ = self._spans.get(profile.id, (seq, 0, 0))
        self._spans[profile.id] = (first, seq, received_at)
        over = seen.as_of - start_of(seen.ends)
        beside = {
            "expected": said.expected if said else None,
            "low": said.low if said else None,
            "high": said.high if said else None,
            "signal": said.signal if said else None,
            "opened": said.opened if said else None,
            "complete_to": self._reached.complete.get(seen.indicator) or None,
            "late": over if over >= 0 else None,
        }
        shown = {name: value for name, value in beside.items() if name in profile.shows}
        self.put_out(
            topic,
            series_key(seen.area, seen.indicator),
            msgspec.structs.replace(seen, seq=seq, **shown),
            received_at,
        )


class _Tables:
    """The tables of the profiles that hide: what is counted, what is due, and what was shown."""

    def __init__(self, rows: Rows, showing: _Showing) -> None:
        self._showing = showing
        self._counts = Table(rows, "counts/", Counts)
        self._progress = Table(rows, "progress/", Progress)
        self._released = Table(rows, "released/", Released)
        self._hierarchies = Table(rows, "hierarchy/", Hierarchy)
        self._ledgers = Table(rows, "ledger", Ledger)
        self._rows = rows
        self._left = SLICE

    def remember(self, value: IndicatorValue) -> None:
        """Count a value; that of a grouping, too, which is passed over when a table is made.

        Whatever the profiles show now: another one may come, and must not take what it never heard of for nought.
        """
        row = _table_key(value.indicator, value.period, value.starts)
        counts = self._counts.get(row) or Counts({})
        self._counts.put(row, Counts(dict(sorted((counts.by_area | {value.area: value.value}).items()))))
        self._touch(value.indicator, value.period, value.starts)

    def _touch(self, indicator: str, kind: PeriodKind, starts: Day) -> None:
        """Something may be shown otherwise of a period: look again once the feeds have come on."""
        for profile in self._showing.profiles_of.get((indicator, kind), ()):
            row = _progress_key(profile.id, indicator, kind)
            progress = self._progress.get(row)
            if progress is None or not progress.first <= starts < progress.until:
                continue
            if starts not in progress.waiting and starts not in progress.due:
                waiting = [*progress.waiting, starts]
                self._progress.put(row, Progress(progress.first, progress.until, waiting, progress.due))

    def come_on(self, reached: Reached) -> None:
        """The feeds have come on: what waited is due, and so is what has become final."""
        ledger = self._closed(self._ledgers.get("") or self._first_ledger())
        for profile, indicator, kind, covered in self._showing.tables:
            row = _progress_key(profile.id, indicator.id, kind)
            told = ledger.open.get(row) or _begun(ledger, indicator)
            first = max(covered, _first_from(told.since, kind))
            complete = reached.complete.get(indicator.id, 0)
            if complete <= first:
                continue
            progress = self._progress.get(row) or Progress(first, first, [], [])
            until = max(period_of(complete, kind).starts, progress.until)
            more = [*_starts(first, progress.first, kind), *_starts(progress.until, until, kind)]
            if more or progress.waiting:
                due = sorted({*progress.due, *progress.waiting, *more})
                self._progress.put(row, Progress(first, until, [], due))
                ledger = ledger.opened(row, msgspec.structs.replace(told, until=until))
        self._ledgers.put_if_other("", ledger)

    def _closed(self, ledger: Ledger) -> Ledger:
        """The ledger when what is shown no more, or selects other reports by now, is closed."""
        selects = {
            _progress_key(profile.id, indicator.id, kind): indicator.select
            for profile, indicator, kind, _ in self._showing.tables
        }
        for row, told in ledger.open.items():
            if row not in selects or selects[row] != _SELECT_DECODER.decode(told.select):
                ledger = ledger.without(row)
                self._progress.delete(row)
        return ledger

    def _first_ledger(self) -> Ledger:
        """What went out before a ledger was kept, by how far it had come; an indicator now gone held any report."""
        ledger = Ledger()
        prefix = b"progress/"
        for key, _ in list(self._rows.scan(prefix, prefix[:-1] + b"0")):
            row = key.removeprefix(prefix).decode()
            progress = self._progress.get(row)
            indicator = self._showing.indicators.get(row.partition("/")[2].rpartition("|")[0])
            select = Selector() if indicator is None else indicator.select
            if progress is not None:
                told = Told(_SELECT_ENCODER.encode(select), progress.first, progress.until)
                ledger = ledger.opened(row, told)
        return ledger

    def due(self) -> list[tuple[Profile, Indicator, Period]]:
        """The tables to show now, no more than there is room for in a step; they are due no more."""
        found = []
        for profile, indicator, kind, _ in self._showing.tables:
            row = _progress_key(profile.id, indicator.id, kind)
            progress = self._progress.get(row)
            if self._left and progress is not None and progress.due:
                now, later = progress.due[: self._left], progress.due[self._left :]
                self._left -= len(now)
                self._progress.put(row, Progress(progress.first, progress.until, progress.waiting, later))
                found += [(profile, indicator, period_of(starts, kind)) for starts in now]
        return found

    def restated(self, profile: Profile, indicator: Indicator, period: Period) -> list[_Change]:
        """What of a table is shown otherwise than before, and how it was shown; remembered as shown."""
        row = f"{profile.id}/{_table_key(indicator.id, period.kind, period.starts)}"
        released = self._released.get(row)
        hierarchy = self._hierarchy(period, released)
        if hierarchy is None:
            return []
        counts = self._counts.get(_table_key(indicator.id, period.kind, period.starts)) or Counts({})
        added_up = hierarchy.added_up(counts.by_area)
        was = released.cells if released else {}
        listed = [cell for cell in hierarchy.cells if not profile.areas or cell in profile.areas]
        before = None if released is None else frozenset(area for area, cell in was.items() if cell.value is not None)
        shown = cells_shown(hierarchy, added_up, listed, profile.suppress_below, before)
        if shown is None:
            return []
        changes: list[_Change] = []
        for area in listed:
            count = shown_count(added_up[area], profile) if area in shown else None
            last = was.get(area)
            if last is None or last.value != count:
                changes.append((area, Cell(count, last.revision + 1 if last else 1), last))
        if changes:
            cells = dict(sorted((was | {area: cell for area, cell, _ in changes}).items()))
            self._released.put(row, Released(self._digest(hierarchy), cells))
        return changes

    def _hierarchy(self, period: Period, released: Released | None) -> Hierarchy | None:
        if released is not None:
            return self._hierarchies.get(released.hierarchy)
        return hierarchy_of(self._showing.catalogue.areas, period)

    def _digest(self, hierarchy: Hierarchy) -> str:
        digest = hashlib.sha256(_ENCODER.encode(hierarchy)).hexdigest()[:16]
        if self._hierarchies.get(digest) is None:
            self._hierarchies.put(digest, hierarchy)
        return digest

    def close(self) -> bool:
        """Remember everything; whether more is due."""
        more = False
        for profile, indicator, kind, _ in self._showing.tables:
            progress = self._progress.get(_progress_key(profile.id, indicator.id, kind))
            more = more or (progress is not None and bool(progress.due))
        for table in (self._counts, self._progress, self._released, self._hierarchies, self._ledgers):
            table.flush()
        return more


_Change = tuple[str, Cell, Cell | None]
"""An area, how it is shown, and how it was."""

_ENCODER = msgspec.msgpack.Encoder()
_SELECT_ENCODER = msgspec.msgpack.Encoder(order="deterministic")
_SELECT_DECODER = msgspec.msgpack.Decoder(Selector)

_OF_JUDGEMENTS: Final = frozenset({"expected", "low", "high", "signal", "opened"})


def shown_count(value: int, profile: Profile) -> int | None:
    """A count as a profile shows it: hidden (None) from 1 to below `suppress_below`, else rounded to `round_to`."""
    if 0 < value < profile.suppress_below:
        return None
    # Half goes up, as statisticians round, not to even.
    return (value + profile.round_to // 2) // profile.round_to * profile.round_to


def _is_told_of_judgements(profile: Profile) -> bool:
    return not _OF_JUDGEMENTS.isdisjoint(profile.shows)


def _said(judgement: Judgement) -> Said:
    # What is expected of several weeks together is beside the value of one.
    is_alone = judgement.together == 1
    return Said(
        value=judgement.value,
        expected=judgement.expected if is_alone else None,
        low=judgement.low_below if is_alone else None,
        high=judgement.amber_above if is_alone else None,
        signal=judgement.signal,
        opened=judgement.opened,
    )


def _begun(ledger: Ledger, indicator: Indicator) -> Told:
    """Tables that begin now: after all that was shown of reports they may hold by tables that are closed."""
    shown = [
        until
        for select, until in ledger.closed.items()
        if not are_apart(indicator.select, _SELECT_DECODER.decode(select))
    ]
    since = max(shown, default=0)
    return Told(_SELECT_ENCODER.encode(indicator.select), since, since)


def _first_from(day: Day, kind: PeriodKind) -> Day:
    """The first day of the first period of a kind that does not begin before a day."""
    period = period_of(day, kind)
    return period.starts if period.starts == day else period.ends


def _starts(first: Day, until: Day, kind: PeriodKind) -> list[Day]:
    """The first days of the periods from the one that begins with `first` to before `until`."""
    found = []
    while first < until:
        found.append(first)
        first = period_of(first, kind).ends
    return found


def _progress_key(profile: str, indicator: str, kind: PeriodKind) -> str:
    return f"{profile}/{indicator}|{kind}"


def _table_key(indicator: str, kind: PeriodKind, starts: Day) -> str:
    return f"{indicator}|{kind}|{starts}"


def _period_key(area: str, indicator: str, kind: PeriodKind, starts: Day) -> str:
    return f"{series_key(area, indicator)}|{kind}|{starts}"
