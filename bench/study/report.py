"""The results for people: CSV files, pictures, the tables in docs/statistics.md and on the terminal."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from math import log10
from pathlib import Path

from bench.study.pictures import Line, Picture, drawing
from rich.console import Console
from rich.table import Table as Grid

Rows = list[dict[str, str | int | float | None]]
Results = dict[str, dict[str, Rows]]

_SHOWN = (
    "told the truth",
    "told the truth, two weeks",
    "Farrington improved",
    "Farrington improved, two weeks",
    "Farrington original",
    "EWMA on Farrington",
    "EARS C2",
    "Bayes 2",
)
_READABLE = 60
"""Rows of a table that still fit a terminal."""
_PLACE = re.compile(r"(<!-- table: ([a-z ]+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def write(
    results: Results, folder: Path, page: Path, draw: Callable[[dict[str, Rows]], dict[str, Picture]] | None = None
) -> None:
    """Write every table there are results for, and what `draw` draws of them; by default this study's pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    every = tables(results)
    for name, rows in every.items():
        with (folder / f"{name.replace(' ', '-')}.csv").open("w", newline="", encoding="utf-8") as file:
            out = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            out.writeheader()
            out.writerows(rows)
    for name, picture in (draw or pictures)(every).items():
        (folder / f"{name}.svg").write_text(drawing(picture), encoding="utf-8")
    if page.exists():
        page.write_text(filled(page.read_text(encoding="utf-8"), every), encoding="utf-8")


def show(results: Results, console: Console) -> None:
    """Print every table that is short enough to be read."""
    for name, rows in tables(results).items():
        if len(rows) > _READABLE:
            continue
        grid = Grid(*rows[0], title=name)
        for row in rows:
            grid.add_row(*(_text(cell) for cell in row.values()))
        console.print(grid)


def tables(results: Results) -> dict[str, Rows]:
    """Every table by its name, whatever part it comes from."""
    return {name: rows for part in results.values() for name, rows in part.items() if isinstance(rows, list)}


def filled(page: str, every: dict[str, Rows]) -> str:
    """The page with every table between its two comments made anew."""

    def table(place: re.Match[str]) -> str:
        rows = every.get(place[2])
        return place[0] if rows is None else f"{place[1]}{markdown(rows)}{place[4]}"

    return _PLACE.sub(table, page)


def markdown(rows: Rows) -> str:
    """A table in Markdown; figures stand at the right."""
    heads = list(rows[0])
    sides = ["---" if isinstance(rows[0][head], str) else "---:" for head in heads]
    lines = [heads, sides, *([_text(row[head]) for head in heads] for row in rows)]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def pictures(every: dict[str, Rows]) -> dict[str, Picture]:
    """What is drawn of the tables that are there."""
    drawn = {}
    if "curves" in every:
        drawn["roc"] = Picture(
            "Outbreaks found against false alarms, 42 scenarios",
            "weeks without an outbreak that are an alarm, %",
            "outbreaks found, %",
            [
                Line(name, [(row["FPR"], row["POD"]) for row in every["curves"] if row["detector"] == name])
                for name in _SHOWN
            ],
        )
    if "by size" in every:
        drawn["sizes"] = Picture(
            "Outbreaks found by their size, at 1 % false alarms",
            "size in standard deviations",
            "outbreaks found, %",
            [
                Line(str(row["detector"]), [(at, row[f"k = {at}"]) for at in range(1, 11)])
                for row in every["by size"]
                if row["detector"] in _SHOWN
            ],
        )
    if "calibration" in every:
        drawn["calibration"] = Picture(
            "Weeks without any outbreak whose p-value is at most 0.01",
            "mean count a week (powers of ten)",
            "share of weeks, % (1 is meant)",
            [
                Line(
                    name,
                    sorted((log10(row["mean"]), row[f"{name} 0.01"]) for row in every["calibration"]),
                    joined=False,
                )
                for name in ("truth", "improved", "predictive")
            ],
        )
    if "slow rises" in every:
        names = [str(name) for name in every["slow rises"][0] if name != "week"]
        drawn["slow-rises"] = Picture(
            "Slow rises found so many weeks after they began, at 1 % false alarms",
            "weeks since the rise began",
            "rises found, %",
            [Line(name, [(row["week"], row[name]) for row in every["slow rises"]]) for name in names],
        )
    return drawn


def _text(cell: str | float | None) -> str:
    return "" if cell is None else str(cell)
