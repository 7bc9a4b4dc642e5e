"""What a format refused, in words: what was written, and what may stand there.

Theory of operation
-------------------
A format is a model of pydantic, and what pydantic says of a mistake speaks to programmers. It says however where in the
model the mistake is, and of which sort. So the model is followed to that place (`_into`), and what may stand there is
read off its types (`_may_stand`); of a key nobody knows, the keys there are beside it and the places that know it.

Only of a catalogue's own formats is it repeated what was written. Other files are read in the same way, of partners and
their keys, and there a secret may stand where it does not belong. Of texts that do not fit their pattern it is repeated
in none: there a person's name may.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from types import NoneType, UnionType
from typing import Annotated, Final, Literal, NamedTuple, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel, BeforeValidator, StringConstraints, Tag
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from safety_stream.catalogue.documents import Where
from safety_stream.catalogue.formats.conditions import day_ahead_of
from safety_stream.catalogue.formats.parts import (
    day_of_text,
    duration_of,
    instant_of_text,
    shortened,
    some_day_of_text,
)
from safety_stream.core.model.sightings import KeyKind


class Refusal(NamedTuple):
    """What is wrong with a value or a key, and how to mend it."""

    what: str
    mend: str


class Mistake(NamedTuple):
    """A mistake as pydantic knows it: where, of which sort, its own sentence, and what its sort says more exactly.

    `written` is what stands there, in words; empty where it is not repeated.
    """

    loc: Where
    kind: str
    message: str
    context: Mapping[str, object] = {}
    written: str = ""


def mistake_in(detail: ErrorDetails, model: type[BaseModel]) -> Mistake:
    """The mistake of which pydantic tells so, with what was written there where that may be repeated."""
    may_be_repeated = model.__module__.startswith("safety_stream.catalogue.")
    written = _as_written(detail["input"]) if may_be_repeated else ""
    return Mistake(detail["loc"], detail["type"], detail["msg"], detail.get("ctx", {}), written)


def refusal_of(mistake: Mistake, model: type[BaseModel]) -> Refusal:
    """What to say of it."""
    beside = _place(model, mistake.loc[:-1])
    if mistake.kind == "missing":
        key = str(mistake.loc[-1])
        return Refusal(f"the key `{key}` is missing", _mend(_may_stand(_into(beside, key)), model, "add it: "))
    if mistake.kind == "union_tag_not_found":
        types = _one_of(sorted(_types(_place(model, mistake.loc))))
        return Refusal("the key `type` is missing", _mend(types, model, "add it: "))
    if mistake.kind == "extra_forbidden":
        return Refusal("unknown key", _mend_of_unknown(str(mistake.loc[-1]), beside, model))
    slots = _place(model, mistake.loc)
    return Refusal(_wrong(mistake), _mend(_instead(mistake, slots), model, nearest=_nearest(mistake, slots)))


def _as_written(value: object) -> str:
    if value is None:
        return _NOTHING
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"`{shortened(text)}`"


_NOTHING: Final = "nothing"


# What is wrong


def _wrong(mistake: Mistake) -> str:
    if mistake.written == _NOTHING and mistake.kind != "value_error":
        return "nothing stands there"
    said = {name: shortened(str(value)) for name, value in mistake.context.items()}
    try:
        return _IN_WORDS[mistake.kind].format(written=mistake.written or "it", **said)
    except KeyError:
        # A sort of mistake that says all itself, or one of which nobody told more.
        return mistake.message.removeprefix("Value error, ")


_IN_WORDS: Final = {
    "bool_type": "{written} is neither true nor false",
    "dict_type": "{written} is no mapping of keys to values",
    "float_type": "{written} is no number",
    "greater_than": "{written} is not more than {gt}",
    "greater_than_equal": "{written} is less than {ge}",
    "int_from_float": "{written} is no whole number",
    "int_type": "{written} is no whole number",
    "less_than": "{written} is not less than {lt}",
    "less_than_equal": "{written} is more than {le}",
    "list_type": "{written} is no list",
    "literal_error": "{written} may not stand there",
    "model_type": "{written} is no mapping of keys to values",
    "string_pattern_mismatch": "it does not fit the pattern {pattern}",
    "string_too_long": "it has more than {max_length} characters",
    "string_too_short": "it says nothing",
    "string_type": "{written} is no text",
    "too_long": "too many entries: at most {max_length} may stand there",
    "too_short": "too few entries: at least {min_length} must stand there",
    "union_tag_invalid": "there is no type `{tag}`",
}
"""By sort of mistake, what to say of it; the names are those by which pydantic tells more exactly."""


def _nearest(mistake: Mistake, slots: Sequence[_Slot]) -> str:
    if mistake.kind == "literal_error":
        return nearest_to(mistake.written.strip("`"), _choices(slots))
    if mistake.kind == "union_tag_invalid" and mistake.context:
        return nearest_to(str(mistake.context["tag"]), _types(slots))
    return ""


def nearest_to(name: str, known: Sequence[str] | frozenset[str]) -> str:
    """The known name that looks most like this one, or none."""
    return next(iter(get_close_matches(name, sorted(known), n=1)), "")


# How to mend it


def _instead(mistake: Mistake, slots: Sequence[_Slot]) -> str:
    """What may stand there, but for where the mistake's own sentence says so."""
    if mistake.kind == "union_tag_invalid":
        return _one_of(sorted(_types(slots)))
    return "" if mistake.kind == "value_error" else _may_stand(slots)


def _mend(may_stand: str, model: type[BaseModel], first: str = "write ", *, nearest: str = "") -> str:
    told = [f"nearest is {nearest}"] if nearest else []
    told += [f"{first}{may_stand}"] if may_stand else []
    return "; ".join([*told, f"see {_page_of(model, may_stand)}"])


def _page_of(model: type[BaseModel], may_stand: str) -> str:
    """Where people read what a format asks for: a page, if there is one."""
    if may_stand.endswith(_one_of(get_args(KeyKind))):
        return "docs/rules.md, Kinds of key"
    if model.__module__.endswith(".formats.rules"):
        return "docs/rules.md, The fields of a rule"
    file = model.__module__.removeprefix("safety_stream.").replace(".", "/")
    return f"{model.__name__} in {file}.py"


def _mend_of_unknown(key: str, beside: Sequence[_Slot], model: type[BaseModel]) -> str:
    known = {name for one in _models(beside) for name in _keys(one)}
    nearest, homes = nearest_to(key, frozenset(known)), _homes(key, model)
    told = [f"{key} belongs {_or(homes)}"] if homes else []
    told += [f"nearest is {nearest}"] if nearest else []
    if not told:
        told = [f"there may stand {', '.join(sorted(known))}"]
    return "; ".join([*told, "or leave it out"])


def _homes(key: str, model: type[BaseModel]) -> list[str]:
    """The places of the format that know a key, those nearest to the top first; none where they are too many."""
    found: dict[str, list[str]] = {}
    waiting: list[tuple[type[BaseModel], str]] = [(model, "")]
    seen = {model}
    for one, path in waiting:
        if key in _keys(one):
            found.setdefault(path, []).extend(sorted(_types([_Slot(one, ())])))
        for name, field in _keys(one).items():
            for inner in _models(_slots(field.annotation, ())):
                if inner not in seen:
                    seen.add(inner)
                    waiting.append((inner, f"{path}.{name}" if path else name))
    if len(found) > _HOMES_MAX:
        return []
    return [_home(path, types) for path, types in found.items()]


_HOMES_MAX = 3
"""A key that more places know, such as `source`, says nothing of where this one belongs."""


def _home(path: str, types: Sequence[str]) -> str:
    if not path:
        return "at the top of the file"
    return f"under {path} of type {_or(types)}" if 0 < len(types) <= _HOMES_MAX else f"under {path}"


def _or(words: Sequence[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last


# What may stand at a place of a format


class _Slot(NamedTuple):
    """A type that may stand somewhere, and what its annotation says besides."""

    kind: object
    meta: tuple[object, ...]


def _slots(annotation: object, meta: tuple[object, ...]) -> list[_Slot]:
    """The alternatives of an annotation; that there may be nothing is none."""
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *more = get_args(annotation)
        return _slots(inner, (*meta, *(part for one in more for part in _parts(one))))
    if origin in (Union, UnionType):
        return [slot for one in get_args(annotation) if one is not NoneType for slot in _slots(one, meta)]
    return [_Slot(annotation, meta)]


def _parts(meta: object) -> Sequence[object]:
    return meta.metadata if isinstance(meta, FieldInfo) else (meta,)


def _place(model: type[BaseModel], loc: Where) -> list[_Slot]:
    slots = [_Slot(model, ())]
    for step in loc:
        slots = _into(slots, step)
    return slots


def _into(slots: list[_Slot], step: str | int) -> list[_Slot]:
    """A step further: to an entry, to a key, or, as pydantic names it, to one of several alternatives."""
    called = [slot for slot in slots if step in _names(slot)]
    if called and len(slots) > 1:
        return called
    found: list[_Slot] = []
    for slot in slots:
        origin, inner = get_origin(slot.kind), get_args(slot.kind)
        if origin is list and isinstance(step, int):
            found += _slots(inner[0], ())
        elif origin is dict:
            found += _slots(inner[1], ())
    for model in _shallow(slots):
        field = _keys(model).get(str(step))
        found += [] if field is None else _slots(field.annotation, tuple(field.metadata))
    return found or slots


def _names(slot: _Slot) -> frozenset[str]:
    return _types([slot]).union(one.tag for one in slot.meta if isinstance(one, Tag))


def _types(slots: Sequence[_Slot]) -> frozenset[str]:
    """What `type` says of those alternatives that are told apart by it."""
    tags = [model.model_fields["type"] for model in _shallow(slots) if "type" in model.model_fields]
    return frozenset(name for one in tags if get_origin(one.annotation) is Literal for name in get_args(one.annotation))


def _shallow(slots: Sequence[_Slot]) -> list[type[BaseModel]]:
    return [slot.kind for slot in slots if isinstance(slot.kind, type) and issubclass(slot.kind, BaseModel)]


def _models(slots: Sequence[_Slot]) -> list[type[BaseModel]]:
    """The formats that stand there, or in lists and under keys there."""
    found = _shallow(slots)
    for slot in slots:
        if get_origin(slot.kind) in (list, dict):
            found += _models(_slots(get_args(slot.kind)[-1], ()))
    return found


def _keys(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The keys of a format as a file has them."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _choices(slots: Sequence[_Slot]) -> list[str]:
    return [str(one) for slot in slots if get_origin(slot.kind) is Literal for one in get_args(slot.kind)]


def _may_stand(slots: Sequence[_Slot]) -> str:
    told = [words for slot in slots if (words := _words(slot))]
    return _or(list(dict.fromkeys(told))) if told else ""


def _words(slot: _Slot) -> str:
    readers = [one.func for one in slot.meta if isinstance(one, BeforeValidator)]
    if read := [_READ_FROM_TEXT[reader] for reader in readers if reader in _READ_FROM_TEXT]:
        return read[0]
    origin, inner = get_origin(slot.kind), get_args(slot.kind)
    if origin is Literal:
        return _one_of(inner)
    if origin is list:
        each = _may_stand(_slots(inner[0], ()))
        return f"a list, each {each}" if each else "a list"
    if model := next(iter(_shallow([slot])), None):
        needed = [name for name, field in _keys(model).items() if field.is_required()]
        return f"{{{', '.join(f'{name}: …' for name in needed or _keys(model))}}}"
    return _text(slot.meta) if slot.kind is str else _plain(origin or slot.kind, slot.meta)


def _plain(kind: object, meta: Sequence[object]) -> str:
    told: dict[object, str] = {bool: "true or false", dict: "a mapping of keys to values"}
    numbers: dict[object, str] = {int: "a whole number", float: "a number"}
    return f"{numbers[kind]}{_bounds(meta)}" if kind in numbers else told.get(kind, "")


_READ_FROM_TEXT: Final[dict[Callable[..., object], str]] = {
    duration_of: "a length such as `28 days`",
    day_of_text: "a day such as 2026-01-31",
    some_day_of_text: "a day such as 2026-01-31",
    instant_of_text: "a time in London such as 2026-01-31T20:00",
    day_ahead_of: "a day ahead such as `next school day`",
}
"""By what reads it, what is written as a text and means something else."""


def _one_of(names: Sequence[object]) -> str:
    return f"one of {', '.join(map(str, names))}"


def _bounds(meta: Sequence[object]) -> str:
    """From where to where, but for bounds nobody comes near."""
    told: list[tuple[str, object]] = []
    for one in meta:
        told += [("from", one.ge)] if isinstance(one, Ge) else []
        told += [("above", one.gt)] if isinstance(one, Gt) else []
        told += [("to", one.le)] if isinstance(one, Le) else []
        told += [("below", one.lt)] if isinstance(one, Lt) else []
    near = [(word, bound) for word, bound in told if isinstance(bound, int | float) and abs(bound) < _FAR]
    return "".join(f" {word} {bound}" for word, bound in near)


_FAR: Final = 1_000_000


def _text(meta: Sequence[object]) -> str:
    patterns = [one.pattern for one in meta if isinstance(one, StringConstraints)]
    for pattern in patterns:
        text = pattern.pattern if isinstance(pattern, re.Pattern) else pattern
        if text in _OF_PATTERNS:
            return _OF_PATTERNS[text]
    return "a text"


_OF_PATTERNS: Final[dict[str | None, str]] = {
    r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$": "a name of small letters, digits and hyphens",
    r"^[a-z][a-z0-9_]*$": "a name of small letters, digits and underscores",
    r"^[A-Za-z0-9-]+$": "a word of letters from A to Z, digits and hyphens",
    r"^[a-z0-9-]+$": "a word of small letters, digits and hyphens",
}
"""By the pattern of a name, what it is made of."""
