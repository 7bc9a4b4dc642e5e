"""The formats of areas: a county, its residents, and which area took the place of which."""

from __future__ import annotations

from typing import Annotated

from pydantic import Discriminator, Field, StringConstraints, Tag

from safety_stream.catalogue.formats.parts import AreaCode, LondonDay, Name, Number10M, OptionalDay, Prose, Strict
from safety_stream.core.catalogue import AreaKind


class ParentEntry(Strict):
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


class AreaEntry(Strict):
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


class ResidentsEntry(Strict):
    """How many live in an area from a day on, and who counted."""

    area: AreaCode
    valid_from: LondonDay
    residents: Number10M
    source: Prose


class ResidentsFile(Strict):
    """`areas/residents.yaml`: the denominators of rates. A catalogue without it has no rates."""

    residents: list[ResidentsEntry]


class SuccessorEntry(Strict):
    """An area that takes the place of another from a day on: whole, or some LSOAs, or so much of it in per cent."""

    old: AreaCode
    new: AreaCode
    valid_from: LondonDay
    percent: Annotated[int, Field(ge=1, le=100)] | None = None
    lsoas: Annotated[list[AreaCode], Field(min_length=1)] | None = None
    source: Prose


class SuccessorsFile(Strict):
    """`areas/successors.yaml`: which area took the place of which. A catalogue without it has had no reform."""

    successors: list[SuccessorEntry]


LookupName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]+\.csv$")]


class AreasFile(Strict):
    """`areas/<county>.yaml`."""

    county: Name
    lsoa_lookup: LookupName | None = None
    ward_lookup: LookupName | None = None
    areas: list[AreaEntry]
