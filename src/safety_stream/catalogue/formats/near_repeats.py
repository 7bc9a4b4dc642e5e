"""The format of `near-repeats.yaml`: how the bands of near repeats are held against real events."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from safety_stream.catalogue.formats.parts import Length, Name, Prose, Strict


class OverEntry(Strict):
    """A length of time, and where it is from."""

    length: Length
    source: Prose


class ChanceEntry(Strict):
    """How often times are dealt out anew, and how seldom chance may do as well for it to be no likely reason."""

    permutations: Annotated[int, Field(ge=99, le=100_000)]
    at_most: Annotated[float, Field(gt=0, lt=1)]
    source: Prose


class MeasuringEntry(Strict):
    """How it is looked whether crimes are followed by others nearby: over how many months, and how surely.

    `renew_after`: how long after its month has ended evidence is old.
    """

    over: OverEntry
    chance: ChanceEntry
    renew_after: OverEntry


class EvidenceEntry(Strict):
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


class NearRepeatsFile(Strict):
    """`near-repeats.yaml`: how near repeats are looked for, and what was found, a line a month and rule."""

    measuring: MeasuringEntry
    measured: list[EvidenceEntry] = []
