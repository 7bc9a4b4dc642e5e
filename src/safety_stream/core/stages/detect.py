"""Detect: signed sightings in, differences of findings out, and of what findings say to other keys.

The only place where timelines are remembered.

Theory of operation
-------------------
At every moment, for every key, the findings that stand are `evaluate(timeline, clocks)`. Each record moves one thing
and puts out the difference:

1. The partition's `as_of` moves to the record's `received_at` (it never goes back). Keys that waited for a time it
   has now passed are looked at, earliest first; what completes is known as of that `received_at`, before the record
   is read.
2. A sighting changes the timeline of its key. A feed status moves the clocks of feeds, and keys that waited for those
   are looked at.

An idle clock, where the deployment has one, moves `as_of` after the records. So what comes out depends on the records
and their order, never on how they were cut into batches.

Remembered per partition: the timeline of each key (`timeline/<key>`), the clocks (`clock`), the wake-up index, and
under which rules all that stands (`changing.py`). What stood before a change is worked out from the timeline before it,
so it need not be stored. When the catalogue says other rules, they are compared with the old ones over the timelines,
slice by slice while records go on, and the difference goes out with its cause. In between there are two *regimes*: each
key is governed by one of them, in everything, so at every moment what stands is `evaluate` under the regime of the key.

Findings that some rule reads on other keys go there as sightings (`carrying.py`), signed differences like those of
`register` and through the same topic: detect writes to its own input. At every moment, for every key, what has gone
out is what its findings say to others by the regime of the key. So a finding that is updated and says the same there
makes no difference, one withdrawn takes back what it said, and when a rule begins or ceases to be read elsewhere, that
is told or taken back slice by slice as keys go over. It is read exactly once: outputs, rows and offsets are one
transaction, so what a step writes to its own input is there when what it read has been read, and what one key says to
another is all written by one partition, in order. In the end every key stands as if all had been said at once, because
rules rest on one another in no circle, and nothing that waits for clocks rests on what is said here: word of the feeds
may overtake it. Lint sees to both.

Where an indicator counts the findings of a rule, what stands on a key is counted by the regime of the key: tallies go
out, signed, for the area and day a finding completed, in its area and those above, so that a finding withdrawn or moved
is taken out again, and what another catalogue counts otherwise is counted so as keys go over. Each tally says of what
kind that was which moved the finding, as the sighting that came says it, or that time passed, or the catalogue changed.

Deadlines of this step's own stretch of time are held in memory while it lasts, since a record must not cost a scan; all
others are rows.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from typing import Final, Literal

import msgspec

from safety_stream.core.catalogue import Areas, Catalogue, Source
from safety_stream.core.model.feeds import FeedStatus
from safety_stream.core.model.findings import Finding
from safety_stream.core.model.sightings import Sighting, SightingChange
from safety_stream.core.model.stretches import subject_of
from safety_stream.core.model.tallies import Cause
from safety_stream.core.model.times import Day, Instant, day_of
from safety_stream.core.rules.changing import Applied, Counted, Differing, applied, what_differs
from safety_stream.core.rules.condition import Now
from safety_stream.core.rules.engine import (
    UNCHANGED,
    Carried,
    Picture,
    Revision,
    RuleSet,
    difference,
    revise,
    revise_by_clock,
    revise_by_rules,
)
from safety_stream.core.stages.changing import Change
from safety_stream.core.stages.counting import Cell, tallies_of
from safety_stream.core.stages.stage import (
    CLOCK_ROW,
    NEVER,
    Clock,
    Output,
    Record,
    Rows,
    Step,
    Table,
    Unreadable,
    Wakes,
    unreadable,
)
from safety_stream.core.timeline import Timeline

SLICE: Final = 1_000
"""How many timelines go over to other rules in one step: a record that arrives meanwhile waits for no more."""

WORK: Final = 10_000
"""Nor for more than so many reports looked at, on timelines and in what was and is found on them.

A finding names all its evidence, so a timeline with a few hundred reports is the work of thousands with one.
"""

_TIMELINES: Final = "timeline/"


def make_step(catalogue: Catalogue, partitions: int) -> Step:
    """The detect step for this catalogue's rules and bounds; `partitions` of register say how far the feeds are.

    Raises `Unreadable` for a record that could not be read, and `ValueError` when a sighting leaves a timeline it is
    not on, or joins one twice: `register` never sends that.
    """
    present = _ENCODER.encode(applied(catalogue))
    memory = _Memory()
    memory.unpacked(present)

    def step(rows: Rows, records: Sequence[Record], idle_at: Instant | None) -> list[Output]:
        reached = max([record.received_at for record in records], default=0)
        reached = reached if idle_at is None else max(reached, idle_at)
        partition = _Partition(rows, Change(rows, present), memory, partitions, reached)
        for record in records:
            partition.take(record)
        if idle_at is not None:
            partition.move_to(idle_at)
        elif not records:
            partition.go_over()
        return partition.close()

    return step


def now_by(clock: Clock, partitions: int, sources: Mapping[str, Source]) -> Now:
    """What is known when by this clock: a feed is complete up to its newest report, less how late it usually is."""
    return _now_by(clock, partitions, {source.id: source.usual_latency for source in sources.values()})


def _now_by(clock: Clock, partitions: int, latencies: Mapping[str, int]) -> Now:
    newest = clock.newest(partitions)
    return Now(clock.as_of, {source: at - latencies[source] for source, at in newest.items() if source in latencies})


class _Regime:
    """What governs some keys of a partition, and what is known by it; `was` known before the clocks last moved."""

    __slots__ = ("_latencies", "_partitions", "count", "now", "rules", "was")

    def __init__(self, said: _Said, clock: Clock, partitions: int) -> None:
        self._latencies = said[0].latencies
        self.rules = said[1]
        self.count = said[2]
        self._partitions = partitions
        self.now = self.was = _now_by(clock, partitions, self._latencies)

    def move_to(self, as_of: Instant) -> None:
        """Time has moved on."""
        self.was, self.now = self.now, Now(as_of, self.now.complete_to)

    def hear(self, clock: Clock) -> None:
        """Word has come of the feeds."""
        self.was, self.now = self.now, _now_by(clock, self._partitions, self._latencies)


class _Partition:
    """One partition during one step: its timelines, its clocks, and what goes out."""

    def __init__(self, rows: Rows, change: Change, memory: _Memory, partitions: int, reached: Instant) -> None:
        self._change = change
        self._memory = memory
        self._partitions = partitions
        self._timelines = Table(rows, _TIMELINES, Timeline)
        self._clocks = Table(rows, "", Clock)
        self._clock = self._clocks.get(CLOCK_ROW) or Clock()
        self._as_of = self._clock.as_of
        self._old = self._regime(change.standing)
        self._new = None if change.target is None else self._regime(change.target)
        self._agenda = _Agenda(Wakes(rows), max(reached, self._as_of))
        self._has_read = False
        self._pictures: dict[str, Picture] = {}
        self._outputs: list[Output] = []
        self._cells: Counter[Cell] = Counter()

    def take(self, record: Record) -> None:
        """Fold one record in."""
        self._has_read = True
        if record.received_at > self._as_of:
            self.move_to(record.received_at)
        value = record.value
        if isinstance(value, SightingChange):
            self._put(value)
        elif isinstance(value, FeedStatus):
            self._hear(value)
        else:
            raise unreadable("detect", record)

    def move_to(self, as_of: Instant) -> None:
        """Move the partition's own time on, and look at the keys that waited for it."""
        if as_of > self._as_of:
            self._as_of = as_of
            for regime in self._regimes():
                regime.move_to(as_of)
            self._wake(("as_of",))

    def go_over(self) -> None:
        """Take the next timelines over to the rules they are to stand under, and say what that makes of them."""
        old, target = self._change.standing, self._change.begin()
        if target is None:
            return
        self._new = new = self._regime(target)
        differing = self._memory.differing(old, target)
        take_over = partial(self._take_over, new=new, causes=differing.causes)
        self._change.go_over(_ranges(differing), SLICE, WORK, take_over)

    def close(self) -> list[Output]:
        """Remember everything, and give the outputs.

        That time has passed and nobody waited for it need not be remembered: the next wake says so again.
        """
        if self._has_read or self._agenda.has_woken:
            self._clocks.put(CLOCK_ROW, self._clock.at(self._as_of))
        self._timelines.flush()
        self._clocks.flush()
        self._change.close(has_read=self._has_read)
        return [*self._outputs, *tallies_of(self._cells, self._as_of)]

    def _take_over(self, row: bytes, new: _Regime, causes: Mapping[str, str]) -> int:
        """Take one timeline over; the work are the reports looked at."""
        key = row.decode().removeprefix(_TIMELINES)
        timeline = self._timelines.get(key) or Timeline()
        revision = revise_by_rules(self._old.rules, new.rules, key, timeline, self._old.now, new.now, causes)
        if revision is UNCHANGED:
            return timeline.count
        self._wait(key, revision)
        self._count(revision.before, revision.after, self._old.count, new.count, "catalogue-changed")
        for rule_id, cause in causes.items():
            self._tell(key, _of_rule(rule_id, revision.before), _of_rule(rule_id, revision.after), cause)
            before, after = (_by_rule(rule_id, said) for said in (revision.carried_before, revision.carried_after))
            self._carry(before, after, cause, "catalogue-changed")
        return timeline.count + _reports_in(revision.before) + _reports_in(revision.after)

    def _put(self, change: SightingChange) -> None:
        regime = self._regime_of(change.key)
        if change.replaces is None:
            revision = self._revise(change.key, change.sign, change.sighting, regime)
        else:
            left = self._revise(change.key, -1, change.replaces, regime)
            revision = left.then(self._revise(change.key, 1, change.sighting, regime))
        self._publish(change.key, revision, change.cause, change.why)

    def _revise(self, key: str, sign: Literal[1, -1], sighting: Sighting, regime: _Regime) -> Revision:
        """Put a sighting on the timeline of its key or take it off, and say what that makes of its findings."""
        rules = regime.rules
        old = self._picture(key, rules)
        timeline = old.timeline.changed(sign, sighting, old.bounds)
        new = self._pictures[key] = Picture(timeline, old.bounds)
        if timeline.count:
            self._timelines.put(key, timeline)
        else:
            self._timelines.delete(key)
        return revise(rules, key, old, new, sighting, regime.now)

    def _hear(self, status: FeedStatus) -> None:
        self._clock = self._clock.at(self._as_of).hear(status)
        moved: set[str] = set()
        for regime in self._regimes():
            regime.hear(self._clock)
            moved.update(source for source, _ in regime.now.complete_to.items() - regime.was.complete_to.items())
        self._wake([f"feed:{source}" for source in sorted(moved)])

    def _wake(self, clocks: Sequence[str]) -> None:
        waiting: dict[str, str] = {}
        for clock in clocks:
            for key in self._due(clock):
                waiting.setdefault(key, clock)
        for key, clock in waiting.items():
            regime = self._regime_of(key)
            revision = revise_by_clock(regime.rules, key, self._picture(key, regime.rules), regime.was, regime.now)
            self._publish(key, revision, f"clock {clock}", "time-passed")

    def _due(self, clock: str) -> list[str]:
        """The keys that waited for what the clock has passed, earliest first, each once; they wait no longer."""
        if clock == "as_of":
            return self._agenda.due_by(self._as_of)
        source = clock.partition(":")[2]
        furthest = max(regime.now.complete_to.get(source, NEVER) for regime in self._regimes())
        due: dict[str, None] = {}
        for at, key in self._agenda.due_by_feed(clock, furthest):
            # Two regimes may not think alike of how late a feed is.
            if at <= self._regime_of(key).now.complete_to.get(source, NEVER):
                due[key] = None
            else:
                self._agenda.ask(clock, at, key)
        return list(due)

    def _publish(self, key: str, revision: Revision, cause: str, why: Cause | None) -> None:
        if revision is not UNCHANGED:
            self._wait(key, revision)
            count = self._regime_of(key).count
            self._count(revision.before, revision.after, count, count, why)
            self._tell(key, revision.before, revision.after, cause)
            self._carry(revision.carried_before, revision.carried_after, cause, why)

    def _wait(self, key: str, revision: Revision) -> None:
        for clock, at in revision.forget:
            self._agenda.forget(clock, at, key)
        for clock, at in revision.ask:
            self._agenda.ask(clock, at, key)

    def _tell(self, key: str, before: Mapping[str, Finding], after: Mapping[str, Finding], cause: str) -> None:
        if before or after:
            for change in difference(before, after, self._as_of, cause):
                self._outputs.append(
                    Output(topic="findings", key=subject_of(key), value=change, received_at=self._as_of)
                )

    def _count(
        self,
        before: Mapping[str, Finding],
        after: Mapping[str, Finding],
        old: FindingCount,
        new: FindingCount,
        why: Cause | None,
    ) -> None:
        """Take out what no longer stands, count what stands now; what stands as it stood comes to nothing."""
        if not (before or after):
            return
        report_day = day_of(self._as_of)
        for sign, findings, count in ((-1, before, old), (1, after, new)):
            for finding in findings.values():
                for area, indicator, event_day in count(finding):
                    self._cells[area, indicator, event_day, False, report_day, why] += sign

    def _carry(self, before: Carried, after: Carried, cause: str, why: Cause | None) -> None:
        """Say to other keys what the findings on this one say there now and did not before."""
        for entity, finding_id in sorted(before.keys() | after.keys()):
            leaves, joins = before.get((entity, finding_id)), after.get((entity, finding_id))
            sighting = leaves if joins is None else joins
            if sighting is not None and leaves != joins:
                change = SightingChange(
                    key=entity,
                    sign=-1 if joins is None else 1,
                    sighting=sighting,
                    as_of=self._as_of,
                    cause=cause,
                    replaces=None if joins is None else leaves,
                    why=why,
                )
                self._outputs.append(Output(topic="sightings", key=entity, value=change, received_at=self._as_of))

    def _regime(self, packed: bytes) -> _Regime:
        return _Regime(self._memory.unpacked(packed), self._clock, self._partitions)

    def _regimes(self) -> Sequence[_Regime]:
        return (self._old,) if self._new is None else (self._old, self._new)

    def _regime_of(self, key: str) -> _Regime:
        """What governs a key: the new once it has gone over."""
        if self._new is not None and self._change.is_over((_TIMELINES + key).encode()):
            return self._new
        return self._old

    def _picture(self, key: str, rules: RuleSet) -> Picture:
        picture = self._pictures.get(key)
        if picture is None:
            timeline = self._timelines.get(key) or Timeline()
            picture = self._pictures[key] = Picture(timeline, rules.bounds_of(key))
        return picture


def _ranges(differing: Differing) -> list[tuple[bytes, bytes]]:
    """Where the timelines are that may mean something else, in order of row."""
    starts = [_TIMELINES] if differing.kinds is None else sorted(f"{_TIMELINES}{kind}:" for kind in differing.kinds)
    # The next byte after the last of the prefix ends it.
    return [(start.encode(), start[:-1].encode() + bytes([ord(start[-1]) + 1])) for start in starts]


def _of_rule(rule_id: str, findings: Mapping[str, Finding]) -> dict[str, Finding]:
    return {name: finding for name, finding in findings.items() if finding.rule_id == rule_id}


def _reports_in(findings: Mapping[str, Finding]) -> int:
    return sum(len(item.reports) for finding in findings.values() for item in finding.evidence)


def _by_rule(rule_id: str, carried: Carried) -> Carried:
    return {to: sighting for to, sighting in carried.items() if sighting.subtype == rule_id}


class _Memory:
    """What was applied, unpacked and compiled, of the last few: every step asks for the same one or two."""

    def __init__(self) -> None:
        self.unpacked = lru_cache(4)(_unpacked)
        self.differing = lru_cache(4)(self._differing)

    def _differing(self, old: bytes, new: bytes) -> Differing:
        return what_differs(self.unpacked(old)[0], self.unpacked(new)[0])


FindingCount = Callable[[Finding], Iterable[tuple[str, str, Day]]]
"""The series a finding counts in: area, indicator and day."""

_Said = tuple[Applied, RuleSet, FindingCount]
"""What was applied, the rules of it compiled, and how their findings are counted."""


def _count_of(counted: Counted) -> FindingCount:
    areas = Areas(county="", by_code=counted.areas, by_lsoa={})

    def count(finding: Finding) -> Iterator[tuple[str, str, Day]]:
        for indicator in counted.indicators.get(finding.rule_id, ()):
            day = day_of(finding.completed_at)
            for area in areas.roll_ups(finding.area, day):
                yield area, indicator, day

    return count


def _unpacked(packed: bytes) -> _Said:
    try:
        said = _DECODER.decode(packed)
    except msgspec.DecodeError as error:
        raise Unreadable(
            f"detect cannot go on: the rules its timelines stand under cannot be read ({error}). "
            f"A newer worker wrote them: run that version, and start the worker again."
        ) from error
    return said, RuleSet(said.rules, said.bounds), _count_of(said.counted)


# Sets have no order of their own, and the same rules must be the same bytes.
_ENCODER = msgspec.msgpack.Encoder(order="deterministic")
_DECODER = msgspec.msgpack.Decoder(Applied)


class _Agenda:
    """Which key waits for which clock. What `as_of` reaches within this step is in memory, the rest in rows."""

    def __init__(self, wakes: Wakes, reached: Instant) -> None:
        self._wakes = wakes
        self._reached = reached
        self._soon = wakes.due("as_of", reached)
        self.has_woken = bool(self._soon)

    def ask(self, clock: str, at: Instant, key: str) -> None:
        """Look at `key` once `clock` is at or past `at`."""
        if self._is_soon(clock, at):
            insort(self._soon, (at, key))
        else:
            self._wakes.ask(clock, at, key)

    def forget(self, clock: str, at: Instant, key: str) -> None:
        """Do not, after all."""
        if self._is_soon(clock, at):
            # Under other rules than it was asked under, it may never have been asked.
            if (at, key) in self._soon:
                self._soon.remove((at, key))
        else:
            self._wakes.forget(clock, at, key)

    def due_by(self, as_of: Instant) -> list[str]:
        """The keys that waited for a time that has passed, earliest first, each once; they wait no longer."""
        if not self._soon or self._soon[0][0] > as_of:
            return []
        passed = bisect_right(self._soon, as_of, key=lambda entry: entry[0])
        keys = dict.fromkeys(key for _, key in self._soon[:passed])
        del self._soon[:passed]
        return list(keys)

    def due_by_feed(self, clock: str, complete_to: Instant) -> list[tuple[Instant, str]]:
        """When and for which keys the clock of a feed was waited for, up to a time; they wait no longer."""
        return self._wakes.due(clock, complete_to)

    def _is_soon(self, clock: str, at: Instant) -> bool:
        return clock == "as_of" and at <= self._reached
