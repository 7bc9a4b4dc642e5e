"""The results for people: CSV files, pictures, and the tables and sentences with figures in docs/statistics.md."""

from __future__ import annotations

import re
from pathlib import Path

from bench.study import report
from bench.study.pictures import Line, Picture
from bench.study.report import Results, Rows, tables
from bench.study_real.alarms import WINDOWS, by_months
from bench.study_real.words import sentences

_PLACE = re.compile(r"(<!-- words: ([a-z ]+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)
_SHOWN = ("alone", "alone, two weeks", "together", "together, two weeks", "Bayes 2", "EARS C2")


def write(results: Results, folder: Path, page: Path) -> None:
    """Write every table, picture and sentence there are results for."""
    report.write(results, folder, page, pictures)
    if page.exists():
        page.write_text(filled(page.read_text(encoding="utf-8"), tables(results)), encoding="utf-8")


def filled(page: str, every: dict[str, Rows]) -> str:
    """The page with every table and sentence between its two comments made anew."""
    said = sentences(every)

    def words(place: re.Match[str]) -> str:
        return f"{place[1]}{said[place[2]]}{place[4]}" if place[2] in said else place[0]

    return _PLACE.sub(words, report.filled(page, every))


def pictures(every: dict[str, Rows]) -> dict[str, Picture]:
    """What is drawn of the tables that are there."""
    drawn = {}
    if "real course" in every:
        course = every["real course"]
        across = f"weeks since {course[0]['from']}, means of four"
        drawn["expected"] = Picture(
            "Events of the whole city a week, and what districts alone let expect",
            across,
            "events a week",
            [
                Line("observed", by_months(course, "observed")),
                *(Line(title, by_months(course, f"expected, {title}")) for title in WINDOWS),
            ],
        )
        drawn["alarms"] = Picture(
            "Alarms a week, p at most 0.005 and events enough",
            across,
            "alarms a week",
            [Line(title, by_months(course, f"alarms, {title}")) for title in WINDOWS],
        )
    if "real put in" in every:
        rows = [row for row in every["real put in"] if row["weeks"] == "as they were"]
        levels = [head for head in rows[0] if head.startswith("POD at ")]
        drawn["roc"] = Picture(
            "Outbreaks put into real weeks: found, against all alarms",
            "weeks without one that are an alarm, %",
            "outbreaks found, %",
            [
                Line(str(row["judged"]), [(float(head[7:-1]), row[head]) for head in levels if row[head] is not None])
                for row in rows
                if row["judged"] in _SHOWN
            ],
        )
    if "real found" in every:
        drawn["sizes"] = Picture(
            "Outbreaks put in and found by their size, together, two weeks, at 1 % alarms",
            "size in standard deviations",
            "outbreaks found, %",
            [
                Line(f"{row['events a week']} a week", [(at, row[f"k = {at}"]) for at in range(1, 11)])
                for row in every["real found"]
                if row["judged"] == "together, two weeks"
            ],
        )
    return drawn
