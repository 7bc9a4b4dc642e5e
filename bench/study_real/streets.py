"""Three Julys of a force's street-level crime as published: what a month without days can and cannot tell.

What the files are like: a row has a month and no day, a point that was moved to the nearest of a fixed list, the LSOA
of that point, and, except for anti-social behaviour, the number of a crime. Reports of anti-social behaviour cannot be
told from one another, so rows that agree stay as they are: they are many at one point, not one told twice. A row
without an LSOA has no area. Points beyond the border lie in a neighbouring force's districts and are counted there.

Three years of one month are no baseline for Farrington's algorithm. The latest July is judged by the two before it, as
the Bayes system does: the only claim there is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from bench.study.comparison import Cell, Table
from bench.study_real.alarms import share
from bench.study_real.files import STREETS, Row, read
from bench.study_real.judging import ALPHA, FEW, Q

from safety_stream.core.statistics.multiple import benjamini_hochberg
from safety_stream.core.statistics.series import Floats
from safety_stream.core.statistics.short_history import Bayes, bayes

COLUMNS = ("Crime ID", "Month", "Longitude", "Latitude", "LSOA code", "LSOA name", "Crime type")

AREAS: dict[str, Callable[[Row], str]] = {
    "district": lambda row: row["LSOA name"].rpartition(" ")[0],
    "MSOA": lambda row: row["LSOA name"][:-1],
    "LSOA": lambda row: row["LSOA code"],
}
"""How an area is called: an LSOA is its MSOA and a letter, an MSOA its district and a number."""

_TWO_BEFORE = Bayes(b=0, w=2, this_year=True, alpha=ALPHA)
"""One column is one July."""


@dataclass(frozen=True)
class Month:
    """One file."""

    month: str
    rows: list[Row]


def read_streets(folder: Path) -> list[Month]:
    """The months in order."""
    return [month_of(read(folder / name, COLUMNS)) for name in STREETS]


def month_of(rows: Iterable[Row]) -> Month:
    """Rows of one month; `ValueError` where they are of none or several."""
    every = list(rows)
    months = sorted({row["Month"] for row in every})
    if len(months) != 1:
        raise ValueError(f"a file of street-level crime is of one month, not of {', '.join(months) or 'none'}")
    return Month(months[0], every)


def streets(months: list[Month]) -> dict[str, Table]:
    """What the files hold, and what the latest month would alarm."""
    return {
        "real street files": [_quirks(month) for month in months],
        "real street categories": _by_category(months),
        "real street alarms": [_judged(months, name) for name in AREAS],
    }


def table_of(months: list[Month], area: Callable[[Row], str]) -> Floats:
    """Counts (areas x categories, months) of every pair with an event in any month; rows without an area are none."""
    counts = [
        Counter((area(row), row["Crime type"]) for row in month.rows if row["LSOA code"].strip()) for month in months
    ]
    pairs = sorted(set().union(*counts))
    return np.array([[count[pair] for count in counts] for pair in pairs], dtype=np.float64)


def _quirks(month: Month) -> dict[str, Cell]:
    numbers = Counter(row["Crime ID"] for row in month.rows if row["Crime ID"])
    points = Counter((row["Longitude"], row["Latitude"]) for row in month.rows if row["Longitude"])
    rows = len(month.rows)
    return {
        "month": month.month,
        "rows": rows,
        "without a number, %": share(np.array([not row["Crime ID"] for row in month.rows])),
        "a number told again": sum(numbers.values()) - len(numbers),
        "without an area": sum(not row["LSOA code"].strip() for row in month.rows),
        "points": len(points),
        "rows at the fullest point": max(points.values(), default=0),
    }


def _by_category(months: list[Month]) -> Table:
    counts = [Counter(row["Crime type"] for row in month.rows) for month in months]
    return [
        {"category": name, **{month.month: count[name] for month, count in zip(months, counts, strict=True)}}
        for name in sorted(set().union(*counts))
    ]


def _judged(months: list[Month], name: str) -> dict[str, Cell]:
    counts = table_of(months, AREAS[name])
    last = counts.shape[1] - 1
    p_value = bayes(counts, [last], _TWO_BEFORE).p_value[:, 0]
    alarm = p_value <= ALPHA
    pair = counts[:, last - 2 : last]
    some = pair.sum(axis=1) > 0
    # Of two counts of one Poisson mean, the squared difference is as large as their sum on average.
    dispersion = ((pair[some, 0] - pair[some, 1]) ** 2).sum() / pair[some].sum()
    return {
        "areas": name,
        "series": len(counts),
        "events a month": round(float(counts.mean()), 1),
        "variance / mean of the first two": round(float(dispersion), 1),
        "alarms meant by chance": round(ALPHA * len(counts), 1),
        "alarms": int(alarm.sum()),
        f"on {FEW} or fewer, %": share(counts[alarm, last] <= FEW),
        f"alarms, BH {Q}": int(benjamini_hochberg(p_value, Q).sum()),
    }
