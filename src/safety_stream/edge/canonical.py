"""Canonical JSON Lines: one report per line, fields as in `Report`, for any partner and for history.

Times are ISO 8601 with a zone ("2026-03-01T09:30:00Z") or whole milliseconds since 1970. `received_at` says when the
backbone received a report of the past; `details` holds native detail records by name, and `facts` what it says beyond
its envelope, by name: `{"dash-score": 15, "found-out-of-area": true}`. A field nobody knows is refused, because a
misspelt field that is passed over is a fact that is lost. No reason repeats a value, nor a name nobody knows.

Decisions of stewards about persons are lines too, with the fields of `PersonLink` and `received_at`.
"""

from __future__ import annotations

import functools
import json
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from difflib import get_close_matches
from typing import Annotated, BinaryIO, Literal, TypeVar

import msgspec
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    ValidationError,
)
from pydantic_core import ErrorDetails

from safety_stream.core.catalogue import Areas
from safety_stream.core.model.facts import DIGITS_AT_MOST, number_of
from safety_stream.core.model.incidents import Action, Origin, Role
from safety_stream.core.model.links import LinkMethod, LinkState, PersonLink
from safety_stream.core.model.markings import HandlingCode
from safety_stream.core.model.reports import Report, ReportedParty, ReportedPlace
from safety_stream.core.model.times import Instant, Precision, to_instant, to_iso
from safety_stream.edge.entries import Decision, Details, Entry, Fault, Reject, UnreadableFile, plain

T = TypeVar("T")

LINE_BYTES_MAX = 1_000_000
"""A line longer than this is refused unread: no report comes near it."""

FAULTS_SAID = 5
"""How many of a line's faults its reason names: a line that has more is of another kind altogether."""


def instant_of(text: str) -> Instant:
    """`2026-03-01T09:30:00Z` as an instant. Raises `ValueError` for what is no ISO 8601 with a zone."""
    try:
        return to_instant(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        raise ValueError("write ISO 8601 with a zone (2026-03-01T09:30:00Z) or whole milliseconds") from None


def _instant(value: object) -> object:
    return instant_of(value) if isinstance(value, str) else value


_Millis = Annotated[int, Field(strict=True, ge=-62_135_596_800_000, lt=253_402_300_800_000)]
_Text = Annotated[str, Field(json_schema_extra={"format": "date-time"})]

Time = Annotated[_Millis, BeforeValidator(_instant, json_schema_input_type=_Text | _Millis)]
"""An instant as a line may state it, of the years 1 to 9999: whether it is possible is for intake to say."""

# A space is how a name or an address would give itself away.
Token = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^\S+$")]
"""A keyed hash made by the partner."""

Word = Annotated[str, StringConstraints(max_length=64, pattern=r"^[a-z0-9-]*$")]
"""A word of a closed vocabulary, in kebab case."""

Source = Annotated[str, StringConstraints(max_length=64, pattern=r"^[a-z0-9-]+$")]
"""A source, as the catalogue names them. It becomes part of a topic's name, which errors do repeat."""

Code = Annotated[str, StringConstraints(max_length=16, pattern=r"^[A-Za-z0-9-]+$")]
"""A GSS code, or a code of the area set."""

# It stands in lists, tables and files, where a line break or a nought would be something else.
Reference = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
"""A partner's own reference: any text of one line."""


def _fact_text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) and abs(value) < 10**DIGITS_AT_MOST:
        return str(value)
    if isinstance(value, str) and _IS_WORD(value):
        return value
    raise ValueError(f"write a whole number of at most {DIGITS_AT_MOST} digits, a word in kebab case, true or false")


def _fact_names(facts: dict[str, str]) -> dict[str, str]:
    if not all(map(_IS_WORD, facts)):
        raise ValueError("the name of a fact is in kebab case")
    return facts


_IS_WORD = re.compile(r"[a-z0-9-]{1,64}").fullmatch

FactTexts = Annotated[dict[str, Annotated[str, BeforeValidator(_fact_text)]], AfterValidator(_fact_names)]
"""Facts by name, as text; a line states numbers, words and yes or no as such."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PartyLine(_Strict):
    """A person in a role, as a line states it."""

    role: Role
    token: Token | None = None
    child: bool = False


class PlaceLine(_Strict):
    """A place, as a line states it: degrees are WGS84, easting and northing metres of the British National Grid."""

    uprn: Annotated[str, StringConstraints(pattern=r"^\d{1,12}$")] | None = None
    easting: Annotated[int, Field(ge=0, le=700_000)] | None = None
    northing: Annotated[int, Field(ge=0, le=1_300_000)] | None = None
    latitude: Annotated[float, Field(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = None
    precision_m: Annotated[int, Field(ge=0)] | None = None
    snapped: bool = False
    lsoa: Code | None = None
    area: Code | None = None
    place_type: Word | None = None


class ReportLine(_Strict):
    """One line: the fields of `Report`, and with them what is not part of the report itself."""

    source: Source
    source_ref: Reference
    source_version: Annotated[int, Field(ge=1, lt=2**31)]
    action: Action
    kind: Word
    subtype: Word = ""
    category: Word = ""
    flags: tuple[Word, ...] = ()
    origin: Origin = "reported"
    grade: Literal["A", "B", "C", "D", "E"] | None = None
    occurred_from: Time
    occurred_to: Time | None = None
    precision: Precision = "instant"
    reported_at: Time
    place: PlaceLine | None = None
    parties: tuple[PartyLine, ...] = ()
    vehicles: tuple[Token, ...] = ()
    phones: tuple[Token, ...] = ()
    group: Token | None = None
    count: Annotated[int, Field(ge=0, lt=2**31)] = 1
    marking: Literal["OFFICIAL", "OFFICIAL-SENSITIVE"] = "OFFICIAL"
    handling: HandlingCode | None = None
    received_at: Time | None = None
    # Made anew: a default that can be changed would be copied for every line, deeply.
    details: dict[str, dict[str, JsonValue]] = Field(default_factory=dict)
    facts: FactTexts = Field(default_factory=dict)


class LinkLine(_Strict):
    """A steward's decision about two persons: the fields of `PersonLink`, and when it was received."""

    first: Token
    second: Token
    state: LinkState
    method: LinkMethod
    decided_by: Word
    decided_at: Time
    received_at: Time | None = None


def read(file: BinaryIO, areas: Areas | None = None) -> Iterator[Entry | Reject]:
    """The reports of an open file (JSON Lines or its gzip), in its order; empty lines are passed over.

    `areas` is not needed: a report says its own place. Raises `UnreadableFile` when the file ends in mid-stream.
    """
    del areas
    return _each_line(file, "report", parse)


def read_links(file: BinaryIO) -> Iterator[Decision | Reject]:
    """The decisions in an open file (JSON Lines or its gzip), likewise. Raises `UnreadableFile`."""
    return _each_line(file, "decision", _parse_link)


def _each_line(file: BinaryIO, of: str, parsed: Callable[[bytes, int], T]) -> Iterator[T | Reject]:
    number = 0
    try:
        with plain(file) as lines:
            while text := lines.readline(LINE_BYTES_MAX + 1):
                number += 1
                if len(text) > LINE_BYTES_MAX:
                    _pass_over_rest(lines, text)
                    yield Reject(line=number, reason=f"longer than {LINE_BYTES_MAX:,} bytes: one {of} per line")
                elif text.strip():
                    yield parsed(text, number)
    except (EOFError, OSError, zlib.error) as error:
        raise UnreadableFile(f"broken after line {number} ({error}): fetch or write it again") from error


def parse(text: str | bytes, line: int = 1) -> Entry | Reject:
    """The report in one line of text, or why it is none."""
    try:
        stated = ReportLine.model_validate_json(text)
    except ValidationError as error:
        return _reject(line, error.errors(include_input=False, include_url=False), text)
    report = msgspec.convert(
        stated.model_dump(exclude={"received_at", "details", "facts"})
        | {"details": tuple(sorted(stated.details)), "facts": tuple(sorted(stated.facts.items()))},
        Report,
    )
    return Entry(line=line, report=report, received_at=stated.received_at, details=stated.details)


def _parse_link(text: bytes, line: int) -> Decision | Reject:
    try:
        stated = LinkLine.model_validate_json(text)
    except ValidationError as error:
        return _reject(line, error.errors(include_input=False, include_url=False), text)
    link = msgspec.convert(stated.model_dump(exclude={"received_at"}), PersonLink)
    return Decision(line=line, link=link, received_at=stated.received_at)


def to_line(report: Report, received_at: Instant | None = None, details: Details | None = None) -> str:
    """A report as one line of text without its end; what has its default value is left out."""
    fields = _stated(report)
    for name in ("occurred_from", "occurred_to", "reported_at"):
        if name in fields:
            fields[name] = to_iso(getattr(report, name))
    if received_at is not None:
        fields["received_at"] = to_iso(received_at)
    for name in ("details", "facts", "native"):
        fields.pop(name, None)
    if report.facts:
        fields["facts"] = {fact.name: _as_written(fact.value) for fact in report.facts}
    if details:
        fields["details"] = dict(details)
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=False)


def _stated(value: Report | ReportedPlace | ReportedParty) -> dict[str, object]:
    fields: dict[str, object] = {}
    for field in _fields_of(type(value)):
        stated = getattr(value, field.name)
        if field.required or stated != field.default:
            fields[field.name] = _built_in(stated)
    return fields


# Finding out a class's fields reads its annotations: nine tenths of the time a line takes, when done for each.
@functools.cache
def _fields_of(shape: type[msgspec.Struct]) -> tuple[msgspec.structs.FieldInfo, ...]:
    return msgspec.structs.fields(shape)


def _built_in(value: object) -> object:
    if isinstance(value, ReportedPlace | ReportedParty):
        return _stated(value)
    if isinstance(value, tuple):
        return [_built_in(item) for item in value]
    return value


def _as_written(value: str) -> bool | int | str:
    """A fact's value as a line has it: what would read back as another text stays text."""
    if value in ("true", "false"):
        return value == "true"
    number = number_of(value)
    return value if number is None or str(number) != value else number


def _pass_over_rest(lines: BinaryIO, text: bytes) -> None:
    while text and not text.endswith(b"\n"):
        text = lines.readline(LINE_BYTES_MAX)


def _reject(line: int, errors: Sequence[ErrorDetails], text: str | bytes) -> Reject:
    faults = tuple(_fault(error, text) for error in errors[:FAULTS_SAID])
    more = len(errors) - len(faults)
    said = [str(fault) for fault in faults]
    return Reject(
        line=line,
        reason="; ".join([*said, f"and {more} more"] if more else said),
        faults=tuple(fault for fault in faults if fault.field),
    )


def _fault(error: ErrorDetails, text: str | bytes) -> Fault:
    if error["type"] == "json_invalid":
        return Fault("", "not a line of JSON: one complete object per line")
    at = _path(error["loc"], text)
    if error["type"] == "extra_forbidden":
        return Fault(at, f"no such field{_nearest(str(error['loc'][-1]))}; see docs/conformance.md, What goes in")
    if error["type"] == "string_pattern_mismatch" and at.split(".")[-1] == "token":
        return Fault(at, "a token is a keyed hash without spaces, never a name or a number")
    sentence = error["msg"].removeprefix("Value error, ")
    return Fault(at, f"{sentence[0].lower()}{sentence[1:]}" if at else "not a JSON object with named fields")


def _nearest(name: str) -> str:
    """The field there is that looks most like it, which says nothing of the name itself; or nothing."""
    return "".join(f"; nearest is {known}" for known in get_close_matches(name, sorted(_NAMES), n=1))


def _path(steps: Sequence[str | int], text: str | bytes) -> str:
    """Where in a line a fault is, like `place.uprn`.

    A name that no report has may be a person's, in a file that is wrong altogether: `place.#2` is said instead, the
    second field of `place`.
    """
    return ".".join(
        str(step) if isinstance(step, int) or step in _NAMES else f"#{_number(steps[: depth + 1], text)}"
        for depth, step in enumerate(steps)
    )


_NAMES = frozenset({*ReportLine.model_fields, *PlaceLine.model_fields, *PartyLine.model_fields, *LinkLine.model_fields})


def _number(steps: Sequence[str | int], text: str | bytes) -> int:
    """Which of its object's fields the last step leads to, from 1."""
    beside = json.loads(text)
    for step in steps[:-1]:
        beside = beside[step]
    return list(beside).index(steps[-1]) + 1
