"""Rows `pipeline`, `detect`, `latency` and `takeover`: a worker with stages of the topology, watched.

    row_pipeline.py BOOTSTRAP SLOT FOLDER log|wall [STAGE ...]

Without a stage it has all of them. The first one's first record begins the measurement. It says `ready` when every
stage has partitions and `taken-over` for each of them, runs until SIGTERM, then tells what each stage did. With `wall`,
idle partitions are woken as in a live deployment.
"""

from __future__ import annotations

import dataclasses
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

from measured import Stopwatch, profile_if_asked, say, tell
from work import PARTITIONS

from safety_stream.catalogue import load_catalogue
from safety_stream.config import Connection
from safety_stream.data_files import catalogue_folder
from safety_stream.streaming.faust_app import create_app, run_worker
from safety_stream.streaming.kafka import KafkaSettings
from safety_stream.streaming.loop import Surroundings
from safety_stream.streaming.ports import Incoming, Unobserved
from safety_stream.streaming.spec import StageSpec
from safety_stream.streaming.wiring import stage_specs
from safety_stream.wire.topology import STAGES, stage


class Watching(Unobserved):
    """Adds up what each stage commits."""

    def __init__(self, watch: Stopwatch) -> None:
        self._watch = watch
        self._records: Counter[str] = Counter()
        self._batches: Counter[str] = Counter()
        self._batch_seconds: defaultdict[str, float] = defaultdict(float)
        self._commit_seconds: defaultdict[str, float] = defaultdict(float)
        self._aborted: Counter[str] = Counter()

    def committed(self, stage: str, records: int, batch_seconds: float, commit_seconds: float) -> None:
        """Count; whichever stage commits last ends the measurement."""
        super().committed(stage, records, batch_seconds, commit_seconds)
        self._watch.end()
        self._records[stage] += records
        self._batches[stage] += 1
        self._batch_seconds[stage] += batch_seconds
        self._commit_seconds[stage] += commit_seconds

    def aborted(self, stage: str, reason: str) -> None:
        """Count what had to be done again."""
        super().aborted(stage, reason)
        self._aborted[stage] += 1

    def taken_over(self, stage: str, partition: int, rows: int, seconds: float) -> None:
        """Say so."""
        super().taken_over(stage, partition, rows, seconds)
        say({"what": "taken-over", "stage": stage, "partition": partition, "changes": rows, "seconds": seconds})

    def stages(self) -> dict[str, dict[str, float]]:
        """What each stage did."""
        return {
            stage: {
                "records": self._records[stage],
                "batches": self._batches[stage],
                "batch_seconds": round(self._batch_seconds[stage], 2),
                "commit_seconds": round(self._commit_seconds[stage], 2),
                "aborted": self._aborted[stage],
            }
            for stage in self._records
        }


def main(bootstrap: str, slot: str, folder: Path, clock: str, names: Sequence[str]) -> None:
    """Run the worker until it is told to stop."""
    profile_if_asked()
    watch = Stopwatch()
    watching = Watching(watch)
    rows = [stage(name) for name in names] or STAGES
    first, *others = stage_specs(rows, load_catalogue(catalogue_folder()), PARTITIONS)
    specs = [_begins(first, watch), *others]
    wall = (lambda: time.time_ns() // 1_000_000) if clock == "wall" else None
    app = create_app(
        specs,
        KafkaSettings(Connection(bootstrap), slot=slot),
        folder,
        around=Surroundings(wall=wall, observer=watching),
    )

    def look_on() -> None:
        while not app.stages.is_ready():
            time.sleep(0.02)
        say({"what": "ready"})
        while True:
            time.sleep(1)
            watch.look()

    threading.Thread(target=look_on, daemon=True, name="looking on").start()
    try:
        run_worker(app, _nothing_to_reload)
    finally:
        stages = watching.stages()
        if watch.began_at is not None:
            tell(watch.result(int(stages.get(first.name, {}).get("records", 0)), stages=stages))


def _nothing_to_reload() -> None:
    """A bench has one catalogue."""


def _begins(spec: StageSpec, watch: Stopwatch) -> StageSpec:
    """The first stage, whose first record begins the measurement."""
    read = spec.decode

    def decode(incoming: Incoming):  # type: ignore[no-untyped-def]  # noqa: ANN202 - as the one it stands for
        watch.begin()
        return read(incoming)

    return dataclasses.replace(spec, decode=decode)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), sys.argv[4], sys.argv[5:])
