"""The formats of what a rule asks of reports: steps, and one entry per type of condition."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Literal

import msgspec
from pydantic import BeforeValidator, Discriminator, Field, StringConstraints, Tag, model_validator

from safety_stream.catalogue.formats.parts import (
    MANY_MAX,
    STEPS_MAX,
    FactWords,
    FewTimes,
    Length,
    Links,
    Name,
    Number,
    StepName,
    Strict,
    WholeNumber,
    Words,
    listed,
)
from safety_stream.core.model.times import Duration, PeriodKind, ordinal


class RangeEntry(Strict):
    """A test of a fact that is a number: not below, not above, or both."""

    at_least: WholeNumber | None = None
    at_most: WholeNumber | None = None


FactTestEntry = Annotated[
    Annotated[RangeEntry, Tag("range")] | Annotated[FactWords, Tag("values")],
    Discriminator(lambda value: "range" if isinstance(value, dict | RangeEntry) else "values"),
]
"""A range of numbers, or values one of which is wanted."""


class SelectEntry(Strict):
    """A step's tests: a value or a list of values per field."""

    kind: Words | None = None
    subtype: Words | None = None
    category: Words | None = None
    family: Words | None = None
    theme: Words | None = None
    flag: Words | None = None
    origin: Words | None = None
    grade: Words | None = None
    role: Words | None = None
    organisation: Words | None = None
    source: Words | None = None
    child: Words | None = None
    facts: dict[Name, FactTestEntry] = {}


RuleNames = Annotated[
    list[Name],
    Field(min_length=1),
    BeforeValidator(listed, json_schema_input_type=Name | Annotated[list[Name], Field(min_length=1)]),
]


class StepEntry(SelectEntry):
    """A step: tests, tests that must fail (`not`), and how soon it must have been reported.

    Or, alone, `finding`: what the rules it names find on the same key; or `finding_elsewhere`: what they find on other
    keys, where the evidence names this one.
    """

    none_of: SelectEntry | None = Field(default=None, alias="not")
    reported_within: Length | None = None
    finding: RuleNames | None = None
    finding_elsewhere: RuleNames | None = None

    @property
    def means_findings(self) -> bool:
        """Whether it means no reports."""
        return self.finding is not None or self.finding_elsewhere is not None


Fields = Annotated[
    list[str],
    Field(min_length=1, max_length=3),
    BeforeValidator(listed, json_schema_input_type=str | Annotated[list[str], Field(min_length=1, max_length=3)]),
]


class Windowed(Strict):
    """What looks back over a length of time, with `calendar: true` over days of the calendar in London."""

    within: Length
    calendar: bool = False

    @property
    def window(self) -> Duration:
        """The length with its days as they are to be counted."""
        return self.within.by_calendar if self.calendar else self.within


class Unclosed(Strict):
    """A type whose conditions no step closes: `until` is refused, and why is told."""

    why_unclosed: ClassVar[str]

    @model_validator(mode="before")
    @classmethod
    def refuse_until(cls, stated: object) -> object:
        """Tell whoever writes `until` what there is instead."""
        if isinstance(stated, dict) and "until" in stated:
            raise ValueError(f"until closes nothing here: {cls.why_unclosed}")
        return stated


class CountEntry(Windowed):
    """`type: count`; with `at_most` no more than so many, with `chain` back over so many windows."""

    type: Literal["count"]
    of: StepName
    at_least: Number
    at_most: Number | None = None
    chain: Links = 1
    same: Annotated[list[str], Field(max_length=STEPS_MAX)] = []
    until: StepName | None = None


class DistinctEntry(Windowed):
    """`type: distinct`; of several fields, `field: [kind, area]`, the values are taken together."""

    type: Literal["distinct"]
    of: StepName
    field: Fields
    at_least: Number
    occurrences: FewTimes = 1
    same: Annotated[list[str], Field(max_length=STEPS_MAX)] = []
    ignore: Annotated[list[str], Field(max_length=MANY_MAX)] = []
    until: StepName | None = None
    also: Annotated[list[str], Field(max_length=STEPS_MAX)] = []
    unconnected: bool = False


class SumEntry(Windowed):
    """`type: sum`."""

    type: Literal["sum"]
    of: StepName
    field: str
    at_least: Number
    same: list[str] = []
    until: StepName | None = None


class AllOfEntry(Windowed):
    """`type: all_of`; `at_least` says how often a step is needed where once is not enough.

    `needed` says how many of the steps will do, `always` which of them must be among those.
    """

    type: Literal["all_of"]
    steps: Annotated[list[StepName], Field(min_length=2, max_length=6)]
    at_least: dict[StepName, FewTimes] = {}
    needed: Annotated[int, Field(ge=1, le=5)] | None = None
    always: list[StepName] = []
    until: StepName | None = None


class OrderedEntry(Windowed):
    """`type: ordered`; the last step `runs` times, `none_of` these between first and last, nor that of `until`.

    `measured_from` says in words what holds anyway: from the last of the first step.
    """

    type: Literal["ordered"]
    steps: Annotated[list[StepName], Field(min_length=2, max_length=STEPS_MAX)]
    runs: FewTimes = 1
    none_of: Annotated[list[StepName], Field(max_length=STEPS_MAX)] = []
    until: StepName | None = None
    measured_from: str | None = None


class DayAhead(msgspec.Struct, frozen=True):
    """An open day of the calendar so called: the next (1), or one further on."""

    number: int
    of: str


def day_ahead_of(text: object) -> DayAhead | None:
    """`next school day`, `11th working day`; nothing stays nothing. Raises `ValueError` for anything else."""
    if text is None:
        return None
    found = _DAY_AHEAD.fullmatch(text) if isinstance(text, str) else None
    if found is None or (found[1] is not None and ordinal(int(found[1])) != f"{found[1]}{found[2]}"):
        raise ValueError(
            "a day ahead is the next of a calendar, or one further on: `next school day`, `3rd school day`"
        )
    return DayAhead(int(found[1] or 1), found[3])


_DAY_AHEAD = re.compile(r"(?:next|([1-9][0-9]?)(st|nd|rd|th)) ([a-z][a-z0-9]*(?:-[a-z0-9]+)*) day")

_DayAheadText = Annotated[str, StringConstraints(pattern=r"^(next|[1-9][0-9]?(st|nd|rd|th)) [a-z][a-z0-9-]* day$")]


class AbsentEntry(Unclosed):
    """`type: absent`; the deadline is a length `within`, or by the calendar, or the beginning of a day, `before`."""

    why_unclosed = "name under unless what must not happen before the deadline"
    type: Literal["absent"]
    after: StepName
    unless: StepName
    within: Length | None = None
    calendar: bool = False
    before: Annotated[DayAhead | None, BeforeValidator(day_ahead_of, json_schema_input_type=_DayAheadText | None)] = (
        None
    )
    feeds: Annotated[list[Name], Field(min_length=1)]

    @property
    def window(self) -> Duration:
        """The length with its days as they are to be counted; nothing, where there is none."""
        within = self.within or Duration()
        return within.by_calendar if self.calendar else within


class CalendarEntry(Strict):
    """`type: calendar`; `of` on a timeline, none on an area's indicator."""

    type: Literal["calendar"]
    per: PeriodKind
    at_least: Number
    of: StepName | None = None
    until: StepName | None = None


class NearEntry(Windowed):
    """`type: near`; `after` is what the earlier one must be, if it is another step; `chain` goes on from those."""

    type: Literal["near"]
    of: StepName
    after: StepName | None = None
    metres: Number
    at_least: Number = 1
    chain: Links = 1
    until: StepName | None = None


class ShareEntry(Windowed):
    """`type: share`: of so many of `of`, at most `percent` are told by a report of `also` too."""

    type: Literal["share"]
    of: StepName
    also: StepName
    at_least: Number
    percent: Annotated[int, Field(ge=0, le=100)]
    until: StepName | None = None


class SignalEntry(Unclosed):
    """`type: signal`, of an area; without an `indicator` beside it, of each that is judged."""

    why_unclosed = "a signal is of weeks as they are judged, and has no steps"
    type: Literal["signal"]
    reaches: Literal["amber", "red"]


ConditionEntry = Annotated[
    CountEntry
    | DistinctEntry
    | SumEntry
    | AllOfEntry
    | OrderedEntry
    | AbsentEntry
    | CalendarEntry
    | NearEntry
    | ShareEntry
    | SignalEntry,
    Field(discriminator="type"),
]
