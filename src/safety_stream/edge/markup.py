"""XML from partners, element by element: nothing in it is looked up, expanded or followed, and nothing grows.

Only the elements that an adapter asks for are kept, each until it is taken, so a file may be as long as it likes. A
document type is refused at its first letter: without one there are no entities of anybody's making, and so no bombs and
nothing to fetch. Depth, text, the number of parts and the length of one tag are bounded.

Namespaces and the writing of names are passed over: `ns:Assault_Method` and `AssaultMethod` are one, because exports of
one standard differ in them and never in what they mean.

An element that is not what an adapter wants is a matter of that element. XML that is broken cannot be gone on with: the
file is unreadable from there, and what stood before was taken.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Collection, Iterator
from typing import BinaryIO, Final
from xml.parsers import expat

import msgspec

from safety_stream.edge.entries import Reject, UnreadableFile, plain

DEPTH_AT_MOST: Final = 16
PARTS_AT_MOST: Final = 1_000
TEXT_AT_MOST: Final = 4_000
TAG_AT_MOST: Final = 1_000_000
"""Bounds of one element that is kept, and the bytes of one tag. Defaults: no message of a partner comes near them."""

_CHUNK: Final = 65_536
_NOT_LETTERS: Final = re.compile(r"[^a-z0-9]")


class Element(msgspec.Struct):
    """An element that was asked for: its name as `name_of` has it, its text, what is in it, and where it begins."""

    name: str
    line: int
    text: str = ""
    parts: list[Element] = msgspec.field(default_factory=list)

    def first(self, *names: str) -> str:
        """The text of the first part of one of these names, at any depth; "" where there is none."""
        return next((part.text for part in self.each() if part.name in names and part.text), "")

    def each(self) -> Iterator[Element]:
        """Its parts and theirs, in order."""
        for part in self.parts:
            yield part
            yield from part.each()


def name_of(written: str) -> str:
    """A name without its namespace, prefix and way of writing: `assaultmethod`."""
    return _NOT_LETTERS.sub("", written.rpartition("}")[2].rpartition(":")[2].lower())


def elements(file: BinaryIO, wanted: Collection[str]) -> Iterator[Element | Reject]:
    """The elements of these names in an open file, plain or gzip, or why one is none; in their order.

    Their lines rise: of several on one line, each after the first is counted on. Raises `UnreadableFile`.
    """
    reader = _Reader(frozenset(wanted))
    try:
        with plain(file) as unpacked:
            while chunk := unpacked.read(_CHUNK):
                yield from reader.feed(chunk)
            yield from reader.end()
    except (EOFError, OSError, zlib.error) as error:
        raise UnreadableFile(f"broken after line {reader.line} ({error}): fetch or write it again") from error


class _Reader:
    """One pass over a document."""

    def __init__(self, wanted: frozenset[str]) -> None:
        self._wanted = wanted
        self._open: list[Element] = []
        self._done: list[Element | Reject] = []
        self._depth = 0
        self._parts = 0
        self._fault = ""
        self._last = 0
        self._fed = 0
        parser = expat.ParserCreate(namespace_separator="}")
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = self._doctype
        parser.EntityDeclHandler = self._doctype
        parser.ExternalEntityRefHandler = self._doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        self._parser = parser

    @property
    def line(self) -> int:
        """How far it was read."""
        return self._parser.CurrentLineNumber

    def feed(self, chunk: bytes) -> list[Element | Reject]:
        """What was completed by the next bytes."""
        self._fed += len(chunk)
        self._parse(chunk, is_last=False)
        if self._fed - self._parser.CurrentByteIndex > TAG_AT_MOST:
            raise UnreadableFile(f"a tag after line {self.line} is longer than {TAG_AT_MOST:,} bytes: is it XML?")
        return self._taken()

    def end(self) -> list[Element | Reject]:
        """What was completed by the end."""
        self._parse(b"", is_last=True)
        return self._taken()

    def _parse(self, chunk: bytes, *, is_last: bool) -> None:
        try:
            self._parser.Parse(chunk, is_last)
        except expat.ExpatError as error:
            # Its own words for it; they repeat nothing of the file.
            said = expat.ErrorString(error.code)
            raise UnreadableFile(f"no XML from line {error.lineno} on ({said}): write or fetch it again") from None
        except (LookupError, ValueError):
            raise UnreadableFile("it is in an encoding that is not read: write it in UTF-8") from None

    def _taken(self) -> list[Element | Reject]:
        done, self._done = self._done, []
        return done

    def _doctype(self, *_: object) -> int:
        raise UnreadableFile("it has a document type, which could make it anything: leave <!DOCTYPE …> out")

    def _start(self, name: str, _attributes: object) -> None:
        self._depth += 1
        if self._depth > DEPTH_AT_MOST:
            raise UnreadableFile(f"more than {DEPTH_AT_MOST} elements within one another on line {self.line}")
        found = name_of(name)
        if self._open:
            self._parts += 1
            if self._parts > PARTS_AT_MOST:
                self._fault = f"it has more than {PARTS_AT_MOST:,} parts"
                found = ""
            part = Element(found, self.line)
            if found:
                self._open[-1].parts.append(part)
            self._open.append(part)
        elif found in self._wanted:
            self._parts, self._fault = 0, ""
            self._last = max(self._last + 1, self.line)
            self._open.append(Element(found, self._last))

    def _end(self, _name: str) -> None:
        self._depth -= 1
        if not self._open:
            return
        done = self._open.pop()
        done.text = done.text.strip()
        if not self._open:
            self._done.append(Reject(line=done.line, reason=self._fault) if self._fault else done)

    def _text(self, text: str) -> None:
        if not self._open:
            return
        at = self._open[-1]
        if len(at.text) + len(text) > TEXT_AT_MOST:
            self._fault = f"it has a text of more than {TEXT_AT_MOST:,} characters"
        else:
            at.text += text
