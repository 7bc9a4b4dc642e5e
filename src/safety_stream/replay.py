"""The whole pipeline in one process, without a broker: the same steps, the same codecs, the same order of stages.

Theory of operation
-------------------
Each topic is a queue. A chunk of partners' records is put on theirs, and the stages run in the order of the topology,
each draining what the ones before it wrote. Detect writes to its own input too, what findings say to other keys; rules
rest on one another no deeper than `chains.DEEPEST` and in no circle, so after a few turns there is nothing more, and
one pass empties every queue. A run ends when no stage has anything left to do. Each topic has one partition. Values
cross from stage to stage as bytes, through the codecs of the wire, because a replay that skipped them would prove less.
Time is the log's own: a record's `received_at`, so ten years replayed raise each alert when it would have been raised.
What two stages wrote to one is taken in order of time therefore, each keeping its own order: else the later half of a
chunk had happened before what the other says of the earlier.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import count, islice
from operator import itemgetter
from pathlib import Path
from typing import TypeVar

import msgspec

from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.alerts import AlertVersion
from safety_stream.core.model.dead_letters import DeadLetter
from safety_stream.core.model.feeds import FeedStatus
from safety_stream.core.model.findings import Finding, FindingChange, Priority
from safety_stream.core.model.incidents import IncidentVersion
from safety_stream.core.model.indicators import IndicatorValue
from safety_stream.core.model.times import Instant, day_of, to_iso
from safety_stream.core.rules.carrying import reports_beneath
from safety_stream.core.stages.rows import MemoryRows
from safety_stream.core.stages.stage import MORE_ROW, NEVER, Output, Record, Rows
from safety_stream.wire.records import Records
from safety_stream.wire.topology import STAGES, StageRow, inputs

T = TypeVar("T")

CHUNK = 5_000
"""How many partners' records go through at a time: enough to spread the cost of a step, little enough to watch."""


class Arrival(msgspec.Struct, frozen=True):
    """A partner's record as it arrived: the topic it came by, its bytes, and when."""

    topic: str
    value: bytes
    received_at: Instant


class LeftOut(msgspec.Struct, frozen=True, order=True):
    """A report that was looked at and not counted, and why."""

    report: str
    reason: str


class Standing(msgspec.Struct, frozen=True, order=True):
    """A finding that stands, in the partners' own words: a report is `<source>/<source_ref>`, a time ISO 8601 in UTC.

    `contributing` are the reports it rests on, also through what was found elsewhere. `completed_by` is the report that
    completed it; of `absent` the report whose deadline has passed; of `calendar`
    the period (`week:2026-01-05`). Of an occurrence that several reports tell of it is the earliest.
    """

    rule: str
    limb: str
    key: str
    completed_at: str
    completed_by: str
    priority: Priority
    contributing: tuple[str, ...]
    excluded: tuple[LeftOut, ...]


class Result:
    """What stands when a replay is over, from the outputs of every stage."""

    def __init__(self) -> None:
        """Nothing stands."""
        self.findings: dict[str, Finding] = {}
        self.alerts: dict[str, AlertVersion] = {}
        self.indicators: dict[tuple[str, str, str, int], IndicatorValue] = {}
        self.dead_letters: list[DeadLetter] = []

    def take(self, output: Output) -> None:
        """Fold one output of any stage in."""
        self.fold(output.value)

    def fold(self, value: msgspec.Struct) -> None:
        """Fold one value in; values of one key come in order."""
        if isinstance(value, FindingChange):
            _fold(self.findings, value.finding.finding_id, value.finding, stands=value.change != "withdrawn")
        elif isinstance(value, AlertVersion):
            _fold(self.alerts, value.alert_id, value, stands=value.change != "withdrawn")
        elif isinstance(value, IndicatorValue):
            self.indicators[value.area, value.indicator, value.period, value.starts] = value
        elif isinstance(value, DeadLetter):
            self.dead_letters.append(value)

    def standing(self, reports: Mapping[str, str]) -> list[Standing]:
        """The findings as those know them who sent the reports, sorted. `reports` are their names by incident id."""
        return sorted(self._standing(finding, reports) for finding in self.findings.values())

    def write(self, folder: Path, reports: Mapping[str, str]) -> dict[str, int]:
        """Write each table as `<name>.jsonl`, `reports` naming reports by incident id; returns the tables' lengths.

        Sorted by what identifies them, so that the same result is the same bytes. Raises `OSError`.
        """
        folder.mkdir(parents=True, exist_ok=True)
        tables: dict[str, Sequence[msgspec.Struct]] = {
            "standing": self.standing(reports),
            "findings": [self.findings[key] for key in sorted(self.findings)],
            "alerts": [self.alerts[key] for key in sorted(self.alerts)],
            "indicators": [self.indicators[key] for key in sorted(self.indicators)],
            "dead-letters": self.dead_letters,
        }
        for name, values in tables.items():
            with (folder / f"{name}.jsonl").open("wb") as file:
                file.writelines(msgspec.json.encode(value) + b"\n" for value in values)
        return {name: len(values) for name, values in tables.items()}

    def _standing(self, finding: Finding, reports: Mapping[str, str]) -> Standing:
        counted = reports_beneath(finding, self.findings)
        completing = finding
        while completing.occurrence_id in self.findings:
            # What rests on a finding completes with it.
            completing = self.findings[completing.occurrence_id]
        return Standing(
            rule=finding.rule_id,
            limb=finding.limb,
            key=finding.key,
            completed_at=to_iso(finding.completed_at),
            # What is no report is a period, or the hub.
            completed_by=reports.get(completing.occurrence_id, completing.occurrence_id),
            priority=finding.priority,
            contributing=tuple(sorted(reports[incident] for incident in counted)),
            excluded=tuple(sorted(LeftOut(reports[one.incident_id], one.reason) for one in finding.excluded)),
        )


class Told:
    """What is kept of a replay to say later what was known when: its tallies, and how far the feeds had come each day.

    A replay says how far the feeds are once a chunk, which may be a week; what is said here is what intake would have
    said in the evening.
    """

    def __init__(self) -> None:
        """Nothing has arrived."""
        self._newest: dict[str, Instant] = {}
        self._as_of: Instant | None = None

    def take(self, output: Output) -> list[msgspec.Struct]:
        """What is to be kept because of one output of any stage, in order."""
        value = output.value
        if isinstance(value, IncidentVersion) and output.topic == "incidents":
            return self._hear(value)
        return [value] if output.topic == "tallies" else []

    def _hear(self, version: IncidentVersion) -> list[msgspec.Struct]:
        before, at = self._as_of, version.received_at
        evening: list[msgspec.Struct] = []
        if before is not None and day_of(before) < day_of(at):
            evening.append(FeedStatus(as_of=before, newest=dict(self._newest), partition=0))
        self._as_of = at
        self._newest[version.source] = max(version.reported_at, self._newest.get(version.source, version.reported_at))
        return evening


def _fold(standing: dict[str, T], key: str, value: T, *, stands: bool) -> None:
    if stands:
        standing[key] = value
    else:
        standing.pop(key, None)


_Waiting = tuple[Instant, Record]
"""A record, and its turn: the newest time that whoever wrote it had told of."""

_by_turn = itemgetter(0)


def _in_memory(_stage: str) -> Rows:
    return MemoryRows()


class Pipeline:
    """Stages over in-memory queues. `seen` is called with every output of every stage, in order."""

    def __init__(
        self,
        catalogue: Catalogue,
        seen: Callable[[Output], None],
        *,
        stages: Sequence[StageRow] = STAGES,
        make_rows: Callable[[str], Rows] = _in_memory,
    ) -> None:
        """Make the steps of these stages for this catalogue, and the rows of each by its name.

        `stages`: all there are, or the first of them, for whoever asks nothing of the later.
        """
        self._wire = Records()
        self._seen = seen
        self._stages = stages
        self._rows = {row.name: make_rows(row.name) for row in stages}
        # A stage has one queue for all topics it reads: what arrives at one moment by two of them keeps its order.
        self._waiting: dict[str, list[_Waiting]] = {row.name: [] for row in stages}
        self._queues: dict[str, list[list[_Waiting]]] = {}
        self._offsets: dict[str, Iterator[int]] = {}
        self._go_by(catalogue)

    def change(self, catalogue: Catalogue) -> None:
        """Go by another catalogue from now on, and bring what stands over to it."""
        self._go_by(catalogue)
        self._pass(going_on=True)
        self._end()

    def run(self, arrivals: Iterable[Arrival], chunk_size: int = CHUNK) -> Iterator[int]:
        """Put everything through, in order of arrival; yields how many have gone through after each chunk.

        How far the feeds have come is said once a chunk. So what waits for a feed, or for a period to be over, is known
        at the end of a chunk: in the end all is the same, but whoever asks *when* it was known needs small ones.
        """
        waiting = iter(arrivals)
        done = 0
        while chunk := list(islice(waiting, chunk_size)):
            for arrival in chunk:
                self._enqueue(arrival.topic, None, arrival.value, arrival.received_at, chunk[0].received_at)
            self._pass()
            done += len(chunk)
            yield done
        self._end()

    def complete_to(self, until: Instant) -> None:
        """Let time pass to `until`, every feed complete to it: what waits for a deadline up to then completes.

        It is said the way intake says how far the feeds have come, and for good: let everything arrive first.
        """
        newest = {source.id: until + source.usual_latency for source in self._sources.values()}
        status = FeedStatus(as_of=until, newest=newest, partition=0)
        self._enqueue("incidents", None, self._wire.encode("incidents", status), until, until)
        self._pass()
        self._end()

    def _go_by(self, catalogue: Catalogue) -> None:
        self._sources = catalogue.sources
        self._steps = {row.name: row.make_step(catalogue, 1) for row in self._stages}
        readers: dict[str, list[list[_Waiting]]] = {}
        for row in self._stages:
            for topic in inputs(row, catalogue):
                readers.setdefault(topic, []).append(self._waiting[row.name])
                self._offsets.setdefault(topic, count())
        self._queues = readers

    def _end(self) -> None:
        while any(rows.get(MORE_ROW) is not None for rows in self._rows.values()):
            self._pass(going_on=True)

    def _pass(self, *, going_on: bool = False) -> None:
        """Let each stage take what waits for it; `going_on`: where nothing does, go on with what it has left to do."""
        for name in self._steps:
            if going_on or self._waiting[name]:
                self._take_what_waits(name)
            # What a stage writes to its own input waits for itself.
            while self._waiting[name]:
                self._take_what_waits(name)

    def _take_what_waits(self, name: str) -> None:
        waiting = self._waiting[name]
        waiting.sort(key=_by_turn)
        records = [record for _, record in waiting]
        waiting.clear()
        turn = NEVER
        for output in self._steps[name](self._rows[name], records, None):
            turn = max(turn, output.received_at)
            self._seen(output)
            if output.topic in self._queues:
                self._pass_on(output, turn)

    def _pass_on(self, output: Output, turn: Instant) -> None:
        key = None if output.key is None else output.key.encode()
        self._enqueue(output.topic, key, self._wire.encode(output.topic, output.value), output.received_at, turn)

    def _enqueue(self, topic: str, key: bytes | None, value: bytes, received_at: Instant, turn: Instant) -> None:
        record = self._wire.record(topic, 0, next(self._offsets[topic]), received_at, key, value)
        for waiting in self._queues[topic]:
            waiting.append((turn, record))
