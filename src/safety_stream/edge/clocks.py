"""A time as a clock on the wall shows it, with no zone beside it: which instants it may be in Europe/London."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from safety_stream.core.model.times import LONDON, Instant, to_instant

YEARS: Final = range(1900, 3000)
"""What is not of these years is a mistake: nothing older is reported, and no calendar reaches further."""

LEFT_OUT: Final = "is in the hour that the clocks of spring leave out: there was no such time"
"""What is wrong with a time that no clock has shown."""


def shown(told: datetime) -> tuple[Instant, Instant] | None:
    """The instants at which London's clocks showed this: one, twice, or the two of autumn; None for one of spring's.

    A time that states a zone is one instant.
    """
    if told.tzinfo is not None:
        return (to_instant(told),) * 2
    earlier, later = (to_instant(told.replace(tzinfo=LONDON, fold=fold)) for fold in (0, 1))
    return None if earlier > later else (earlier, later)
