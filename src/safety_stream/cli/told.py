"""All there is of a topic: as Kafka holds it, or as a table of one value as JSON a line, which a replay writes."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from safety_stream.cli.terminal import connect
from safety_stream.config import Connection
from safety_stream.edge.entries import UnreadableFile, plain
from safety_stream.streaming.reading import high_watermarks, low_watermarks, read_between
from safety_stream.wire.codecs import shipped_codecs
from safety_stream.wire.topology import row_of

T = TypeVar("T")


class Held:
    """What Kafka holds of a topic by now: its values, of how many partitions, and whether the first are still there."""

    def __init__(self, kafka: Connection, topic: str) -> None:
        """Ask how far it goes. Raises `Wrong` when Kafka does not answer."""
        connect(kafka)
        self._kafka = kafka
        self._decode = shipped_codecs().decoder(row_of(topic).subjects)
        self._starts, self._ends = low_watermarks(kafka, [topic]), high_watermarks(kafka, [topic])
        self.partitions = len(self._ends)
        self.is_whole = not any(self._starts.values())

    def values(self) -> Iterator[msgspec.Struct]:
        """Read them, partition by partition in order."""
        for record in read_between(self._kafka, self._starts, self._ends):
            yield self._decode(record.value)


def told_in(path: Path, decode: Callable[[bytes], T], mend: str) -> Iterator[T]:
    """Every value of a file (also gzip), in order. Raises `UnreadableFile` with the line that is none, and the mend."""
    number = 0
    try:
        with path.open("rb") as file, plain(file) as lines:
            for number, line in enumerate(lines, 1):  # noqa: B007 - the errors name it
                yield decode(line)
    except (EOFError, OSError, UnicodeDecodeError, zlib.error, msgspec.DecodeError) as error:
        raise UnreadableFile(f"{path}: broken at line {number} ({error}): {mend}") from None
