"""When a provider that failed is tried again: later each time, never all at once, and not before it asked."""

from __future__ import annotations

from safety_stream.core.delivering import Retrying
from safety_stream.core.model.times import Instant

_DOUBLINGS_MAX = 30


def wait_after(failures: int, asked: Instant, chance: float, bounds: Retrying) -> Instant:
    """Milliseconds to leave a provider alone after `failures` (from 1) in a row.

    The first wait is doubled for each further failure, up to the most; `chance`, from 0 to 1, takes off up to half of
    it, so that many who failed together do not come back together. What the provider `asked` for is never cut short.
    """
    doubled = bounds.first << min(failures - 1, _DOUBLINGS_MAX)
    return max(asked, round(min(bounds.most, doubled) * (1 - chance / 2)))
