"""How often a nowcast's interval holds what a week comes to, and how wide it is.

Two and a half years of made-up events a series, each told some days later by one of three feeds, and two in a hundred
taken back within the three weeks after. At the end of every fifth week of the last year the weeks that ended one, two,
three and six weeks before are estimated from nothing but what had been told by then, and compared with what they come
to in the end. The level is steady (Poisson), or rises and falls by half over the year with twice a Poisson's variance,
or doubles for the first time ever, so lately that no complete week shows it.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
from bench.study import comparison
from bench.study.comparison import Table, percent
from bench.study.detectors import Steps

from safety_stream.core.model.times import Day, Period, period_of
from safety_stream.core.statistics.nowcast import LONGEST, Nowcast, nowcast
from safety_stream.core.statistics.series import Floats, Weeks
from safety_stream.core.statistics.triangle import Cell, Ledger

FEEDS = ("trickle", "slow", "file a month")
LEVELS = ("steady", "seasonal", "just doubled")
MEANS = (2, 10, 50)
AGES = (1, 2, 3, 6)

_MONDAY: Day = 18_994
"""2022-01-03."""
_WEEKS = 130
_JUDGED = range(78, _WEEKS, 5)
_DOUBLED_FROM = 100
_JUDGED_DOUBLED = range(_DOUBLED_FROM + max(AGES), _DOUBLED_FROM + LONGEST["week"])
_TAKEN_BACK = 0.02


def nowcasts(replicates: int, steps: Steps) -> dict[str, Table]:
    """Coverage and median width of the intervals, by feed, level and mean count."""
    table: Table = []
    cases = [(feed, level, mean) for feed in FEEDS for level in LEVELS for mean in MEANS]
    for feed, level, mean in steps(cases, "nowcasts"):
        held, width = judged(feed, level, mean, replicates)
        row: dict[str, comparison.Cell] = {"feed": feed, "level": level, "events a week": mean}
        for name, figures, summary in (("held", held, np.mean), ("width", width, np.median)):
            for at, age in enumerate(AGES):
                there = figures[~np.isnan(figures[:, at]), at]
                figure = float(summary(there)) if there.size > len(figures) / 2 else None
                row[f"{name} after {age}"] = percent(figure) if figure is not None and name == "held" else figure
        table.append(row)
    return {"nowcasts": table}


def judged(feed: str, level: str, mean: float, replicates: int) -> tuple[Floats, Floats]:
    """Whether each interval held what the week came to, and how wide it was: (nowcasts, ages); NaN where none is."""
    held, width = [], []
    for number in range(replicates):
        ledger = sample(feed, level, mean, number)
        truth = ledger.known("week", _MONDAY + 10_000)
        for week in _JUDGED_DOUBLED if level == "just doubled" else _JUDGED:
            found = nowcast(ledger.triangle("week", _MONDAY + 7 * week + 6, LONGEST["week"]))
            some = [found[-1 - age] for age in AGES]
            held.append([np.nan if one.lower is None else _holds(one, truth) for one in some])
            width.append([np.nan if one.lower is None else one.upper - one.lower for one in some])
    return np.array(held, dtype=np.float64), np.array(width, dtype=np.float64)


def _holds(one: Nowcast, truth: dict[Period, int]) -> bool:
    return one.lower <= truth.get(one.period, 0) <= one.upper


def sample(feed: str, level: str, mean: float, number: int) -> Ledger:
    """One series: the same numbers give the same, whatever else is drawn."""
    chance = np.random.default_rng([20_130_406, FEEDS.index(feed), LEVELS.index(level), round(mean), number])
    weeks = np.arange(_WEEKS + 30)
    expected = np.full(weeks.size, float(mean))
    if level == "seasonal":
        expected *= 1 + 0.5 * np.sin(2 * np.pi * weeks / 52)
        # A gamma variable of its own for each week makes the variance twice the mean.
        expected = chance.gamma(expected, 1.0)
    elif level == "just doubled":
        expected[_DOUBLED_FROM:] *= 2
    days = _MONDAY + 7 * np.repeat(weeks, chance.poisson(expected))
    days += chance.integers(0, 7, days.size)
    told = _told(feed, days, chance)
    taken = chance.random(days.size) < _TAKEN_BACK
    back = told[taken] + chance.integers(1, 22, int(taken.sum()))
    cells: Counter[Cell] = Counter()
    for sign, when, report in ((1, days, told), (-1, days[taken], back)):
        for event_day, report_day in zip(when.tolist(), report.tolist(), strict=True):
            cells[Cell(event_day, by_month=False, report_day=report_day)] += sign
    return Ledger(cells)


def _told(feed: str, days: Weeks, chance: np.random.Generator) -> Weeks:
    """The day each event is told of."""
    if feed == "trickle":
        delays = 1 + chance.exponential(4.0, days.size)
    elif feed == "slow":
        delays = chance.lognormal(2.5, 0.8, days.size)
    else:
        # A month comes some five weeks after its end, all of it at once.
        ends = np.array([period_of(day, "month").ends for day in days.tolist()])
        late = {end: int(chance.integers(28, 42)) for end in sorted(set(ends.tolist()))}
        delays = ends - days + np.array([late[end] for end in ends.tolist()])
    return days + np.floor(delays).astype(np.int64)
