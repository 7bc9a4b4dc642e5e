"""What both doors out have: numbers without gap, a chain of audit records, and what goes out.

Theory of operation
-------------------
There are two doors, for alerts and for indicator values, each on one partition, so that each outgoing topic has one
order and each door's state is its own. For every topic a door remembers the last number given. Every disclosure adds a
record to the door's chain of hashes (`audit.*`), in the same transaction: one for each alert told, one for each batch
of indicator values of a profile.
"""

from __future__ import annotations

import hashlib

import msgspec

from safety_stream.core.model.published import AuditRecord
from safety_stream.core.model.times import Instant
from safety_stream.core.stages.stage import Output, Rows, Table

FIRST_HASH = "0" * 64
"""What the first audit record names as its forerunner."""

_ENCODER = msgspec.msgpack.Encoder()


class Number(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The last number given on a topic, and on `audit` the hash of that record."""

    seq: int = 0
    hash: str = FIRST_HASH


class Door:
    """A door during one step."""

    def __init__(self, rows: Rows, audit_topic: str) -> None:
        """Go on numbering where `rows` left off; disclosures go on record on `audit_topic`."""
        self._audit_topic = audit_topic
        self.numbers = Table(rows, "number/", Number)
        self.outputs: list[Output] = []

    def next_number(self, topic: str) -> int:
        """The next number of a topic."""
        number = self.numbers.get(topic) or Number()
        self.numbers.put(topic, Number(number.seq + 1, number.hash))
        return number.seq + 1

    def put_on_record(
        self,
        audience: str,
        topic: str,
        span: tuple[int, int],
        alert: str | None,
        fields: tuple[str, ...],
        at: Instant,
    ) -> None:
        """Put it on record that the numbers `span` of a topic were given to an audience."""
        last = self.numbers.get(self._audit_topic) or Number()
        record = AuditRecord(
            seq=last.seq + 1,
            previous_hash=last.hash,
            hash="",
            verb="disclosure-transfers",
            audience=audience,
            topic=topic,
            from_seq=span[0],
            to_seq=span[1],
            alert_id=alert,
            fields=fields,
            as_of=at,
        )
        record = msgspec.structs.replace(record, hash=chained(record))
        self.numbers.put(self._audit_topic, Number(record.seq, record.hash))
        self.put_out(self._audit_topic, None, record, at)

    def put_out(self, topic: str, key: str | None, value: msgspec.Struct, received_at: Instant) -> None:
        """Put one value out."""
        self.outputs.append(Output(topic=topic, key=key, value=value, received_at=received_at))


def chained(record: AuditRecord) -> str:
    """The hash of an audit record: SHA-256 over its content with an empty hash, its forerunner's hash included."""
    return hashlib.sha256(_ENCODER.encode(msgspec.structs.replace(record, hash=""))).hexdigest()
