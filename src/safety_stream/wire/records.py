"""Kafka's records as a stage meets them: each topic read with the subjects its row of the topology names.

A worker that runs several stages mostly reads what it has written itself a moment ago. Reading is a function of the
bytes and the inverse of writing (`schemas check` and the tests hold every codec to that), and values never change; so
what was written for another stage is remembered by its bytes and handed on when they come back, once. It is no shortcut
round the log: a record counts only when it has come back from there, and what comes from elsewhere is read.
"""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from safety_stream.core.model.dead_letters import Refused
from safety_stream.core.model.times import Instant
from safety_stream.core.stages.stage import Record
from safety_stream.wire import reports
from safety_stream.wire.codecs import Codecs, Decode, shipped_codecs
from safety_stream.wire.topology import BETWEEN_STAGES, row_of

REMEMBERED_BYTES = 16 * 1024 * 1024
"""How many bytes of values written and not yet read back are remembered, at least; never more than twice as many."""


class Records:
    """Reads and writes the values of every topic. One object serves a process; its threads may share it."""

    def __init__(self, codecs: Codecs | None = None, read_here: Collection[str] = BETWEEN_STAGES) -> None:
        """Take these codecs, or those of the schemas that ship. `read_here`: the topics this object reads back."""
        self._codecs = codecs or shipped_codecs()
        self._read_here = BETWEEN_STAGES.intersection(read_here)
        self._by_topic: dict[str, Decode] = {}
        self._by_subjects: dict[tuple[str, ...], Decode] = {}
        # What is never read back here, because another worker does, must go some time: by generations.
        self._written: dict[bytes, tuple[str, msgspec.Struct]] = {}
        self._written_before: dict[bytes, tuple[str, msgspec.Struct]] = {}
        self._written_bytes = 0

    def encode(self, topic: str, value: msgspec.Struct) -> bytes:
        """The framed bytes of a value bound for a topic. Raises `KeyError` for a type no subject is for."""
        raw = self._codecs.encode(value)
        if topic in self._read_here:
            # Threads may lose a length to one another here; the bound is not so exact as to mind.
            self._written_bytes += len(raw)
            if self._written_bytes > REMEMBERED_BYTES:
                self._written_before, self._written, self._written_bytes = self._written, {}, len(raw)
            self._written[raw] = (topic, value)
        return raw

    def value(self, topic: str, raw: bytes | None) -> msgspec.Struct:
        """The value of a record of a topic. Raises `Refused`, and `KeyError` for a topic that is not ours."""
        if raw is not None and topic in self._read_here:
            known = self._written.pop(raw, None) or self._written_before.pop(raw, None)
            if known is not None and known[0] == topic:
                return known[1]
        decode = self._by_topic.get(topic)
        if decode is None:
            decode = self._by_topic[topic] = self._decoder(row_of(topic).subjects)
        return decode(raw)

    def _decoder(self, subjects: tuple[str, ...]) -> Decode:
        # Making a decoder takes a while, and all partners' topics carry the same.
        if subjects not in self._by_subjects:
            limit = reports.LARGEST_REPORT if subjects == (reports.SUBJECT,) else None
            self._by_subjects[subjects] = self._codecs.decoder(subjects, limit)
        return self._by_subjects[subjects]

    def record(
        self,
        topic: str,
        partition: int,
        offset: int,
        received_at: Instant,
        key: bytes | None,
        value: bytes | None,
        attempts: int = 0,
    ) -> Record:
        """The record a stage takes; what cannot be read carries the refusal as its value."""
        decoded: msgspec.Struct | Refused
        try:
            decoded = self.value(topic, value)
        except Refused as refused:
            # A value, from here on. Its traceback would keep the whole batch, and be kept by it.
            decoded = refused.with_traceback(None)
        return Record(
            topic=topic,
            partition=partition,
            offset=offset,
            received_at=received_at,
            value=decoded,
            raw_key=key,
            raw_value=value,
            attempts=attempts,
        )
