"""The format of `linking.yaml`: over which identifiers reports hang together."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from safety_stream.catalogue.formats.conditions import StepEntry
from safety_stream.catalogue.formats.parts import Number, Prose, Strict

OneOrTwo = Annotated[int, Field(ge=1, le=2)]
Identifier = Annotated[str, StringConstraints(pattern=r"^(person|vehicle|phone|group|place):[A-Za-z0-9._-]+$")]


class LinkedSources(Strict):
    """Where each number of `linked` is from."""

    select: Prose
    age_days: Prose
    degree_cap: Prose
    blocklist: Prose
    reports_at_most: Prose
    linked_within: Prose


class LinkedEntry(Strict):
    """Which reports lead from one to another by what both name, and how far."""

    select: StepEntry
    age_days: Number
    degree_cap: Number
    blocklist: list[Identifier]
    reports_at_most: Number
    linked_within: OneOrTwo
    sources: LinkedSources


class LinkingFile(Strict):
    """`linking.yaml`."""

    linked: LinkedEntry
