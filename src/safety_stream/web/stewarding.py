"""What pages ask of the bus for stewards: somebody else fills it in, as pages know nothing of Kafka."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from safety_stream.core.model.links import PersonLink


class NotDone(Exception):
    """It could not be done: one sentence on why, and the mend."""


class PutBack(msgspec.Struct, frozen=True):
    """Refused records that were put back where they came from, and those left because they had been before."""

    done: tuple[str, ...]
    left: tuple[str, ...]


class Steward(Protocol):
    """Whoever reaches the bus for stewards. Threads may share it."""

    def put_back(self, letters: Sequence[str]) -> PutBack:
        """Put these dead letters back, `<topic>/<partition>/<offset>` each. Raises `NotDone`."""

    def decide(self, link: PersonLink) -> None:
        """Publish a decision about two persons. Raises `NotDone`."""
