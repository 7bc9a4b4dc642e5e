"""By what values of weeks and of days are judged. The numbers and their sources are in `catalogue/signals.yaml`."""

from __future__ import annotations

from typing import Final

import msgspec

from safety_stream.core.model.times import Day
from safety_stream.core.statistics.expecting import Expecting
from safety_stream.core.statistics.weekdays import Weekdays

WEEKS_OF_A_YEAR: Final = 52


class Levels(msgspec.Struct, frozen=True, kw_only=True):
    """When a value is a signal.

    Attributes:
        red: So small a probability of as many or more is red, if its batch bears it out.
        amber: So small a one is amber.
        improvement: So small a probability of as few or fewer is an improvement.
        false_discoveries: The share of a batch's discoveries that may be false on average (Benjamini-Hochberg).
        least: (incidents, weeks): a value is no signal with fewer in so many weeks up to it ...
        least_now: ... unless so many are its own.
        sigmas: Two of three weeks so many standard deviations above what was expected are amber.
        run: So many weeks one after another above what was expected are amber, below it an improvement.
        rare_below: Of series that let expect less than this a week, `rare_together` weeks are judged as one ...
        rare_together: See `rare_below`.
        rare_least: ... and are no signal with fewer incidents than this.
        clear_after: A breach is over after so many weeks without a red or amber one.
    """

    red: float
    amber: float
    improvement: float
    false_discoveries: float
    least: tuple[int, int]
    least_now: int
    sigmas: float
    run: int
    rare_below: float
    rare_together: int
    rare_least: int
    clear_after: int


class Accepted(msgspec.Struct, frozen=True, kw_only=True):
    """How many weeks a year, of all series, may be a signal where nothing happens."""

    red: int
    amber: int
    improvement: int


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """An agreed limit for a week of an indicator in an area, from a day on."""

    indicator: str
    area: str
    valid_from: Day
    at_most: int
    source: str


class DayLevels(msgspec.Struct, frozen=True, kw_only=True):
    """When the value of a day is a signal.

    Attributes:
        red: So small a probability of as many or more is red.
        amber: So small a one is amber.
        least: A value is no signal with fewer incidents than this.
        clear_after: A breach is over after so many days without a red or amber one.
    """

    red: float
    amber: float
    least: int
    clear_after: int


class DaySettings(msgspec.Struct, frozen=True, kw_only=True):
    """Which series are judged by the day, by what their expectation is made, and when they are a signal.

    `left_out` are the effects of the calendar whose days are neither judged nor in any baseline.
    """

    indicators: tuple[str, ...]
    areas: tuple[str, ...]
    expecting: Weekdays
    left_out: tuple[str, ...]
    levels: DayLevels


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Which series are judged by the week, by what their expectation is made, and when they are a signal."""

    indicators: tuple[str, ...]
    areas: tuple[str, ...]
    expecting: Expecting
    levels: Levels
    accepted: Accepted
    targets: tuple[Target, ...] = ()
    daily: DaySettings | None = None
