"""How many alarms a real city would have had each week, what they rest on, and what the year 2020 did to them."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import numpy as np
from bench.study.comparison import Cell, Table, percent
from bench.study.detectors import Steps
from bench.study_real.judging import FEW, HISTORY, Fits, Said, alarms, enough, fit, said
from bench.study_real.toronto import Weekly

from safety_stream.core.statistics.series import Flags, Floats, Weeks

CLOSED = date(2020, 3, 16)
"""The Monday of the week in which the province declared its emergency (17 March 2020)."""

WINDOWS: dict[str, tuple[date, date] | None] = {
    "nothing left out": None,
    "the first closing left out": (CLOSED, date(2020, 6, 28)),
    "all until June 2021 left out": (CLOSED, date(2021, 6, 13)),
}
"""First and last day of the weeks that are in no baseline; where they end is ours."""

PERIODS = (
    ("before the closing", date(2019, 1, 1), CLOSED),
    ("first closing", CLOSED, date(2020, 6, 29)),
    ("summer and autumn 2020", date(2020, 6, 29), date(2020, 11, 23)),
    ("winter and spring 2021", date(2020, 11, 23), date(2021, 6, 14)),
    ("after June 2021", date(2021, 6, 14), date(2022, 1, 1)),
)
"""Name, first day, first day after."""

BANDS = (0.0, 0.25, 0.5, 1.0, 2.0, 5.0, np.inf)
"""Events a week, from one to below the next."""

_LEVELS = (0.005, 0.01, 0.05)
_MONTH = 4


def judged_weeks(crimes: Weekly) -> Weeks:
    """The weeks that are fitted: all with history enough."""
    return np.arange(HISTORY, crimes.counts.shape[1])


def a_week(crimes: Weekly, fits: Fits) -> dict[str, Table]:
    """Alarms before the closing: by detector and way, by size of series, by category."""
    weeks = fits.weeks[1:]
    quiet = weeks < crimes.column(CLOSED)
    found = {name: _some(one, quiet) for name, one in said(crimes.counts, fits).items()}
    is_enough = enough(crimes.counts, weeks[quiet])
    levels = crimes.counts[:, : weeks[0]].mean(axis=1)
    return {
        "real alarms": [by_way(name, one, is_enough) for name, one in found.items()],
        "real sizes": [
            _of_rows(found, is_enough, rows, {"events a week": _band(low, high), "series": int(rows.sum())})
            for low, high in pairwise(BANDS)
            if (rows := (levels >= low) & (levels < high)).any()
        ],
        "real categories": [
            _of_rows(found, is_enough, _flags(levels.size, crimes.block(at)), {
                "category": name.replace("_", " "),
                "events a week": round(float(levels[crimes.block(at)].sum()), 1),
            })
            for at, name in enumerate(crimes.categories)
        ],
    }  # fmt: skip


def by_way(name: str, one: Said, is_enough: Flags) -> dict[str, Cell]:
    """Of one detector: alarms a week in each way, and the share of them that rests on few events."""
    row: dict[str, Cell] = {"judged": name}
    for way, flags in alarms(one.p_value, is_enough).items():
        row[way] = round(float(flags.sum() / flags.shape[1]), 1)
        row[f"{way}: on {FEW} or fewer"] = share(one.events[flags] <= FEW)
    return row


def counted_twice(crimes: Weekly, unmerged: Weekly, fits: Fits, steps: Steps) -> dict[str, Table]:
    """The same weeks if rows that agree in everything are counted each."""
    before = fits.weeks[fits.weeks < crimes.column(CLOSED)]
    other = fit(unmerged.counts, len(unmerged.areas), before, steps, "every row", predictive=False)
    quiet = fits.weeks[1:] < crimes.column(CLOSED)
    table: Table = []
    for name, counts, one in (
        ("once", crimes.counts, _some(said(crimes.counts, fits)["alone"], quiet)),
        ("each", unmerged.counts, said(unmerged.counts, other)["alone"]),
    ):
        is_enough = enough(counts, before[1:])
        table.append({"rows that agree are counted": name, **_without_name(by_way("alone", one, is_enough))})
    return {"real rows": table}


def over_2020(crimes: Weekly, fits: Fits, steps: Steps) -> dict[str, Table]:
    """What the closing does to expectation and alarms, and what leaving weeks out of the baselines mends."""
    every = {name: _in_windows(crimes, fits, span, steps, name) for name, span in WINDOWS.items()}
    weeks = fits.weeks[1:]
    is_enough = enough(crimes.counts, weeks)
    periods: Table = []
    course: Table = [
        {"week": at, "from": str(crimes.first + timedelta(weeks=week)), "observed": int(crimes.counts[:, week].sum())}
        for at, week in enumerate(weeks.tolist())
    ]
    for title, window in every.items():
        found = said(crimes.counts, window)
        flags = {name: alarms(found[name].p_value, is_enough) for name in ("alone", "together")}
        expected = window.alone.expected[:, 1:]
        for here, column in zip(course, range(weeks.size), strict=True):
            here[f"expected, {title}"] = round(float(np.nansum(expected[:, column])), 1)
            here[f"alarms, {title}"] = int(flags["alone"]["p, rule"][:, column].sum())
        for name, first, after in PERIODS:
            inside = (weeks >= crimes.column(first)) & (weeks < crimes.column(after))
            known = np.isfinite(expected[:, inside])
            observed = crimes.counts[:, weeks[inside]][known].sum()
            row: dict[str, Cell] = {
                "period": name,
                "baselines": title,
                "weeks": int(inside.sum()),
                "observed, % of expected": percent(float(observed / expected[:, inside][known].sum())),
            }
            for judged, ways in flags.items():
                for way in ("p, rule", "BH, rule"):
                    row[f"{judged}: {way}"] = round(float(ways[way][:, inside].sum() / inside.sum()), 1)
            periods.append(row)
    return {"real periods": periods, "real course": course}


def share(flags: Flags) -> float | None:
    """In percent; none of nothing."""
    return percent(float(flags.mean())) if flags.size else None


def by_months(course: Table, column: str) -> list[tuple[float, float]]:
    """A column of the course as means of four weeks: (week they begin in, mean)."""
    values = [float(row[column] or 0) for row in course]
    starts = range(0, len(values) - _MONTH + 1, _MONTH)
    return [(float(start), sum(values[start : start + _MONTH]) / _MONTH) for start in starts]


def _in_windows(crimes: Weekly, fits: Fits, span: tuple[date, date] | None, steps: Steps, name: str) -> Fits:
    """Fits without the weeks of the span; those of weeks before it are what they are."""
    if span is None:
        return fits
    first, last = crimes.column(span[0]), crimes.column(span[1])
    excluded = np.zeros(crimes.counts.shape[1], dtype=np.bool_)
    excluded[first : last + 1] = True
    later = fits.weeks >= first
    anew = fit(
        crimes.counts, len(crimes.areas), fits.weeks[later], steps, name, excluded=excluded, predictive=False
    )  # fmt: skip
    alone, together = (
        type(old)(
            *(
                np.concatenate([getattr(old, part)[:, ~later], getattr(new, part)], axis=1)
                for part in old.__struct_fields__
            )
        )
        for old, new in ((fits.alone, anew.alone), (fits.together, anew.together))
    )
    return Fits(fits.weeks, alone, None, together)


def _of_rows(found: dict[str, Said], is_enough: Flags, rows: Flags, row: dict[str, Cell]) -> dict[str, Cell]:
    """Of some series: the share of weeks with p-values below what is meant, and their alarms."""
    for name in ("alone", "alone, predictive", "together"):
        known = found[name].p_value[rows]
        for level in _LEVELS if name == "alone" else _LEVELS[:1]:
            row[f"{name}: p <= {level}"] = percent(float((known <= level).sum() / np.isfinite(known).sum()))
    one = found["alone"]
    for way, flags in alarms(one.p_value, is_enough).items():
        if way in {"p", "p, rule", "BH, rule"}:
            row[f"alarms a week: {way}"] = round(float(flags[rows].sum() / flags.shape[1]), 2)
    few: Floats = one.events[rows][alarms(one.p_value, is_enough)["p"][rows]]
    row[f"p: on {FEW} or fewer"] = share(few <= FEW)
    return row


def _some(one: Said, weeks: Flags) -> Said:
    return Said(one.p_value[:, weeks], one.events[:, weeks])


def _flags(size: int, block: slice) -> Flags:
    flags = np.zeros(size, dtype=np.bool_)
    flags[block] = True
    return flags


def _band(low: float, high: float) -> str:
    return f"{low:g} or more" if np.isinf(high) else f"{low:g} to {high:g}"


def _without_name(row: dict[str, Cell]) -> dict[str, Cell]:
    return {head: cell for head, cell in row.items() if head != "judged"}
