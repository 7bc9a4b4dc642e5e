"""The steward's restricted store: of each token of a person, all the tokens that partners' records have beside it.

A file is what `tokens make --linking` writes at a partner: a line for each record, with tokens alone. What all files
say of one token is put together, for it is one person already. A record without a token of its own is in no report, so
there is nothing to link.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

KINDS: Final = (
    "person",
    "nhs",
    "upn",
    "pnc",
    "sound",
    "area",
    "known-as",
    "given",
    "order",
    "swap",
    "year",
    "home",
    "uprn",
)
"""Kinds of token that two persons' records may share, as `edge.tokens` makes them: `epoch.kind.digits`."""

LINE_AT_MOST: Final = 100_000
"""A line of more bytes is no record of a person."""

_PARTS: Final = 3


class BadStore(Exception):
    """A file is none of the restricted store's. The message names file and line, and no token."""


class Line(msgspec.Struct, frozen=True):
    """What is read of a line; it says more, as the partner's reference, with which nothing is done."""

    token: str | None = None
    verified: tuple[str, ...] = ()
    secondary: tuple[str, ...] = ()
    weak: tuple[str, ...] = ()
    places: tuple[str, ...] = ()


class Store:
    """What the files hold: `beside` are, of each person's token, the tokens beside it, by kind."""

    def __init__(self) -> None:
        """Nothing is there yet."""
        self.records = 0
        self.without_token = 0
        self.beside: dict[str, dict[str, set[str]]] = {}

    def take(self, line: Line) -> None:
        """Put one more record to it."""
        self.records += 1
        if line.token is None:
            self.without_token += 1
            return
        known = self.beside.setdefault(line.token, {})
        for token in (line.token, *line.verified, *line.secondary, *line.weak, *line.places):
            kind = _kind_of(token)
            if kind in KINDS:
                known.setdefault(kind, set()).add(token)

    def known_as(self, names: Mapping[str, str]) -> Store:
        """The same, each person by what stands for the token behind intake; whoever nothing stands for is left out."""
        known = Store()
        known.records, known.without_token = self.records, self.without_token
        known.beside = {names[token]: held for token, held in self.beside.items() if token in names}
        return known


def read_store(paths: Iterable[Path]) -> Store:
    """All that these files hold. Raises `BadStore`, and `OSError`."""
    store = Store()
    decoder = msgspec.json.Decoder(Line)
    for path in paths:
        with path.open("rb") as file:
            for number, text in _lines(file):
                try:
                    store.take(decoder.decode(text))
                except (msgspec.DecodeError, UnicodeDecodeError):
                    # Nothing is chained: what such errors say may hold a part of the line.
                    what = "is no line of tokens make --linking"
                    raise BadStore(f"{path}:{number} {what}: get the file again from its partner") from None
    return store


def _lines(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    number = 0
    while text := file.readline(LINE_AT_MOST + 1):
        number += 1
        if text.strip():
            yield number, text


def _kind_of(token: str) -> str:
    """What a token is made of, by its own word; empty where it is none of ours."""
    parts = token.split(".")
    return parts[1] if len(parts) == _PARTS else ""
