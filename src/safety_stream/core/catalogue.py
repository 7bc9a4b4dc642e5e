"""The reviewed data that drives the stages, as values: sources, areas, categories, indicators, rules, audiences.

Files under `catalogue/` are read and checked by `safety_stream.catalogue`; here is only what they mean. Domain numbers
live in those files with their source, never in code.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from safety_stream.core.judgements.settings import Settings
from safety_stream.core.judging import Judging
from safety_stream.core.model.findings import Family, Priority
from safety_stream.core.model.incidents import OUTSIDE, UNLOCATED, IdentityClass
from safety_stream.core.model.stretches import is_stretched
from safety_stream.core.model.times import Day, PeriodKind
from safety_stream.core.rules.rule import Rule, Selector


class Source(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A partner's feed: whose it is, which kinds it may send, what it may say of people.

    `usual_latency` is in milliseconds: the feed counts as complete up to its newest `reported_at` less this.
    """

    id: str
    organisation: str
    title: str
    kinds: tuple[str, ...]
    identity: IdentityClass
    usual_latency: int


class Category(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A normalised category of incident, the family that makes categories compatible, and the themes it belongs to."""

    id: str
    family: str
    themes: tuple[str, ...] = ()


class FactKind(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A name under which reports may say something, and what they may say: a whole number, or a word.

    The word is one of `values`; None leaves it open.
    """

    id: str
    type: Literal["number", "word"]
    title: str
    values: frozenset[str] | None = None


class Area(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A district or a grouping of districts, valid on days `[valid_from, valid_to)`; None means open.

    `division` is the police division a district is in, `residents` how many live there; None where nobody has said.
    """

    code: str
    name: str
    kind: str
    parents: tuple[str, ...] = ()
    valid_from: Day | None = None
    valid_to: Day | None = None
    division: str | None = None
    residents: int | None = None

    def is_valid_on(self, day: Day) -> bool:
        """Whether the area existed on that day."""
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day < self.valid_to)


class Areas(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The county: its areas by code and the district of each LSOA."""

    county: str
    by_code: Mapping[str, Area]
    by_lsoa: Mapping[str, str]

    def district(self, code: str | None, lsoa: str | None, day: Day) -> str:
        """The district of a report: the stated code if it is ours, else its LSOA's, else OUTSIDE or UNLOCATED."""
        for candidate in (code, self.by_lsoa.get(lsoa) if lsoa else None):
            area = self.by_code.get(candidate) if candidate else None
            if area is not None and area.kind == "district" and area.is_valid_on(day):
                return area.code
        return OUTSIDE if code or lsoa else UNLOCATED

    def roll_ups(self, code: str, day: Day) -> tuple[str, ...]:
        """The area itself and every grouping above it on that day, each once, the area first."""
        found = [code]
        for at in found:
            area = self.by_code.get(at)
            for parent in area.parents if area else ():
                if parent not in found and parent in self.by_code and self.by_code[parent].is_valid_on(day):
                    found.append(parent)
        return tuple(found)


class Indicator(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A count per area: which incidents, resting on which feeds, in which periods."""

    id: str
    title: str
    select: Selector
    feeds: tuple[str, ...]
    periods: tuple[PeriodKind, ...]


class Audience(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Who may hear of which alerts, and which fields of them; everything not named stays inside."""

    id: str
    title: str
    families: tuple[Family, ...]
    priorities: tuple[Priority, ...]
    fields: tuple[str, ...]


class Profile(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A disclosure profile of indicator values.

    `areas` empty means all; `suppress_below` is the smallest count shown as a number (0: all are), smaller ones but
    nought go out as None; `round_to` rounds the others to the nearest multiple (1: exact).
    """

    id: str
    title: str
    areas: tuple[str, ...]
    periods: tuple[PeriodKind, ...]
    final_only: bool
    suppress_below: int
    round_to: int


class Bounds(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """How large things may grow: beyond `hub` live sightings a key's rules are suspended, `kept` are remembered.

    A cell is a square of `cell_metres` and a stretch of `cell_days`: nothing nearer than these is out of its reach.
    An LSOA is as long.
    """

    hub: int
    kept: int
    cell_metres: int
    cell_days: int

    def of_key(self, key: str) -> Bounds:
        """Those of one key. Much happens in a cell of a town centre, and it is a place all the same, up to `kept`."""
        return msgspec.structs.replace(self, hub=self.kept) if is_stretched(key) else self


class Linked(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Which reports lead from one to another, and where that ends.

    Two reports chosen by `select` are linked by an entity both name when they began at most `age` milliseconds apart.
    One that more than `degree_cap` of them name, or that is in `blocklist`, links nothing; and more than
    `reports_at_most` are no group. `within` are the entities on the way from evidence to evidence, where a rule does
    not say.
    """

    select: Selector
    age: int
    degree_cap: int
    blocklist: frozenset[str]
    reports_at_most: int
    within: int


NOTHING_LINKED = Linked(select=Selector(), age=0, degree_cap=0, blocklist=frozenset(), reports_at_most=0, within=1)
"""What holds where a catalogue says nothing of it: nothing leads anywhere."""


class PersonBounds(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """How far stewards' decisions about persons reach.

    Tokens linked to more than `merged_at_most` together, or persons possibly the same as more than `possible_at_most`
    others, are left as if nobody had decided: nobody goes by so many, so something is wrong with the decisions.
    """

    merged_at_most: int
    possible_at_most: int


class Catalogue(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Everything the steps need to know, fixed for a run."""

    version: str
    sources: Mapping[str, Source]
    areas: Areas
    categories: Mapping[str, Category]
    kind_themes: Mapping[str, tuple[str, ...]]
    flag_themes: Mapping[str, tuple[str, ...]]
    indicators: tuple[Indicator, ...]
    rules: tuple[Rule, ...]
    audiences: tuple[Audience, ...]
    profiles: tuple[Profile, ...]
    bounds: Bounds
    persons: PersonBounds
    facts: Mapping[str, FactKind] = {}
    linked: Linked = NOTHING_LINKED
    judging: Judging = Judging()
    signals: Settings | None = None
