"""Write `series.csv`, the series R and the tests judge. Only needed to make it anew, with `surveillance.R` after it.

    python tests/core/statistics/make_series.py

Twenty series of 330 weeks: levels from one event in three months to 400 a week, dispersions from 1 to 9, rising,
falling and level, seasonal and not, with outbreaks in the baseline and in the judged weeks; one without a single event
in half of each year, one without any until the judged weeks. The last row is a population that grows and wavers.
"""

from __future__ import annotations

import csv
from math import cos, pi
from pathlib import Path

import numpy as np

SEED = 20_130_330
WEEKS = 330
# log mean, dispersion, slope of the log mean, size of the season
SERIES = [
    (-2.5, 1.0, 0.0, 0.0),
    (-1.5, 1.5, 0.002, 0.5),
    (-0.5, 1.0, -0.001, 0.2),
    (-0.5, 4.0, 0.0, 0.8),
    (0.0, 2.0, 0.003, 0.0),
    (0.5, 1.2, 0.0, 0.6),
    (0.5, 6.0, -0.002, 0.3),
    (1.0, 1.0, 0.001, 0.4),
    (1.0, 3.0, 0.004, 0.2),
    (1.5, 1.5, -0.003, 1.0),
    (2.0, 2.0, 0.0, 0.0),
    (2.0, 9.0, 0.002, 0.5),
    (2.5, 1.1, 0.001, 0.3),
    (3.0, 4.0, 0.0, 0.7),
    (3.5, 1.0, -0.001, 0.1),
    (4.0, 3.0, 0.002, 0.2),
    (5.0, 6.0, 0.0, 0.4),
    (6.0, 2.0, -0.0005, 0.1),
]


def main() -> None:
    """Draw everything from one seed."""
    chance = np.random.default_rng(SEED)
    week = np.arange(WEEKS)
    rows = []
    for level, dispersion, slope, season in SERIES:
        mean = np.exp(level + slope * week + season * np.array([cos(2 * pi * (at - 8) / 52) for at in week]))
        counts = drawn(chance, mean, dispersion)
        for at in (60, 150, 230, 295, 318):
            counts[at : at + 3] += chance.poisson(4 * np.sqrt(dispersion * mean[at : at + 3]) * [0.5, 0.4, 0.1])
        rows.append(counts)
    summer = np.where((week % 52 > 10) & (week % 52 < 37), 1.5, 0.0)
    rows.extend([chance.poisson(summer), np.where(week < 300, 0, chance.poisson(3.0, WEEKS))])
    rows.append(np.round(100_000 * np.exp(0.002 * week) * chance.uniform(0.95, 1.05, WEEKS)).astype(np.int64))
    with Path(__file__).with_name("series.csv").open("w", newline="", encoding="ascii") as file:
        csv.writer(file, lineterminator="\n").writerows(np.array(rows).tolist())


def drawn(chance: np.random.Generator, mean: np.ndarray, dispersion: float) -> np.ndarray:
    """Negative binomial counts; Poisson ones at a dispersion of 1."""
    if dispersion == 1:
        return chance.poisson(mean)
    return chance.negative_binomial(mean / (dispersion - 1), 1 / dispersion)


if __name__ == "__main__":
    main()
