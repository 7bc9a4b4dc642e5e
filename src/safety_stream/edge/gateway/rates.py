"""How much a partner may send: so many reports a minute, evenly, and at most a minute's worth at once.

Each process counts for itself: two gateways let through twice as much. A count in memory costs a microsecond, and the
limit is there to keep one partner's mistake from being everybody's, not to be exact.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

_MINUTE: Final = 60.0


class Rates:
    """What is left for each partner. `seconds` is a clock that never goes back."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._left: dict[str, tuple[float, float]] = {}

    def wait_for(self, partner: str, count: int, per_minute: int) -> float:
        """Take so many reports out of a partner's allowance: 0, or in how many seconds they may come.

        What may not come now takes nothing. More than a minute's worth at once never may: the caller has to see to it.
        """
        now = self._seconds()
        left, then = self._left.get(partner, (float(per_minute), now))
        left = min(float(per_minute), left + (now - then) * per_minute / _MINUTE)
        if count > left:
            self._left[partner] = (left, now)
            return (count - left) * _MINUTE / per_minute
        self._left[partner] = (left - count, now)
        return 0.0
