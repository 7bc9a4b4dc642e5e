"""`make bench`: this runtime beside its peers, and the whole pipeline, in one run over the same records and one broker.

    bench/run.py [--records N] [--runs N] [--only ROW ...] [--json]
    bench/run.py --profile ROW          where the time goes (stage, pipeline, replay and the others too)
    bench/run.py --markdown             the table of the last results, for docs/performance.md

*How it measures.* Every row runs in a process of its own, alone on one core where the system allows it; broker and
driver have the rest. A process measures from its first record to its last commit, so starting, joining and topic
creation do not count. Rounds are interleaved (row after row, then again), so that a slow minute of the machine falls on
all rows; the figure is the median. A row that promises exactly once is checked in the same run: its outputs must be
exactly those of the records, with the right counts, for a read_committed reader; if not, the bench fails.

Exit status 0: everything ran and every check held. 1: a row failed or its outputs were wrong; the rest is still shown.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import traceback
from pathlib import Path

import work
from children import Cores, Told
from cluster import Cluster
from county import prepare
from measured import yardstick
from rich.console import Console
from rows import ROWS, Bench, Row, agree, headline, summary
from sightings import prepare_sightings
from tables import markdown, print_table

from safety_stream.embedded import EmbeddedKafka
from safety_stream.embedded.jars import KAFKA_VERSION

RESULTS = Path(__file__).with_name("results.json")
_NEEDS_INPUT = frozenset({"loop", "stage", "quix", "faust"})
_NEEDS_SIGHTINGS = frozenset({"detect", "dense", "store", "memory", "change"})
_NEEDS_COUNTY = frozenset({"pipeline", "replay"}) | _NEEDS_SIGHTINGS


def main() -> int:
    """Run what was asked for; the exit status."""
    options = _options()
    if options.markdown:
        print(markdown(json.loads(RESULTS.read_text(encoding="utf-8"))))
        return 0
    say = Console(stderr=True)
    names = [options.profile] if options.profile else options.only or [row.id for row in ROWS]
    rows = [row for row in ROWS if row.id in names]
    rounds = 1 if options.profile else options.runs
    load_average = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    cores = Cores()
    say.print(f"Cores: {cores.describe()}")
    told: dict[str, list[Told]] = {row.id: [] for row in rows}
    failures: list[str] = []
    pace = [yardstick()]
    with tempfile.TemporaryDirectory(prefix="safety-stream-bench-") as name, _broker(say) as broker:
        folder = Path(name)
        bench = Bench(
            cluster=Cluster(broker.bootstrap_servers),
            cores=cores,
            folder=folder,
            county=folder / "county.msgpack",
            sightings=folder / "sightings.msgpack",
            records=options.records,
            keys=options.keys,
            timelines=options.timelines,
            live_seconds=options.live_seconds,
            profile=bool(options.profile),
            progress=say.print,
        )
        record_bytes = _load(bench, set(told), options, say)
        for turn in range(rounds):
            for row in rows:
                if turn == 0 or row.is_repeated:
                    _measure(bench, row, turn, told[row.id], failures, say)
            pace.append(yardstick())
    failures += [f"{row.id}: its runs do not agree" for row in rows if not agree(told[row.id])]
    results = {
        "machine": _machine(load_average),
        "pinning": cores.describe(),
        "yardstick": pace,
        "records": options.records,
        "record_bytes": record_bytes,
        "keys": options.keys,
        "timelines": options.timelines,
        "reports": options.reports,
        "runs": rounds,
        "rows": {row.id: summary(row, told[row.id]) for row in rows if told[row.id]},
        "failures": failures,
    }
    _show(results, options, say)
    return 1 if failures else 0


def _options() -> argparse.Namespace:
    known = [row.id for row in ROWS]
    parser = argparse.ArgumentParser(description="Measure this runtime beside its peers, in one run.")
    parser.add_argument("--records", type=int, default=200_000, help="records of the rows that are compared")
    parser.add_argument("--keys", type=int, default=10_000, help="keys they are spread over, evenly")
    parser.add_argument("--timelines", type=int, default=100_000, help="keys of the rows about many keys")
    parser.add_argument("--reports", type=int, default=40_000, help="reports of the synthetic county")
    parser.add_argument("--scale", type=float, default=1.0, help="size of the county; smaller spans more days")
    parser.add_argument("--runs", type=int, default=3, help="rounds; the median counts")
    parser.add_argument("--live-seconds", type=float, default=20.0, help="how long a paced load lasts")
    parser.add_argument("--only", nargs="+", choices=known, metavar="ROW", help=f"some of {', '.join(known)}")
    parser.add_argument("--profile", choices=known, metavar="ROW", help="run one row once and print its profile")
    parser.add_argument("--json", action="store_true", help="print the results as JSON instead of a table")
    parser.add_argument(
        "--markdown", action="store_true", help="print the last results as Markdown and do nothing else"
    )
    return parser.parse_args()


def _broker(say: Console) -> EmbeddedKafka:
    return EmbeddedKafka(progress=say.print, heap_mb=512)


def _load(bench: Bench, names: set[str], options: argparse.Namespace, say: Console) -> float:
    """Prepare what the rows read; the mean size of a common record in bytes."""
    mean = 0.0
    if names & _NEEDS_INPUT:
        say.print(f"Loading {bench.records:,} records")
        records = list(work.records(bench.records, bench.keys))
        mean = sum(len(value) for _, value in records) / len(records)
        bench.cluster.load(records)
    if names & _NEEDS_COUNTY:
        say.print(f"Making a county of {options.reports:,} reports")
        prepare(bench.county, options.reports, options.scale)
    if names & _NEEDS_SIGHTINGS:
        say.print("Making the sightings of the county")
        prepare_sightings(bench.county, bench.sightings)
    return mean


def _measure(bench: Bench, row: Row, turn: int, runs: list[Told], failures: list[str], say: Console) -> None:
    # One row that cannot be measured must not cost the others; the run fails all the same.
    try:
        told = row.measure(bench, turn)
    except Exception as error:  # noqa: BLE001
        failures.append(f"{row.id}: {error}")
        say.print(f"[red]{row.id} failed[/red]", traceback.format_exc(), sep="\n")
        return
    runs.append(told)
    say.print(f"{row.id} {turn + 1}: {headline(row, told):,.1f}")


def _show(results: Told, options: argparse.Namespace, say: Console) -> None:
    if options.profile:
        for row in results["rows"].values():
            print(row["runs"][0].get("profile", "no profile came back"))
            print("CPU by thread:", row["runs"][0].get("cpu_by_thread"))
        return
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    if options.json:
        print(json.dumps(results))
    else:
        print_table(_wide_console(), results)
    for failure in results["failures"]:
        say.print(f"[red]failed[/red] {failure.splitlines()[0]}")


def _wide_console() -> Console:
    console = Console()
    # Into a file or a log there is no width to fit.
    return console if console.is_terminal else Console(width=180)


def _machine(load_average: str) -> Told:
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "python": platform.python_version(),
        "kafka": KAFKA_VERSION,
        "load_average": load_average,
    }


def _processor() -> str:
    file = Path("/proc/cpuinfo")
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


if __name__ == "__main__":
    sys.exit(main())
