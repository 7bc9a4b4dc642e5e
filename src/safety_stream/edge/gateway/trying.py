"""A broker that is none, for partners who try out their client: each report is acknowledged, and goes nowhere.

What the gateway answers is what it would answer over Kafka. Beside that, whoever runs it is told in the log what intake
would have refused later, because an answer could not say: a receipt is for what the broker has, not for what is right.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final

from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.times import Instant
from safety_stream.edge.checking import Check
from safety_stream.edge.gateway.broker import Fate, Placed
from safety_stream.edge.gateway.partners import Partners, PartnersFile

_log = logging.getLogger(__name__)

PARTNER: Final = "try"
"""Who sends to a gateway that nobody else may send to."""


class TryingBroker:
    """Says of every record that it has it, and forgets it."""

    def __init__(self, catalogue: Catalogue, wall: Callable[[], Instant]) -> None:
        self._wall = wall
        self._check = Check(catalogue, wall(), is_history=False)
        self._offsets: Counter[str] = Counter()

    def start(self) -> None:
        """See `Broker`."""

    def close(self) -> None:
        """See `Broker`."""

    async def send(self, records: Sequence[dict[str, Any]]) -> list[Fate]:
        """See `Broker`."""
        fates: list[Fate] = []
        for record in records:
            topic = record["topic"]
            refusal = self._check.refusal(topic, record["key"], record["value"], self._wall())
            if refusal is not None:
                _log.warning("gateway.would_be_refused: %s", refusal)
            fates.append(Placed(topic, 0, self._offsets[topic]))
            self._offsets[topic] += 1
        return fates

    def answers(self) -> bool:
        """See `Broker`."""
        return True


def partners_of_all(line: dict[str, str], sources: Sequence[str]) -> Partners:
    """One partner who may send for every source, by the key this line is of."""
    stated = {"id": PARTNER, "sources": list(sources), "keys": [line]}
    return Partners(PartnersFile.model_validate({"partners": [stated]}))
