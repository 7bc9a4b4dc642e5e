"""What both doors out have: numbers without gap, a chain of audit records, and what goes out.

Theory of operation
-------------------
There are two doors, for alerts and for indicator values, each on one partition, so that each outgoing topic has one
order and each door's state is its own. For every topic a door remembers the last number given. Every disclosure adds a
record to the door's chain of hashes (`audit.*`), in the same transaction: one for each alert told, one for each batch
of indicator values of a profile.
"""

from __future__ import annotations

import msgspec

from safety_stream.core.model.times import Instant
from safety_stream.core.stages.recording import Number, Trail, numbers_of
from safety_stream.core.stages.stage import Output, Rows


class Door:
    """A door during one step."""

    def __init__(self, rows: Rows, audit_topic: str) -> None:
        """Go on numbering where `rows` left off; disclosures go on record on `audit_topic`."""
        self.numbers = numbers_of(rows)
        self.outputs: list[Output] = []
        self._trail = Trail(self.numbers, audit_topic)

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
        *,
        reason: str | None = None,
    ) -> None:
        """Put it on record that the numbers `span` of a topic were given to an audience; `reason` is for what."""
        self.outputs.append(
            self._trail.put_on_record(
                "disclosure-transfers",
                at,
                audience=audience,
                topic=topic,
                span=span,
                alert=alert,
                fields=fields,
                reason=reason,
            )
        )

    def put_out(self, topic: str, key: str | None, value: msgspec.Struct, received_at: Instant) -> None:
        """Put one value out."""
        self.outputs.append(Output(topic=topic, key=key, value=value, received_at=received_at))
