"""Eight years of a city's recorded crime as weekly counts of districts and categories.

What the file is like, and what is done about it:

- **Weeks** are Monday to Sunday, consecutive. The days before the first Monday and after the last Sunday are left out.
  Years are 52 weeks, as everywhere in `core/statistics`; in eight years a season slips by less than a fortnight.
- **Old events** came to light years after they happened. What happened before the first week is left out.
- **Counted more than once.** Rows that agree in everything but their number (day, hour, category, premises, place) are
  one occurrence with several victims, or one told twice; they are counted once. Rows that differ in the category too
  are counted once in each.
- **Unknown area.** A row without a district would be left out, as no district could be alarmed by it.
- **Unknown day.** The first of a month, and New Year's Day most of all, stands for days nobody knew. Such rows stay:
  nothing tells them from those of that day.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
from bench.study.comparison import Table
from bench.study_real.files import Row, read

from safety_stream.core.statistics.series import Floats

SINCE = date(2014, 1, 1)
"""Since when everything recorded is in the file."""

COLUMNS = ("event_id", "date", "hour", "category", "premises", "neighbourhood", "lat", "lon")
_MONDAY = 0


@dataclass(frozen=True)
class Weekly:
    """Counts of weeks: one row for each category and district, categories one below the other.

    Attributes:
        categories: In order.
        areas: In order, the same in each category.
        first: The Monday of the first week.
        counts: (categories x areas, weeks).
        quirks: What was found in the file, and how many rows have it.
    """

    categories: tuple[str, ...]
    areas: tuple[str, ...]
    first: date
    counts: Floats
    quirks: Table

    def column(self, day: date) -> int:
        """The week a day lies in."""
        return (day - self.first).days // 7

    def block(self, category: int) -> slice:
        """The rows of one category."""
        return slice(category * len(self.areas), (category + 1) * len(self.areas))


def read_toronto(file: Path, *, merged: bool = True) -> Weekly:
    """The file as counts of weeks."""
    return weekly(read(file, COLUMNS), merged=merged)


def weekly(rows: Iterable[Row], *, since: date = SINCE, merged: bool = True) -> Weekly:
    """Rows as counts of whole weeks; `merged` counts rows once that agree in everything but their number.

    Raises `ValueError` where nothing is left to count.
    """
    first = since + timedelta(days=(_MONDAY - since.weekday()) % 7)
    every = list(rows)
    known = [row for row in every if row["neighbourhood"].strip()]
    kept: dict[tuple[str, ...], Row] = {}
    once: set[tuple[str, ...]] = set()
    for row in known:
        what = tuple(row[column] for column in COLUMNS[1:])
        once.add(what[:2] + what[3:])
        kept.setdefault(what if merged else (row["event_id"], *what), row)
    days = [date.fromisoformat(row["date"]) for row in kept.values()]
    if not days or max(days) < first + timedelta(days=6):
        raise ValueError(f"no row of a whole week from {first} on; is this the right file?")
    # The last Sunday of the file ends the last week; a week that is only begun would look like a quiet one.
    weeks = ((max(days) - first).days + 1) // 7
    categories = tuple(sorted({row["category"] for row in kept.values()}))
    areas = tuple(sorted({row["neighbourhood"] for row in kept.values()}))
    place = {name: at for at, name in enumerate(areas)}
    level = {name: at * len(areas) for at, name in enumerate(categories)}
    counts = np.zeros((len(categories) * len(areas), weeks))
    week = np.array([(day - first).days // 7 for day in days])
    series = np.array([level[row["category"]] + place[row["neighbourhood"]] for row in kept.values()])
    inside = (week >= 0) & (week < weeks)
    np.add.at(counts, (series[inside], week[inside]), 1)
    alike = len({tuple(row[column] for column in COLUMNS[1:]) for row in known})
    quirks: Table = [
        {"what": "rows", "rows": len(every)},
        {"what": "without an area: left out", "rows": len(every) - len(known)},
        {"what": "agree with another row in everything but the number: counted once", "rows": len(known) - alike},
        {"what": "agree with another row but for the category too: counted once in each", "rows": alike - len(once)},
        {"what": "happened before the first week: left out", "rows": int((week < 0).sum())},
        {"what": "happened after the last whole week: left out", "rows": int((week >= weeks).sum())},
        {"what": "on 1 January", "rows": sum(day >= since and (day.month, day.day) == (1, 1) for day in days)},
        {
            "what": "on the first of another month",
            "rows": sum(day >= since and day.day == 1 < day.month for day in days),
        },
        {"what": "counted", "rows": int(counts.sum())},
    ]
    return Weekly(categories, areas, first, counts, quirks)
