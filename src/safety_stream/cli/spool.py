"""Arrivals put into order of receipt, however many there are.

What is read is collected in runs; a run that is full is sorted and laid down in a file without a name, which goes when
the process does. Whoever reads the spool merges the runs, so of ten years no more is in memory than one run.
"""

from __future__ import annotations

import heapq
import tempfile
import weakref
from collections.abc import Iterator
from typing import IO, Final

import msgspec

from safety_stream.core.model.times import Instant
from safety_stream.replay import Arrival

RUN: Final = 100_000
"""How many arrivals are sorted in memory: some fifty megabytes. A history with no more never touches the disk."""

_LENGTH: Final = 4
_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(Arrival)


class Spool:
    """Arrivals in order of receipt; of those received at one moment decisions come first, else as they were added.

    Decisions come first because who is who is known when the report comes. One iteration at a time.
    """

    def __init__(self) -> None:
        """Begin empty."""
        self._runs: list[IO[bytes]] = []
        self._run: list[Arrival] = []
        self._length = 0
        self._first: Instant | None = None
        self._last: Instant | None = None

    def __len__(self) -> int:
        """How many have been added."""
        return self._length

    def __iter__(self) -> Iterator[Arrival]:
        """All of them, in order. Raises `OSError`."""
        self._run.sort(key=_turn)
        # Not returned: whoever goes through them holds the spool, and with it the files.
        yield from heapq.merge(*map(_read, self._runs), self._run, key=_turn)

    @property
    def first(self) -> Instant | None:
        """When the first was received, if there is any."""
        return self._first

    @property
    def last(self) -> Instant | None:
        """When the last was received, if there is any."""
        return self._last

    def add(self, arrival: Arrival) -> None:
        """Put one in. Raises `OSError` where the disk is full."""
        self._run.append(arrival)
        self._length += 1
        at = arrival.received_at
        self._first = at if self._first is None else min(self._first, at)
        self._last = at if self._last is None else max(self._last, at)
        if len(self._run) == RUN:
            self._lay_down()

    def _lay_down(self) -> None:
        self._run.sort(key=_turn)
        file = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the spool
        weakref.finalize(self, file.close)
        for arrival in self._run:
            packed = _ENCODER.encode(arrival)
            file.write(len(packed).to_bytes(_LENGTH, "big"))
            file.write(packed)
        self._runs.append(file)
        self._run = []


def _turn(arrival: Arrival) -> tuple[Instant, bool]:
    return arrival.received_at, arrival.topic != "person-links"


def _read(file: IO[bytes]) -> Iterator[Arrival]:
    file.seek(0)
    while length := file.read(_LENGTH):
        yield _DECODER.decode(file.read(int.from_bytes(length, "big")))
