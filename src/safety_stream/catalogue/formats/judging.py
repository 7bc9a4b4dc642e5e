"""The format of `judging.yaml`: what is known about series before they are judged."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from safety_stream.catalogue.formats.parts import MANY_MAX, AreaCode, LondonDay, Name, Prose, Strict


class _ConcerningEntry(Strict):
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


class JudgingFile(Strict):
    """`judging.yaml`: what is known about series before they are judged. A catalogue without it knows nothing."""

    exclusions: Annotated[list[ExclusionEntry], Field(max_length=MANY_MAX)] = []
    steps: Annotated[list[StepChangeEntry], Field(max_length=MANY_MAX)] = []
    covariates: Annotated[list[CovariateEntry], Field(max_length=MANY_MAX)] = []
