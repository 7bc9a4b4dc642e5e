"""Putting things on record: a chain of audit records that a stage goes on with, in its own transaction (`core/audit`).

Every stage that does something with personal data has one chain for each partition, and remembers where it ends. The
records are outputs like any other, so none is there without what it is about, nor that without its record.
"""

from __future__ import annotations

import msgspec

from safety_stream.core.audit import FIRST_HASH, chained
from safety_stream.core.model.published import AuditRecord, Verb
from safety_stream.core.model.times import Instant
from safety_stream.core.stages.stage import Output, Rows, Table


class Number(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The last number given on a topic, and on one of the audit the hash of that record."""

    seq: int = 0
    hash: str = FIRST_HASH


class Trail:
    """The chain of a partition during one step."""

    def __init__(self, numbers: Table[Number], topic: str, partition: int | None = None) -> None:
        """Go on where `numbers` left off; `partition` None is the one there is."""
        self._numbers = numbers
        self._topic = topic
        self._partition = partition

    def put_on_record(  # noqa: PLR0913 - what a record says, by name
        self,
        verb: Verb,
        at: Instant,
        *,
        audience: str = "",
        topic: str = "",
        span: tuple[int, int] = (0, 0),
        alert: str | None = None,
        fields: tuple[str, ...] = (),
        incident: str | None = None,
        subject: str | None = None,
        actor: str | None = None,
        reason: str | None = None,
        count: int | None = None,
        until: Instant | None = None,
    ) -> Output:
        """The next record of the chain, as an output."""
        last = self._numbers.get(self._topic) or Number()
        record = AuditRecord(
            seq=last.seq + 1,
            previous_hash=last.hash,
            hash="",
            verb=verb,
            audience=audience,
            topic=topic,
            from_seq=span[0],
            to_seq=span[1],
            alert_id=alert,
            fields=fields,
            as_of=at,
            incident_id=incident,
            subject=subject,
            actor=actor,
            reason=reason,
            count=count,
            until=until,
        )
        record = msgspec.structs.replace(record, hash=chained(record))
        self._numbers.put(self._topic, Number(record.seq, record.hash))
        return Output(topic=self._topic, key=None, value=record, received_at=at, partition=self._partition)


def numbers_of(rows: Rows) -> Table[Number]:
    """Where a stage remembers the numbers it has given; flush it when the step is over."""
    return Table(rows, "number/", Number)
