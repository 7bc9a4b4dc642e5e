"""Values of any Struct, made from the Struct's own types and the widths its schema gives its numbers."""

from __future__ import annotations

from types import UnionType
from typing import Literal, Union, get_args, get_origin

import msgspec
from hypothesis import strategies as st

from safety_stream.wire.schema import Array, AvroType, Map, Nullable, Primitive, Record

INSTANTS = st.integers(-2_300_000_000_000, 4_200_000_000_000)
DEGREES = st.floats(-180, 180, allow_nan=False)


def values_of(  # noqa: C901, PLR0911, PLR0912 - a line per type of Avro
    wanted: object, of: AvroType
) -> st.SearchStrategy:
    """Values of the type `wanted` that the schema `of` can hold."""
    if get_origin(wanted) is Literal:
        return st.sampled_from(get_args(wanted))
    match of:
        case Nullable(inner):
            return st.none() | values_of(_without_none(wanted), inner)
        case Array(items):
            return st.lists(values_of(get_args(wanted)[0], items), max_size=3).map(tuple)
        case Map(values):
            return st.dictionaries(st.text(max_size=9), values_of(get_args(wanted)[1], values), max_size=3)
        case Record() if get_origin(wanted) is tuple:
            return st.tuples(*map(values_of, get_args(wanted), [field.of for field in of.fields]))
        case Record():
            given = {
                field.name: values_of(field.type, of.field(field.name).of) for field in msgspec.structs.fields(wanted)
            }
            return st.builds(wanted, **given)
        case Primitive(_, "timestamp-millis"):
            return INSTANTS | st.integers(-(2**63), 2**63 - 1)
        case Primitive("int"):
            return st.integers(0, 70) | st.integers(-(2**31), 2**31 - 1)
        case Primitive("long"):
            return st.integers(-(2**63), 2**63 - 1)
        case Primitive("double"):
            return DEGREES
        case Primitive("boolean"):
            return st.booleans()
        case Primitive("bytes"):
            return st.binary(max_size=200)
        case Primitive("string"):
            return st.text(max_size=12) | st.text(min_size=60, max_size=140)
    raise NotImplementedError(of)


def _without_none(wanted: object) -> object:
    assert get_origin(wanted) in (Union, UnionType)
    (rest,) = (one for one in get_args(wanted) if one is not type(None))
    return rest
