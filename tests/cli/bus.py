"""Kafka in memory, as far as `auditing` reads it, with the worker that puts entries on record (the stage itself)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import count
from types import ModuleType, SimpleNamespace
from typing import Any, Self

import msgspec
import pytest
from tests.replay.telling import a_report, at

from safety_stream.catalogue.loading import load_catalogue
from safety_stream.cli import auditing
from safety_stream.core.model.dead_letters import Refused
from safety_stream.core.model.incidents import IncidentVersion
from safety_stream.core.model.links import PersonLink
from safety_stream.core.model.published import ORDERS, AuditEntry, AuditRecord
from safety_stream.core.model.times import DAY_LENGTH
from safety_stream.core.stages import enter
from safety_stream.core.stages.intake import checked_link, checker
from safety_stream.core.stages.rows import MemoryRows
from safety_stream.core.stages.stage import Record
from safety_stream.data_files import catalogue_folder
from safety_stream.wire.records import Records

NOW = 20_000 * DAY_LENGTH
CATALOGUE = load_catalogue(catalogue_folder())
ENTERED = ("orders", "audit-entries")

Place = tuple[str, int]


class Bus:
    """Topics of one partition each. A worker looks whenever a command waits, as long as it `has_worker`."""

    def __init__(self) -> None:
        self.now = NOW
        self.has_worker = True
        self.read_on = dict.fromkeys(ENTERED, 0)
        self._bytes: defaultdict[str, list[bytes]] = defaultdict(list)
        self._wire = Records()
        self._rows, self._step = MemoryRows(), enter.make_step(CATALOGUE, 1)

    def put(self, topic: str, *values: msgspec.Struct) -> None:
        self._bytes[topic] += [self._wire.encode(topic, one) for one in values]

    def put_bytes(self, topic: str, value: bytes) -> None:
        self._bytes[topic].append(value)

    def send(self, *entries: AuditEntry) -> None:
        for entry in entries:
            self.put("orders" if entry.kind in ORDERS else "audit-entries", entry)

    def values(self, topic: str) -> list[Any]:
        return [self._value(topic, one) for one in self._bytes[topic]]

    def _value(self, topic: str, value: bytes) -> msgspec.Struct | Refused:
        try:
            return self._wire.value(topic, value)
        except Refused as refused:
            return refused

    def sent(self) -> list[AuditEntry]:
        """The orders that were given, in order."""
        return self.values("orders")

    def on_record(self) -> list[AuditRecord]:
        return self.values(auditing.ON_RECORD)

    def work(self) -> None:
        """What a worker does with what is there."""
        for topic in ENTERED:
            records = [
                Record(topic=topic, partition=0, offset=offset, received_at=self.now, value=value)
                for offset, value in enumerate(self.values(topic))
            ][self.read_on[topic] :]
            for output in self._step(self._rows, records, None):
                self.put(output.topic, output.value)
            self.read_on[topic] += len(records)

    def waits(self, _: float) -> None:
        if self.has_worker:
            self.work()

    def low_watermarks(self, _: object, topics: Sequence[str]) -> dict[Place, int]:
        return {(topic, 0): 0 for topic in topics}

    def high_watermarks(self, _: object, topics: Sequence[str]) -> dict[Place, int]:
        return {(topic, 0): len(self._bytes[topic]) for topic in topics}

    def committed_offsets(self, _: object, __: str, places: Iterable[Place]) -> dict[Place, int]:
        return {(topic, number): self.read_on[topic] for topic, number in places}

    def read_between(
        self, _: object, starts: Mapping[Place, int], ends: Mapping[Place, int]
    ) -> Iterator[SimpleNamespace]:
        for (topic, partition), end in ends.items():
            for offset in range(starts[topic, partition], end):
                value = self._bytes[topic][offset]
                yield SimpleNamespace(topic=topic, partition=partition, offset=offset, value=value, timestamp=self.now)

    def read_to_end(self, kafka: object, topics: Sequence[str]) -> Iterator[SimpleNamespace]:
        yield from self.read_between(kafka, self.low_watermarks(kafka, topics), self.high_watermarks(kafka, topics))


def producer_into(take: Callable[[AuditEntry], None]) -> type:
    """A producer that gives the entries it is to send to this."""

    class Producer:
        def __init__(self, _: object) -> None: ...
        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None: ...
        def send_entry(self, entry: AuditEntry) -> None:
            take(entry)

    return Producer


def on_the_bus(patch: pytest.MonkeyPatch, *commands: ModuleType) -> Bus:
    """A bus that `auditing` reads, and to which these commands write."""
    bus, clock = Bus(), count()

    def send(entry: AuditEntry) -> None:
        # Looked up when it is sent: a test may put something of its own in its place.
        bus.send(entry)

    producer = producer_into(send)
    for name in ("low_watermarks", "high_watermarks", "committed_offsets", "read_between", "read_to_end"):
        patch.setattr(auditing, name, getattr(bus, name))
    patch.setattr(auditing, "sleep", bus.waits)
    patch.setattr(auditing, "monotonic", lambda: next(clock))
    for command in commands:
        patch.setattr(command, "connect", lambda _: None)
        patch.setattr(command, "wall", lambda: bus.now)
        patch.setattr(command, "ReportProducer", producer)
        patch.setattr(command, "high_watermarks", bus.high_watermarks, raising=False)
    return bus


def naming(*tokens: str, reference: str = "C-1") -> IncidentVersion:
    """A report that names these as victim, suspect and so on."""
    people = dict(zip(("victim", "suspect", "witness"), tokens, strict=False))
    report = a_report("police-crimes", reference, "2026-01-05T20:00", people=people)
    return checker(CATALOGUE)(report, "partner.police-crimes", at("2026-01-06T08:00"))


def decided(first: str, second: str, state: str = "linked", number: int = 1) -> PersonLink:
    """A steward's decision about two tokens."""
    link = {
        "first": first,
        "second": second,
        "state": state,
        "method": "steward",
        "decided_by": "data-steward",
        "decided_at": number,
    }
    return checked_link(msgspec.convert(link, PersonLink), NOW + number)
