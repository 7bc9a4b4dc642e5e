"""`make study-real DATA=../shared/data`: what the detectors of `core/statistics` make of real data.

    python -m bench.study_real [--data FOLDER] [--parts PART ...] [--json]
    python -m bench.study_real --render      tables, CSV files, pictures and sentences of the last results

Results go to docs/study-real/results.json, part by part, as those of `bench.study`; from there come the section on real
data in docs/statistics.md, a CSV file for each table, and the pictures. Whatever is drawn is seeded: the same files
give the same figures, except those of time. Nothing else needs the folder.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import TypeVar

from bench.study.comparison import Table
from bench.study.detectors import Steps
from bench.study.report import show
from bench.study_real import alarms, recombined, recorded, report, streets
from bench.study_real.files import RECORDED, STREETS, TORONTO, missing, read
from bench.study_real.judging import Fits, fit
from bench.study_real.toronto import Weekly, read_toronto
from rich.console import Console
from rich.progress import track

from safety_stream.synthetic.settings import read_county

T = TypeVar("T")
ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"
FOLDER = ROOT / "docs" / "study-real"
PAGE = ROOT / "docs" / "statistics.md"
RESULTS = FOLDER / "results.json"
COUNTY = ROOT / "catalogue" / "synthetic" / "lancashire.yaml"

Tables = dict[str, Table]


def main() -> int:
    """Measure what was asked for, and show it; the exit status."""
    options = _options()
    say = Console(stderr=True)
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    parts = () if options.render else options.parts
    needed = tuple(dict.fromkeys(name for part in parts for name in PARTS[part][0]))
    lacking = missing(options.data, needed)
    if lacking:
        say.print(
            f"{options.data} does not hold {', '.join(lacking)}. "
            "Name the folder that does: make study-real DATA=/path/to/data",
            soft_wrap=True,
            highlight=False,
        )
        return 1
    for part in parts:
        began = time.process_time()
        results[part] = PARTS[part][1](options.data, _steps(say))
        results[part]["cpu_seconds"] = round(time.process_time() - began)
        FOLDER.mkdir(parents=True, exist_ok=True)
        RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    report.write(results, FOLDER, PAGE)
    if options.json:
        print(json.dumps(results))
    else:
        show(results, Console())
    return 0


@cache
def _toronto(folder: Path) -> Weekly:
    return read_toronto(folder / TORONTO)


@cache
def _fits(folder: Path, steps: Steps) -> Fits:
    crimes = _toronto(folder)
    return fit(crimes.counts, len(crimes.areas), alarms.judged_weeks(crimes), steps, "as they were")


def _weekly(folder: Path, steps: Steps) -> Tables:
    crimes = _toronto(folder)
    unmerged = read_toronto(folder / TORONTO, merged=False)
    fits = _fits(folder, steps)
    return (
        {"real file": crimes.quirks} | alarms.a_week(crimes, fits) | alarms.counted_twice(crimes, unmerged, fits, steps)
    )


def _closing(folder: Path, steps: Steps) -> Tables:
    return alarms.over_2020(_toronto(folder), _fits(folder, steps), steps)


def _recombined(folder: Path, steps: Steps) -> Tables:
    return recombined.recombination(_toronto(folder), _fits(folder, steps), steps)


def _streets(folder: Path, _steps: Steps) -> Tables:
    return streets.streets(streets.read_streets(folder))


def _recorded(folder: Path, _steps: Steps) -> Tables:
    return recorded.recorded(read(folder / RECORDED, recorded.COLUMNS), read_county(COUNTY))


PARTS: dict[str, tuple[tuple[str, ...], Callable[[Path, Steps], Tables]]] = {
    "weekly": ((TORONTO,), _weekly),
    "closing": ((TORONTO,), _closing),
    "recombined": ((TORONTO,), _recombined),
    "streets": (STREETS, _streets),
    "recorded": ((RECORDED,), _recorded),
}
"""What each part needs, and how it is measured."""


@cache
def _steps(say: Console) -> Steps:
    def steps(items: Iterable[T], name: str) -> Iterable[T]:
        return track(list(items), name, console=say)

    return steps


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.study_real", description="Try the detectors on real data.")
    parser.add_argument("--data", type=Path, default=DATA, help="the folder the files lie in")
    parser.add_argument("--parts", nargs="+", choices=list(PARTS), default=list(PARTS), help="what to measure")
    parser.add_argument("--render", action="store_true", help="write tables and pictures of the last results only")
    parser.add_argument("--json", action="store_true", help="print all results as JSON instead of tables")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
