"""What follows from counts when they are published: shares, rates, the year to date, and history on other areas.

Theory of operation
-------------------
Nothing here is remembered or sent. A *measure* is a pure function of the newest values a profile was shown, and of
nothing else but the catalogue. So it can tell nothing that these do not, it is never at odds with them, and it has no
revisions of its own: a value is shown anew, and what follows from it follows from the new one.

A measure is made of *parts*, each the value of an area, indicator and period. It is said where all of them are there,
shown and final. Else it is None, with why: a number that looks like one is never given in place of what is not known.
What was shown of a part before it was hidden is no part either.

Where nothing happens, a profile that hides nothing is shown nothing, and a part would be missing for ever. So nothing
shown is nought, but only where that is proven by what was shown: the profile was shown everything from its first number
on (no gap in `seq`), something of this indicator and kind of period from then or before, and a later `complete_to` of
every feed behind it, which goes out after what it speaks of. A profile that hides is shown noughts, so to it a missing
one is unknown.

Where counts are rounded a measure is made of the rounded ones, and says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Final, Literal

import msgspec

from safety_stream.core.catalogue import Catalogue, Indicator, Profile, Rate, Residents, Share, Successor
from safety_stream.core.model.published import PublishedIndicator
from safety_stream.core.model.tallies import lsoa_area
from safety_stream.core.model.times import Day, Period, PeriodKind, period_of

_PER_CENT = 100

# --- One of each.


def share_of(share: Share, of: int, among: int) -> float | None:
    """The share in per cent, to a tenth; None where its base is under what the share asks for."""
    return None if among < share.least_base else round(_PER_CENT * of / among, 1)


def rate_of(rate: Rate, value: int, residents: int | None) -> float | None:
    """The rate, to a hundredth; None where nobody has said by that day how many live there."""
    return None if residents is None else round(rate.times * value / residents, 2)


@lru_cache(maxsize=4096)
def months_to_date(day: Day) -> tuple[Period, ...]:
    """The months of a day's calendar year, up to and with its own."""
    found = [period_of(day, "month")]
    while found[0].starts > period_of(day, "year").starts:
        found.insert(0, period_of(found[0].starts - 1, "month"))
    return tuple(found)


class Restated(msgspec.Struct, frozen=True, gc=False):
    """A value of the past as it is on the new areas; an estimate where it was divided by a share."""

    value: int
    is_estimate: bool


History = Mapping[tuple[str, Period], int]
"""Values of one indicator by area and period."""


def restated(history: History, successors: Iterable[Successor]) -> dict[tuple[str, Period], Restated]:
    """The history of old areas as that of the new ones, for periods that begin before these are there.

    Parts that are LSOAs have the sum of theirs where these come to the old area's value, else, since something is known
    of the district alone, an estimate by how many LSOAs each is. What is divided by shares keeps its sum: it is rounded
    down, and what is left over goes to the largest remainders, the first of equal ones.
    """
    by_old: dict[str, list[Successor]] = {}
    for one in successors:
        by_old.setdefault(one.old, []).append(one)
    found: dict[tuple[str, Period], Restated] = {}
    for (area, period), value in sorted(history.items()):
        parts = [one for one in by_old.get(area, ()) if period.starts < one.valid_from]
        for part, share in zip(parts, _divided(value, period, parts, history), strict=True):
            before = found.get((part.new, period), Restated(0, is_estimate=False))
            found[part.new, period] = Restated(
                before.value + share.value, is_estimate=before.is_estimate or share.is_estimate
            )
    return found


def _divided(value: int, period: Period, parts: list[Successor], history: History) -> list[Restated]:
    exact = [_of_lsoas(part, period, history) for part in parts]
    # What happened in no LSOA that is known is in none of these sums: then they are not the whole.
    known = [number for number in exact if number is not None]
    if len(known) == len(parts) and sum(known) == value:
        return [Restated(number, is_estimate=False) for number in known]
    if len(parts) == 1 and parts[0].percent is None and parts[0].lsoas is None:
        return [Restated(value, is_estimate=False)]
    weights = [_weight(part, parts) for part in parts]
    exactly = [value * weight for weight in weights]
    floors = [share.numerator // share.denominator for share in exactly]
    left = round(sum(exactly)) - sum(floors)
    largest = sorted(range(len(parts)), key=lambda number: (floors[number] - exactly[number], number))[:left]
    return [Restated(floor + (number in largest), is_estimate=True) for number, floor in enumerate(floors)]


def _of_lsoas(part: Successor, period: Period, history: History) -> int | None:
    if part.lsoas is None:
        return None
    return sum(history.get((lsoa_area(code), period), 0) for code in part.lsoas)


def _weight(part: Successor, parts: list[Successor]) -> Fraction:
    if part.percent is not None:
        return Fraction(part.percent, _PER_CENT)
    if part.lsoas is None:
        return Fraction(1)
    return Fraction(len(part.lsoas), sum(len(one.lsoas or ()) for one in parts))


# --- All of them.

Kind = Literal["share", "rate", "year-to-date", "restated"]
"""What a measure is: a share or rate of the catalogue, or what an indicator's months come to from 1 January to a
month's end, or its value as it is on the areas that take the place of those it was counted in."""

NO_AREA: Final = "no such area then"
CHANGING: Final = "the areas change within it"
WITHHELD: Final = "withheld"
NOT_SHOWN: Final = "not shown"
NOT_FINAL: Final = "not yet final"
NO_RESIDENTS: Final = "no residents known"

_FIRST_SAID: Final = (NO_AREA, WITHHELD, NOT_SHOWN, NOT_FINAL)
"""Of several reasons the one that is said: what stays so before what may pass."""


class Measure(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What follows from what was shown of an area and period; a year to date is that of the month it ends with.

    `id` is a share's or rate's, else the indicator's. `value` is None where nothing can be said, and `why` says why.
    `is_provisional` where a part is not final yet: something may be said later. `is_estimate` where an old area was
    divided by a share, `from_rounded` where the profile's counts are rounded. `parts` are the numbers (`seq`) of the
    shown values it is made of; a nought that was never sent has none. `residents` are those a rate is of.
    """

    kind: Kind
    id: str
    area: str
    period: Period
    value: float | None
    why: str | None
    is_provisional: bool
    is_estimate: bool
    from_rounded: bool
    parts: tuple[int, ...]
    residents: Residents | None = None


Key = tuple[str, str, Period]
"""Area, indicator and period."""


class Newest(msgspec.Struct, frozen=True, gc=False):
    """The newest value shown of each; `is_whole` where nothing is missing of all that was ever shown."""

    values: Mapping[Key, PublishedIndicator]
    is_whole: bool


def newest_of(values: Iterable[PublishedIndicator]) -> Newest:
    """What stands, of values of one profile in any order: the highest number of each."""
    newest: dict[Key, PublishedIndicator] = {}
    numbers: set[int] = set()
    for value in values:
        key = (value.area, value.indicator, Period(value.starts, value.ends, value.period))
        if key not in newest or newest[key].seq < value.seq:
            newest[key] = value
        numbers.add(value.seq)
    return Newest(newest, len(numbers) == max(numbers, default=0))


def measures_of(newest: Newest, catalogue: Catalogue, profile: Profile) -> list[Measure]:
    """Everything that follows from what a profile was shown, sorted; of the indicators this catalogue knows."""
    shown = _Shown(newest, catalogue, profile)
    return sorted(
        (*_shares(shown), *_rates(shown), *_years_to_date(shown), *_restated(shown)),
        key=lambda one: (one.kind, one.id, one.area, one.period.kind, one.period),
    )


class _Part(msgspec.Struct, frozen=True, gc=False):
    """A value that may be used, or why it may not; and the numbers it was shown by."""

    value: int | None
    why: str | None = None
    numbers: tuple[int, ...] = ()


class _Shown:
    """What stands of one profile, and what it proves to be nought."""

    def __init__(self, newest: Newest, catalogue: Catalogue, profile: Profile) -> None:
        self.catalogue = catalogue
        self._profile = profile
        self._newest = newest.values
        self._indicators: Mapping[str, Indicator] = {one.id: one for one in catalogue.indicators}
        self._proves_nought = newest.is_whole and not profile.hides
        self._areas: dict[str, set[str]] = {}
        self._periods: dict[str, set[Period]] = {}
        self._complete: dict[str, Day] = {}
        for (area, name, period), value in newest.values.items():
            self._areas.setdefault(name, set()).add(area)
            self._periods.setdefault(name, set()).add(period)
            for feed in self._indicators[name].feeds if name in self._indicators else ():
                self._complete[feed] = max(value.complete_to or 0, self._complete.get(feed, 0))
        self._first: dict[tuple[str, PeriodKind], Day] = {}
        for name, periods in self._periods.items():
            for period in periods:
                key = (name, period.kind)
                self._first[key] = min(period.starts, self._first.get(key, period.starts))

    def cells(self, *names: str, only: PeriodKind | None = None) -> Iterator[tuple[str, Period]]:
        """Where something may be said of these indicators together: each area and period that is shown of any."""
        kinds = set.intersection(*({*self._indicators[name].periods} for name in names))
        kinds &= kinds if only is None else {only}
        areas = {area for name in names for area in self._areas.get(name, ())}
        for period in {period for name in names for period in self._periods.get(name, ()) if period.kind in kinds}:
            for area in areas:
                if any((area, name, period) in self._newest for name in names) or self._is_there(area, period):
                    yield area, period

    def periods(self, name: str) -> Iterable[Period]:
        """The periods something was shown of, anywhere."""
        return self._periods.get(name, ())

    def part(self, area: str, name: str, period: Period) -> _Part:
        """A value, if it may be used."""
        value = self._newest.get((area, name, period))
        if value is None:
            if not self._is_there(area, period):
                return _Part(None, NO_AREA)
            return _Part(0) if self._is_nought(name, period) else _Part(None, NOT_SHOWN)
        if value.value is None:
            return _Part(None, WITHHELD, (value.seq,))
        if not value.final:
            return _Part(None, NOT_FINAL, (value.seq,))
        return _Part(value.value, None, (value.seq,))

    def measure(
        self,
        kind: Kind,
        name: str,
        cell: tuple[str, Period],
        parts: Sequence[_Part],
        said: _Said,
    ) -> Measure:
        """A measure of these parts, of which that can be said."""
        area, period = cell
        return Measure(
            kind=kind,
            id=name,
            area=area,
            period=period,
            value=said.value,
            why=said.why,
            is_provisional=any(part.why == NOT_FINAL for part in parts),
            is_estimate=said.is_estimate,
            from_rounded=self._profile.round_to > 1,
            parts=tuple(sorted(number for part in parts for number in part.numbers)),
        )

    def _is_there(self, area: str, period: Period) -> bool:
        """Whether an area is there all through a period; LSOAs and wards always are."""
        known = self.catalogue.areas.by_code.get(area)
        return known is None or (known.is_valid_on(period.starts) and known.is_valid_on(period.ends - 1))

    def _is_nought(self, name: str, period: Period) -> bool:
        feeds = self._indicators[name].feeds
        return (
            self._proves_nought
            and self._first.get((name, period.kind), period.ends) <= period.starts
            and all(self._complete.get(feed, 0) >= period.ends for feed in feeds)
        )


class _Said(msgspec.Struct, frozen=True, gc=False):
    """What can be said, or why nothing can."""

    value: float | None
    why: str | None = None
    is_estimate: bool = False


def _said(parts: Iterable[_Part], work: Callable[[Sequence[int]], float | None], otherwise: str | None = None) -> _Said:
    """What comes of the parts where all of them may be used; `otherwise` is why, where nothing does all the same."""
    reasons = {part.why for part in parts}
    for why in _FIRST_SAID:
        if why in reasons:
            return _Said(None, why)
    value = work([part.value for part in parts if part.value is not None])
    return _Said(value, otherwise if value is None else None)


def _shares(shown: _Shown) -> Iterator[Measure]:
    for share in shown.catalogue.shares:
        for area, period in shown.cells(share.of, share.among):
            parts = [shown.part(area, name, period) for name in (share.of, share.among)]
            said = _said(parts, _share(share), f"base under {share.least_base}")
            yield shown.measure("share", share.id, (area, period), parts, said)


def _share(share: Share) -> Callable[[Sequence[int]], float | None]:
    return lambda values: share_of(share, values[0], values[1])


def _rates(shown: _Shown) -> Iterator[Measure]:
    for rate in shown.catalogue.rates:
        for area, period in shown.cells(rate.of):
            parts = [shown.part(area, rate.of, period)]
            # Those of the first day: whoever was counted later was not there yet, as far as anybody knows.
            residents = shown.catalogue.areas.residents_on(area, period.starts)
            said = _said(parts, _rate(rate, None if residents is None else residents.number), NO_RESIDENTS)
            measure = shown.measure("rate", rate.id, (area, period), parts, said)
            yield msgspec.structs.replace(measure, residents=residents)


def _rate(rate: Rate, residents: int | None) -> Callable[[Sequence[int]], float | None]:
    return lambda values: rate_of(rate, values[0], residents)


def _years_to_date(shown: _Shown) -> Iterator[Measure]:
    for indicator in shown.catalogue.indicators:
        for area, period in shown.cells(indicator.id, only="month"):
            parts = [shown.part(area, indicator.id, month) for month in months_to_date(period.starts)]
            yield shown.measure("year-to-date", indicator.id, (area, period), parts, _said(parts, sum))


def _restated(shown: _Shown) -> Iterator[Measure]:
    for new in sorted({one.new for one in shown.catalogue.areas.successors}):
        place = _Place(new, shown.catalogue.areas.successors)
        for indicator in shown.catalogue.indicators:
            for period in shown.periods(indicator.id):
                if period.starts < place.whole_from:
                    yield place.restated(shown, indicator.id, period)


class _Place:
    """An area that takes the place of others, and all that becomes of these."""

    def __init__(self, new: str, successors: Iterable[Successor]) -> None:
        into = [one for one in successors if one.new == new]
        self._new = new
        self._olds = sorted({one.old for one in into})
        self._successors = [one for one in successors if one.old in self._olds]
        self._changing_from = min(one.valid_from for one in self._successors)
        self.whole_from = max(one.valid_from for one in into)

    def restated(self, shown: _Shown, name: str, period: Period) -> Measure:
        """What was counted in the old areas, on this one. Their LSOAs are parts only where these are the whole."""
        parts = [shown.part(old, name, period) for old in self._olds]
        cell = (self._new, period)
        if period.ends > self._changing_from:
            # Something is counted in the new area already, or in old ones that were themselves changed.
            return shown.measure("restated", name, cell, parts, _Said(None, CHANGING))
        said = _said(parts, sum)
        if said.why is not None:
            return shown.measure("restated", name, cell, parts, said)
        areas = {lsoa_area(code) for one in self._successors for code in one.lsoas or ()}
        within = {area: shown.part(area, name, period) for area in sorted(areas)}
        usable = {area: part for area, part in within.items() if part.value is not None}
        everything = {**dict(zip(self._olds, parts, strict=True)), **usable}
        history = {(area, period): part.value for area, part in everything.items() if part.value is not None}
        found = restated(history, self._successors)[cell]
        used = parts if found.is_estimate else [*parts, *usable.values()]
        return shown.measure("restated", name, cell, used, _Said(found.value, is_estimate=found.is_estimate))
