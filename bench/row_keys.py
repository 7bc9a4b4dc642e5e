"""Rows `keys` and `change`: what many keys take, and how fast they go over to other rules while sightings go on.

    row_keys.py SIGHTINGS KEYS FOLDER

The detect stage of one partition over its LMDB store, without a broker. The county's sightings are read again and
again, each time under keys of other names, until there are so many timelines: so what a key holds is distributed as in
the county. They are handed over as the loop does it, `batch_records` at a time, and read from their bytes as they come,
so that the process holds nothing that a worker would not.

*Going over.* Then one rule has another version, and all timelines of the kind it reads go over, slice by slice, as a
worker does it when it has nothing else to do. Meanwhile sightings arrive at a fixed rate, whatever the stage does (open
loop), and are taken first, as the loop takes them. How long each waited until what it made was in the store is told
beside the same without a change: it is detect's own share of the latency, without the broker and the other stages.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import count, islice
from pathlib import Path

import msgspec
from measured import Stopwatch, profile_if_asked, tell
from sightings import Written, read_prepared, records_of

from safety_stream.catalogue import load_catalogue
from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.sightings import SightingChange
from safety_stream.core.stages import detect
from safety_stream.core.stages.stage import MORE_ROW, Record, Step
from safety_stream.data_files import catalogue_folder
from safety_stream.streaming.spec import LoopSettings
from safety_stream.streaming.store import LmdbStore, Overlay

_BATCH = LoopSettings().batch_records
_RULE = "rv-graded"
_READS = b"timeline/victim:"
_RATE = 100
_CALM_SECONDS = 5.0


def main(file: Path, keys: int, folder: Path) -> None:
    """Build the timelines, tell what they take, change one rule, and tell how fast they go over to it."""
    catalogue = load_catalogue(catalogue_folder())
    written = read_prepared(file).records
    partition = _Partition(LmdbStore(folder, "bench"), detect.make_step(catalogue, 1))
    watch = Stopwatch()
    profile_if_asked()
    watch.begin()
    coming = _copies(written)
    taken = 0
    while partition.store.rows < keys:
        taken += partition.take(list(islice(coming, _BATCH)))
    watch.end()
    store_bytes = (folder / "data.mdb").stat().st_blocks * 512
    memory = _memory()
    calm = partition.live(coming, until=lambda: partition.seconds_live >= _CALM_SECONDS)
    partition.step = detect.make_step(_changed(catalogue), 1)
    partition.go_on()
    gone_over = partition.live(coming, until=lambda: not partition.has_more)
    timelines = partition.count(_READS)
    tell(
        watch.result(
            taken,
            records_taken=taken,
            keys=partition.store.rows,
            store_bytes=store_bytes,
            memory_bytes=memory,
            timelines=timelines,
            going_over_seconds=partition.seconds_going_over,
            longest_slice_ms=round(partition.longest_slice * 1_000),
            calm_ms=_quantiles(calm),
            waits_ms=_quantiles(gone_over),
        )
    )


class _Partition:
    """The stage, its store, and what it has spent its time on."""

    def __init__(self, store: LmdbStore, step: Step) -> None:
        self.store = store
        self.step = step
        self.has_more = False
        self.seconds_live = 0.0
        self.seconds_going_over = 0.0
        self.longest_slice = 0.0

    def take(self, records: Sequence[Record]) -> int:
        """One batch: on an overlay, then merged, as after a commit. How many records it had."""
        with self.store.snapshot() as snapshot:
            overlay = Overlay(snapshot)
            self.step(overlay, records, None)
            self.has_more = overlay.get(MORE_ROW) is not None
        self.store.apply(overlay.changes.items(), None, base=self.store.position, position=self.store.position + 1)
        return len(records)

    def live(self, coming: Iterator[Record], until: Callable[[], bool]) -> list[float]:
        """Take what is due, and else go on with what there is to do; how many seconds each that came had to wait."""
        began = time.perf_counter()
        waits: list[float] = []
        while not until():
            due = int((time.perf_counter() - began) * _RATE) - len(waits)
            if due > 0:
                self.take(list(islice(coming, due)))
                done = time.perf_counter() - began
                waits += [done - (number + 1) / _RATE for number in range(len(waits), len(waits) + due)]
            elif self.has_more:
                self.go_on()
            else:
                time.sleep(0.001)
            self.seconds_live = time.perf_counter() - began
        return waits

    def count(self, prefix: bytes) -> int:
        """How many rows begin so."""
        with self.store.snapshot() as snapshot:
            return sum(1 for _ in snapshot.scan(prefix, prefix + b"\xff"))

    def go_on(self) -> None:
        """Take the next slice over."""
        began = time.perf_counter()
        self.take(())
        taken = time.perf_counter() - began
        self.seconds_going_over += taken
        self.longest_slice = max(self.longest_slice, taken)


def _copies(written: Sequence[Written]) -> Iterator[Record]:
    """The records again and again; from the second time on under other keys, and without word of the feeds."""
    for copy in count():
        for record in records_of(written):
            change = record.value
            if not copy:
                yield record
            elif isinstance(change, SightingChange):
                kind, _, name = change.key.partition(":")
                other = msgspec.structs.replace(change, key=f"{kind}:{copy}-{name}")
                yield msgspec.structs.replace(record, value=other)


def _changed(catalogue: Catalogue) -> Catalogue:
    rules = [msgspec.structs.replace(one, version=one.version + (one.id == _RULE)) for one in catalogue.rules]
    return msgspec.structs.replace(catalogue, rules=tuple(rules))


def _memory() -> dict[str, int]:
    """What of this process is in memory: its own, and pages of files, which the system takes back when it needs to."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    sizes = {name: rest.split() for name, _, rest in (line.partition(":") for line in lines)}
    return {name: int(sizes[name][0]) * 1024 for name in ("RssAnon", "RssFile", "RssShmem", "VmHWM")}


def _quantiles(waits: Sequence[float]) -> dict[str, float]:
    ordered = sorted(1_000 * wait for wait in waits)
    at = {"p50": len(ordered) // 2, "p99": int(0.99 * len(ordered)), "highest": len(ordered) - 1}
    return {name: round(ordered[min(place, len(ordered) - 1)], 1) for name, place in at.items()} if ordered else {}


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
