"""The formats a file may have, by the name the command line gives them: one line per adapter."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO, Literal

from safety_stream.core.catalogue import Areas
from safety_stream.edge import canonical, istv, mait, police_uk, stats19
from safety_stream.edge.entries import Entry, Reject

Adapter = Callable[[BinaryIO, Areas | None], Iterator[Entry | Reject]]
"""Reads an open file, plain or gzip; raises `UnreadableFile` only for the file as a whole."""

Format = Literal["canonical", "istv", "mait", "police-uk", "stats19"]
"""What a file may be said to be."""

FORMATS: Mapping[Format, Adapter] = {
    "canonical": canonical.read,
    "istv": istv.read,
    "mait": mait.read,
    "police-uk": police_uk.read,
    "stats19": stats19.read,
}
