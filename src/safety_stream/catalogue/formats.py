"""The formats of the catalogue's files, field by field. What is not named here is refused.

These models check shape alone; whether a named thing exists is for the modules that see all files (`loading.py`).
"""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Annotated, Literal

import msgspec
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
)

from safety_stream.core.catalogue import ONE, AgreementPart, AreaKind, Drill, Hears, Holder
from safety_stream.core.model.findings import Family, Priority
from safety_stream.core.model.handling import HandlingAction
from safety_stream.core.model.incidents import IdentityClass, Origin
from safety_stream.core.model.judgements import Signal
from safety_stream.core.model.markings import Marking
from safety_stream.core.model.sightings import KeyKind
from safety_stream.core.model.times import (
    DAY_LENGTH,
    HOUR,
    LONDON,
    MINUTE,
    Day,
    Duration,
    Instant,
    PeriodKind,
    ordinal,
    to_date,
    to_day,
    to_instant,
)

_LENGTHS = {"minute": MINUTE, "hour": HOUR, "day": DAY_LENGTH, "week": 7 * DAY_LENGTH}
_MONTHS = {"month": 1, "year": 12}
_DURATION = re.compile(r"([1-9][0-9]{0,3}) (minute|hour|day|week|month|year)s?")
_YEARS = range(1900, 3000)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_ANNUAL_DAY = re.compile(r"[0-9]{2}-[0-9]{2}")
_UTC = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z", re.ASCII)
_APPROVER = re.compile(r"[a-z]{2,24}(-[a-z]{2,24}){0,3}-[0-9]{1,6}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?")
BECAUSE_MAX = 500
_LONGEST_MONTHS = 1_200
"""A hundred years: what looks back further leaves the calendar."""


def duration_of(text: object) -> Duration:
    """`12 months`, `28 days`, `72 hours`, `15 minutes`. Raises `ValueError` for anything else."""
    found = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise ValueError("a duration is a number and minutes, hours, days, weeks, months or years: `28 days`")
    number, unit = int(found[1]), found[2]
    if unit not in _MONTHS:
        return Duration(millis=number * _LENGTHS[unit])
    if number * _MONTHS[unit] > _LONGEST_MONTHS:
        raise ValueError(f"a duration is at most {_LONGEST_MONTHS} months")
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


def _some_day_of_text(text: object) -> Day:
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


def _listed(value: object) -> object:
    return value if isinstance(value, list) else [value]


def _worded(value: object) -> object:
    return [str(one).lower() if isinstance(one, bool) else one for one in value] if isinstance(value, list) else value


def _as_stated(value: object) -> object:
    """A fact's values as reports state them: all of it text."""
    if not isinstance(value, list):
        return value
    return [str(one).lower() if isinstance(one, bool | int) else one for one in value]


class _Strict(BaseModel):
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
LondonDay = Annotated[int, BeforeValidator(_some_day_of_text, json_schema_input_type=date)]
LondonTime = Annotated[int, BeforeValidator(instant_of_text, json_schema_input_type=_TimeText)]
Words = Annotated[
    list[PlainWord],
    Field(min_length=1, max_length=200),
    BeforeValidator(_worded),
    BeforeValidator(_listed, json_schema_input_type=_Word | Annotated[list[_Word], Field(min_length=1)]),
]
Keys = Annotated[
    list[KeyKind],
    Field(min_length=1),
    BeforeValidator(_listed, json_schema_input_type=KeyKind | Annotated[list[KeyKind], Field(min_length=1)]),
]
Grade = Literal["A", "B", "C", "D", "E"]
Number = Annotated[int, Field(ge=1, le=1_000_000)]
Number10M = Annotated[int, Field(ge=1, le=10_000_000)]
# Of up to fifteen digits, as a report may state (`core/model/facts.py`).
WholeNumber = Annotated[int, Field(gt=-(10**15), lt=10**15)]
FactWord = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+$", max_length=64)]
FewTimes = Annotated[int, Field(ge=1, le=99)]
# So many steps, limbs, overrides and examples a reviewer can still hold in mind.
STEPS_MAX, LIMBS_MAX, MANY_MAX = 20, 20, 300


_Stated = FactWord | WholeNumber | bool
FactWords = Annotated[
    list[FactWord],
    Field(min_length=1),
    BeforeValidator(_as_stated),
    BeforeValidator(_listed, json_schema_input_type=_Stated | Annotated[list[_Stated], Field(min_length=1)]),
]


class SourceEntry(_Strict):
    """A partner's feed. It tells of everything from the day `covers_from` on: what was before is unknown."""

    id: Name
    organisation: Name
    title: Prose
    kinds: Annotated[list[Name], Field(min_length=1)]
    identity: IdentityClass
    usual_latency: Length
    covers_from: LondonDay


class SourcesFile(_Strict):
    """`sources.yaml`."""

    sources: list[SourceEntry]


class CategoryEntry(_Strict):
    """A normalised category."""

    id: Name
    family: Name
    themes: list[Name] = []


class FactEntry(_Strict):
    """A fact reports may state: a whole number, or a word of a closed list; `open` lets any word through.

    A number may have bounds: what lies outside them is a mistake.
    """

    id: Name
    type: Literal["number", "word"]
    title: Prose
    values: FactWords | None = None
    open: bool = False
    at_least: WholeNumber | None = None
    at_most: WholeNumber | None = None
    source: Prose


class FactsFile(_Strict):
    """`facts.yaml`."""

    facts: list[FactEntry]


class BoundsEntry(_Strict):
    """How large timelines may grow, and where the numbers come from."""

    hub: Number
    kept: Number
    cell_metres: Number
    cell_days: Number
    source: Prose


class PersonsEntry(_Strict):
    """How many tokens one person may have, how many others a person may be, and where the numbers come from."""

    merged_at_most: Number
    possible_at_most: Number
    source: Prose


class PersonsFile(_Strict):
    """`persons.yaml`."""

    persons: PersonsEntry


class CategoriesFile(_Strict):
    """`categories.yaml`."""

    categories: list[CategoryEntry]
    kind_themes: dict[Name, list[Name]] = {}
    flag_themes: dict[Name, list[Name]] = {}
    bounds: BoundsEntry


class ParentEntry(_Strict):
    """A grouping an area is in on days `[valid_from, valid_to)`."""

    area: AreaCode
    valid_from: OptionalDay = None
    valid_to: OptionalDay = None


ParentEntries = Annotated[
    list[
        Annotated[
            Annotated[ParentEntry, Tag("days")] | Annotated[AreaCode, Tag("always")],
            Discriminator(lambda value: "days" if isinstance(value, dict | ParentEntry) else "always"),
        ]
    ],
    Field(max_length=20),
]


class AreaEntry(_Strict):
    """A district, a grouping, or a reserved area.

    `division` is a district's police division: where the file has areas of that kind, the code of one, which is then
    among its parents; else any word.
    """

    code: AreaCode
    name: Prose
    kind: AreaKind
    parents: ParentEntries = []
    valid_from: OptionalDay = None
    valid_to: OptionalDay = None
    division: Prose | None = None


class ResidentsEntry(_Strict):
    """How many live in an area from a day on, and who counted."""

    area: AreaCode
    valid_from: LondonDay
    residents: Number10M
    source: Prose


class ResidentsFile(_Strict):
    """`areas/residents.yaml`: the denominators of rates. A catalogue without it has no rates."""

    residents: list[ResidentsEntry]


class SuccessorEntry(_Strict):
    """An area that takes the place of another from a day on: whole, or some LSOAs, or so much of it in per cent."""

    old: AreaCode
    new: AreaCode
    valid_from: LondonDay
    percent: Annotated[int, Field(ge=1, le=100)] | None = None
    lsoas: Annotated[list[AreaCode], Field(min_length=1)] | None = None
    source: Prose


class SuccessorsFile(_Strict):
    """`areas/successors.yaml`: which area took the place of which. A catalogue without it has had no reform."""

    successors: list[SuccessorEntry]


LookupName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]+\.csv$")]


class AreasFile(_Strict):
    """`areas/<county>.yaml`."""

    county: Name
    lsoa_lookup: LookupName | None = None
    ward_lookup: LookupName | None = None
    areas: list[AreaEntry]


class RangeEntry(_Strict):
    """A test of a fact that is a number: not below, not above, or both."""

    at_least: WholeNumber | None = None
    at_most: WholeNumber | None = None


FactTestEntry = Annotated[
    Annotated[RangeEntry, Tag("range")] | Annotated[FactWords, Tag("values")],
    Discriminator(lambda value: "range" if isinstance(value, dict | RangeEntry) else "values"),
]
"""A range of numbers, or values one of which is wanted."""


class SelectEntry(_Strict):
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
    BeforeValidator(_listed, json_schema_input_type=Name | Annotated[list[Name], Field(min_length=1)]),
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


OneOrTwo = Annotated[int, Field(ge=1, le=2)]
Identifier = Annotated[str, StringConstraints(pattern=r"^(person|vehicle|phone|group|place):[A-Za-z0-9._-]+$")]


class LinkedSources(_Strict):
    """Where each number of `linked` is from."""

    select: Prose
    age_days: Prose
    degree_cap: Prose
    blocklist: Prose
    reports_at_most: Prose
    linked_within: Prose


class LinkedEntry(_Strict):
    """Which reports lead from one to another by what both name, and how far."""

    select: StepEntry
    age_days: Number
    degree_cap: Number
    blocklist: list[Identifier]
    reports_at_most: Number
    linked_within: OneOrTwo
    sources: LinkedSources


class LinkingFile(_Strict):
    """`linking.yaml`."""

    linked: LinkedEntry


class CaveatEntry(_Strict):
    """What must be said beside an indicator, of some areas or of all."""

    text: Prose
    areas: list[AreaCode] = []
    source: Prose


class WeightsEntry(_Strict):
    """What an incident of each category weighs, and where the weights are from."""

    of: Annotated[dict[Name, Annotated[int, Field(ge=0, le=100_000)]], Field(min_length=1, max_length=MANY_MAX)]
    source: Prose


class IndicatorEntry(_Strict):
    """A count per area of the reports that `select` means, or of the findings of `rule`.

    `adds` is what each adds: one; with `weights`, the weight of its category; or the name of a fact it states.
    """

    id: Name
    title: Prose
    select: StepEntry | None = None
    rule: Name | None = None
    adds: Name = ONE
    weights: WeightsEntry | None = None
    feeds: Annotated[list[Name], Field(min_length=1)]
    periods: Annotated[list[PeriodKind], Field(min_length=1)]
    drill: list[Drill] = []
    tags: Annotated[list[Name], Field(max_length=STEPS_MAX)] = []
    caveats: Annotated[list[CaveatEntry], Field(max_length=STEPS_MAX)] = []


class ShareOfEntry(_Strict):
    """An indicator in per cent of another, where that is `least_base` or more."""

    id: Name
    title: Prose
    of: Name
    among: Name
    least_base: Number = 20
    tags: Annotated[list[Name], Field(max_length=STEPS_MAX)] = []
    caveats: Annotated[list[CaveatEntry], Field(max_length=STEPS_MAX)] = []


class RateEntry(_Strict):
    """An indicator per so many residents."""

    id: Name
    title: Prose
    of: Name
    per: Literal["residents"]
    times: Number = 1000
    tags: Annotated[list[Name], Field(max_length=STEPS_MAX)] = []
    caveats: Annotated[list[CaveatEntry], Field(max_length=STEPS_MAX)] = []


class IndicatorsFile(_Strict):
    """`indicators/*.yaml`: what is counted, and what is worked out from counts when they are published."""

    indicators: list[IndicatorEntry] = []
    shares: list[ShareOfEntry] = []
    rates: list[RateEntry] = []


class SentenceEntry(_Strict):
    """A sentence of an agreement: its id is a tag of what measures it; `without` says why nothing need."""

    id: Name
    part: AgreementPart
    words: Prose
    without: Prose | None = None


class AgreementFile(_Strict):
    """`agreement/*.yaml`: what partners have agreed to work for in some years."""

    id: Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}$")]
    title: Prose
    valid_from: LondonDay
    valid_to: LondonDay
    source: Prose
    sentences: Annotated[list[SentenceEntry], Field(min_length=1, max_length=MANY_MAX)]


class ItemEntry(_Strict):
    """What an authority must disclose: `indicators` answer it, but for what is `short`; or `without` says why none."""

    id: Name
    holder: Holder
    words: Prose
    indicators: Annotated[list[Name], Field(max_length=STEPS_MAX)] = []
    short: Prose | None = None
    without: Prose | None = None


class HolderSources(_Strict):
    """Where the words of each holder's items are from."""

    police: Prose
    fire: Prose
    local_authority: Prose = Field(alias="local-authority")
    health: Prose


class ExtractFile(_Strict):
    """`extracts/*.yaml`: what authorities must disclose to one another of each quarter."""

    id: Name
    title: Prose
    due_quarters_after: Annotated[int, Field(ge=0, le=8)]
    form: Prose
    sources: HolderSources
    items: Annotated[list[ItemEntry], Field(min_length=1, max_length=MANY_MAX)]


class FarringtonEntry(_Strict):
    """Farrington's flexible algorithm, in words; `core.statistics.farrington.Control` has those of R."""

    years: Annotated[int, Field(ge=1, le=20)]
    least_years: Annotated[int, Field(ge=1, le=20)]
    half_width: Annotated[int, Field(ge=0, le=25)]
    levels_of_year: Annotated[int, Field(ge=1, le=52)]
    weeks_left_out: Annotated[int, Field(ge=0, le=52)]
    weights_threshold: Annotated[float, Field(gt=0, le=10)]


class BayesEntry(_Strict):
    """The Bayes system: the weeks around the same one in the years before, and those just before it."""

    years: Annotated[int, Field(ge=0, le=5)]
    half_width: Annotated[int, Field(ge=1, le=25)]


class LeastEntry(_Strict):
    """So many incidents in so many weeks."""

    incidents: Annotated[int, Field(ge=0, le=1_000)]
    weeks: Annotated[int, Field(ge=1, le=8)]


class RareEntry(_Strict):
    """Below so many expected a week, so many weeks are judged as one; and with fewer incidents they are no signal."""

    below: Annotated[float, Field(ge=0, le=1_000)]
    together: Annotated[int, Field(ge=2, le=8)]
    least: Annotated[int, Field(ge=1, le=1_000)]


Level = Annotated[float, Field(gt=0, lt=0.5)]
"""A probability small enough to be noticed."""


class LevelsEntry(_Strict):
    """When a value is a signal."""

    red: Level
    amber: Level
    improvement: Level
    false_discoveries: Level
    least: LeastEntry
    least_now: Annotated[int, Field(ge=1, le=1_000)]
    sigmas: Annotated[float, Field(gt=0, le=10)]
    run: Annotated[int, Field(ge=2, le=8)]
    rare: RareEntry
    clear_after: Annotated[int, Field(ge=1, le=52)]


class TargetEntry(_Strict):
    """An agreed limit for a week."""

    indicator: Name
    area: AreaCode
    valid_from: LondonDay = Field(alias="from")
    at_most: Annotated[int, Field(ge=0, le=1_000_000)]
    source: Prose


class WeekdaysEntry(_Strict):
    """The same weekday in so many weeks, without the last ones; with fewer than `least_weeks` nothing is expected."""

    weeks: Annotated[int, Field(ge=1, le=520)]
    weeks_left_out: Annotated[int, Field(ge=0, le=519)]
    least_weeks: Annotated[int, Field(ge=1, le=520)]


class DayLevelsEntry(_Strict):
    """When the value of a day is a signal."""

    red: Level
    amber: Level
    least: Annotated[int, Field(ge=1, le=1_000)]
    clear_after: Annotated[int, Field(ge=1, le=52)]


class DailyEntry(_Strict):
    """Which series are judged by the day, by what, and when they are a signal."""

    indicators: Annotated[list[Name], Field(min_length=1)]
    areas: Annotated[list[AreaCode], Field(min_length=1)]
    weekdays: WeekdaysEntry
    left_out: list[Name] = []
    levels: DayLevelsEntry
    sources: dict[str, Prose]


class AcceptedEntry(_Strict):
    """How many weeks a year may be signals by chance alone, over all series."""

    red: Annotated[int, Field(ge=0, le=100_000)]
    amber: Annotated[int, Field(ge=0, le=100_000)]


class SignalsEntry(_Strict):
    """Which series are judged by the week, by what, and when they are a signal."""

    indicators: Annotated[list[Name], Field(min_length=1)]
    areas: Annotated[list[AreaCode], Field(min_length=1)]
    farrington: FarringtonEntry
    bayes: BayesEntry
    levels: LevelsEntry
    accepted: AcceptedEntry
    targets: list[TargetEntry] = []
    sources: dict[str, Prose]


class SignalsFile(_Strict):
    """`signals.yaml`."""

    signals: SignalsEntry
    daily: DailyEntry | None = None


class RungEntry(_Strict):
    """A step of the ladder an alert climbs while nobody answers it."""

    after: Length
    to: Name


class ClocksEntry(_Strict):
    """By when an alert of one priority must be dealt with."""

    acknowledge: Length | None = None
    decide: Length | None = None
    ladder: list[RungEntry] = []
    snooze_at_most: Length
    kept: Length


class HandlingEntry(_Strict):
    """By when alerts must be dealt with, and who may do what about them."""

    clocks: dict[Priority, ClocksEntry]
    roles: dict[Name, list[HandlingAction]]
    reasons: dict[HandlingAction, Annotated[list[Name], Field(min_length=1)]] = {}
    remembered: Length
    sources: dict[Literal["clocks", "roles", "reasons", "remembered"], Prose]


class HandlingFile(_Strict):
    """`handling.yaml`."""

    handling: HandlingEntry


class AudienceEntry(_Strict):
    """Who may hear of which alerts, and which fields of them."""

    id: Name
    title: Prose
    families: Annotated[list[Family], Field(min_length=1)]
    priorities: Annotated[list[Priority], Field(min_length=1)]
    hears: Hears = "always"
    marked_at_most: Marking = "OFFICIAL-SENSITIVE"
    fields: Annotated[list[str], Field(min_length=1)]


class ProfileEntry(_Strict):
    """A disclosure profile of indicator values; of all indicators, where it names none."""

    id: Name
    title: Prose
    areas: list[AreaCode]
    indicators: list[Name] = []
    area_kinds: list[Literal["districts", "groupings"]] = []
    periods: Annotated[list[PeriodKind], Field(min_length=1)]
    final_only: bool
    suppress_below: Annotated[int, Field(ge=0, le=1_000_000)]
    round_to: Number
    shows: list[str] = []
    source: Prose | None = None


class AudiencesFile(_Strict):
    """`audiences/*.yaml`."""

    audiences: list[AudienceEntry] = []
    profiles: list[ProfileEntry] = []


class CountEntry(_Strict):
    """`type: count`."""

    type: Literal["count"]
    of: StepName
    at_least: Number
    within: Length
    same: Annotated[list[str], Field(max_length=STEPS_MAX)] = []
    until: StepName | None = None


class DistinctEntry(_Strict):
    """`type: distinct`."""

    type: Literal["distinct"]
    of: StepName
    field: str
    at_least: Number
    occurrences: FewTimes = 1
    within: Length
    same: Annotated[list[str], Field(max_length=STEPS_MAX)] = []
    ignore: Annotated[list[str], Field(max_length=MANY_MAX)] = []
    until: StepName | None = None
    also: Annotated[list[str], Field(max_length=STEPS_MAX)] = []
    unconnected: bool = False


class SumEntry(_Strict):
    """`type: sum`."""

    type: Literal["sum"]
    of: StepName
    field: str
    at_least: Number
    within: Length
    same: list[str] = []
    until: StepName | None = None


class AllOfEntry(_Strict):
    """`type: all_of`; `at_least` says how often a step is needed where once is not enough.

    `needed` says how many of the steps will do, `always` which of them must be among those.
    """

    type: Literal["all_of"]
    steps: Annotated[list[StepName], Field(min_length=2, max_length=6)]
    at_least: dict[StepName, FewTimes] = {}
    needed: Annotated[int, Field(ge=1, le=5)] | None = None
    always: list[StepName] = []
    within: Length


class OrderedEntry(_Strict):
    """`type: ordered`; the last step `runs` times, `none_of` these between first and last.

    `measured_from` says in words what holds anyway: from the last of the first step.
    """

    type: Literal["ordered"]
    steps: Annotated[list[StepName], Field(min_length=2, max_length=STEPS_MAX)]
    runs: FewTimes = 1
    none_of: Annotated[list[StepName], Field(max_length=STEPS_MAX)] = []
    within: Length
    measured_from: str | None = None


class ClosedEntry(_Strict):
    """A stretch of days on which nobody is there, both ends in it; `last` left out: one day."""

    first: LondonDay
    last: LondonDay | None = None
    title: Prose


class KnownEntry(_Strict):
    """From when to when a calendar knows its closed days, both ends in it."""

    first: LondonDay
    last: LondonDay


class OpenDaysFile(_Strict):
    """`calendars/*.yaml`: which days from Monday to Friday are none of some kind, and when such a day begins.

    Lint warns when `known` ends sooner than after `renew_before`.
    """

    id: Name
    title: Prose
    opens: Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
    known: KnownEntry
    renew_before: Length
    closed: Annotated[list[ClosedEntry], Field(max_length=MANY_MAX)]
    source: Prose


def annual_day_of_text(text: object) -> tuple[int, int]:
    """`10-24` as month and day; every year must have it. Raises `ValueError`."""
    try:
        when = date.fromisoformat(f"2001-{text if isinstance(text, str) and _ANNUAL_DAY.fullmatch(text) else ''}")
    except ValueError:
        raise ValueError("a day of every year is written 10-24: month, day") from None
    return when.month, when.day


AnnualDay = Annotated[tuple[int, int], BeforeValidator(annual_day_of_text)]


class EachYearEntry(_Strict):
    """A stretch of days of every year, both ends in it; if its last comes before its first, it is over New Year."""

    first: AnnualDay
    last: AnnualDay


class EffectEntry(_Strict):
    """Days on which more or less happens, from one or more of: bank holidays, their eves, a calendar, dates."""

    id: Name
    title: Prose
    bank_holidays: Literal["england-and-wales", "scotland", "northern-ireland"] | None = None
    eves_of: Name | None = None
    closed_of: Name | None = None
    each_year: EachYearEntry | None = None
    stretches: Annotated[list[ClosedEntry], Field(max_length=MANY_MAX)] = []
    source: Prose


class EffectsFile(_Strict):
    """`calendars/effects/*.yaml`: the days of what moves series beside their season.

    Lint warns when `known` ends sooner than after `renew_before`.
    """

    known: KnownEntry
    renew_before: Length
    effects: Annotated[list[EffectEntry], Field(max_length=MANY_MAX)]


class _ConcerningEntry(_Strict):
    """Which series are meant; a list left out means all."""

    indicators: Annotated[list[Name], Field(min_length=1)] | None = None
    areas: Annotated[list[AreaCode], Field(min_length=1)] | None = None
    source: Prose


class ExclusionEntry(_ConcerningEntry):
    """A stretch of days that is no baseline, both ends in it."""

    id: Name
    title: Prose
    first: LondonDay
    last: LondonDay


class StepChangeEntry(_ConcerningEntry):
    """A day from which on recording is another; `feeds` are those whose indicators are meant too."""

    id: Name
    title: Prose
    day: LondonDay
    feeds: list[Name] = []


class CovariateEntry(_ConcerningEntry):
    """An effect of the calendar, and the series it is looked for in."""

    effect: Name


class JudgingFile(_Strict):
    """`judging.yaml`: what is known about series before they are judged. A catalogue without it knows nothing."""

    exclusions: Annotated[list[ExclusionEntry], Field(max_length=MANY_MAX)] = []
    steps: Annotated[list[StepChangeEntry], Field(max_length=MANY_MAX)] = []
    covariates: Annotated[list[CovariateEntry], Field(max_length=MANY_MAX)] = []


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


class AbsentEntry(_Strict):
    """`type: absent`; the deadline is a length `within` or the beginning of a day, `before`."""

    type: Literal["absent"]
    after: StepName
    unless: StepName
    within: Length | None = None
    before: Annotated[DayAhead | None, BeforeValidator(day_ahead_of, json_schema_input_type=_DayAheadText | None)] = (
        None
    )
    feeds: Annotated[list[Name], Field(min_length=1)]


class CalendarEntry(_Strict):
    """`type: calendar`; `of` on a timeline, none on an area's indicator."""

    type: Literal["calendar"]
    per: PeriodKind
    at_least: Number
    of: StepName | None = None


class NearEntry(_Strict):
    """`type: near`; `after` is what the earlier one must be, if it is another step."""

    type: Literal["near"]
    of: StepName
    after: StepName | None = None
    metres: Number
    within: Length
    at_least: Number = 1


class ShareEntry(_Strict):
    """`type: share`: of so many of `of`, at most `percent` are told by a report of `also` too."""

    type: Literal["share"]
    of: StepName
    also: StepName
    at_least: Number
    percent: Annotated[int, Field(ge=0, le=100)]
    within: Length


class SignalEntry(_Strict):
    """`type: signal`, of an area; without an `indicator` beside it, of each that is judged."""

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


class BesidesEntry(_Strict):
    """What to tell besides: how many occurrences of a step lie in the window before the completion, it included.

    Or, with `latest`, what such an occurrence strictly before the completion last said of that fact.
    """

    of: StepName
    within: Length
    latest: Name | None = None


class LimbEntry(_Strict):
    """One way to meet a rule; `besides` are facts `explain` may use that decide nothing.

    `discovered_because` says why, at a place, what is found by looking counts for a step; `linked_within` how many
    identifiers, on key `linked`, may lie between what counts together.
    """

    key: Keys
    select: Annotated[dict[StepName, StepEntry], Field(max_length=STEPS_MAX)] = {}
    condition: ConditionEntry
    besides: dict[StepName, BesidesEntry] = {}
    indicator: Name | None = None
    linked_within: OneOrTwo | None = None
    explain: Prose
    discovered_because: dict[StepName, Prose] = {}


class OverrideValues(_Strict):
    """The parameters an override sets."""

    at_least: Number | None = None
    within: Length | None = None
    enabled: bool = True


class OverrideEntry(_Strict):
    """Other parameters for some areas, on completing days in `[valid_from, valid_to)`."""

    areas: Annotated[list[AreaCode], Field(min_length=1)]
    limb: StepName | None = None
    valid_from: OptionalDay = None
    valid_to: OptionalDay = None
    values: OverrideValues = Field(alias="set")
    source: Prose


class PriorityEntry(_Strict):
    """What priority a finding gets."""

    base: Priority
    by_count: Annotated[dict[Number, Priority], Field(max_length=STEPS_MAX)] = {}
    raise_when: Annotated[list[Name], Field(max_length=STEPS_MAX)] = []
    child_raises: bool = False


class SafeguardsEntry(_Strict):
    """What must stand behind a finding for it to count."""

    organisations: Annotated[int, Field(ge=1, le=9)] = 1
    organisations_or_kinds: Annotated[int, Field(ge=1, le=9)] = 1
    grades_alone: list[Grade] = []


class SuppressEntry(_Strict):
    """After how long an unchanged alert may notify again."""

    length: Length = Field(alias="for")


class LawfulEntry(_Strict):
    """Why the rule may be run at all."""

    purposes: Annotated[list[Name], Field(min_length=1)]
    bases: Annotated[list[str], Field(min_length=1)]


class ExampleSighting(_Strict):
    """A report as an example states it; what is left out is as quiet as can be. Its point, if any, is exact.

    `names` are the identifiers by which, on key `linked`, it leads to others.
    """

    at: LondonTime
    reported_at: LondonTime | None = None
    kind: Name
    subtype: PlainWord | Literal[""] = ""
    category: Name
    role: Annotated[list[str], BeforeValidator(_listed, json_schema_input_type=str | list[str])] = []
    flags: list[Name] = []
    child: bool = False
    area: AreaCode | None = None
    uprn: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,12}$")] | None = None
    easting: int | None = None
    northing: int | None = None
    organisation: Name | None = None
    complainants: list[str] = []
    victims: list[str] = []
    persons: list[str] = []
    names: list[Identifier] = []
    grade: Grade | None = None
    origin: Origin = "reported"
    possible: bool = False
    facts: dict[Name, int | bool | str] = {}


class ExampleFinding(_Strict):
    """What another rule found on another key, in an example: `subject` and `completed_by` are any words.

    Two of one subject are about one key; what does not say what completed it was completed by a report of its own.
    """

    at: LondonTime
    rule: Name
    subject: FactWord
    completed_by: FactWord | None = None
    area: AreaCode | None = None
    child: bool = False


class ExampleWeek(_Strict):
    """What was recorded in a week, what was expected, and what is said of it; `final` when the feeds are complete."""

    value: Annotated[int, Field(ge=0, le=1_000_000)]
    expected: Annotated[float, Field(gt=0, le=1_000_000)]
    signal: Signal
    final: bool = True


class Fires(_Strict):
    """A finding an example expects."""

    at: LondonTime
    priority: Priority | None = None


class ExampleEntry(_Strict):
    """A story that fires, or a near miss that must not.

    `hubs` are what, on key `linked`, too many other reports name. `signals` are the judged weeks of an area's
    `indicator`, by their Mondays; weeks between them are quiet ones.
    """

    name: Prose
    limb: StepName | None = None
    sightings: Annotated[list[ExampleSighting], Field(max_length=MANY_MAX)] = []
    found_elsewhere: Annotated[list[ExampleFinding], Field(max_length=MANY_MAX)] = []
    area: AreaCode | None = None
    counts: Annotated[dict[DayText, Annotated[int, Field(ge=0, le=1_000_000)]], Field(max_length=MANY_MAX)] = {}
    indicator: Name | None = None
    signals: Annotated[dict[WeekText, ExampleWeek], Field(max_length=MANY_MAX)] = {}
    as_of: LondonTime | None = None
    complete_to: dict[Name, LondonTime] = {}
    hubs: list[Identifier] = []
    fires: Annotated[list[Fires], Field(max_length=MANY_MAX)]


class BareRuleFile(_Strict):
    """A rule to be replayed and nothing more, with either one limb at the top or several under `limbs`.

    Nothing goes out of a replay to anybody: whom it is for, why it may be run and what it is held to may be left out.
    """

    id: Name
    version: Number = 1
    title: str = ""
    status: Literal["stable", "trial", "retired"] = "stable"
    family: Family = "repeat-victimisation"
    key: Keys | None = None
    select: Annotated[dict[StepName, StepEntry], Field(max_length=STEPS_MAX)] | None = None
    condition: ConditionEntry | None = None
    besides: dict[StepName, BesidesEntry] = {}
    indicator: Name | None = None
    linked_within: OneOrTwo | None = None
    discovered_because: dict[StepName, Prose] = {}
    possible_matches: Literal["ignored", "counted"] = "ignored"
    limbs: Annotated[dict[StepName, LimbEntry], Field(min_length=1, max_length=LIMBS_MAX)] | None = None
    overrides: Annotated[list[OverrideEntry], Field(max_length=MANY_MAX)] = []
    priority: PriorityEntry = PriorityEntry(base="P4")
    safeguards: SafeguardsEntry = SafeguardsEntry()
    action_time: Length = Duration(months=12)
    suppress: SuppressEntry = SuppressEntry.model_validate({"for": "1 month"})
    audience: list[Name] = []
    marking: Marking = "OFFICIAL-SENSITIVE"
    lawful: LawfulEntry | None = None
    source: str = ""
    explain: Prose = "The rule is met."
    false_positives: str = ""
    known_gaps: str = ""
    withdrawn_when: str = ""
    examples: Annotated[list[ExampleEntry], Field(max_length=MANY_MAX)] = []

    def each_limb(self) -> dict[str, LimbEntry]:
        """The limbs by name; the one at the top is called `main`. None at all when the file names neither."""
        if self.limbs is not None:
            return dict(self.limbs)
        if self.key is None or self.condition is None:
            return {}
        top = LimbEntry(
            key=self.key,
            select=self.select or {},
            condition=self.condition,
            besides=self.besides,
            indicator=self.indicator,
            linked_within=self.linked_within,
            explain=self.explain,
            discovered_because=self.discovered_because,
        )
        return {"main": top}

    def where(self, limb: str) -> tuple[str, ...]:
        """Where in the file a limb stands."""
        return () if self.limbs is None else ("limbs", limb)


class RuleFile(BareRuleFile):
    """`rules/<id>.yaml`: a rule that may be released, with all that people must be able to read and to check."""

    version: Number
    title: Prose
    status: Literal["stable", "trial", "retired"]
    family: Family
    priority: PriorityEntry
    action_time: Length
    suppress: SuppressEntry
    audience: Annotated[list[Name], Field(min_length=1)]
    lawful: LawfulEntry
    source: Prose
    explain: Prose
    false_positives: Prose
    known_gaps: Prose
    withdrawn_when: Prose
    examples: Annotated[list[ExampleEntry], Field(max_length=MANY_MAX)]


class ShiftsEntry(_Strict):
    """When officers' shifts begin, in hours of London time."""

    starts: Annotated[list[Annotated[int, Field(ge=0, le=23)]], Field(min_length=1)]
    source: Prose


class UrgentBudget(_Strict):
    """How many alerts of all stable rules together, and of one, may become urgent in a division and shift.

    The loudest twentieth of these left out.
    """

    per_division_and_shift: Annotated[int, Field(ge=0)]
    of_one_rule: Annotated[int, Field(ge=0)]
    source: Prose


class AlertsBudget(_Strict):
    """How many alerts of any priority one rule may raise in a district and month, the loudest twentieth left out."""

    per_district_and_month: Annotated[int, Field(ge=0)]
    source: Prose


class HeldEntry(_Strict):
    """Whose alerts the budget is for: a rule none of these hears of is measured and shown, and held to nothing."""

    audiences: Annotated[list[Name], Field(min_length=1)]
    source: Prose


class BudgetEntry(_Strict):
    """How loud rules may be."""

    held: HeldEntry
    shifts: ShiftsEntry
    urgent: UrgentBudget
    alerts: AlertsBudget


class MeasuredEntry(_Strict):
    """How loud a version of a rule was on a history."""

    rule: Name
    version: Annotated[int, Field(ge=1)]
    history: Prose
    alerts_per_month: Annotated[float, Field(ge=0)]
    urgent_per_division_and_shift: Annotated[int, Field(ge=0)]
    alerts_per_district_and_month: Annotated[int, Field(ge=0)]


class VolumesFile(_Strict):
    """`volumes.yaml`: how loud a rule may be, and how loud each was. A catalogue without it has no budget."""

    budget: BudgetEntry
    measured: list[MeasuredEntry] = []


class OverEntry(_Strict):
    """A length of time, and where it is from."""

    length: Length
    source: Prose


class ChanceEntry(_Strict):
    """How often times are dealt out anew, and how seldom chance may do as well for it to be no likely reason."""

    permutations: Annotated[int, Field(ge=99, le=100_000)]
    at_most: Annotated[float, Field(gt=0, lt=1)]
    source: Prose


class MeasuringEntry(_Strict):
    """How it is looked whether crimes are followed by others nearby: over how many months, and how surely.

    `renew_after`: how long after its month has ended evidence is old.
    """

    over: OverEntry
    chance: ChanceEntry
    renew_after: OverEntry


class EvidenceEntry(_Strict):
    """What was found of a version of a near-repeat rule over the months that end with `month`.

    `reports` are those its step reads, `located` those of them with a point of their own; `pairs` of these are as near
    and as soon as the rule says, and `expected` would be by chance, which does as well with probability `p`.
    """

    month: Annotated[str, StringConstraints(pattern=r"^[12][0-9]{3}-(0[1-9]|1[0-2])$")]
    rule: Name
    version: Annotated[int, Field(ge=1)]
    metres: Annotated[int, Field(ge=0)]
    days: Annotated[int, Field(ge=0)]
    history: Prose
    reports: Annotated[int, Field(ge=0)]
    located: Annotated[int, Field(ge=0)]
    pairs: Annotated[int, Field(ge=0)]
    expected: Annotated[float, Field(ge=0)]
    p: Annotated[float, Field(gt=0, le=1)]


class NearRepeatsFile(_Strict):
    """`near-repeats.yaml`: how near repeats are looked for, and what was found, a line a month and rule."""

    measuring: MeasuringEntry
    measured: list[EvidenceEntry] = []


class ApprovalEntry(_Strict):
    """One person's approval of a version of a rule, `digest` being that of what runs, `after` of the line before."""

    rule: Name
    version: Number
    digest: Digest
    by: Approver
    at: UtcText
    because: Annotated[str, StringConstraints(min_length=1, max_length=BECAUSE_MAX)]
    after: Digest


class ReleasesFile(_Strict):
    """`releases.yaml`: who approved which rule, added to by `rules release`; without it a rule's own status is all."""

    releases: list[ApprovalEntry]


def rule_schema() -> dict[str, object]:
    """The format of a rule's file as JSON Schema (draft 2020-12), for editors; names are checked by `rules lint`."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | RuleFile.model_json_schema()
