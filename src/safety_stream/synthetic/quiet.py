"""Weeks and days in which nothing happens but chance, to count what is cried over them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from math import exp
from random import Random

import msgspec

from safety_stream.core.judgements.days import rarity_of_days
from safety_stream.core.judgements.settings import DayLevels, Levels
from safety_stream.core.judgements.signals import LOOKS_BACK, Judged, Weighed, judged_week
from safety_stream.core.model.judgements import Signal
from safety_stream.core.statistics.expecting import Expected

_LARGEST_DIRECT = 30.0


class FalseAlarms(msgspec.Struct, frozen=True):
    """What quiet weeks of `series` alike bring: signals and breaches in `weeks` weeks of all of them."""

    mean: float
    series: int
    weeks: int
    signals: dict[Signal, int]
    breaches: int
    red_breaches: int

    def a_year(self, number: int) -> float:
        """So many in `weeks` weeks, as a number a year."""
        return number * 52 / self.weeks


def false_alarms(
    levels: Levels, mean: float, spread: float, series: int, weeks: int, chance: Random
) -> Iterator[FalseAlarms]:
    """What is cried over so many series with this mean and variance / mean, were each known exactly.

    Yields the sum up to each week, so that whoever waits sees it grow; the last one counts.
    """
    expected = Expected(mean, spread, weaker=False)
    values: list[list[int]] = [[] for _ in range(series)]
    rows: list[dict[str, Judged]] = [{}] * LOOKS_BACK
    signals: Counter[Signal] = Counter()
    breaches = red_breaches = 0
    for week in range(weeks):
        weighed = {}
        for number, counts in enumerate(values):
            counts.append(_drawn(mean, spread, chance))
            recent = tuple(counts[-1 - LOOKS_BACK :])
            weighed[f"{number:06d}"] = Weighed(
                counts[-1], final=True, recent=recent, past_years=(), target=None, expected=expected
            )
        row = judged_week(week, weighed, rows, levels)
        rows = [*rows[1:], row]
        for one in row.values():
            signals[one.signal] += 1
            breaches += one.breach is not None and one.breach.opened == week
            red_breaches += one.breach is not None and one.breach.red_since == week
        yield FalseAlarms(mean, series, week + 1, dict(signals), breaches, red_breaches)


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
