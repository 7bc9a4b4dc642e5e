"""`make study`: how well the detectors of `core/statistics` find simulated outbreaks, and how often they cry wolf.

    python -m bench.study [--replicates N] [--parts PART ...] [--json]
    python -m bench.study --render      tables, CSV files and pictures of the last results, without measuring

Results go to docs/study/results.json, part by part: a part that is not run keeps what it had. From there come the
tables in docs/statistics.md, one CSV file each and the pictures. All is seeded: the same replicates give the same
figures, except those of time.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from bench.study import additions, comparison, nowcasts, past, report, shipped, speed
from rich.console import Console
from rich.progress import track

T = TypeVar("T")
ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "study"
PAGE = ROOT / "docs" / "statistics.md"
RESULTS = FOLDER / "results.json"


def main() -> int:
    """Measure what was asked for, and show it; the exit status."""
    options = _options()
    say = Console(stderr=True)
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    for part in () if options.render else options.parts:
        began = time.process_time()
        results[part] = PARTS[part](options.replicates, _steps(say)) | {"replicates": options.replicates}
        results[part]["cpu_seconds"] = round(time.process_time() - began)
        FOLDER.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    report.write(results, FOLDER, PAGE)
    if options.json:
        print(json.dumps(results))
    else:
        report.show(results, Console())
    return 0


def _compare(replicates: int, steps: comparison.Steps) -> dict[str, object]:
    found = comparison.compare(replicates, steps)
    return {
        "overall": comparison.overall(found),
        "by group": comparison.by_group(found),
        "by size": comparison.by_size(found),
        "curves": comparison.curves(found),
        "definitions": comparison.definitions(found, replicates, steps),
    }


def _calibrate(replicates: int, steps: comparison.Steps) -> dict[str, object]:
    return {"calibration": comparison.calibration(20 * replicates, steps)}


PARTS: dict[str, Callable[[int, comparison.Steps], dict[str, object]]] = {
    "comparison": _compare,
    "shipped": shipped.as_shipped,
    "calibration": _calibrate,
    "slow": additions.slow_rises,
    "pooled": additions.pooled_areas,
    "rare": additions.rare_events,
    "calendar": past.disturbed_past,
    "nowcast": nowcasts.nowcasts,
    "speed": speed.speed,
}


def _steps(say: Console) -> comparison.Steps:
    def steps(items: Iterable[T], name: str) -> Iterable[T]:
        return track(list(items), name, console=say)

    return steps


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.study", description="Compare detectors of outbreaks.")
    parser.add_argument("--replicates", type=int, default=20, help="series of each kind; the paper has 100")
    parser.add_argument("--parts", nargs="+", choices=list(PARTS), default=list(PARTS), help="what to measure")
    parser.add_argument("--render", action="store_true", help="write tables and pictures of the last results only")
    parser.add_argument("--json", action="store_true", help="print all results as JSON instead of tables")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
