"""How many there will be: recent periods of which not everything has been told yet, estimated from past delays.

A nowcast is a model and never a value. It stands beside what is known (`triangle`), says between which numbers the
count will probably come to lie, and says nothing where it has too little to go by.

Theory of operation
-------------------
Of each past period one knows what was known at every age, and what became of it. Say a period of which `counted` is
known will come to M, before anything is taken back. Three things are learnt, all from the same complete periods:

- *The level*: M is negative binomial, with the mean and dispersion of the past ones.
- *The share told by this age*: given M, what is known is beta-binomial. The mean is the share of all past events; the
  correlation is what past shares differ by beyond chance. A feed that trickles has one near 0; one that comes as one
  file a month has one near 1, because of a week either everything is known or nothing.
- *What is taken back later*: a share of M, with a Poisson's spread or that of the past ones if it is wider. A cell
  below 0 is a correction, so it is counted here and never as a share below 0 or above 1.

The first two give the distribution of what is still to come, by Bayes' rule. The mass of k + 1 to that of k is

    (size + counted + k) (beta + k) / ((alpha + beta + counted + k) (k + 1)) x growth

with size and growth those of the negative binomial, alpha and beta those of the shares; so it is summed exactly, and
nothing is drawn. Much known: the estimate is what is known, over the share. Little known: it leans on the level. A file
that has not come where half of them had: the level, with its whole uncertainty. That a mean was learnt from n periods
only widens both distributions, to first order.

Three guards, all ours. The level is never taken to be steadier than `least_variation`: a sharp rise is what one looks
for, and must not be explained away by the level it rises from. At an age by which less than `least_share` had ever been
told there is no estimate, since it would be the old level and nothing else. And half an event is added both to what was
known and to what was not, so that no share is exactly 0 or 1.

What it cannot know: that delays are changing; that they differ by day of the week (single days); what comes later than
the longest delay of the triangle. Events that have not happened yet are no matter of delay: a period that is not over
has no nowcast.

Sources: Höhle and an der Heiden (2014), *Bayesian nowcasting during the STEC O104:H4 outbreak in Germany, 2011*,
Biometrics 70:993-1002, for a gamma-Poisson level with delays learnt (in R `surveillance::nowcast`); Lawless (1994),
*Adjustments for reporting delays and the prediction of occurred but not reported events*, Can J Stat 22:15-31, for
shares that vary between periods; Kleinman (1973), *Proportions with extraneous variance*, JASA 68:46-54, for their
moments.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np

from safety_stream.core.model.times import Period, PeriodKind
from safety_stream.core.statistics.distributions import negative_binomial_mass
from safety_stream.core.statistics.series import Floats
from safety_stream.core.statistics.triangle import Triangle

LONGEST: Final[dict[PeriodKind, int]] = {"day": 28, "week": 13, "month": 4, "quarter": 2}
"""Delays to look at: a file a month that comes five weeks after its end is complete after ten weeks. Default, ours."""

_MOST_ALIKE = 0.999
_FIRST_TERMS = 64
_MOST_TERMS = 2**17
_NEGLIGIBLE = 1e-12


class Control(msgspec.Struct, frozen=True, kw_only=True):
    """How to estimate. Raises `ValueError` naming the parameter that makes no sense.

    Attributes:
        level: How often the interval shall hold what it will come to; more often where counts are small.
        most: Complete periods to learn from, the latest ones, so that delays which change are followed.
        fewest: With fewer complete periods nothing is estimated.
        events: With fewer events in them neither.
        least_variation: The level's standard deviation between periods is at least this share of it. At 1 the past
            hardly binds: three times the mean is nothing strange.
        least_share: Where less of past periods was told by this age, nothing is estimated.
    """

    level: float = 0.9
    most: int = 52
    fewest: int = 8
    events: int = 10
    least_variation: float = 1.0
    least_share: float = 0.1

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if not 0 < self.level < 1:
            raise ValueError(f"level must be above 0 and below 1, not {self.level}")
        if not 2 <= self.fewest <= self.most:  # noqa: PLR2004 - a variance needs two
            raise ValueError(f"fewest must be 2 or more and not above most, not {self.fewest} and {self.most}")
        if self.events < 1:
            raise ValueError(f"events must be 1 or more, not {self.events}")
        if self.least_variation <= 0:
            raise ValueError(f"least_variation must be above 0, not {self.least_variation}")
        if not 0 <= self.least_share < 1:
            raise ValueError(f"least_share must be 0 or more and below 1, not {self.least_share}")


class Nowcast(msgspec.Struct, frozen=True, kw_only=True):
    """What a period will probably come to: a model's word, beside what is `counted`.

    Attributes:
        period: Over, and not yet as old as the longest delay.
        counted: What is known of it.
        estimate: As likely too low as too high. None where too little is known: fewer complete periods than
            `Control.fewest`, fewer events in them than `Control.events`, or less of them told by this age than
            `Control.least_share`.
        lower: Where the interval starts, included; None as above.
        upper: Where it ends, included; None as above.
        level: How often such an interval is meant to hold what it comes to.
        delays_from: How many complete periods the delays were learnt from.
    """

    period: Period
    counted: int
    estimate: int | None
    lower: int | None
    upper: int | None
    level: float
    delays_from: int


class _Learnt(msgspec.Struct, frozen=True, eq=False):
    """What past periods say of each age: (ages,)."""

    mean: Floats
    dispersion: Floats
    share: Floats
    alike: Floats
    lost: Floats
    lost_dispersion: Floats


def nowcast(triangle: Triangle, control: Control = Control()) -> list[Nowcast]:  # noqa: B008 - frozen
    """Estimate every period that is over and younger than the longest delay, in order."""
    rows, longest = len(triangle.periods), triangle.cells.shape[1] - 1
    seen_whole = range(max(rows - longest, 0))
    complete = [row for row in seen_whole if triangle.periods[row].starts >= triangle.told_since][-control.most :]
    recent = [row for row in range(len(seen_whole), rows) if triangle.periods[row].ends <= triangle.as_of + 1]
    counted = triangle.cells[recent].sum(axis=1)
    learnt = _learnt(triangle.cells[complete].astype(np.float64), [rows - 1 - row for row in recent], control)
    found: Sequence[tuple[int, int, int] | None] = [None] * len(recent)
    if learnt is not None:
        intervals = _intervals(np.maximum(counted, 0).astype(np.float64), learnt, control.level)
        enough = learnt.share >= control.least_share
        found = [interval if told else None for interval, told in zip(intervals, enough, strict=True)]
    return [
        Nowcast(
            period=triangle.periods[row],
            counted=int(count),
            estimate=None if interval is None else interval[1],
            lower=None if interval is None else interval[0],
            upper=None if interval is None else interval[2],
            level=control.level,
            delays_from=len(complete),
        )
        for row, count, interval in zip(recent, counted, found, strict=True)
    ]


def _learnt(cells: Floats, ages: Sequence[int], control: Control) -> _Learnt | None:
    """What complete periods (periods, delays) say of these ages; None when they are too few or too empty."""
    number = cells.shape[0]
    if number < control.fewest or cells.sum() < control.events:
        return None
    known = np.maximum(np.cumsum(cells, axis=1)[:, ages], 0.0)
    whole = known + _after(np.maximum(cells, 0.0), ages)
    lost = _after(np.maximum(-cells, 0.0), ages)
    mean = whole.mean(axis=0)
    variance = np.maximum(whole.var(axis=0, ddof=1), mean + (control.least_variation * mean) ** 2)
    share, alike = _shares(known, whole)
    lost_share = np.minimum(lost.sum(axis=0) / whole.sum(axis=0), 1.0)
    return _Learnt(
        mean=mean,
        dispersion=variance / mean * (1 + 1 / number),
        share=share,
        alike=alike,
        lost=lost_share,
        lost_dispersion=_poisson_spread(lost, lost_share * whole) * (1 + 1 / number),
    )


def _after(cells: Floats, ages: Sequence[int]) -> Floats:
    """What came after each age: (periods, ages)."""
    later: Floats = (cells.sum(axis=1, keepdims=True) - np.cumsum(cells, axis=1))[:, ages]
    return later


def _shares(known: Floats, whole: Floats) -> tuple[Floats, Floats]:
    """Mean share known at each age, and how much the events of a period are alike: a correlation above 0, below 1."""
    total = whole.sum(axis=0)
    mean = (known.sum(axis=0) + 0.5) / (total + 1)
    is_there = whole > 0
    events = np.where(is_there, whole, 1.0)
    weight = whole / total
    excess = (whole * (known / events - mean) ** 2).sum(axis=0) / (mean * (1 - mean))
    by_chance = np.where(is_there, 1 - weight, 0.0).sum(axis=0)
    if_alike = np.where(is_there, (1 - weight) * (events - 1), 0.0).sum(axis=0)
    alike = np.clip((excess - by_chance) / np.where(if_alike > 0, if_alike, np.inf), 0.0, 1.0)
    # How well the mean itself is known.
    doubt = (weight**2 * (1 + (events - 1) * alike) / events).sum(axis=0)
    return mean, np.minimum(alike + doubt, _MOST_ALIKE)


def _poisson_spread(counts: Floats, mean: Floats) -> Floats:
    """Variance / mean of counts (periods, ages) around their means; at least 1."""
    squares = np.where(mean > 0, (counts - mean) ** 2 / np.where(mean > 0, mean, 1.0), 0.0).sum(axis=0)
    spread: Floats = np.maximum(squares / (counts.shape[0] - 1), 1.0)
    return spread


def _intervals(counted: Floats, learnt: _Learnt, level: float) -> list[tuple[int, int, int]]:
    """Lower end, median and upper end of what each will come to, whole numbers."""
    levels = ((1 - level) / 2, 0.5, (1 + level) / 2)
    coming = _coming(counted, learnt)
    expected = counted + coming @ np.arange(coming.shape[1])
    found = []
    for row, count in enumerate(counted.tolist()):
        lost = _lost(float(learnt.lost[row] * expected[row]), float(learnt.lost_dispersion[row]))
        reached = np.cumsum(np.convolve(coming[row], lost[::-1]))
        places = np.searchsorted(reached, np.array(levels) * reached[-1])
        lower, middle, upper = (max(int(count) + int(place) - (lost.size - 1), 0) for place in places)
        found.append((lower, middle, upper))
    return found


def _coming(counted: Floats, learnt: _Learnt) -> Floats:
    """The probabilities that 0, 1, 2, ... are still to come: (ages, terms)."""
    size, growth = learnt.mean / (learnt.dispersion - 1), 1 - 1 / learnt.dispersion
    together = 1 / learnt.alike - 1
    beta = together * (1 - learnt.share)
    terms = _FIRST_TERMS
    while True:
        k = np.arange(terms - 1, dtype=np.float64)
        so_far = counted[:, None] + k
        ratio = (size[:, None] + so_far) * (beta[:, None] + k) / ((together[:, None] + so_far) * (k + 1))
        logs = np.cumsum(np.log(ratio * growth[:, None]), axis=1)
        logs = np.concatenate([np.zeros((counted.size, 1)), logs], axis=1)
        mass = np.exp(logs - logs.max(axis=1, keepdims=True))
        probability: Floats = mass / mass.sum(axis=1, keepdims=True)
        # As likely as the last term are, at worst, as many beyond it.
        if terms >= _MOST_TERMS or (probability[:, -1] * terms < _NEGLIGIBLE).all():
            return probability
        terms *= 4


def _lost(mean: float, dispersion: float) -> Floats:
    """The probabilities that 0, 1, 2, ... are taken back."""
    if mean == 0:
        return np.ones(1)
    terms = int(mean + 12 * (mean * dispersion) ** 0.5 + 12 * dispersion) + 1
    counts = np.arange(terms, dtype=np.float64)
    return negative_binomial_mass(counts, np.full(terms, mean), np.full(terms, dispersion))
