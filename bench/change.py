"""How fast standing findings go over to other rules: timelines a second, and how long a record would wait meanwhile.

    bench/change.py [REPORTS]

The detect stage of one partition over its LMDB store, without a broker. Compared with evaluating the changed rule alone
over the same timelines, already decoded: what is beyond that is reading, deciding and committing.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import msgspec
from county import prepare, read_county_file

from safety_stream.catalogue import load_catalogue
from safety_stream.core.catalogue import Catalogue
from safety_stream.core.rules.condition import Now
from safety_stream.core.rules.engine import RuleSet, evaluate
from safety_stream.core.stages import detect
from safety_stream.core.stages.stage import MORE_ROW, Step
from safety_stream.core.timeline import Timeline
from safety_stream.data_files import catalogue_folder
from safety_stream.replay import Arrival, Pipeline
from safety_stream.streaming.store import LmdbStore, Overlay

_RULE = "rv-graded"


def main(reports: int) -> None:
    """Build the timelines of so many reports, change one rule, and tell how fast they go over to it."""
    catalogue = load_catalogue(catalogue_folder())
    with tempfile.TemporaryDirectory() as folder:
        county = Path(folder) / "county.msgpack"
        prepare(county, reports, 1.0)
        pipeline = Pipeline(catalogue, lambda _: None)
        for _ in pipeline.run(Arrival(one.topic, one.value, one.received_at) for one in read_county_file(county)):
            pass
        rows = pipeline._rows["detect"]  # noqa: SLF001 - the state of a replay is nobody else's business
        store = LmdbStore(Path(folder) / "store", "bench")
        everything = [*rows.scan(b"", b"~"), *rows.scan(b"~", b"\xff")]
        store.apply(everything, {}, base=0, position=1)
        step = detect.make_step(_changed(catalogue), 1)
        slices = list(_slices(store, step))
    timelines = sum(row.startswith(b"timeline/victim:") for row, _ in everything)
    seconds = sum(slices)
    bare = _bare(catalogue, everything)
    print(f"{len(everything):,} rows, {timelines:,} timelines of the kind that {_RULE} reads")
    print(f"gone over: {timelines / seconds:,.0f} timelines/s; {_RULE} evaluated alone: {timelines / bare:,.0f}/s")
    print(f"ratio {seconds / bare:.2f}; the longest slice took {max(slices) * 1_000:.0f} ms")


def _changed(catalogue: Catalogue) -> Catalogue:
    rules = [msgspec.structs.replace(one, version=one.version + (one.id == _RULE)) for one in catalogue.rules]
    return msgspec.structs.replace(catalogue, rules=tuple(rules))


def _slices(store: LmdbStore, step: Step) -> list[float]:
    taken: list[float] = []
    has_more = True
    while has_more:
        began = time.perf_counter()
        with store.snapshot() as snapshot:
            overlay = Overlay(snapshot)
            step(overlay, (), None)
            has_more = overlay.get(MORE_ROW) is not None
        store.apply(overlay.changes.items(), None, base=store.position, position=store.position + 1)
        taken.append(time.perf_counter() - began)
    return taken


def _bare(catalogue: Catalogue, rows: list[tuple[bytes, bytes]]) -> float:
    rules = RuleSet([rule for rule in catalogue.rules if rule.id == _RULE], catalogue.bounds)
    decode = msgspec.msgpack.Decoder(Timeline).decode
    timelines = [(row[9:].decode(), decode(value)) for row, value in rows if row.startswith(b"timeline/victim:")]
    now = Now(10**13, {})
    began = time.perf_counter()
    for key, timeline in timelines:
        evaluate(rules, key, timeline, now)
    return time.perf_counter() - began


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
