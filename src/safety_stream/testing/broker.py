"""A broker in memory for whoever sends reports: it acknowledges, is silent, or refuses, as it is told.

Stands in for `edge.gateway.broker.KafkaBroker`, whose contract it keeps: a fate for each record, in their order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Literal

from safety_stream.edge.gateway.broker import NO_ANSWER, Fate, NotTaken, Placed

Mood = Literal["acknowledges", "is-silent", "refuses"]


class FakeBroker:
    """What was acknowledged stands in `log`, newest last; `keeps` False is for measuring, where nobody reads it."""

    def __init__(self, mood: Mood = "acknowledges", *, keeps: bool = True) -> None:
        self.mood: Mood = mood
        self.silent_about: set[int] = set()
        """Numbers of records, counted over all that were sent, that are not acknowledged though others are."""
        self.log: list[dict[str, Any]] = []
        self._keeps = keeps
        self._sent = 0
        self._offset = 0

    def start(self) -> None:
        """See `Broker`."""

    def close(self) -> None:
        """See `Broker`."""

    def answers(self) -> bool:
        """See `Broker`."""
        return self.mood != "is-silent"

    async def send(self, records: Sequence[dict[str, Any]]) -> list[Fate]:
        """See `Broker`. Silence is told at once: nobody waits for a clock."""
        await asyncio.sleep(0)
        return [self._fate(record) for record in records]

    def _fate(self, record: dict[str, Any]) -> Fate:
        number, self._sent = self._sent, self._sent + 1
        if self.mood == "is-silent" or number in self.silent_about:
            return NO_ANSWER
        if self.mood == "refuses":
            return NotTaken("the report is larger than the topic takes", is_senders=True)
        if self._keeps:
            self.log.append(record)
        offset, self._offset = self._offset, self._offset + 1
        return Placed(str(record["topic"]), 0, offset)
