"""What follows from counts when they are published: shares, rates, the year to date, and history on other areas.

Nothing here is remembered or sent: each is a pure function of values that are. What cannot be said is None, and never a
number that looks like one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction

import msgspec

from safety_stream.core.catalogue import Rate, Share, Successor
from safety_stream.core.model.tallies import lsoa_area
from safety_stream.core.model.times import Day, Period, period_of

_PER_CENT = 100


def share_of(share: Share, of: int, among: int) -> float | None:
    """The share in per cent, to a tenth; None where its base is under what the share asks for."""
    return None if among < share.least_base else round(_PER_CENT * of / among, 1)


def rate_of(rate: Rate, value: int, residents: int | None) -> float | None:
    """The rate, to a hundredth; None where nobody has said by that day how many live there."""
    return None if residents is None else round(rate.times * value / residents, 2)


def year_to_date(months: Mapping[Day, int], day: Day) -> int:
    """What the months of a day's calendar year, up to and with its own, come to.

    `months` are values by first day; a month without a value is nought.
    """
    year = period_of(day, "year").starts
    return sum(value for starts, value in months.items() if year <= starts <= day)


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
