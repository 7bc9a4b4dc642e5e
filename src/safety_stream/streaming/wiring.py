"""From a row of the topology to a stage the loop can run: its step, and the codecs at both of its ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from safety_stream.core.catalogue import Catalogue
from safety_stream.core.sealing import keeping_to_it
from safety_stream.core.stages.publish_alerts import WITHHELD, waiting_now
from safety_stream.core.stages.stage import Output, Record
from safety_stream.streaming.ports import Incoming
from safety_stream.streaming.spec import Door, Encoded, StageSpec
from safety_stream.wire.records import Records
from safety_stream.wire.topology import StageRow, inputs

ATTEMPTS_HEADER = "safety-attempts"
"""On a record that was put back from the dead letters: how often it was refused before."""


_DIGITS = 6
"""Anybody can write headers: what does not fit a count is cut."""


_DOOR_IN = "intake"
"""The stage that partners' tokens come in by: nothing behind it sees one where it seals."""


def stage_specs(
    rows: Sequence[StageRow], catalogue: Catalogue, partitions: int, door: Door | None = None
) -> list[StageSpec]:
    """The stages of these rows, ready to run; `partitions` is how many the topics spread by key have.

    `door` seals what intake gives out, and says of what comes to it what it must refuse; None: it goes as it is
    (`core/sealing.py`).
    """
    wire = Records(read_here={topic for row in rows for topic in row.reads})
    specs = [_spec(row, catalogue, partitions, wire) for row in rows]
    return [_at_the_door(spec, door) if spec.name == _DOOR_IN else spec for spec in specs]


def _at_the_door(spec: StageSpec, door: Door | None) -> StageSpec:
    step = keeping_to_it(spec.step, is_on=door is not None)
    return replace(spec, step=step) if door is None else replace(spec, step=step, screen=door.screen, seal=door.seal)


def _spec(row: StageRow, catalogue: Catalogue, partitions: int, wire: Records) -> StageSpec:
    def decode(incoming: Incoming) -> Record:
        return wire.record(
            incoming.topic,
            incoming.partition,
            incoming.offset,
            incoming.timestamp,
            incoming.key,
            incoming.value,
            attempts=_attempts(incoming),
        )

    def encode(output: Output) -> Encoded:
        key = None if output.key is None else output.key.encode()
        return Encoded(key, wire.encode(output.topic, output.value))

    return StageSpec(
        name=row.name,
        inputs=inputs(row, catalogue),
        changelog=f"changelog.{row.name}",
        step=row.make_step(catalogue, partitions),
        decode=decode,
        encode=encode,
        gathers=row.gathers,
        withheld=waiting_now if WITHHELD in row.writes else None,
    )


def _attempts(incoming: Incoming) -> int:
    for name, value in incoming.headers:
        if name == ATTEMPTS_HEADER and value and value.isdigit():
            return int(value[:_DIGITS])
    return 0
