"""The names a catalogue declares and its rules may use; of each kind all of them, or None where nobody knows.

A broken file leaves its part of the vocabulary unknown, and what cannot be judged is not complained about: one mistake,
one issue.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args

import msgspec

from safety_stream.catalogue.documents import Where
from safety_stream.catalogue.issues import Severity
from safety_stream.catalogue.places import Place
from safety_stream.core.catalogue import (
    Agreement,
    Areas,
    Audience,
    Bounds,
    Catalogue,
    Category,
    FactKind,
    Indicator,
    Linked,
    PersonBounds,
    Rate,
    Share,
    Source,
)
from safety_stream.core.model.facts import fact_in, number_of
from safety_stream.core.model.incidents import Role
from safety_stream.core.model.open_days import OpenDays
from safety_stream.core.model.sharing import Sharing
from safety_stream.core.model.stretches import HERE, NEARBY

ROLES = frozenset(get_args(Role)) | {"vehicle", "phone", "place", "household", "group", HERE, NEARBY}
GRADES = frozenset("ABCDE")
DECLARE_FLAG = "declare it under flags in categories.yaml"
DECLARE_SUBTYPE = "declare it under subtypes of its category in categories.yaml"


class Categories(msgspec.Struct, frozen=True):
    """What the file of categories declares, which is known or unknown as a whole.

    Flags, and subtypes by category, are None where the file declares none of them.
    """

    by_id: dict[str, Category]
    kind_themes: dict[str, tuple[str, ...]]
    flag_themes: dict[str, tuple[str, ...]]
    bounds: Bounds
    flags: frozenset[str] | None = None
    subtypes: dict[str, frozenset[str]] | None = None

    def themes(self) -> frozenset[str]:
        """Every theme a category, kind or flag has."""
        by_category = (category.themes for category in self.by_id.values())
        return frozenset().union(*by_category, *self.kind_themes.values(), *self.flag_themes.values())


class Measures(msgspec.Struct, frozen=True):
    """What the files of indicators declare, each by id: counts, and what is worked out from them."""

    indicators: dict[str, Indicator]
    shares: dict[str, Share]
    rates: dict[str, Rate]


class Vocabulary(msgspec.Struct, frozen=True):
    """What the files read so far declare. `at_home` says that the areas are those the other files were written for."""

    at_home: bool
    sources: dict[str, Source] | None = None
    categories: Categories | None = None
    persons: PersonBounds | None = None
    facts: dict[str, FactKind] | None = None
    linked: Linked | None = None
    areas: Areas | None = None
    agreements: tuple[Agreement, ...] | None = None
    measures: Measures | None = None
    audiences: dict[str, Audience] | None = None
    sharing: Sharing = Sharing()
    calendars: dict[str, OpenDays] | None = None
    judged: frozenset[str] | None = None

    @property
    def indicators(self) -> dict[str, Indicator] | None:
        """What is counted."""
        return None if self.measures is None else self.measures.indicators

    def tags(self) -> frozenset[str] | None:
        """The sentences some agreement has."""
        if self.agreements is None:
            return None
        return frozenset(sentence.id for agreement in self.agreements for sentence in agreement.sentences)

    def kinds(self) -> frozenset[str] | None:
        """The kinds of report the sources send."""
        return None if self.sources is None else frozenset(kind for one in self.sources.values() for kind in one.kinds)

    def organisations(self) -> frozenset[str] | None:
        """Whose the sources are."""
        return None if self.sources is None else frozenset(source.organisation for source in self.sources.values())

    def of_whatever_reports_say(self) -> Vocabulary:
        """The same, where flags and subtypes may be any: what reports are marked with is known to who replays them."""
        if self.categories is None:
            return self
        return msgspec.structs.replace(
            self, categories=msgspec.structs.replace(self.categories, flags=None, subtypes=None)
        )

    def know_flag(self, at: Place, where: Where, name: str) -> None:
        """Tell of an undeclared flag."""
        at.know(where, "flag", name, None if self.categories is None else self.categories.flags, DECLARE_FLAG)

    def know_subtype(self, at: Place, where: Where, name: str, categories: Iterable[str] | None = None) -> None:
        """Tell of a subtype none of these categories declares; None where a report may be of any."""
        if self.categories is None or self.categories.subtypes is None:
            return
        by_category = self.categories.subtypes
        of = by_category if categories is None else sorted(set(categories).intersection(by_category))
        declared = frozenset[str]().union(*(by_category[category] for category in of))
        at.know(where, "subtype", name, declared, DECLARE_SUBTYPE)

    def know_category(self, at: Place, where: Where, name: str) -> None:
        """Tell of an unknown category."""
        at.know(where, "category", name, None if self.categories is None else self.categories.by_id)

    def know_area(self, at: Place, where: Where, code: str) -> None:
        """Tell of an unknown area."""
        if self.areas is None or code in self.areas.by_code:
            return
        # The reviewed files are the home county's; under another county's areas its names are merely idle.
        severity: Severity = "error" if self.at_home else "warning"
        at.add(severity, at.line_of(where), f"unknown area {code}", f"name an area of {self.areas.county}")

    def know_field(self, at: Place, where: Where, field: str, known: frozenset[str]) -> None:
        """Tell of what is neither one of these fields of a sighting nor a fact by its dotted name."""
        fact = fact_in(field)
        if fact is None:
            at.know(where, "field", field, known)
        else:
            at.know(where, "fact", fact, self.facts)

    def know_values(self, at: Place, where: Where, name: str, values: Iterable[str]) -> None:
        """Tell of an unknown fact, and of what a known one cannot be."""
        at.know(where, "fact", name, self.facts)
        known = (self.facts or {}).get(name)
        for value in values:
            if known is not None and known.type == "number" and str(number_of(value)) != value:
                at.error(where, f"fact {name} is a number, which {value} is not", "write a whole number")
            elif known is not None and known.type == "word":
                at.know(where, f"value of fact {name}:", value, known.values)


def vocabulary_of(known: Catalogue) -> Vocabulary:
    """What a catalogue that is read already says of how far a rule may look: of its names none are in it."""
    categories = Categories(dict(known.categories), dict(known.kind_themes), dict(known.flag_themes), known.bounds)
    return Vocabulary(at_home=True, categories=categories, linked=known.linked)
