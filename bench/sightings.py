"""What register and link make of the synthetic county: the input of detect, kept as the bytes they are on Kafka."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
from county import read_county_file

from safety_stream.catalogue import load_catalogue
from safety_stream.core.model.feeds import FeedStatus
from safety_stream.core.model.sightings import FINDING, SightingChange, key_kind
from safety_stream.core.model.times import Instant
from safety_stream.core.stages.stage import Output, Record
from safety_stream.data_files import catalogue_folder
from safety_stream.replay import Arrival, Pipeline, Result
from safety_stream.wire.records import Records

SIGHTINGS = "sightings"
"""The topic."""


class Written(msgspec.Struct, frozen=True, array_like=True):
    """One record of the topic: key, bytes, time of receipt. `feeds`: what it says, if it is word of the feeds."""

    key: bytes | None
    value: bytes
    received_at: Instant
    feeds: FeedStatus | None


class Prepared(msgspec.Struct, frozen=True, array_like=True):
    """The records in order, and the ids of the findings that stand when detect has read them, sorted."""

    records: list[Written]
    standing: list[str]


def prepare_sightings(county: Path, file: Path) -> None:
    """Replay the county and write what detect reads of others; what it says to itself it will say again."""
    wire = Records(read_here=())
    written: list[Written] = []
    result = Result()

    def see(output: Output) -> None:
        result.take(output)
        value = output.value
        if output.topic == SIGHTINGS and not (isinstance(value, SightingChange) and value.sighting.kind == FINDING):
            key = None if output.key is None else output.key.encode()
            feeds = value if isinstance(value, FeedStatus) else None
            written.append(Written(key, wire.encode(SIGHTINGS, value), output.received_at, feeds))

    pipeline = Pipeline(load_catalogue(catalogue_folder()), see)
    for _ in pipeline.run(Arrival(one.topic, one.value, one.received_at) for one in read_county_file(county)):
        pass
    # Of areas it is measure that finds something.
    standing = sorted(one.finding_id for one in result.findings.values() if key_kind(one.key) != "area")
    file.write_bytes(msgspec.msgpack.encode(Prepared(written, standing)))


def read_prepared(file: Path) -> Prepared:
    """What `prepare_sightings` wrote."""
    return msgspec.msgpack.decode(file.read_bytes(), type=Prepared)


def records_of(written: Sequence[Written]) -> Iterator[Record]:
    """The records as detect takes them, read one by one."""
    wire = Records(read_here=())
    for offset, one in enumerate(written):
        yield wire.record(SIGHTINGS, 0, offset, one.received_at, one.key, one.value)


def said_by_all(feeds: FeedStatus, partitions: int) -> list[bytes]:
    """The same word of the feeds from each of so many partitions of register."""
    encode = Records(read_here=()).encode
    return [encode(SIGHTINGS, msgspec.structs.replace(feeds, partition=partition)) for partition in range(partitions)]
