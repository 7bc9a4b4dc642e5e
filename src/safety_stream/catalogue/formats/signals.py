"""The format of `signals.yaml`: by what a week or a day is judged."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from safety_stream.catalogue.formats.parts import AreaCode, LondonDay, Name, Prose, Strict


class FarringtonEntry(Strict):
    """Farrington's flexible algorithm, in words; `core.statistics.farrington.Control` has those of R."""

    years: Annotated[int, Field(ge=1, le=20)]
    least_years: Annotated[int, Field(ge=1, le=20)]
    half_width: Annotated[int, Field(ge=0, le=25)]
    levels_of_year: Annotated[int, Field(ge=1, le=52)]
    weeks_left_out: Annotated[int, Field(ge=0, le=52)]
    weights_threshold: Annotated[float, Field(gt=0, le=10)]


class BayesEntry(Strict):
    """The Bayes system: the weeks around the same one in the years before, and those just before it."""

    years: Annotated[int, Field(ge=0, le=5)]
    half_width: Annotated[int, Field(ge=1, le=25)]


class LeastEntry(Strict):
    """So many incidents in so many weeks."""

    incidents: Annotated[int, Field(ge=0, le=1_000)]
    weeks: Annotated[int, Field(ge=1, le=8)]


class RareEntry(Strict):
    """Below so many expected a week, so many weeks are judged as one; and with fewer incidents they are no signal."""

    below: Annotated[float, Field(ge=0, le=1_000)]
    together: Annotated[int, Field(ge=2, le=8)]
    least: Annotated[int, Field(ge=1, le=1_000)]


Level = Annotated[float, Field(gt=0, lt=0.5)]
"""A probability small enough to be noticed."""


class LevelsEntry(Strict):
    """When a value is a signal."""

    red: Level
    amber: Level
    improvement: Level
    false_discoveries: Level
    least: LeastEntry
    least_now: Annotated[int, Field(ge=1, le=1_000)]
    sigmas: Annotated[float, Field(gt=0, le=10)]
    run: Annotated[int, Field(ge=2, le=8)]
    rare: RareEntry
    clear_after: Annotated[int, Field(ge=1, le=52)]


class TargetEntry(Strict):
    """An agreed limit for a week."""

    indicator: Name
    area: AreaCode
    valid_from: LondonDay = Field(alias="from")
    at_most: Annotated[int, Field(ge=0, le=1_000_000)]
    source: Prose


class WeekdaysEntry(Strict):
    """The same weekday in so many weeks, without the last ones; with fewer than `least_weeks` nothing is expected."""

    weeks: Annotated[int, Field(ge=1, le=520)]
    weeks_left_out: Annotated[int, Field(ge=0, le=519)]
    least_weeks: Annotated[int, Field(ge=1, le=520)]


class DayLevelsEntry(Strict):
    """When the value of a day is a signal."""

    red: Level
    amber: Level
    least: Annotated[int, Field(ge=1, le=1_000)]
    clear_after: Annotated[int, Field(ge=1, le=52)]


class DailyEntry(Strict):
    """Which series are judged by the day, by what, and when they are a signal."""

    indicators: Annotated[list[Name], Field(min_length=1)]
    areas: Annotated[list[AreaCode], Field(min_length=1)]
    weekdays: WeekdaysEntry
    left_out: list[Name] = []
    levels: DayLevelsEntry
    sources: dict[str, Prose]


class AcceptedEntry(Strict):
    """How many weeks a year may be signals by chance alone, over all series."""

    red: Annotated[int, Field(ge=0, le=100_000)]
    amber: Annotated[int, Field(ge=0, le=100_000)]
    improvement: Annotated[int, Field(ge=0, le=100_000)]


class SignalsEntry(Strict):
    """Which series are judged by the week, by what, and when they are a signal."""

    indicators: Annotated[list[Name], Field(min_length=1)]
    areas: Annotated[list[AreaCode], Field(min_length=1)]
    farrington: FarringtonEntry
    bayes: BayesEntry
    levels: LevelsEntry
    accepted: AcceptedEntry
    targets: list[TargetEntry] = []
    sources: dict[str, Prose]


class SignalsFile(Strict):
    """`signals.yaml`."""

    signals: SignalsEntry
    daily: DailyEntry | None = None
