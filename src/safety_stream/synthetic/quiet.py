"""Weeks and days in which nothing happens but chance, to count what is cried over them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import exp, sqrt
from random import Random
from typing import Final

import msgspec

from safety_stream.core.judgements.days import rarity_of_days
from safety_stream.core.judgements.settings import WEEKS_OF_A_YEAR, DayLevels, Settings
from safety_stream.core.judgements.signals import LOOKS_BACK, Judged, Weighed, judged_week
from safety_stream.core.judging import Judging
from safety_stream.core.model.judgements import Signal
from safety_stream.core.model.times import Day
from safety_stream.core.statistics.expecting import Expected, expected_of

SIGNALS: Final[tuple[Signal, ...]] = ("red", "amber", "improvement")
"""What may be cried."""

_LARGEST_DIRECT = 30.0
_MONDAY: Final[Day] = 4
_Z: Final = 1.959964
"""How many standard deviations 95 in 100 are within."""


class Brought(msgspec.Struct, frozen=True):
    """So many a year, and what it may be in truth: within `low` and `high` in 95 of 100 simulations like this one."""

    a_year: float
    low: float
    high: float


class FalseAlarms(msgspec.Struct, frozen=True):
    """What quiet weeks bring where every series of a county has this mean a week and so many years of history.

    `weeks` weeks of `counties` were judged; each number is that of one county in a year.
    """

    years: int
    mean: float
    counties: int
    series: int
    weeks: int
    signals: dict[Signal, Brought]
    breaches: Brought
    red_breaches: Brought


def false_alarms(
    settings: Settings, years: int, mean: float, spread: float, counties: int, chance: Random
) -> Iterator[FalseAlarms]:
    """What is cried in a year over series that nothing happens to, judged as the stage judges real ones.

    Each has a history of counts with this mean and variance / mean, so many years before the first week that is
    counted. Of that it is expected what the settings make of it: nobody tells the judge the mean. A county is judged
    week by week as one batch, for a year, after the weeks any signal looks back on.

    Yields the sum up to each week, so that whoever waits sees it grow; the last one counts.
    """
    series = len(settings.indicators) * len(settings.areas)
    counted: dict[str, list[int]] = {name: [] for name in ("red", "amber", "improvement", "breaches", "red breaches")}
    for county in range(counties):
        for numbers in counted.values():
            numbers.extend([0] * series)
        for number, row in enumerate(_judged_year(settings, years, mean, spread, series, chance), 1):
            for place, (week, one) in enumerate(row, county * series):
                is_opened = one.breach is not None and one.breach.opened == week
                is_red = one.breach is not None and one.breach.red_since == week
                counted["breaches"][place] += is_opened
                counted["red breaches"][place] += is_red
                if one.signal != "none":
                    counted[one.signal][place] += 1
            weeks = county * WEEKS_OF_A_YEAR + number
            brought = {name: _brought(numbers, weeks) for name, numbers in counted.items()}
            yield FalseAlarms(
                years=years,
                mean=mean,
                counties=counties,
                series=series,
                weeks=weeks,
                signals={name: brought[name] for name in SIGNALS},
                breaches=brought["breaches"],
                red_breaches=brought["red breaches"],
            )


def _judged_year(
    settings: Settings, years: int, mean: float, spread: float, series: int, chance: Random
) -> Iterator[list[tuple[Day, Judged]]]:
    """The judgements of each week of a year, each with the week, series by series."""
    by = settings.expecting
    first = max(years * by.trusted.freq + by.trusted.w, by.history)
    last = first + LOOKS_BACK + WEEKS_OF_A_YEAR
    names = [f"{number:06d}" for number in range(series)]
    values = {("quiet", name): [_drawn(mean, spread, chance) for _ in range(last)] for name in names}
    rows: list[dict[str, Judged]] = [{}] * LOOKS_BACK
    for week in range(first, last):
        # A Monday; which one it is says nothing where nothing is known of the calendar.
        expected = expected_of(values, week, week + 1, by, _MONDAY, Judging())
        weighed = {}
        for (_, name), (of_week,) in expected.items():
            recent = tuple(values["quiet", name][week - LOOKS_BACK : week + 1])
            if of_week is not None:
                weighed[name] = Weighed(recent[-1], True, recent, (), None, of_week)  # noqa: FBT003 - `final`
        row = judged_week(week, weighed, rows, settings.levels)
        rows = [*rows[1:], row]
        if week >= first + LOOKS_BACK:
            yield [(week, row[name]) for name in names]


def _brought(numbers: Sequence[int], weeks: int) -> Brought:
    """The numbers of all series as one a year, and the 95 % interval of Byar for a sum of Poisson counts.

    The weeks of a series come in clumps, since they share a baseline and a run is long: the sum of their squares is
    what their sum varies by, so the interval is that of as many clumps, each as large as that says.
    """
    total = sum(numbers)
    clump = sum(number * number for number in numbers) / total if total else 1.0
    share = clump * WEEKS_OF_A_YEAR / weeks
    few, many = total / clump, total / clump + 1
    low = few * (1 - 1 / (9 * few) - _Z / (3 * sqrt(few))) ** 3 if total else 0.0
    high = many * (1 - 1 / (9 * many) + _Z / (3 * sqrt(many))) ** 3
    return Brought(total * WEEKS_OF_A_YEAR / weeks, low * share, high * share)


class FalseDays(msgspec.Struct, frozen=True):
    """How many days of a series with this mean are red, and amber, by chance alone: shares."""

    mean: float
    red: float
    amber: float


def false_days(levels: DayLevels, mean: float, spread: float) -> FalseDays:
    """What is cried over days with this mean and variance / mean. Each is judged for itself, so it is exact."""
    (rarity,) = rarity_of_days([0], [Expected(mean, 1.0, weaker=False)], levels)
    firsts = [max(levels.least, bound + 1) for bound in (rarity.red_above, rarity.amber_above)]
    red, any_signal = (one.p for one in rarity_of_days(firsts, [Expected(mean, spread, weaker=False)] * 2, levels))
    return FalseDays(mean, red, any_signal - red)


def _drawn(mean: float, spread: float, chance: Random) -> int:
    """A negative binomial count: Poisson around a mean that is gamma distributed itself."""
    rate = mean if spread == 1 else chance.gammavariate(mean / (spread - 1), spread - 1)
    count = 0
    # A Poisson count of a large mean is the sum of those of its parts.
    while rate > _LARGEST_DIRECT:
        count += _poisson(_LARGEST_DIRECT, chance)
        rate -= _LARGEST_DIRECT
    return count + _poisson(rate, chance)


def _poisson(mean: float, chance: Random) -> int:
    """Knuth's way: how many uniform numbers it takes for their product to fall below exp(-mean)."""
    limit, product, count = exp(-mean), chance.random(), 0
    while product > limit:
        product *= chance.random()
        count += 1
    return count
