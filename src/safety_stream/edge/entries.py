"""What an adapter makes of a partner's file: reports with their line, or the reason why a line is none.

An adapter is a function from an open file to a stream of these. It never raises for a line, only for a file that is
not what it says it is (`UnreadableFile`); and it never holds a whole file in memory.
"""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import BinaryIO, cast

import msgspec

from safety_stream.core.model.links import PersonLink
from safety_stream.core.model.reports import Report
from safety_stream.core.model.times import Instant
from safety_stream.wire.schema import Json

Details = Mapping[str, Mapping[str, Json]]
"""Native detail records by name (`police_crime`), as documents of the schema: instants and dates as text."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """The report on line `line` (from 1) of a file.

    `received_at` is when the backbone received it, for history that is played again; None when it is received now.
    """

    line: int
    report: Report
    received_at: Instant | None = None
    details: Details = {}


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """The decision about two persons' tokens on line `line` (from 1) of a file.

    `received_at` is when the backbone received it, for history that is played again; None when it is received now.
    """

    line: int
    link: PersonLink
    received_at: Instant | None = None


class Fault(msgspec.Struct, frozen=True):
    """What is wrong with one field, named like `place.uprn`, or, where it is empty, with the line as a whole."""

    field: str
    reason: str

    def __str__(self) -> str:
        return f"field {self.field}: {self.reason}" if self.field else self.reason


class Reject(msgspec.Struct, frozen=True, kw_only=True):
    """Line `line` is no report. `reason` names the field and the mend; `faults` has the same, field by field.

    They repeat neither a value nor a name nobody knows: where a file is wrong altogether, either may be a person's.
    """

    line: int
    reason: str
    faults: tuple[Fault, ...] = ()


class UnreadableFile(Exception):
    """The file as a whole cannot be read: not the format it is said to be, or cut short. Mend or fetch it again."""


@contextmanager
def plain(file: BinaryIO) -> Iterator[BinaryIO]:
    """The bytes of an open file, unpacked when they are gzip (told by their first two bytes, not by a name).

    The file itself stays open: it is its opener's to close.
    """
    buffered = io.BufferedReader(cast(io.RawIOBase, file))
    try:
        if buffered.peek(2)[:2] == b"\x1f\x8b":
            with gzip.GzipFile(fileobj=buffered) as unpacked:
                yield cast(BinaryIO, io.BufferedReader(unpacked))
        else:
            yield cast(BinaryIO, buffered)
    finally:
        buffered.detach()
