"""Detect: signed sightings in, differences of findings out. The only place where timelines are remembered.

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

Remembered per partition: the timeline of each key (`timeline/<key>`), the clocks (`clock`) and the wake-up index. What
stood before a change is worked out from the timeline before it, so it need not be stored; the price is that a new rule
set must first be compared with the old one over all timelines. Deadlines of this step's own stretch of time are held in
memory while it lasts, since a record must not cost a scan; all others are rows.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Mapping, Sequence
from typing import Literal

from safety_stream.core.catalogue import Catalogue, Source
from safety_stream.core.model.feeds import FeedStatus
from safety_stream.core.model.sightings import Sighting, SightingChange
from safety_stream.core.model.times import Instant
from safety_stream.core.rules.condition import Now
from safety_stream.core.rules.engine import UNCHANGED, Picture, Revision, RuleSet, difference, revise, revise_by_clock
from safety_stream.core.stages.stage import (
    CLOCK_ROW,
    Clock,
    Output,
    Record,
    Rows,
    Step,
    Table,
    Wakes,
    unreadable,
)
from safety_stream.core.timeline import Timeline


def make_step(catalogue: Catalogue, partitions: int) -> Step:
    """The detect step for this catalogue's rules and bounds; `partitions` of register say how far the feeds are.

    Raises `Unreadable` for a record that could not be read, and `ValueError` when a sighting leaves a timeline it is
    not on, or joins one twice: `register` never sends that.
    """
    rules = RuleSet(catalogue.rules, catalogue.bounds)

    def step(rows: Rows, records: Sequence[Record], idle_at: Instant | None) -> list[Output]:
        reached = max([record.received_at for record in records], default=0)
        reached = reached if idle_at is None else max(reached, idle_at)
        partition = _Partition(rows, rules, catalogue.sources, partitions, reached)
        for record in records:
            partition.take(record)
        if idle_at is not None:
            partition.move_to(idle_at)
        return partition.close()

    return step


def now_by(clock: Clock, partitions: int, sources: Mapping[str, Source]) -> Now:
    """What is known when by this clock: a feed is complete up to its newest report, less how late it usually is."""
    newest = clock.newest(partitions)
    return Now(
        clock.as_of, {source: at - sources[source].usual_latency for source, at in newest.items() if source in sources}
    )


class _Partition:
    """One partition during one step: its timelines, its clocks, and what goes out."""

    def __init__(
        self, rows: Rows, rules: RuleSet, sources: Mapping[str, Source], partitions: int, reached: Instant
    ) -> None:
        self._rules = rules
        self._sources = sources
        self._partitions = partitions
        self._timelines = Table(rows, "timeline/", Timeline)
        self._clocks = Table(rows, "", Clock)
        self._clock = self._clocks.get(CLOCK_ROW) or Clock()
        self._now = self._now_by(self._clock)
        self._agenda = _Agenda(Wakes(rows), max(reached, self._clock.as_of))
        self._has_read = False
        self._pictures: dict[str, Picture] = {}
        self._outputs: list[Output] = []

    def take(self, record: Record) -> None:
        """Fold one record in."""
        self._has_read = True
        if record.received_at > self._now.as_of:
            self.move_to(record.received_at)
        value = record.value
        if isinstance(value, SightingChange):
            self._change(value)
        elif isinstance(value, FeedStatus):
            self._hear(value)
        else:
            raise unreadable("detect", record)

    def move_to(self, as_of: Instant) -> None:
        """Move the partition's own time on, and look at the keys that waited for it."""
        if as_of > self._now.as_of:
            before, self._now = self._now, Now(as_of, self._now.complete_to)
            self._wake(before, ("as_of",))

    def close(self) -> list[Output]:
        """Remember everything, and give the outputs.

        That time has passed and nobody waited for it need not be remembered: the next wake says so again.
        """
        if self._has_read or self._agenda.has_woken:
            self._clocks.put(CLOCK_ROW, self._clock.at(self._now.as_of))
        self._timelines.flush()
        self._clocks.flush()
        return self._outputs

    def _change(self, change: SightingChange) -> None:
        if change.replaces is None:
            revision = self._revise(change.key, change.sign, change.sighting)
        else:
            left = self._revise(change.key, -1, change.replaces)
            revision = left.then(self._revise(change.key, 1, change.sighting))
        self._publish(change.key, revision, change.cause)

    def _revise(self, key: str, sign: Literal[1, -1], sighting: Sighting) -> Revision:
        """Put a sighting on the timeline of its key or take it off, and say what that makes of its findings."""
        old, bounds = self._picture(key), self._rules.bounds_of(key)
        timeline = old.timeline.changed(sign, sighting, bounds)
        new = self._pictures[key] = Picture(timeline, bounds)
        if timeline.count:
            self._timelines.put(key, timeline)
        else:
            self._timelines.delete(key)
        return revise(self._rules, key, old, new, sighting, self._now)

    def _hear(self, status: FeedStatus) -> None:
        self._clock = self._clock.at(self._now.as_of).hear(status)
        before, self._now = self._now, self._now_by(self._clock)
        moved = self._now.complete_to.items() - before.complete_to.items()
        self._wake(before, [f"feed:{source}" for source, _ in sorted(moved)])

    def _wake(self, before: Now, clocks: Sequence[str]) -> None:
        waiting: dict[str, str] = {}
        for clock in clocks:
            for key in self._agenda.due(clock, self._now):
                waiting.setdefault(key, clock)
        for key, clock in waiting.items():
            revision = revise_by_clock(self._rules, key, self._picture(key), before, self._now)
            self._publish(key, revision, f"clock {clock}")

    def _publish(self, key: str, revision: Revision, cause: str) -> None:
        if revision is UNCHANGED:
            return
        for clock, at in revision.forget:
            self._agenda.forget(clock, at, key)
        for clock, at in revision.ask:
            self._agenda.ask(clock, at, key)
        if revision.before or revision.after:
            as_of = self._now.as_of
            for change in difference(revision.before, revision.after, as_of, cause):
                self._outputs.append(Output(topic="findings", key=key, value=change, received_at=as_of))

    def _now_by(self, clock: Clock) -> Now:
        return now_by(clock, self._partitions, self._sources)

    def _picture(self, key: str) -> Picture:
        picture = self._pictures.get(key)
        if picture is None:
            timeline = self._timelines.get(key) or Timeline()
            picture = self._pictures[key] = Picture(timeline, self._rules.bounds_of(key))
        return picture


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

    def due(self, clock: str, now: Now) -> list[str]:
        """The keys that waited for what the clock has passed, earliest first, each once; they wait no longer."""
        if clock != "as_of":
            complete_to = now.complete_to[clock.partition(":")[2]]
            return list(dict.fromkeys(key for _, key in self._wakes.due(clock, complete_to)))
        if not self._soon or self._soon[0][0] > now.as_of:
            return []
        passed = bisect_right(self._soon, now.as_of, key=lambda entry: entry[0])
        keys = dict.fromkeys(key for _, key in self._soon[:passed])
        del self._soon[:passed]
        return list(keys)

    def _is_soon(self, clock: str, at: Instant) -> bool:
        return clock == "as_of" and at <= self._reached
