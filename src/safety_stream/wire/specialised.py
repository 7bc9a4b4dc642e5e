"""Straight-line readers and writers, made once per schema: Avro bytes to model values and back, nothing in between.

Theory of operation
-------------------
A general Avro library walks the schema for every record and builds dictionaries, which then have to be turned into
Structs. Here the walk happens once: from a schema and the Struct it stands for, the source of one Python function is
made in which every field is a few plain statements, and compiled; that is some three times faster. The bytes are
ordinary Avro: `schemas check` proves it against two other libraries.

Reading. `raw` is the value, `p` the place in it. A length or a small number is mostly one byte, even and below 128:
`n & 129` tests both at once, and everything else (longer, negative) goes to a checked function. Nothing tests for the
end of the bytes: a slice beyond it is short, but `p` then stands beyond the end, so the next read raises `IndexError`,
or the last line finds that `p` is not the length. Lengths are never negative and counts never exceed the bytes left, so
`p` never goes back and reading ends. Instants of our age take six bytes, which are read as one.

Writing joins the pieces once. Words and numbers come back again and again, so their bytes are remembered, in bounded
memories that are emptied when full.

Enums are words in the model and symbols on the wire: `evidence-added` is EVIDENCE_ADDED. A symbol without a word (the
default, which exists for readers of older schemas) is refused when read.

Every line of a reader remembers the field it belongs to, so a refusal names the field at no cost to good records.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection, Mapping
from types import TracebackType, UnionType
from typing import Any, Generic, Literal, TypeVar, Union, get_args, get_origin

import msgspec

from safety_stream.wire.schema import Array, AvroType, Enum, Field, Map, Nullable, Primitive, Record

T = TypeVar("T")
REMEMBERED = 16_384
"""How many words and numbers are remembered at most, of each."""

FAULTS = (IndexError, KeyError, ValueError, struct.error, msgspec.ValidationError)
"""What `Reader.read` raises for bytes that are not what the schema says."""

_INSTANT_BYTES = 6
_SIX_BYTES_FROM, _SIX_BYTES_TO = 1 << 35, 1 << 42
_MOST_SYMBOLS = 64


class Unreadable(ValueError):
    """The bytes are not what the schema says."""


class Unsuitable(TypeError):
    """A schema and a Struct, or a Struct and its values, do not fit together: a defect of ours, never of a partner."""


class Reader(Generic[T]):
    """Reads one schema's bytes into one kind of value: made by `reader_of` or `reader_of_fields`."""

    def __init__(self, read: Callable[[bytes, int], T], fields: list[str]) -> None:
        self.read = read
        """The value in `raw` from place `p` to its end. Raises one of `FAULTS`."""
        self.fields = fields
        """The field each line of the compiled function belongs to."""

    def field_of(self, fault: BaseException) -> str:
        """The path of the field at which `read` failed with this exception."""
        step: TracebackType | None = fault.__traceback__
        while step is not None:
            if step.tb_frame.f_code.co_filename == _READER:
                return self.fields[step.tb_lineno - 1]
            step = step.tb_next
        return ""


def reader_of(schema: Record, shape: type[T]) -> Reader[T]:
    """A reader of `schema` into the Struct `shape`; a field the schema lacks must have a default in the Struct.

    Raises `Unsuitable` when they do not fit together.
    """
    source = _Source()
    source.add(0, "", "def read(raw, p):")
    _ReaderMaker(source).value(schema, shape, "out", 1, "")
    return _finished(source)


def reader_of_fields(
    schema: Record, wanted: Mapping[str, object], filled: Collection[str], make: Callable[..., T]
) -> Reader[T]:
    """A reader of the fields in `wanted`, which are given to `make` by name; others are passed over, not interpreted.

    Of the nullable records in `filled` only the names of those that are not null are given, as the argument `filled`,
    in the schema's order; and of their fields those the schema marks as facts, as the argument `native`: a pair of name
    and text for each that says something. Raises `Unsuitable`.
    """
    source = _Source()
    source.add(0, "", "def read(raw, p):", "    filled = native = ()")
    given = _ReaderMaker(source).fields(schema, wanted, 1, "", filled)
    arguments = ", ".join(f"{name}={variable}" for name, variable in given.items())
    source.add(1, "", f"out = {source.constant(make)}({arguments}, filled=filled, native=native)")
    return _finished(source)


def writer_of(
    schema: Record, shape: type[T], header: bytes, default_of: Callable[[Field], bytes] | None = None
) -> Callable[[T], bytes]:
    """A function that writes a Struct `shape` as `schema`, after `header`.

    With `default_of`, fields the Struct lacks are written as the bytes it gives; without, none may be lacking. Raises
    `Unsuitable`. The function raises `Unsuitable`, `KeyError` or `AttributeError` for a value that breaks its own
    annotations.
    """
    source = _Source()
    maker = _WriterMaker(source, default_of)
    statements: list[str] = []
    pieces = maker.record(schema, shape, "value", statements)
    source.add(0, "", "def write(value):")
    source.add(1, "", *statements, f"return b''.join(({source.constant(header)}, {', '.join(pieces)}))")
    writer: Callable[[T], bytes] = source.compiled("write", "<avro writer>")
    return writer


def symbol_of(word: str) -> str:
    """The Avro symbol of a word of the model: `evidence-added` is EVIDENCE_ADDED."""
    return word.replace("-", "_").upper()


def _word_of(symbol: str) -> str:
    """The word of an Avro symbol: KNIFE_OR_SHARP is `knife-or-sharp`."""
    return symbol.replace("_", "-").lower()


# Reading what does not fit into one byte.


def _long_at(raw: bytes, p: int) -> tuple[int, int]:
    """The zigzag number at `p`, and where it ends."""
    byte = raw[p]
    number = byte & 127
    shift = 7
    while byte & 128:
        if shift > 63:  # noqa: PLR2004 - the tenth byte is the last
            raise Unreadable("a number of more than ten bytes")
        p += 1
        byte = raw[p]
        number |= (byte & 127) << shift
        shift += 7
    if number >> 64:
        raise Unreadable("a number of more than 64 bits")
    return (number >> 1) ^ -(number & 1), p + 1


def _int_at(raw: bytes, p: int) -> tuple[int, int]:
    number, p = _long_at(raw, p)
    if not -(2**31) <= number < 2**31:
        raise Unreadable("a number of more than 32 bits")
    return number, p


def _length_at(raw: bytes, p: int) -> tuple[int, int]:
    """A length at `p`, and where it ends; never negative, so that reading always goes forward."""
    number, p = _long_at(raw, p)
    if number < 0:
        raise Unreadable("a negative length")
    return number, p


def _block_at(raw: bytes, p: int) -> tuple[int, int]:
    """The number of items in an array's or map's block at `p`, and where the items begin."""
    count, p = _long_at(raw, p)
    if count < 0:
        # A negative count is followed by the block's size in bytes, for readers that want to jump.
        count = -count
        _, p = _long_at(raw, p)
    if count > len(raw) - p:
        raise Unreadable("more items than there are bytes")
    return count, p


def _instant_at(raw: bytes, p: int) -> tuple[int, int]:
    """The number at `p`; one of six bytes, as instants of our age are, without a loop.

    Taken as one number of six times eight bits, the high bit of each byte says whether another follows. The six times
    seven bits that are left are pushed together, first by pairs and then the three pairs.
    """
    six = int.from_bytes(raw[p : p + _INSTANT_BYTES], "little")
    if six & 0x8080_8080_8080 != 0x0080_8080_8080:  # noqa: PLR2004 - a pattern of bits
        return _long_at(raw, p)
    pairs = six & 0x007F_007F_007F | (six & 0x7F00_7F00_7F00) >> 1
    number = pairs & 0x3FFF | pairs >> 2 & 0xFFF_C000 | pairs >> 4 & 0x3FF_F000_0000
    return (number >> 1) ^ -(number & 1), p + _INSTANT_BYTES


# Writing, remembered.

_words: dict[str, bytes] = {}
_longs: dict[int, bytes] = {}
_ints: dict[int, bytes] = {}


_SHORT = tuple(bytes([number << 1]) for number in range(64))
"""The numbers of one byte: most lengths are."""


def _zigzag(number: int) -> bytes:
    if 0 <= number < len(_SHORT):
        return _SHORT[number]
    rest = (number << 1) ^ (number >> 63)
    if _SIX_BYTES_FROM <= rest < _SIX_BYTES_TO:
        # Instants of our age, by far the commonest of the longer ones, without a loop.
        low, high = rest & 0x3FFF, rest >> 14
        return bytes(
            (
                low & 127 | 128,
                low >> 7 | 128,
                high & 127 | 128,
                high >> 7 & 127 | 128,
                high >> 14 & 127 | 128,
                high >> 21,
            )
        )
    made = bytearray()
    while rest > 127:  # noqa: PLR2004 - seven bits to a byte
        made.append(rest & 127 | 128)
        rest >>= 7
    made.append(rest)
    return bytes(made)


def _long_bytes(number: int) -> bytes:
    if not -(2**63) <= number < 2**63:
        raise Unsuitable("a number of more than 64 bits does not fit a long")
    if len(_longs) >= REMEMBERED:
        _longs.clear()
    made = _longs[number] = _zigzag(number)
    return made


def _int_bytes(number: int) -> bytes:
    if not -(2**31) <= number < 2**31:
        raise Unsuitable("a number of more than 32 bits does not fit an int")
    if len(_ints) >= REMEMBERED:
        _ints.clear()
    made = _ints[number] = _zigzag(number)
    return made


def _word_bytes(word: str) -> bytes:
    encoded = word.encode()
    if len(_words) >= REMEMBERED:
        _words.clear()
    made = _words[word] = _zigzag(len(encoded)) + encoded
    return made


_lists: dict[tuple[str, ...], bytes] = {}


def _list_bytes(words: tuple[str, ...]) -> bytes:
    if len(_lists) >= REMEMBERED:
        _lists.clear()
    items = [_words.get(word) or _word_bytes(word) for word in words]
    made = _lists[words] = b"".join((_zigzag(len(items)), *items, b"\0")) if items else b"\0"
    return made


_HELPERS: dict[str, object] = {
    "long_at": _long_at,
    "int_at": _int_at,
    "length_at": _length_at,
    "block_at": _block_at,
    "instant_at": _instant_at,
    "long_bytes": _long_bytes,
    "known_long": _longs.get,
    "int_bytes": _int_bytes,
    "known_int": _ints.get,
    "word_bytes": _word_bytes,
    "known_word": _words.get,
    "list_bytes": _list_bytes,
    "known_list": _lists.get,
    "zigzag": _zigzag,
    "double_at": struct.Struct("<d").unpack_from,
    "double_bytes": struct.Struct("<d").pack,
    "convert": msgspec.convert,
    "Unreadable": Unreadable,
    "BOOLEANS": (False, True),
}


# What a type of the model asks for.


def _without_none(wanted: object) -> object:
    """`X` of `X | None`; anything else as it is."""
    if get_origin(wanted) in (Union, UnionType):
        rest = [one for one in get_args(wanted) if one is not type(None)]
        if len(rest) == 1:
            return rest[0]
    return wanted


def _items_of(wanted: object) -> object:
    """`X` of `tuple[X, ...]`."""
    match get_origin(wanted), get_args(wanted):
        case origin, (item, ellipsis) if origin is tuple and ellipsis is ...:
            return item
    raise Unsuitable(f"an array needs tuple[X, ...], not {wanted}")


def _values_of(wanted: object) -> object:
    """`X` of `dict[str, X]`."""
    match get_origin(wanted), get_args(wanted):
        case origin, (key, value) if origin is dict and key is str:
            return value
    raise Unsuitable(f"a map needs dict[str, X], not {wanted}")


def _fields_of(of: Record, wanted: object) -> dict[str, object]:
    """What a Struct's fields ask for, by name; or the places of a fixed tuple, which stand for the record's fields."""
    if get_origin(wanted) is tuple:
        return dict(zip([field.name for field in of.fields], get_args(wanted), strict=True))
    if isinstance(wanted, type) and issubclass(wanted, msgspec.Struct):
        return {field.name: field.type for field in msgspec.structs.fields(wanted)}
    raise Unsuitable(f"{of.name} needs a Struct or a tuple of fixed length, not {wanted}")


def _words_of(enum: Enum, wanted: object) -> dict[str, str]:
    """The word of each symbol the model knows."""
    if get_origin(wanted) is not Literal:
        raise Unsuitable(f"{enum.name} needs a Literal, not {wanted}")
    if len(enum.symbols) > _MOST_SYMBOLS:
        raise Unsuitable(
            f"{enum.name} has more than {_MOST_SYMBOLS} symbols, more than one byte holds: make it a string"
        )
    words = {symbol_of(word): word for word in get_args(wanted)}
    missing = [word for symbol, word in words.items() if symbol not in enum.symbols]
    if missing:
        raise Unsuitable(f"{enum.name} has no symbol for {', '.join(missing)}: add it in a new version")
    return words


# Making the source.

_READER = "<avro reader>"


class _Source:
    """The lines of functions in the making, the field each belongs to, and the values they refer to."""

    def __init__(self) -> None:
        self.fields: list[str] = []
        self._lines: list[str] = []
        self._names: dict[str, Any] = dict(_HELPERS)
        self._count = 0

    def add(self, depth: int, where: str, *lines: str) -> None:
        for line in lines:
            self._lines.append("    " * depth + line)
            self.fields.append(where)

    def fresh(self) -> str:
        self._count += 1
        return f"v{self._count}"

    def constant(self, value: object) -> str:
        name = f"C{self.fresh()}"
        self._names[name] = value
        return name

    def compiled(self, function: str, file: str) -> Any:  # noqa: ANN401 - the caller knows what it has made
        exec(compile("\n".join(self._lines), file, "exec"), self._names)  # noqa: S102 - from our own schemas only
        return self._names[function]


def _finished(source: _Source) -> Reader[Any]:
    source.add(
        1, "the end", "if p != len(raw): raise Unreadable('more or fewer bytes than the schema says')", "return out"
    )
    return Reader(source.compiled("read", _READER), source.fields)


class _ReaderMaker:
    """Adds the lines that read values at `p`."""

    def __init__(self, source: _Source) -> None:
        self._source = source

    def value(self, of: AvroType, wanted: object, into: str, depth: int, where: str) -> None:
        """Read one `of` into the variable `into`."""
        match of:
            case Primitive():
                self._primitive(of, wanted, into, depth, where)
            case Enum():
                words = _words_of(of, wanted)
                by_byte = {index * 2: words[symbol] for index, symbol in enumerate(of.symbols) if symbol in words}
                self._source.add(depth, where, f"{into} = {self._source.constant(by_byte)}[raw[p]]; p += 1")
            case Nullable(inner):
                self._nullable(inner, wanted, into, depth, where)
            case Array(items):
                self._array(items, _items_of(wanted), into, depth, where)
            case Map(values):
                self._map(values, _values_of(wanted), into, depth, where)
            case Record():
                self._record(of, wanted, into, depth, where)

    def fields(
        self, of: Record, wanted: Mapping[str, object], depth: int, where: str, filled: Collection[str] = ()
    ) -> dict[str, str]:
        """Read a record's fields, and say in which variable each wanted one is."""
        add = self._source.add
        given = {}
        for field in of.fields:
            at = f"{where}.{field.name}" if where else field.name
            if field.name in wanted:
                variable = given[field.name] = self._source.fresh()
                self.value(field.of, wanted[field.name], variable, depth, at)
            elif field.name in filled:
                add(depth, at, "if raw[p]:", f"    filled += ({field.name!r},)")
                self._native(field.of, depth + 1, at)
                add(depth, at, "else: p += 1")
            else:
                self._skip(field.of, depth, at)
        return given

    def _native(self, of: AvroType, depth: int, where: str) -> None:
        """Pass over a record that is not null, but for its facts."""
        record = of.of if isinstance(of, Nullable) else of
        if not isinstance(record, Record) or all(field.fact is None for field in record.fields):
            self._skip(of, depth, where)
            return
        self._source.add(depth, where, "if raw[p] != 2: raise Unreadable('neither null nor a value')", "p += 1")
        for field in record.fields:
            at = f"{where}.{field.name}"
            if field.fact is None:
                self._skip(field.of, depth, at)
                continue
            text = self._source.fresh()
            self._text(field.of, text, depth, at)
            self._source.add(depth, at, f"if {text} is not None: native += (({field.fact!r}, {text}),)")

    def _text(self, of: AvroType, into: str, depth: int, where: str) -> None:
        """Read a fact's value as text in lower case; null says nothing, nor does an enum's default symbol."""
        add = self._source.add
        match of:
            case Nullable(inner):
                add(depth, where, "b = raw[p]; p += 1", f"if not b: {into} = None", "elif b == 2:")
                self._text(inner, into, depth + 1, where)
                add(depth, where, "else: raise Unreadable('neither null nor a value')")
            case Enum() if len(of.symbols) <= _MOST_SYMBOLS:
                words = {2 * n: None if one == of.default else _word_of(one) for n, one in enumerate(of.symbols)}
                add(depth, where, f"{into} = {self._source.constant(words)}[raw[p]]; p += 1")
            case Primitive("boolean"):
                self._primitive(of, bool, into, depth, where)
                add(depth, where, f"{into} = 'true' if {into} else 'false'")
            case Primitive("string"):
                self._primitive(of, str, into, depth, where)
                add(depth, where, f"{into} = {into}.lower()")
            case Primitive("int" | "long"):
                self._primitive(of, int, into, depth, where)
                add(depth, where, f"{into} = str({into})")
            case _:
                raise Unsuitable(f"{where}: no value of it can be a fact; take the mark away")

    def _primitive(self, of: Primitive, wanted: object, into: str, depth: int, where: str) -> None:
        def add(*lines: str) -> None:
            self._source.add(depth, where, *lines)

        if of.name in ("string", "bytes"):
            text = ".decode()" if of.name == "string" else ""
            add("n = raw[p]; p += 1", "if n & 129: n, p = length_at(raw, p - 1)", "else: n >>= 1")
            add(f"{into} = raw[p:p + n]{text}; p += n")
        elif of.logical == "timestamp-millis":
            add(f"{into}, p = instant_at(raw, p)")
        elif of.name in ("int", "long"):
            add(f"{into} = raw[p]", f"if {into} & 129: {into}, p = {of.name}_at(raw, p)", f"else: {into} >>= 1; p += 1")
            if get_origin(wanted) is Literal:
                allowed = self._source.constant(frozenset(get_args(wanted)))
                add(f"if {into} not in {allowed}: raise Unreadable('a number that has no meaning here')")
        elif of.name == "boolean":
            add(f"{into} = BOOLEANS[raw[p]]; p += 1")
        else:
            add(f"{into}, = double_at(raw, p); p += 8")

    def _nullable(self, inner: AvroType, wanted: object, into: str, depth: int, where: str) -> None:
        add = self._source.add
        add(depth, where, "b = raw[p]; p += 1", f"if not b: {into} = None", "elif b == 2:")
        self.value(inner, _without_none(wanted), into, depth + 1, where)
        add(depth, where, "else: raise Unreadable('neither null nor a value')")

    def _array(self, items: AvroType, wanted: object, into: str, depth: int, where: str) -> None:
        add = self._source.add
        item, count, many = self._source.fresh(), self._source.fresh(), self._source.fresh()
        add(depth, where, f"{count} = raw[p]; p += 1", f"if not {count}: {into} = ()", "else:")
        # One item in one block is by far the commonest and needs no loop: 2 is the count one, 0 the end.
        add(depth + 1, where, f"{many} = []", f"if {count} == 2:")
        self.value(items, wanted, item, depth + 2, f"{where}[]")
        add(
            depth + 2,
            where,
            f"{count} = raw[p]; p += 1",
            f"if {count}: {many}.append({item})",
            f"else: {into} = ({item},)",
        )
        add(depth + 1, where, f"if {count}:", f"    while {count}:")
        add(depth + 3, where, f"if {count} & 129: {count}, p = block_at(raw, p - 1)", f"else: {count} >>= 1")
        add(depth + 3, where, f"for _ in range({count}):")
        self.value(items, wanted, item, depth + 4, f"{where}[]")
        add(depth + 4, where, f"{many}.append({item})")
        add(depth + 3, where, f"{count} = raw[p]; p += 1")
        add(depth + 2, where, f"{into} = tuple({many})")

    def _map(self, values: AvroType, wanted: object, into: str, depth: int, where: str) -> None:
        add = self._source.add
        name, value, count = self._source.fresh(), self._source.fresh(), self._source.fresh()
        add(depth, where, f"{into} = {{}}; {count} = raw[p]; p += 1", f"while {count}:")
        add(depth + 1, where, f"{count}, p = block_at(raw, p - 1)", f"for _ in range({count}):")
        self._primitive(Primitive("string"), str, name, depth + 2, where)
        self.value(values, wanted, value, depth + 2, f"{where}{{}}")
        add(depth + 2, where, f"{into}[{name}] = {value}")
        add(depth + 1, where, f"{count} = raw[p]; p += 1")

    def _record(self, of: Record, wanted: object, into: str, depth: int, where: str) -> None:
        asked = _fields_of(of, wanted)
        given = self.fields(of, asked, depth, where)
        in_order = ", ".join(given[name] for name in asked if name in given)
        if not isinstance(wanted, type):
            made = f"({in_order},)"
        elif _is_positional(wanted) and list(given) == list(asked):
            # Converting a tuple is twice as fast as calling a Struct of many fields by name.
            made = f"convert(({in_order},), {self._source.constant(wanted)})"
        else:
            arguments = ", ".join(f"{name}={variable}" for name, variable in given.items())
            made = f"{self._source.constant(wanted)}({arguments})"
        self._source.add(depth, where, f"{into} = {made}")

    def _skip(self, of: AvroType, depth: int, where: str) -> None:
        add = self._source.add
        match of:
            case Primitive("string" | "bytes"):
                add(depth, where, "n = raw[p]; p += 1", "if n & 129: n, p = length_at(raw, p - 1)", "else: n >>= 1")
                add(depth, where, "p += n")
            case Primitive("boolean"):
                add(depth, where, "p += 1")
            case Primitive("double"):
                add(depth, where, "p += 8")
            case Primitive() | Enum():
                add(depth, where, "if raw[p] & 128: _, p = long_at(raw, p)", "else: p += 1")
            case Nullable(inner):
                add(depth, where, "b = raw[p]; p += 1", "if b == 2:")
                self._skip(inner, depth + 1, where)
                add(depth, where, "elif b: raise Unreadable('neither null nor a value')")
            case Array(inner) | Map(inner):
                count = self._source.fresh()
                add(depth, where, f"{count} = raw[p]; p += 1", f"while {count}:")
                add(depth + 1, where, f"{count}, p = block_at(raw, p - 1)", f"for _ in range({count}):")
                if isinstance(of, Map):
                    self._skip(Primitive("string"), depth + 2, where)
                self._skip(inner, depth + 2, where)
                add(depth + 1, where, f"{count} = raw[p]; p += 1")
            case Record():
                for field in of.fields:
                    self._skip(field.of, depth, f"{where}.{field.name}")


def _is_positional(shape: type) -> bool:
    return issubclass(shape, msgspec.Struct) and shape.__struct_config__.array_like


class _WriterMaker:
    """Makes expressions that give bytes."""

    def __init__(self, source: _Source, default_of: Callable[[Field], bytes] | None) -> None:
        self._source = source
        self._default_of = default_of

    def record(self, of: Record, wanted: object, variable: str, statements: list[str]) -> list[str]:
        """The pieces of a record held in `variable`; what must run before them is added to `statements`."""
        asked = _fields_of(of, wanted)
        names = [field.name for field in of.fields]
        if list(asked) != (names if self._default_of is None else [name for name in names if name in asked]):
            raise Unsuitable(f"{of.name} must have the fields of {wanted} in the same order, not {', '.join(names)}")
        pieces = []
        for index, field in enumerate(of.fields):
            part = f"{variable}.{field.name}" if isinstance(wanted, type) else f"{variable}[{index}]"
            if field.name in asked:
                pieces += self._value(field.of, asked[field.name], part, statements)
            elif self._default_of is not None:
                pieces.append(self._source.constant(self._default_of(field)))
        return pieces

    def _value(  # noqa: C901, PLR0911 - a line per type of Avro
        self, of: AvroType, wanted: object, part: str, statements: list[str]
    ) -> list[str]:
        match of:
            case Primitive("string"):
                return [f"known_word({part}) or word_bytes({part})"]
            case Primitive("int" | "long" as name):
                return [f"known_{name}({part}) or {name}_bytes({part})"]
            case Primitive("boolean"):
                return [f"b'\\1' if {part} else b'\\0'"]
            case Primitive("bytes"):
                return [f"zigzag(len({part}))", part]
            case Primitive():
                return [f"double_bytes({part})"]
            case Enum():
                words = _words_of(of, wanted)
                symbols = {word: bytes([of.symbols.index(symbol) * 2]) for symbol, word in words.items()}
                return [f"{self._source.constant(symbols)}[{part}]"]
            case Record():
                variable = self._source.fresh()
                statements.append(f"{variable} = {part}")
                return self.record(of, wanted, variable, statements)
            case Nullable(inner):
                some = self._alone(inner, _without_none(wanted), part)
                return [f"b'\\0' if {part} is None else b'\\2' + ({some})"]
            case Array(Primitive("string")):
                return [f"known_list({part}) or list_bytes({part})"]
            case Array(items):
                item = self._alone(items, _items_of(wanted), "item")
                return [_block(part, f"*[{item} for item in {part}]")]
            case Map(values):
                value = self._alone(values, _values_of(wanted), f"{part}[name]")
                pairs = f"*[(known_word(name) or word_bytes(name)) + ({value}) for name in sorted({part})]"
                return [_block(part, pairs)]

    def _alone(self, of: AvroType, wanted: object, part: str) -> str:
        """One expression for one value; a value of several pieces gets a function of its own."""
        statements: list[str] = []
        pieces = self._value(of, wanted, "value", statements)
        if len(pieces) == 1 and not statements:
            return self._value(of, wanted, part, [])[0]
        name = f"write_{self._source.fresh()}"
        self._source.add(0, "", f"def {name}(value):")
        self._source.add(1, "", *statements, f"return b''.join(({', '.join(pieces)},))")
        return f"{name}({part})"


def _block(part: str, items: str) -> str:
    return f"b'\\0' if not {part} else b''.join((zigzag(len({part})), {items}, b'\\0'))"
