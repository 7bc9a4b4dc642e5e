"""What is known about the past of series before anybody judges them: weeks that are no baseline, changes, the calendar.

The catalogue says it (`catalogue/judging.yaml`). Every part names the indicators and areas it concerns; none named
means all. Weeks become flags and columns in `core/statistics/covariates.py`.
"""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from safety_stream.core.model.times import Day


class _Concerning(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What concerns some series; `indicators` and `areas` empty mean all."""

    id: str
    title: str
    indicators: frozenset[str] = frozenset()
    areas: frozenset[str] = frozenset()

    def concerns(self, indicator: str, area: str) -> bool:
        """Whether it concerns the series of that indicator in that area."""
        return _is_among(indicator, self.indicators) and _is_among(area, self.areas)


def _is_among(name: str, named: Collection[str]) -> bool:
    return not named or name in named


class Exclusion(_Concerning, frozen=True, gc=False, kw_only=True):
    """A stretch of days, both ends in it, that is no guide to any other: weeks with one of them are in no baseline."""

    first: Day
    last: Day


class StepChange(_Concerning, frozen=True, gc=False, kw_only=True):
    """From `day` on more or less was recorded than before, though no more or less happened."""

    day: Day


class Covariate(_Concerning, frozen=True, gc=False, kw_only=True):
    """Days on which more or less happens than their season lets expect: bank holidays, bonfire nights.

    `days` are sorted; from `known_from` to `known_to`, both in it, somebody has said which they are.
    """

    days: tuple[Day, ...]
    known_from: Day
    known_to: Day

    def is_known(self, first: Day, last: Day) -> bool:
        """Whether its days are known all the way from one day to the other, both in it."""
        return self.known_from <= first and last <= self.known_to


class Judging(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """All that is known; as it stands, nothing."""

    exclusions: tuple[Exclusion, ...] = ()
    steps: tuple[StepChange, ...] = ()
    covariates: tuple[Covariate, ...] = ()

    def of(self, indicator: str, area: str) -> Judging:
        """What of it concerns one series."""
        return msgspec.structs.replace(
            self,
            exclusions=tuple(one for one in self.exclusions if one.concerns(indicator, area)),
            steps=tuple(one for one in self.steps if one.concerns(indicator, area)),
            covariates=tuple(one for one in self.covariates if one.concerns(indicator, area)),
        )
