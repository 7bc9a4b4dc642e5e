"""The formats of what is counted, of the agreement it answers, and of the statutory extract."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from safety_stream.catalogue.formats.conditions import StepEntry
from safety_stream.catalogue.formats.parts import MANY_MAX, STEPS_MAX, AreaCode, LondonDay, Name, Number, Prose, Strict
from safety_stream.core.catalogue import ONE, AgreementPart, Drill, Holder
from safety_stream.core.model.markings import Marking
from safety_stream.core.model.times import PeriodKind


class CaveatEntry(Strict):
    """What must be said beside an indicator, of some areas or of all."""

    text: Prose
    areas: list[AreaCode] = []
    source: Prose


class WeightsEntry(Strict):
    """What an incident of each category weighs, and where the weights are from."""

    of: Annotated[dict[Name, Annotated[int, Field(ge=0, le=100_000)]], Field(min_length=1, max_length=MANY_MAX)]
    source: Prose


class IndicatorEntry(Strict):
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


class ShareOfEntry(Strict):
    """An indicator in per cent of another, where that is `least_base` or more.

    Below twenty a per cent is less than a fifth of one incident: nothing may be said of so few (domain.md 5).
    """

    id: Name
    title: Prose
    of: Name
    among: Name
    least_base: Annotated[Number, Field(ge=20)] = 20
    tags: Annotated[list[Name], Field(max_length=STEPS_MAX)] = []
    caveats: Annotated[list[CaveatEntry], Field(max_length=STEPS_MAX)] = []


class RateEntry(Strict):
    """An indicator per so many residents."""

    id: Name
    title: Prose
    of: Name
    per: Literal["residents"]
    times: Number = 1000
    tags: Annotated[list[Name], Field(max_length=STEPS_MAX)] = []
    caveats: Annotated[list[CaveatEntry], Field(max_length=STEPS_MAX)] = []


class IndicatorsFile(Strict):
    """`indicators/*.yaml`: what is counted, and what is worked out from counts when they are published."""

    indicators: list[IndicatorEntry] = []
    shares: list[ShareOfEntry] = []
    rates: list[RateEntry] = []


class SentenceEntry(Strict):
    """A sentence of an agreement: its id is a tag of what measures it; `without` says why nothing need."""

    id: Name
    part: AgreementPart
    words: Prose
    without: Prose | None = None


class AgreementFile(Strict):
    """`agreement/*.yaml`: what partners have agreed to work for in some years."""

    id: Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}$")]
    title: Prose
    valid_from: LondonDay
    valid_to: LondonDay
    source: Prose
    sentences: Annotated[list[SentenceEntry], Field(min_length=1, max_length=MANY_MAX)]


class ItemEntry(Strict):
    """What an authority must disclose: `indicators` answer it, but for what is `short`; or `without` says why none."""

    id: Name
    holder: Holder
    words: Prose
    indicators: Annotated[list[Name], Field(max_length=STEPS_MAX)] = []
    short: Prose | None = None
    without: Prose | None = None


class HolderSources(Strict):
    """Where the words of each holder's items are from."""

    police: Prose
    fire: Prose
    local_authority: Prose = Field(alias="local-authority")
    health: Prose


class ExtractFile(Strict):
    """`extracts/*.yaml`: what authorities must disclose to one another of each quarter, how marked, and for whom."""

    id: Name
    title: Prose
    due_quarters_after: Annotated[int, Field(ge=0, le=8)]
    form: Prose
    marking: Marking
    readers: Annotated[list[Holder], Field(min_length=1)]
    sources: HolderSources
    items: Annotated[list[ItemEntry], Field(min_length=1, max_length=MANY_MAX)]
