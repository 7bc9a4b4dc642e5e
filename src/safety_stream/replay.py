"""The whole pipeline in one process, without a broker: the same steps, the same codecs, the same order of stages.

Theory of operation
-------------------
Each topic is a queue. A chunk of partners' records is put on theirs, and the stages run in the order of the topology,
each draining what the ones before it wrote; the table has no cycle, so one pass empties every queue. A run ends when no
stage has anything left to do. Each topic has one partition. Values cross from stage to stage as bytes, through the
codecs of the wire, because a replay that skipped them would prove less. Time is the log's own: a record's
`received_at`, so ten years replayed raise each alert when it would have been raised.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count, islice
from operator import attrgetter
from pathlib import Path
from typing import TypeVar

import msgspec

from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.alerts import AlertVersion
from safety_stream.core.model.dead_letters import DeadLetter
from safety_stream.core.model.findings import Finding, FindingChange
from safety_stream.core.model.indicators import IndicatorValue
from safety_stream.core.model.times import Instant
from safety_stream.core.stages.rows import MemoryRows
from safety_stream.core.stages.stage import MORE_ROW, Output, Record
from safety_stream.wire.records import Records
from safety_stream.wire.topology import STAGES, inputs

T = TypeVar("T")

CHUNK = 5_000
"""How many partners' records go through at a time: enough to spread the cost of a step, little enough to watch."""


class Arrival(msgspec.Struct, frozen=True):
    """A partner's record as it arrived: the topic it came by, its bytes, and when."""

    topic: str
    value: bytes
    received_at: Instant


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

    def write(self, folder: Path) -> dict[str, int]:
        """Write `findings.jsonl`, `alerts.jsonl`, `indicators.jsonl` and `dead-letters.jsonl`; returns their lengths.

        Sorted by what identifies them, so that the same result is the same bytes. Raises `OSError`.
        """
        folder.mkdir(parents=True, exist_ok=True)
        tables: dict[str, Sequence[msgspec.Struct]] = {
            "findings": [self.findings[key] for key in sorted(self.findings)],
            "alerts": [self.alerts[key] for key in sorted(self.alerts)],
            "indicators": [self.indicators[key] for key in sorted(self.indicators)],
            "dead-letters": self.dead_letters,
        }
        for name, values in tables.items():
            with (folder / f"{name}.jsonl").open("wb") as file:
                file.writelines(msgspec.json.encode(value) + b"\n" for value in values)
        return {name: len(values) for name, values in tables.items()}


def _fold(standing: dict[str, T], key: str, value: T, *, stands: bool) -> None:
    if stands:
        standing[key] = value
    else:
        standing.pop(key, None)


class Pipeline:
    """All stages over in-memory queues. `seen` is called with every output of every stage, in order."""

    def __init__(self, catalogue: Catalogue, seen: Callable[[Output], None]) -> None:
        """Make the steps of every stage for this catalogue."""
        self._wire = Records()
        self._seen = seen
        self._rows = {row.name: MemoryRows() for row in STAGES}
        self._queues: dict[str, list[Record]] = {}
        self._offsets: dict[str, Iterator[int]] = {}
        self._go_by(catalogue)

    def change(self, catalogue: Catalogue) -> None:
        """Go by another catalogue from now on, and bring what stands over to it."""
        self._go_by(catalogue)
        self._pass(going_on=True)
        self._end()

    def run(self, arrivals: Iterable[Arrival]) -> Iterator[int]:
        """Put everything through, in order of arrival; yields how many have gone through after each chunk."""
        waiting = iter(arrivals)
        done = 0
        while chunk := list(islice(waiting, CHUNK)):
            for arrival in chunk:
                self._enqueue(arrival.topic, None, arrival.value, arrival.received_at)
            self._pass()
            done += len(chunk)
            yield done
        self._end()

    def _go_by(self, catalogue: Catalogue) -> None:
        self._stages = [(row.name, inputs(row, catalogue), row.make_step(catalogue, 1)) for row in STAGES]
        for _, topics, _ in self._stages:
            for topic in topics:
                self._queues.setdefault(topic, [])
                self._offsets.setdefault(topic, count())

    def _end(self) -> None:
        while any(rows.get(MORE_ROW) is not None for rows in self._rows.values()):
            self._pass(going_on=True)

    def _pass(self, *, going_on: bool = False) -> None:
        """Let each stage take what waits for it; `going_on`: where nothing does, go on with what it has left to do."""
        for name, topics, step in self._stages:
            records = [record for topic in topics for record in self._queues[topic]]
            if len(topics) > 1:
                # Several sources feed intake: by time of arrival, as their consumer would have met them.
                records.sort(key=_received_at)
            for topic in topics:
                self._queues[topic].clear()
            for output in step(self._rows[name], records, None) if records or going_on else ():
                self._seen(output)
                if output.topic in self._queues:
                    self._pass_on(output)

    def _pass_on(self, output: Output) -> None:
        key = None if output.key is None else output.key.encode()
        self._enqueue(output.topic, key, self._wire.encode(output.topic, output.value), output.received_at)

    def _enqueue(self, topic: str, key: bytes | None, value: bytes, received_at: Instant) -> None:
        offset = next(self._offsets[topic])
        self._queues[topic].append(self._wire.record(topic, 0, offset, received_at, key, value))


_received_at = attrgetter("received_at")
