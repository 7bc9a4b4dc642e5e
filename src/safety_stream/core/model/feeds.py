"""How complete the picture is: per source, the newest time of reporting seen. It never drops anything."""

from __future__ import annotations

import msgspec

from safety_stream.core.model.times import Instant


class FeedStatus(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """How far the feeds have come, as one partition of a stage says: the newest `reported_at` per source, its `as_of`.

    Intake says it to every partition of `incidents`, after the incidents it speaks of; each partition of register says
    on what it has heard to every partition of `sightings` and `tallies`, after what it made of those incidents. So a
    feed has come as far as the *last* partition of register says: one that lags behind may still hold the report that
    cancels a deadline. And deadlines fire on quiet partitions too. Each partition of measure says it once more, to
    whoever reads `indicator-values`, when it comes to another day.
    """

    as_of: Instant
    newest: dict[str, Instant]
    partition: int
