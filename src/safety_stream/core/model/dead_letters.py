"""A record that could not be taken: kept verbatim, with the reason, to be put back after repair."""

from __future__ import annotations

from typing import Literal

import msgspec

from safety_stream.core.model.times import Instant

Reason = Literal[
    "unreadable-framing",
    "unknown-schema",
    "schema-violation",
    "impossible-time",
    "unknown-source",
    "person-in-place-only-source",
    "wrong-kind-for-source",
    "oversize",
    "empty",
    "overlapping-period",
]
"""Closed list: the word is also the metric's label."""


class DeadLetter(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The record of `topic`/`partition`/`offset` as it came, and why `stage` refused it.

    `detail` names the field and the mend in words and never repeats a field's value. `attempts` counts refusals.
    """

    stage: str
    topic: str
    partition: int
    offset: int
    reason: Reason
    detail: str
    key: bytes | None
    value: bytes | None
    received_at: Instant
    attempts: int = 1


class Refused(Exception):
    """Raised by codecs and checks for a record that belongs in the dead letters: the caller puts it there."""

    def __init__(self, reason: Reason, detail: str) -> None:
        """Keep the closed reason and the sentence for people."""
        super().__init__(f"{reason}: {detail}")
        self.reason: Reason = reason
        self.detail = detail
