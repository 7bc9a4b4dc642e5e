"""Kafka's records as a stage meets them: each topic read with the subjects its row of the topology names."""

from __future__ import annotations

import msgspec

from safety_stream.core.model.dead_letters import Refused
from safety_stream.core.model.times import Instant
from safety_stream.core.stages.stage import Record
from safety_stream.wire import reports
from safety_stream.wire.codecs import Codecs, Decode, shipped_codecs
from safety_stream.wire.topology import row_of


class Records:
    """Reads and writes the values of every topic. One object serves a process."""

    def __init__(self, codecs: Codecs | None = None) -> None:
        """Take these codecs, or those of the schemas that ship."""
        self._codecs = codecs or shipped_codecs()
        self._by_topic: dict[str, Decode] = {}
        self._by_subjects: dict[tuple[str, ...], Decode] = {}
        self.encode = self._codecs.encode

    def value(self, topic: str, raw: bytes | None) -> msgspec.Struct:
        """The value of a record of a topic. Raises `Refused`, and `KeyError` for a topic that is not ours."""
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
            decoded = refused
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
