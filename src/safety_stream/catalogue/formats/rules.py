"""The format of a rule's file: its limbs, overrides, safeguards and examples."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from safety_stream.catalogue.formats.conditions import ConditionEntry, StepEntry, Windowed
from safety_stream.catalogue.formats.linking import Identifier, OneOrTwo
from safety_stream.catalogue.formats.parts import (
    LIMBS_MAX,
    MANY_MAX,
    STEPS_MAX,
    AreaCode,
    DayText,
    FactWord,
    Grade,
    Keys,
    Length,
    LondonTime,
    Name,
    Number,
    OptionalDay,
    PlainWord,
    Prose,
    StepName,
    Strict,
    WeekText,
    listed,
)
from safety_stream.core.model.findings import Family, Priority
from safety_stream.core.model.incidents import Origin
from safety_stream.core.model.judgements import Signal
from safety_stream.core.model.markings import Marking
from safety_stream.core.model.times import Duration


class BesidesEntry(Windowed):
    """What to tell besides: how many occurrences of a step lie in the window before the completion, it included.

    Or, with `latest`, what such an occurrence strictly before the completion last said of that fact. With `quietens`
    one of them makes what is found P4.
    """

    of: StepName
    latest: Name | None = None
    quietens: bool = False


class LimbEntry(Strict):
    """One way to meet a rule; `besides` are facts `explain` may use; they decide nothing, or quieten.

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


class OverrideValues(Strict):
    """The parameters an override sets."""

    at_least: Number | None = None
    within: Length | None = None
    enabled: bool = True


class OverrideEntry(Strict):
    """Other parameters for some areas, on completing days in `[valid_from, valid_to)`."""

    areas: Annotated[list[AreaCode], Field(min_length=1)]
    limb: StepName | None = None
    valid_from: OptionalDay = None
    valid_to: OptionalDay = None
    values: OverrideValues = Field(alias="set")
    source: Prose


class PriorityEntry(Strict):
    """What priority a finding gets."""

    base: Priority
    by_count: Annotated[dict[Number, Priority], Field(max_length=STEPS_MAX)] = {}
    raise_when: Annotated[list[Name], Field(max_length=STEPS_MAX)] = []
    child_raises: bool = False


class WithoutEntry(Strict):
    """Of each default safeguard a rule does without, the reason why."""

    two_sources: Prose | None = None
    weak_intelligence: Prose | None = None
    children: Prose | None = None
    negative_evidence: Prose | None = None


class SafeguardsEntry(Strict):
    """What must stand behind a finding for it to count, and why no more is asked (`without`)."""

    organisations: Annotated[int, Field(ge=1, le=9)] = 1
    organisations_or_kinds: Annotated[int, Field(ge=1, le=9)] = 1
    grades_alone: list[Grade] = []
    without: WithoutEntry = WithoutEntry()

    @property
    def guards(self) -> bool:
        """Whether anything must stand behind a finding."""
        return self.organisations > 1 or self.organisations_or_kinds > 1 or bool(self.grades_alone)


class SuppressEntry(Strict):
    """After how long an unchanged alert may notify again."""

    length: Length = Field(alias="for")


class LawfulEntry(Strict):
    """Why the rule may be run at all."""

    purposes: Annotated[list[Name], Field(min_length=1)]
    bases: Annotated[list[str], Field(min_length=1)]


class ExampleSighting(Strict):
    """A report as an example states it; what is left out is as quiet as can be. Its point, if any, is exact.

    `names` are the identifiers by which, on key `linked`, it leads to others.
    """

    at: LondonTime
    reported_at: LondonTime | None = None
    kind: Name
    subtype: PlainWord | Literal[""] = ""
    category: Name
    role: Annotated[list[str], BeforeValidator(listed, json_schema_input_type=str | list[str])] = []
    flags: list[Name] = []
    child: bool = False
    area: AreaCode | None = None
    uprn: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,12}$")] | None = None
    easting: int | None = None
    northing: int | None = None
    organisation: Name | None = None
    complainants: list[str] = []
    victims: list[str] = []
    children: list[str] = []
    persons: list[str] = []
    names: list[Identifier] = []
    grade: Grade | None = None
    origin: Origin = "reported"
    possible: bool = False
    facts: dict[Name, int | bool | str] = {}


class ExampleFinding(Strict):
    """What another rule found on another key, in an example: `subject` and `completed_by` are any words.

    Two of one subject are about one key; what does not say what completed it was completed by a report of its own.
    """

    at: LondonTime
    rule: Name
    subject: FactWord
    completed_by: FactWord | None = None
    area: AreaCode | None = None
    child: bool = False


class ExampleWeek(Strict):
    """What was recorded in a week, what was expected, and what is said of it; `final` when the feeds are complete."""

    value: Annotated[int, Field(ge=0, le=1_000_000)]
    expected: Annotated[float, Field(gt=0, le=1_000_000)]
    signal: Signal
    final: bool = True


class Fires(Strict):
    """A finding an example expects."""

    at: LondonTime
    priority: Priority | None = None


class ExampleEntry(Strict):
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


class BareRuleFile(Strict):
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


def rule_schema() -> dict[str, object]:
    """The format of a rule's file as JSON Schema (draft 2020-12), for editors; names are checked by `rules lint`."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | RuleFile.model_json_schema()
