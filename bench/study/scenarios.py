"""The 42 simulated scenarios on which detectors of outbreaks are compared, after Noufaily et al. (2013).

A series is 624 weeks: 312 to settle, 263 of baseline in which four past outbreaks may lie, and 49 current ones that are
judged. Seven groups of parameters, each without and with trend, each with none, one and two waves of season a year,
make the 42. Counts have the mean

    mu(t) = exp(theta + beta t + sum over j = 1..waves of (gamma1 cos(2 pi j t / 52) + gamma2 sin(2 pi j t / 52)))

and the variance phi mu(t): negative binomial, and Poisson where phi is 1. An outbreak has Poisson(k sd) cases, sd being
that of the count of the week it starts in, sqrt(phi mu(t)); each case falls floor(lognormal(0, 0.5)) weeks later. Every
replicate has a seed of its own, so the first 20 of 100 are the 20 of a shorter run.

Sources: Noufaily et al. (2013), Stat Med 32:1206-1222. Noufaily et al. (2019), Bioinformatics 35:3110-3118, for the sd
of the starting week. Bédubourg and Le Strat (2017), PLoS ONE 12:e0181227, for the past and current k.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from safety_stream.core.statistics.series import Floats, Weeks

WEEKS = 624
BASELINE = range(312, 575)
"""Columns in which past outbreaks start."""
CURRENT = range(575, 624)
"""Columns that are judged."""
PAST = (0, 2, 3, 5, 10)
"""How large the four past outbreaks are, in sd; 0 for none."""
SIZES = tuple(range(1, 11))
"""How large the current outbreak is, in sd."""
LONGEST = 12
"""Weeks an outbreak may last; one case in three million would fall later, and falls in the last."""

_PAST_OUTBREAKS = 4
_YEAR = 52
_SEED = 20_130_401
# theta, phi, beta where there is a trend, gamma1, gamma2 where there is a season
_GROUPS = (
    (0.1, 1.5, 0.0025, 0.6, 0.6),
    (-2.0, 2.0, 0.005, 0.1, 0.3),
    (1.5, 1.0, 0.003, 0.2, -0.4),
    (0.5, 5.0, 0.002, 0.5, 0.5),
    (2.5, 3.0, 0.001, 1.0, 0.1),
    (3.75, 1.1, 0.001, 0.1, -0.1),
    (5.0, 1.2, 0.0001, 0.05, 0.01),
)


@dataclass(frozen=True)
class Scenario:
    """One of the 42, numbered from 1."""

    number: int
    theta: float
    dispersion: float
    slope: float
    season: tuple[float, float]
    waves: int

    @property
    def group(self) -> int:
        """Which of the seven, from 1."""
        return (self.number - 1) // 6 + 1

    def mean(self) -> Floats:
        """The true mean of each week."""
        week = np.arange(1, WEEKS + 1)
        link = np.full(WEEKS, self.theta) + self.slope * week
        for wave in range(1, self.waves + 1):
            angle = 2 * np.pi * wave * week / _YEAR
            link += self.season[0] * np.cos(angle) + self.season[1] * np.sin(angle)
        return np.exp(link)


@dataclass(frozen=True)
class Sample:
    """Replicates of one scenario with past outbreaks of one size.

    Attributes:
        scenario: Which.
        past: Size of the past outbreaks, in sd.
        counts: Without a current outbreak: (replicates, weeks).
        starts: Column each current outbreak starts in: (replicates, sizes).
        cases: Its cases in that week and those after: (replicates, sizes, LONGEST). May reach beyond the last week.
    """

    scenario: Scenario
    past: int
    counts: Floats
    starts: Weeks
    cases: Floats


def scenarios() -> list[Scenario]:
    """All 42, in the order of the paper: group, then trend, then waves."""
    found = []
    for theta, dispersion, slope, cosine, sine in _GROUPS:
        for trend in (0.0, slope):
            for waves in (0, 1, 2):
                found.append(Scenario(len(found) + 1, theta, dispersion, trend, (cosine, sine), waves))
    return found


def sample(scenario: Scenario, past: int, replicates: int, *, of_series: bool = False, least: int = 0) -> Sample:
    """The replicates of one scenario.

    To see what they change: `of_series` takes the sd of the whole series for the size of outbreaks, and a current
    outbreak is drawn again until it has `least` cases.
    """
    mean = scenario.mean()
    counts = np.empty((replicates, WEEKS))
    starts = np.empty((replicates, len(SIZES)), dtype=np.int64)
    cases = np.empty((replicates, len(SIZES), LONGEST))
    for row in range(replicates):
        chance = np.random.default_rng([_SEED, scenario.number, past, row])
        counts[row] = drawn(chance, mean, scenario.dispersion)
        spread = np.full(WEEKS, counts[row].std(ddof=1)) if of_series else np.sqrt(scenario.dispersion * mean)
        for start in chance.choice(BASELINE, _PAST_OUTBREAKS, replace=False):
            course = outbreak(chance, past * spread[start])
            counts[row, start : start + LONGEST] += course[: WEEKS - start]
        starts[row] = chance.choice(CURRENT, len(SIZES))
        for place, (size, start) in enumerate(zip(SIZES, starts[row], strict=True)):
            cases[row, place] = outbreak(chance, size * spread[start], least)
    return Sample(scenario, past, counts, starts, cases)


def drawn(chance: np.random.Generator, mean: Floats, dispersion: float) -> Floats:
    """Counts of this mean and of the variance dispersion x mean."""
    if dispersion == 1:
        return chance.poisson(mean).astype(np.float64)
    return chance.negative_binomial(mean / (dispersion - 1), 1 / dispersion).astype(np.float64)


def outbreak(chance: np.random.Generator, expected: float, least: int = 0) -> Floats:
    """The cases of an outbreak, week by week from its start."""
    size = chance.poisson(expected)
    while size < least:
        size = chance.poisson(expected)
    delays = np.floor(chance.lognormal(0.0, 0.5, size)).astype(np.int64)
    return np.bincount(np.minimum(delays, LONGEST - 1), minlength=LONGEST).astype(np.float64)
