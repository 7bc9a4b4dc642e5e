"""Tokens that were made of the same file, read beside it: `safety-stream tokens make` numbers its lines like the rows.

A token on the wrong row is another person, so it is not enough that the number is the same: each line of tokens must
repeat the reference of its row. Both files are read once, from front to back.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from safety_stream.core.model.incidents import Role
from safety_stream.edge.entries import UnreadableFile
from safety_stream.edge.personal import OF_PARTIES, is_token

OTHER_ROW = "the line of tokens for this row has another reference: make tokens of this very file, with a reference"

NO_LINE = "no line of tokens is for this row: see what `tokens make` refused, or make tokens of this very file"
"""What is wrong with a row whose persons nobody has made tokens of."""


class _Party(msgspec.Struct, frozen=True):
    """A person in a role; one whose token would be weak has none."""

    role: Role
    token: str | None = None


class Beside(msgspec.Struct, frozen=True, kw_only=True):
    """The tokens of one row."""

    line: int
    reference: str = ""
    parties: tuple[_Party, ...] = ()
    vehicles: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()

    def is_sound(self) -> bool:
        """Whether all of it are tokens."""
        return (
            all(one.token is None or is_token(one.token, OF_PARTIES) for one in self.parties)
            and all(is_token(one, {"vehicle"}) for one in self.vehicles)
            and all(is_token(one, {"phone"}) for one in self.phones)
        )


class TokenFile:
    """A file of `tokens make`. `digest` is of its bytes: with other tokens the same rows are other reports."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with path.open("rb") as file:
            self.digest = hashlib.file_digest(file, "sha256").hexdigest()[:16]

    def lines(self) -> Iterator[Beside]:
        """Its lines in their order. Raises `UnreadableFile`."""
        last = 0
        with self._path.open("rb") as file:
            for number, text in enumerate(file, 1):
                try:
                    found = _DECODER.decode(text)
                except (msgspec.DecodeError, UnicodeDecodeError):
                    found = Beside(line=0)
                if found.line <= last or not found.is_sound():
                    raise UnreadableFile(
                        f"{self._path.name}:{number}: no line of tokens as `safety-stream tokens make` writes them, in "
                        "order: make them again"
                    )
                last = found.line
                yield found


class Following:
    """Goes through lines of tokens beside the rows of their file."""

    def __init__(self, lines: Iterator[Beside]) -> None:
        self._lines = lines
        self._next = next(lines, None)

    def of(self, line: int) -> Beside | None:
        """The tokens of the row on a line, which is later than the one asked for before; None where there are none."""
        while self._next is not None and self._next.line < line:
            self._next = next(self._lines, None)
        return self._next if self._next is not None and self._next.line == line else None


_DECODER = msgspec.json.Decoder(Beside)
