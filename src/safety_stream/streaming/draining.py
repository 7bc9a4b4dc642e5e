"""Whether a stage has anything left to do: asked of the log itself, not of the worker.

A group's committed offset and a partition's end cannot simply be compared: the end counts the markers of transactions,
which nobody reads. So one reads on from the committed offset: a record means there is work left, the end means there is
none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import monotonic

from safety_stream.config import Connection
from safety_stream.core.catalogue import Catalogue
from safety_stream.streaming.reading import (
    NeverEnds,
    committed_offsets,
    high_watermarks,
    low_watermarks,
    read_between,
)
from safety_stream.wire.topology import STAGES, inputs

_QUIET_ROUNDS = 2


def wait_until_drained(
    kafka: Connection,
    catalogue: Catalogue,
    *,
    prefix: str = "safety-stream",
    seconds: float,
    check: Callable[[], None] = lambda: None,
) -> None:
    """Return once no stage has anything left to do; whatever is still being put in counts.

    The stages are asked in order, and all of them twice running: between two questions an earlier stage may have made
    work for a later one. What a stage makes for itself is seen whenever it is asked (`has_work_left`). Raises
    `NeverEnds` when that takes longer than `seconds`; `check` is called before each round and may raise, to end it.
    """
    until = monotonic() + seconds
    quiet = 0
    while quiet < _QUIET_ROUNDS:
        check()
        if monotonic() > until:
            raise NeverEnds(f"the stages were not through with everything in {seconds:.0f} s; is a worker running?")
        busy = any(has_work_left(kafka, f"{prefix}.{row.name}", inputs(row, catalogue)) for row in STAGES)
        quiet = 0 if busy else quiet + 1


def has_work_left(kafka: Connection, group: str, topics: Sequence[str]) -> bool:
    """Whether a committed record of the topics lies beyond what the group has committed.

    Raises `NoSuchTopic`, `NeverEnds`, and `KafkaException` when the broker cannot be asked.
    """
    begins = low_watermarks(kafka, topics)
    reads_on = begins | committed_offsets(kafka, group, begins)
    # The ends after the offsets: what a stage wrote to its own input as it committed them is seen then.
    ends = high_watermarks(kafka, topics)
    return next(read_between(kafka, reads_on, ends), None) is not None
