"""A stage as the loop sees it: one row of the topology. And the few numbers that bound the loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from safety_stream.core.model.times import Instant
from safety_stream.core.stages.stage import Output, Record, Rows, Scanned, Step
from safety_stream.streaming.dead_letter_limit import DeadLetterLimit
from safety_stream.streaming.ports import Headers, Incoming


class Encoded(msgspec.Struct, frozen=True, gc=False):
    """An output as bytes, ready to produce."""

    key: bytes | None
    value: bytes | None
    headers: Headers = ()


Seal = Callable[[Rows, Sequence[Output]], Sequence[Output]]
"""What a step gave out as it is to go out. Raises `Retriable` for as long as that cannot be said: it is asked again.

The rows are the step's own, as it left them: what is written there is committed with the outputs, or not at all.
"""


Screen = Callable[[Rows, Sequence[Record]], Sequence[Record]]
"""The records of a batch as the step is to see them: what somebody else knows to be none is `Refused`.

As many as there were, in their order. Raises `Retriable` likewise.
"""


def as_they_came(_: Rows, records: Sequence[Record]) -> Sequence[Record]:
    """The records, unchanged."""
    return records


def as_it_is(_: Rows, outputs: Sequence[Output]) -> Sequence[Output]:
    """What a step gave out, unchanged: what all stages do but the one that seals."""
    return outputs


class Door(Protocol):
    """Who stands where partners' tokens come in, and has both words."""

    def screen(self, rows: Rows, records: Sequence[Record]) -> Sequence[Record]:
        """See `Screen`."""

    def seal(self, rows: Rows, outputs: Sequence[Output]) -> Sequence[Output]:
        """See `Seal`."""


@dataclass(frozen=True, slots=True)
class StageSpec:
    """What a stage reads, what it does, and where its memory is kept.

    All topics of `inputs` and the `changelog` (compacted, `delete.retention.ms` of a day or more) have the same number
    of partitions: partition n of each of them is one unit, owned by one worker, with one store. `decode` never raises
    for input: what it cannot read becomes a `Record` whose value is `Refused`. `encode` gives the bytes of one output;
    topic, partition and timestamp are the output's own. `gathers`: for how many seconds the stage collects records
    before doing with what there is, where that is longer than the loop's own wait. `withheld`: how many alerts its rows
    keep back at present, by audience, why, and priority; None where a stage keeps none back. `screen` has the first
    word on what comes in, `seal` the last one on what goes out; they may ask somebody who does not answer, and then the
    stage waits, for as long as it takes.
    """

    name: str
    inputs: tuple[str, ...]
    changelog: str
    step: Step
    decode: Callable[[Incoming], Record]
    encode: Callable[[Output], Encoded]
    gathers: float = 0.0
    withheld: Callable[[Scanned], Mapping[tuple[str, str, str], int]] | None = None
    screen: Screen = as_they_came
    seal: Seal = as_it_is


class Replaceable:
    """A step that another can take the place of at any moment, from any thread.

    Nothing is handed on but the rows, so it does not matter that one partition of a batch met the old one and another
    the new, or that an aborted batch is done again by the new.
    """

    def __init__(self, step: Step) -> None:
        """Begin with this step."""
        self._step = step

    def replace(self, step: Step) -> None:
        """Do by this step from now on."""
        self._step = step

    def __call__(self, rows: Rows, records: Sequence[Record], idle_at: Instant | None) -> list[Output]:
        """Do as the step does."""
        return self._step(rows, records, idle_at)


@dataclass(frozen=True, slots=True)
class LoopSettings:
    """The bounds of one loop. Durations in seconds.

    `batch_records`: the most records in one transaction. `batch_bytes`: how many bytes of values may wait before no
    more are asked for; what one poll brings can go beyond it, and no further. `batch_wait`: how long to wait for more
    before doing with what there is. `revoke_budget`: how long a revocation waits for the batch in flight.
    `idle_every`: how often a partition that is read to its end is woken with the injected clock. `attempts`: how often
    a batch is done again before the process gives up.
    """

    batch_records: int = 2_000
    batch_bytes: int = 16 * 1024 * 1024
    batch_wait: float = 0.010
    revoke_budget: float = 5.0
    idle_every: float = 1.0
    attempts: int = 100
    dead_letters: DeadLetterLimit = field(default_factory=DeadLetterLimit)
