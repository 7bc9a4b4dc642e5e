"""What waits for an agreement at present, as the topic `withheld` tells it.

The door puts out each time that news is held back, and what became of it (`stages/publish_alerts.py`): so of an
audience and an alert the newest record says whether something waits. What version 1 of the schema wrote does not say
what became of it, and is left aside.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from safety_stream.core.model.findings import Priority
from safety_stream.core.model.sharing import Withheld


class StillWithheld:
    """What waits, while `withheld` is being read in order."""

    def __init__(self) -> None:
        """Nothing does."""
        self._waits: dict[tuple[str, str], Withheld] = {}

    def take(self, withheld: Withheld) -> None:
        """Fold one record in."""
        if withheld.state == "waits":
            self._waits[withheld.audience, withheld.alert_id] = withheld
        elif withheld.state is not None:
            self._waits.pop((withheld.audience, withheld.alert_id), None)

    def counts(self) -> Mapping[tuple[str, tuple[str, ...]], Counter[Priority]]:
        """How many alerts of each priority wait, by the audience and the agreements that would let them go; sorted."""
        found: dict[tuple[str, tuple[str, ...]], Counter[Priority]] = {}
        for one in self._waits.values():
            # A state has its priority: both came with version 2.
            found.setdefault((one.audience, one.agreements), Counter())[one.priority or "P4"] += 1
        return dict(sorted(found.items()))
