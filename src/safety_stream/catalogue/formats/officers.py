"""The formats of who handles alerts and who hears of what: clocks, rungs, audiences, profiles."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from safety_stream.catalogue.formats.parts import AreaCode, Length, Name, Number, Prose, Strict
from safety_stream.core.catalogue import AlertReader, Hears
from safety_stream.core.model.findings import Family, Priority
from safety_stream.core.model.handling import HandlingAction
from safety_stream.core.model.markings import Marking
from safety_stream.core.model.times import PeriodKind


class RungEntry(Strict):
    """A step of the ladder an alert climbs while nobody answers it."""

    after: Length
    to: Name


class ClocksEntry(Strict):
    """By when an alert of one priority must be dealt with."""

    acknowledge: Length | None = None
    decide: Length | None = None
    ladder: list[RungEntry] = []
    snooze_at_most: Length
    kept: Length


class HandlingEntry(Strict):
    """By when alerts must be dealt with, and who may do what about them."""

    clocks: dict[Priority, ClocksEntry]
    roles: dict[Name, list[HandlingAction]]
    reasons: dict[HandlingAction, Annotated[list[Name], Field(min_length=1)]] = {}
    remembered: Length
    sources: dict[Literal["clocks", "roles", "reasons", "remembered"], Prose]


class HandlingFile(Strict):
    """`handling.yaml`."""

    handling: HandlingEntry


class AudienceEntry(Strict):
    """Who may hear of which alerts, and as what somebody reads them on the pages.

    Which fields of them, policy/policy.yaml says. `partner`: they work for another organisation.
    """

    id: Name
    title: Prose
    families: Annotated[list[Family], Field(min_length=1)]
    priorities: Annotated[list[Priority], Field(min_length=1)]
    hears: Hears = "always"
    marked_at_most: Marking = "OFFICIAL-SENSITIVE"
    partner: bool = False
    read_by: list[AlertReader] = []
    stewards: bool = False


class ProfileEntry(Strict):
    """A disclosure profile of indicator values; of all indicators, where it names none.

    `readers` are the audiences that may see exact numbers, and must be named by a profile that shows them.
    """

    id: Name
    title: Prose
    readers: list[Name] = []
    areas: list[AreaCode]
    indicators: list[Name] = []
    area_kinds: list[Literal["districts", "groupings"]] = []
    periods: Annotated[list[PeriodKind], Field(min_length=1)]
    final_only: bool
    suppress_below: Annotated[int, Field(ge=0, le=1_000_000)]
    round_to: Number
    shows: list[str] = []
    source: Prose | None = None


class AudiencesFile(Strict):
    """`audiences/*.yaml`."""

    audiences: list[AudienceEntry] = []
    profiles: list[ProfileEntry] = []
