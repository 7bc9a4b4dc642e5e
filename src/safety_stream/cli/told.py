"""Tables of values, one as JSON a line, as a replay writes them and `--json` prints them."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from safety_stream.edge.entries import UnreadableFile, plain

T = TypeVar("T")


def told_in(path: Path, decode: Callable[[bytes], T], mend: str) -> Iterator[T]:
    """Every value of a file (also gzip), in order. Raises `UnreadableFile` with the line that is none, and the mend."""
    number = 0
    try:
        with path.open("rb") as file, plain(file) as lines:
            for number, line in enumerate(lines, 1):  # noqa: B007 - the errors name it
                yield decode(line)
    except (EOFError, OSError, zlib.error, msgspec.DecodeError) as error:
        raise UnreadableFile(f"{path}: broken at line {number} ({error}): {mend}") from None
