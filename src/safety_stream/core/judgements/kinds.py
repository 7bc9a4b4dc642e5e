"""The kinds of period that are judged: weeks and days. What they share is the stage's (`core/stages/judge.py`)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from safety_stream.core.catalogue import Catalogue
from safety_stream.core.judgements.days import judged_day
from safety_stream.core.judgements.settings import Accepted, DaySettings, Settings, Target
from safety_stream.core.judgements.signals import Judged, Row, Weighed, judged_week
from safety_stream.core.judging import Judging
from safety_stream.core.model.judgements import Method
from safety_stream.core.model.times import Day, PeriodKind
from safety_stream.core.statistics.expecting import Expected, Series, expected_of
from safety_stream.core.statistics.weekdays import expected_of_days

WEEK: Final = 7


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """Periods of one kind, and how those of which series are judged; as it stands, none is.

    Attributes:
        period: What they are called.
        length: How many days one has.
        indicators: Whose values are judged ...
        areas: ... and where.
        by: The digest of all that they are judged by.
        levels: The probabilities from which a count is amber, red and too few; None where none is too few.
        expected: What periods `first` to before `last` of each series let expect, given the first day of the history.
        judged: The series of the period from a day on, judged after the rows just before it.
        target: The agreed limit for a period of a series, by its first day.
        method: Where what was expected comes from.
    """

    period: PeriodKind
    length: int
    indicators: frozenset[str] = frozenset()
    areas: frozenset[str] = frozenset()
    by: str = ""
    levels: tuple[float, float, float | None] = (0.0, 0.0, None)
    expected: Callable[[Mapping[Series, Sequence[int]], int, int, Day], dict[Series, list[Expected | None]]] = (
        lambda *_: {}
    )
    judged: Callable[[Day, Mapping[str, Weighed], Sequence[Row]], dict[str, Judged]] = lambda *_: {}
    target: Callable[[str, str, Day], int | None] = lambda *_: None
    method: Callable[[Judged], Method] = lambda _: "poisson"

    def judges(self, area: str, indicator: str) -> bool:
        """Whether this series is judged."""
        return area in self.areas and indicator in self.indicators


def kinds_of(catalogue: Catalogue) -> tuple[Kind, Kind]:
    """Weeks and days, as this catalogue has them judged."""
    settings = catalogue.signals
    daily = settings.daily if settings else None
    return (
        _weeks(settings, catalogue.judging) if settings else Kind(period="week", length=WEEK),
        _days(daily, catalogue.judging) if daily else Kind(period="day", length=1),
    )


def _weeks(settings: Settings, known: Judging) -> Kind:
    # What is accepted by the year judges no week.
    judged_by = msgspec.structs.replace(settings, daily=None, accepted=Accepted(red=0, amber=0, improvement=0))
    return Kind(
        period="week",
        length=WEEK,
        indicators=frozenset(settings.indicators),
        areas=frozenset(settings.areas),
        by=digest((judged_by, known)),
        levels=(settings.levels.amber, settings.levels.red, settings.levels.improvement),
        expected=lambda counts, first, last, begins: expected_of(
            counts, first, last, settings.expecting, begins, known
        ),
        judged=lambda week, weighed, before: judged_week(week, weighed, before, settings.levels),
        target=lambda area, indicator, week: _target(settings.targets, area, indicator, week),
        method=lambda judged: "bayes" if judged.over.weaker else "farrington",
    )


def _days(settings: DaySettings, known: Judging) -> Kind:
    left_out = frozenset(day for one in known.covariates if one.id in settings.left_out for day in one.days)
    return Kind(
        period="day",
        length=1,
        indicators=frozenset(settings.indicators),
        areas=frozenset(settings.areas),
        by=digest((settings, known.exclusions, sorted(left_out))),
        levels=(settings.levels.amber, settings.levels.red, None),
        expected=lambda counts, first, last, begins: expected_of_days(
            counts, first, last, settings.expecting, begins, known.exclusions, left_out
        ),
        judged=lambda day, weighed, before: judged_day(day, weighed, before, settings.levels),
    )


def _target(targets: Sequence[Target], area: str, indicator: str, week: Day) -> int | None:
    """The agreed limit that holds for a week, the latest one."""
    valid = [one for one in targets if (one.area, one.indicator) == (area, indicator) and one.valid_from <= week]
    return max(valid, key=lambda one: one.valid_from).at_most if valid else None


def digest(value: object) -> str:
    """What tells two values apart, in a few letters."""
    return hashlib.sha256(_ENCODER.encode(value)).hexdigest()[:16]


# Sets have no order of their own, and the same settings must be the same bytes.
_ENCODER = msgspec.msgpack.Encoder(order="deterministic")
