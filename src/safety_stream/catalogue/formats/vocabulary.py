"""The formats of what things are called: sources, categories, facts, and the bounds of what is kept."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from safety_stream.catalogue.formats.parts import FactWords, Length, LondonDay, Name, Number, Prose, Strict, WholeNumber
from safety_stream.core.model.incidents import IdentityClass


class SourceEntry(Strict):
    """A partner's feed. It tells of everything from the day `covers_from` on: what was before is unknown.

    `expected_within` is how long it may say nothing new before it counts as silent.
    """

    id: Name
    organisation: Name
    title: Prose
    kinds: Annotated[list[Name], Field(min_length=1)]
    identity: IdentityClass
    usual_latency: Length
    expected_within: Length | None = None
    covers_from: LondonDay


class SourcesFile(Strict):
    """`sources.yaml`."""

    sources: list[SourceEntry]


class CategoryEntry(Strict):
    """A normalised category. `subtypes` are what reports of it may be called more exactly."""

    id: Name
    family: Name
    themes: list[Name] = []
    subtypes: list[Name] = []


class FlagEntry(Strict):
    """A mark partners put on reports of any category."""

    id: Name
    title: Prose


class FactEntry(Strict):
    """A fact reports may state: a whole number, or a word of a closed list; `open` lets any word through.

    A number may have bounds: what lies outside them is a mistake. It may be `part_of` another: then whoever states it
    states the other too, and no less of it.
    """

    id: Name
    type: Literal["number", "word"]
    title: Prose
    values: FactWords | None = None
    open: bool = False
    at_least: WholeNumber | None = None
    at_most: WholeNumber | None = None
    part_of: Name | None = None
    source: Prose


class FactsFile(Strict):
    """`facts.yaml`."""

    facts: list[FactEntry]


class BoundsEntry(Strict):
    """How large timelines may grow, and where the numbers come from."""

    hub: Number
    kept: Number
    cell_metres: Number
    cell_days: Number
    source: Prose


class PersonsEntry(Strict):
    """How many tokens one person may have, how many others a person may be, and where the numbers come from."""

    merged_at_most: Number
    possible_at_most: Number
    source: Prose


class PersonsFile(Strict):
    """`persons.yaml`."""

    persons: PersonsEntry


class CategoriesFile(Strict):
    """`categories.yaml`. Without `flags`, or without any `subtypes`, nobody says which there are, and any is taken."""

    categories: list[CategoryEntry]
    flags: list[FlagEntry] | None = None
    kind_themes: dict[Name, list[Name]] = {}
    flag_themes: dict[Name, list[Name]] = {}
    bounds: BoundsEntry
