"""How complete the picture is: per source, the newest event time seen. It never drops anything."""

from __future__ import annotations

import msgspec

from safety_stream.core.model.times import Instant


class FeedStatus(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What one partition of `register` has seen: the newest `reported_at` of each source, and its own `as_of`.

    It travels to every partition of `sightings` and `tallies`, so that deadlines fire on quiet partitions too.
    """

    as_of: Instant
    newest: dict[str, Instant]
    partition: int
