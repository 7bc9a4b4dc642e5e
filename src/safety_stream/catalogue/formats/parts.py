"""What all formats are made of: names, words, lengths of time, days and moments as files state them."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from safety_stream.core.model.sightings import KeyKind
from safety_stream.core.model.times import (
    DAY_LENGTH,
    HOUR,
    LONDON,
    MINUTE,
    Day,
    Duration,
    Instant,
    to_date,
    to_day,
    to_instant,
)

_LENGTHS = {"minute": MINUTE, "hour": HOUR, "day": DAY_LENGTH, "week": 7 * DAY_LENGTH}

_MONTHS = {"month": 1, "year": 12}

_DURATION = re.compile(r"([1-9][0-9]{0,3}) (minute|hour|day|week|month|year)s?")

_YEARS = range(1900, 3000)

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

_UTC = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z", re.ASCII)

_APPROVER = re.compile(r"[a-z]{2,24}(-[a-z]{2,24}){0,3}-[0-9]{1,6}")

_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?")

BECAUSE_MAX = 500

_SHOWN_MAX = 60

_LONGEST_MONTHS = 1_200
"""A hundred years: what looks back further leaves the calendar."""


def shortened(text: str) -> str:
    """As much of what was written as a message repeats."""
    return text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}…"


def duration_of(text: object) -> Duration:
    """`12 months`, `28 days`, `72 hours`, `15 minutes`. Raises `ValueError` for anything else."""
    found = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        how = "a number and minutes, hours, days, weeks, months or years"
        raise ValueError(f"`{shortened(str(text))}` is no length, which is {how}: `28 days`")
    number, unit = int(found[1]), found[2]
    if unit not in _MONTHS:
        return Duration(millis=number * _LENGTHS[unit])
    if number * _MONTHS[unit] > _LONGEST_MONTHS:
        raise ValueError(f"`{text}` is too long: a length is at most {_LONGEST_MONTHS} months")
    return Duration(months=number * _MONTHS[unit])


def day_of_text(text: object) -> Day | None:
    """`2026-01-31` as a day; nothing stays nothing. Raises `ValueError` for anything else."""
    if text is None:
        return None
    try:
        when = date.fromisoformat(text if isinstance(text, str) and _DAY.fullmatch(text) else "")
    except ValueError:
        raise ValueError("a day is written 2026-01-31") from None
    if when.year not in _YEARS:
        raise ValueError("a day is of the years 1900 to 2999")
    return to_day(when)


def some_day_of_text(text: object) -> Day:
    """`2026-01-31` as a day. Raises `ValueError` for anything else."""
    day = day_of_text(text)
    if day is None:
        raise ValueError("a day is written 2026-01-31")
    return day


def instant_of_text(text: object) -> Instant:
    """`2026-01-31T20:00` or `…:00:01`, London local time (the first of two in autumn). Raises `ValueError`."""
    try:
        local = datetime.fromisoformat(text if isinstance(text, str) and _TIME.fullmatch(text) else "")
    except ValueError:
        message = "a time is London local time without offset, written 2026-01-31T20:00 or 2026-01-31T20:00:01"
        raise ValueError(message) from None
    if local.year not in _YEARS:
        raise ValueError("a time is of the years 1900 to 2999")
    return to_instant(local.replace(tzinfo=LONDON))


def approver_of_text(text: object) -> str:
    """A role and a number; a name has none. Raises `ValueError`."""
    if not isinstance(text, str) or not _APPROVER.fullmatch(text):
        raise ValueError("who approves is a role and a number, written analyst-7, and never a name")
    return text


def _utc_of_text(text: object) -> str:
    try:
        datetime.fromisoformat(text if isinstance(text, str) and _UTC.fullmatch(text) else "")
    except ValueError:
        raise ValueError("a time of approval is written 2026-01-31T20:00:00Z") from None
    return str(text)


def _checked_day(text: str) -> str:
    day_of_text(text)
    return text


def _checked_monday(text: str) -> str:
    if to_date(day_of_text(text) or 0).weekday():
        raise ValueError("a week is named by its Monday")
    return text


def listed(value: object) -> object:
    """One value as a list of it: where several may stand, one may stand alone."""
    return value if isinstance(value, list) else [value]


def _worded(value: object) -> object:
    return [str(one).lower() if isinstance(one, bool) else one for one in value] if isinstance(value, list) else value


def _as_stated(value: object) -> object:
    """A fact's values as reports state them: all of it text."""
    if not isinstance(value, list):
        return value
    return [str(one).lower() if isinstance(one, bool | int) else one for one in value]


class Strict(BaseModel):
    """A format: what it does not name is refused, and no value is taken for one of another type."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, arbitrary_types_allowed=True)


Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=64)]

Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]

Approver = Annotated[str, BeforeValidator(approver_of_text)]

UtcText = Annotated[str, BeforeValidator(_utc_of_text)]

StepName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=32)]

AreaCode = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]+$", max_length=64)]

Prose = Annotated[str, StringConstraints(min_length=1, max_length=2000)]

# What stands in the file is other than what it is read as; the JSON Schema is of the file.
_DurationText = Annotated[str, StringConstraints(pattern=f"^{_DURATION.pattern}$")]

_TimeText = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?$")]

_Word = str | bool

# Letters of one alphabet: what looks like `weapon` is `weapon`.
PlainWord = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]+$", max_length=64)]

DayText = Annotated[str, AfterValidator(_checked_day)]

WeekText = Annotated[str, AfterValidator(_checked_monday)]

Length = Annotated[Duration, BeforeValidator(duration_of, json_schema_input_type=_DurationText)]

OptionalDay = Annotated[int | None, BeforeValidator(day_of_text, json_schema_input_type=date | None)]

LondonDay = Annotated[int, BeforeValidator(some_day_of_text, json_schema_input_type=date)]

LondonTime = Annotated[int, BeforeValidator(instant_of_text, json_schema_input_type=_TimeText)]

Words = Annotated[
    list[PlainWord],
    Field(min_length=1, max_length=200),
    BeforeValidator(_worded),
    BeforeValidator(listed, json_schema_input_type=_Word | Annotated[list[_Word], Field(min_length=1)]),
]

Keys = Annotated[
    list[KeyKind],
    Field(min_length=1),
    BeforeValidator(listed, json_schema_input_type=KeyKind | Annotated[list[KeyKind], Field(min_length=1)]),
]

Grade = Literal["A", "B", "C", "D", "E"]

Number = Annotated[int, Field(ge=1, le=1_000_000)]

Number10M = Annotated[int, Field(ge=1, le=10_000_000)]

# Of up to fifteen digits, as a report may state (`core/model/facts.py`).
WholeNumber = Annotated[int, Field(gt=-(10**15), lt=10**15)]

FactWord = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+$", max_length=64)]

FewTimes = Annotated[int, Field(ge=1, le=99)]

# So many links of a chain, each as long as the condition looks back.
Links = Annotated[int, Field(ge=1, le=9)]

# So many steps, limbs, overrides and examples a reviewer can still hold in mind.
STEPS_MAX, LIMBS_MAX, MANY_MAX = 20, 20, 300

_Stated = FactWord | WholeNumber | bool

FactWords = Annotated[
    list[FactWord],
    Field(min_length=1),
    BeforeValidator(_as_stated),
    BeforeValidator(listed, json_schema_input_type=_Stated | Annotated[list[_Stated], Field(min_length=1)]),
]
