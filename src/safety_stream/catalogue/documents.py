"""YAML as the catalogue uses it: plain values, each with the line it stands on.

Only a subset is read, because reviewers must be able to trust what they see. No anchors and aliases (nor the bombs made
of them), no tags, no duplicate keys, no characters that cannot be seen, bounded in size and depth. And no surprises of
YAML 1.1: `no` is a word, `010` and `1:30` are text, dates stay text; only `true`, `false`, `null` and plain numbers are
anything else.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec
import yaml

Plain = str | int | float | bool | None | list["Plain"] | dict[str, "Plain"] | dict[int, "Plain"]
"""What a document is made of."""

Where = tuple[str | int, ...]
"""The keys and indices that lead to a value."""

BYTES_MAX = 1_000_000
DEPTH_MAX = 12
VALUES_MAX = 50_000
TEXT_MAX = 4_000
KEY_MAX = 200

_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_NUMBER = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})\.[0-9]{1,17}")


class UnreadableError(Exception):
    """A file that is not YAML as the catalogue uses it; `line` is where it stops being so."""

    def __init__(self, line: int, what: str, mend: str) -> None:
        super().__init__(what)
        self.line = line
        self.what = what
        self.mend = mend


class Document(msgspec.Struct, frozen=True):
    """The value of a file, the line each part of it begins on, and the bytes it was read from."""

    value: Plain
    lines: dict[Where, int]
    content: bytes = b""

    def line_of(self, where: Where) -> int:
        """The line of the value at `where`, or of the nearest thing around it."""
        while where not in self.lines and where:
            where = where[:-1]
        return self.lines.get(where, 1)


def read_document(path: Path) -> Document:
    """Read a file. Raises `UnreadableError` for anything outside the subset, and `OSError`.

    Of a file that is too large no more is read than it takes to know that, and of what is no file (a pipe, a device)
    nothing at all: its end might never come.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise UnreadableError(1, "it is no file", "put a file there")
    with path.open("rb") as file:
        content = file.read(BYTES_MAX + 1)
    if len(content) > BYTES_MAX:
        raise UnreadableError(1, f"the file has more than {BYTES_MAX} bytes", "split it")
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UnreadableError(line, "the file is not UTF-8", "save it as UTF-8") from None
    return msgspec.structs.replace(parse_document(text), content=content)


def parse_document(text: str) -> Document:
    """Read a text. Raises `UnreadableError`."""
    text = text.removeprefix("\ufeff")
    if not _is_seen(text):
        line = next(number for number, one in enumerate(text.split("\n"), start=1) if not _is_seen(one))
        raise UnreadableError(line, "there is a character nobody can see", _MEND_UNSEEN)
    if yaml.__with_libyaml__:
        # In C it takes a tenth of the time; what is wrong, the other tells better.
        with suppress(yaml.MarkedYAMLError):
            return _Reader(text, yaml.CSafeLoader).document()
    try:
        return _Reader(text, yaml.SafeLoader).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        if mark is not None and _is_indented_by_tab(text, mark.line):
            raise UnreadableError(line, "there is a tab at the beginning of the line", "indent with blanks") from None
        raise UnreadableError(line, f"not YAML: {error.problem or error.context}", "mend the syntax") from None


def _is_indented_by_tab(text: str, number: int) -> bool:
    line = "".join(text.split("\n")[number : number + 1])
    return "\t" in line[: len(line) - len(line.lstrip())]


_MEND_UNSEEN = "leave it out, or write a plain space"
_LAYOUT = dict.fromkeys(map(ord, "\n\r\t"))


def _is_seen(text: str) -> bool:
    """Whether every character of the text shows: none steers a terminal, turns the direction or has no width."""
    return text.translate(_LAYOUT).isprintable()


class _Reader:
    """One pass over the parser's events; the parser keeps its own stack, so depth costs nothing until it is refused."""

    def __init__(self, text: str, loader: type[yaml.SafeLoader | yaml.CSafeLoader]) -> None:
        self._events: Iterator[yaml.Event] = yaml.parse(text, Loader=loader)
        self._lines: dict[Where, int] = {}

    def document(self) -> Document:
        event = self._next()
        while isinstance(event, yaml.StreamStartEvent | yaml.DocumentStartEvent):
            event = self._next()
        if isinstance(event, yaml.StreamEndEvent):
            return Document(None, {(): 1})
        value = self._value(event, ())
        rest = [self._next(), self._next()]
        if not isinstance(rest[1], yaml.StreamEndEvent):
            raise UnreadableError(_line(rest[1]), "there is a second document in the file", "one file, one document")
        return Document(value, self._lines)

    def _next(self) -> yaml.Event:
        return next(self._events)

    def _value(self, event: yaml.Event, where: Where) -> Plain:
        self._lines.setdefault(where, _line(event))
        _refuse_indirection(event)
        if len(self._lines) > VALUES_MAX or len(where) > DEPTH_MAX:
            raise UnreadableError(_line(event), "the file holds too much, or nests too deeply", "flatten or split it")
        if isinstance(event, yaml.ScalarEvent):
            return _scalar(event)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(where)
        return self._mapping(where)

    def _sequence(self, where: Where) -> list[Plain]:
        values: list[Plain] = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            values.append(self._value(event, (*where, len(values))))
        return values

    def _mapping(self, where: Where) -> Plain:
        values: dict[str | int, Plain] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            _refuse_indirection(event)
            key = _scalar(event) if isinstance(event, yaml.ScalarEvent) else None
            if isinstance(key, bool) or not isinstance(key, str | int):
                raise UnreadableError(_line(event), "a key is neither a word nor a whole number", "quote or mend it")
            if isinstance(key, str) and len(key) > KEY_MAX:
                raise UnreadableError(_line(event), f"a key has more than {KEY_MAX} characters", "shorten it")
            if key in values:
                raise UnreadableError(_line(event), f"the key {key} stands twice in one mapping", "remove one of them")
            self._lines[*where, key] = _line(event)
            values[key] = self._value(self._next(), (*where, key))
        return values  # type: ignore[return-value]  # mixed keys are refused by the models that name them


def _refuse_indirection(event: yaml.Event) -> None:
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
        raise UnreadableError(_line(event), "anchors and aliases are not read", "write the value out")
    if getattr(event, "tag", None) is not None:
        raise UnreadableError(_line(event), "tags are not read", "leave the tag out")


def _scalar(event: yaml.ScalarEvent) -> str | int | float | bool | None:
    text: str = event.value
    if len(text) > TEXT_MAX:
        raise UnreadableError(_line(event), f"a text has more than {TEXT_MAX} characters", "shorten it")
    if not _is_seen(text):
        raise UnreadableError(_line(event), "a text stands for characters nobody can see", _MEND_UNSEEN)
    if not event.implicit[0]:
        return text
    if text in ("", "~", "null"):
        return None
    if text in ("true", "false"):
        return text == "true"
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _NUMBER.fullmatch(text) else text


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark is not None else 1
