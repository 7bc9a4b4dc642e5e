"""The rows of the table: what each measures, what it guarantees, and how that is checked in the same run."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import live
import paging
from children import Child, Cores, Told
from cluster import Cluster
from environments import interpreter
from state import sizes
from work import expected, verdict

HERE = Path(__file__).parent
_CHILD_SECONDS = 300.0
_FAUST_SHARE = 5
_TIMELINES_A_SECOND = 1_000
"""More slowly than this nobody would wait for many keys."""
_MB = 1_000_000


class WrongOutputs(AssertionError):
    """A row that promises exactly once did not keep it: the bench fails."""


@dataclass
class Bench:
    """What all rows share in one run of the bench."""

    cluster: Cluster
    cores: Cores
    folder: Path
    county: Path
    sightings: Path
    records: int
    keys: int
    timelines: int
    live_seconds: float
    profile: bool
    progress: Callable[[str], None]
    many_keys: Told | None = None
    """What the process with many keys told: several rows read it, and it is run once."""
    looked_on: Told | None = None
    """The same of the one with many viewers."""

    def folder_of(self, name: str) -> Path:
        """A new folder for one measured process."""
        folder = self.folder / name
        folder.mkdir()
        return folder

    def child(self, name: str, *command: str | Path, event: Callable[[Told], None] | None = None) -> Child:
        """Start a measured process; its log lies in the bench's folder."""
        return Child(name, command, self.folder / f"{name}.log", self.cores, profile=self.profile, event=event)


Measure = Callable[[Bench, int], Told]


@dataclass(frozen=True)
class Row:
    """One row. `at_least` and `aim` are architecture.md's; `is_rate`: in records a second, more being better."""

    id: str
    title: str
    guarantee: str
    measure: Measure
    is_rate: bool = True
    at_least: float | None = None
    aim: float | None = None
    is_repeated: bool = True


def _loop(bench: Bench, run: int) -> Told:
    with bench.child(
        f"loop-{run}", sys.executable, HERE / "row_loop.py", bench.cluster.kafka.bootstrap, str(bench.records), str(run)
    ) as child:
        return child.result(_CHILD_SECONDS)


def _stage(bench: Bench, run: int) -> Told:
    name = f"stage-{run}"
    output = bench.cluster.make_topic(f"bench.{name}.output")
    changelog = bench.cluster.make_topic(f"bench.{name}.changelog", compacted=True)
    folder = bench.folder_of(name)
    with bench.child(
        name,
        *(sys.executable, HERE / "row_stage.py", bench.cluster.kafka.bootstrap, str(bench.records), str(run)),
        *(output, changelog, folder),
    ) as child:
        told = child.result(_CHILD_SECONDS)
    return _checked(bench, told, output, bench.records) | {"state": sizes(folder)}


def _quix(bench: Bench, run: int) -> Told:
    name = f"quix-{run}"
    output = bench.cluster.make_topic(f"bench.{name}.output")
    python = interpreter("quix", bench.progress)
    with bench.child(
        name,
        *(python, HERE / "peers" / "quix_streams.py", bench.cluster.kafka.bootstrap, str(bench.records), str(run)),
        *(output, bench.folder_of(name)),
    ) as child:
        told = child.result(_CHILD_SECONDS)
    return _checked(bench, told, output, bench.records)


def _faust(bench: Bench, run: int) -> Told:
    # A fifth of the records: it is the slowest by far, and its rate does not depend on how many there are.
    name = f"faust-{run}"
    output = bench.cluster.make_topic(f"bench.{name}.output")
    python = interpreter("faust", bench.progress)
    wanted = max(1, bench.records // _FAUST_SHARE)
    with bench.child(
        name,
        *(python, HERE / "peers" / "faust_table.py", bench.cluster.kafka.bootstrap, str(wanted), f"{run}"),
        *(output, bench.folder_of(name)),
    ) as child:
        told = child.result(_CHILD_SECONDS)
    return told | {"outputs": bench.cluster.count([output])}


def _checked(bench: Bench, told: Told, output: str, records: int) -> Told:
    found = verdict(bench.cluster.outputs(output), expected(records, bench.keys))
    if not found.is_exactly_once:
        raise WrongOutputs(
            f"{output}: of {records} records {found.lost} are lost and {found.doubled} doubled or wrongly counted"
        )
    return told | {"outputs": found.outputs}


def _pipeline(bench: Bench, run: int) -> Told:
    return live.throughput(bench.cluster, bench.child, bench.county, bench.folder_of(f"pipeline-{run}"), run)


def _replay(bench: Bench, run: int) -> Told:
    with bench.child(f"replay-{run}", sys.executable, HERE / "row_replay.py", bench.county) as child:
        return child.result(_CHILD_SECONDS)


def _detect(bench: Bench, run: int) -> Told:
    return live.detection(bench.cluster, bench.child, bench.sightings, bench.folder_of(f"detect-{run}"), run)


def _dense(bench: Bench, run: int) -> Told:
    with bench.child(f"dense-{run}", sys.executable, HERE / "row_dense.py", bench.sightings) as child:
        return child.result(_CHILD_SECONDS)


def _store(bench: Bench, run: int) -> Told:
    told = _many_keys(bench, run)
    return told | {"value": told["store_bytes"] / told["keys"]}


def _memory(bench: Bench, run: int) -> Told:
    told = _many_keys(bench, run)
    return told | {"value": told["memory_bytes"]["RssAnon"] / _MB}


def _change(bench: Bench, run: int) -> Told:
    told = _many_keys(bench, run)
    # What going over took is beside building what goes over.
    return told | {"records": told["timelines"], "seconds": told["going_over_seconds"], "cpu_seconds": None}


def _many_keys(bench: Bench, run: int) -> Told:
    if bench.many_keys is None:
        name = f"keys-{run}"
        folder = bench.folder_of(name)
        with bench.child(
            name, sys.executable, HERE / "row_keys.py", bench.sightings, str(bench.timelines), folder
        ) as child:
            bench.many_keys = child.result(_CHILD_SECONDS + bench.timelines / _TIMELINES_A_SECOND)
    return bench.many_keys


def _indicators(what: str) -> Measure:
    def measure(bench: Bench, run: int) -> Told:
        name = f"{what}-{run}"
        with bench.child(name, sys.executable, HERE / "row_indicators.py", what) as child:
            return child.result(_CHILD_SECONDS)

    return measure


def _tokens(what: str) -> Measure:
    def measure(bench: Bench, run: int) -> Told:
        with bench.child(f"tokens-{what}-{run}", sys.executable, HERE / "row_tokens.py", what) as child:
            return child.result(_CHILD_SECONDS)

    return measure


def _sealing(bench: Bench, run: int) -> Told:
    name = f"sealing-{run}"
    with bench.child(name, sys.executable, HERE / "row_sealing.py", bench.folder_of(name)) as child:
        return child.result(_CHILD_SECONDS)


def _audit(what: str) -> Measure:
    def measure(bench: Bench, run: int) -> Told:
        with bench.child(f"audit-{what}-{run}", sys.executable, HERE / "row_audit.py", what) as child:
            return child.result(_CHILD_SECONDS)

    return measure


def _renewal(bench: Bench, run: int) -> Told:
    with bench.child(f"renewal-{run}", sys.executable, HERE / "row_renewal.py", "sliced") as child:
        return child.result(_CHILD_SECONDS)


def _first_view(bench: Bench, run: int) -> Told:
    name = f"first-view-{run}"
    with bench.child(name, sys.executable, HERE / "row_pages.py", bench.folder_of(name)) as child:
        return child.result(_CHILD_SECONDS)


def _handed(bench: Bench, run: int) -> Told:
    name = f"handed-{run}"
    with bench.child(
        name,
        *(sys.executable, HERE / "row_delivery.py", bench.cluster.kafka.bootstrap),
        *(bench.folder_of(name), str(bench.live_seconds)),
    ) as child:
        return child.result(_CHILD_SECONDS)


def _burst(bench: Bench, run: int) -> Told:
    name = f"burst-{run}"
    return paging.burst(bench.cluster, bench.child, bench.cores, bench.folder_of(name), name, bench.live_seconds)


def _gateway(name: str, reports: int, a_request: int, *, on_kafka: bool) -> Measure:
    def measure(bench: Bench, run: int) -> Told:
        row = f"{name}-{run}"
        kafka = [bench.cluster.kafka.bootstrap] if on_kafka else []
        command = [sys.executable, HERE / "row_gateway.py", bench.folder_of(row), str(reports), str(a_request), *kafka]
        with bench.child(row, *command) as child:
            return child.result(_CHILD_SECONDS)

    return measure


def _inbox(bench: Bench, run: int) -> Told:
    told = _looked_on(bench, run)
    return told | {"value": told["watched_ms"]}


def _viewers(bench: Bench, run: int) -> Told:
    told = _looked_on(bench, run)
    return told | {"value": told["p99_ms"]}


def _looked_on(bench: Bench, run: int) -> Told:
    if bench.looked_on is None:
        name = f"viewers-{run}"
        with bench.child(name, sys.executable, HERE / "row_viewers.py", bench.folder_of(name)) as child:
            bench.looked_on = child.result(_CHILD_SECONDS)
    return bench.looked_on


def _latency(rate: int) -> Measure:
    def measure(bench: Bench, run: int) -> Told:
        name = f"latency-{rate}-{run}"
        return live.latency(bench.cluster, bench.child, bench.folder_of(name), name, rate, bench.live_seconds)

    return measure


def _takeover(bench: Bench, run: int) -> Told:
    return live.takeover(bench.cluster, bench.child, bench.folder_of(f"takeover-{run}"), bench.live_seconds)


ROWS = (
    Row("loop", "bare confluent-kafka loop: decode, state in a dictionary", "none, no output", _loop),
    Row(
        "stage",
        "this runtime, one stateful stage: changelog, LMDB store, output",
        "exactly once, checked",
        _stage,
        at_least=40_000,
        aim=85_000,
    ),
    Row("quix", "Quix Streams 3.28.1: RocksDB, changelog, output", "exactly once, checked", _quix),
    Row("faust", "Faust 0.15.3 agent with a Table in memory, changelog, output", "at least once", _faust),
    Row(
        "pipeline",
        "whole pipeline on Kafka, every stage in one worker (incidents)",
        "exactly once, incidents and dead letters counted",
        _pipeline,
        at_least=5_000,
        aim=10_000,
    ),
    Row(
        "replay",
        "replay in one process, full catalogue (reports)",
        "no broker; same result in every run",
        _replay,
        at_least=12_000,
        aim=25_000,
    ),
    Row(
        "detect",
        "detect stage on Kafka, full catalogue (sightings)",
        "exactly once, what stands is checked",
        _detect,
        at_least=25_000,
    ),
    Row(
        "gateway",
        "reports over HTTP, a hundred a request, over a fake broker: by CPU",
        "a receipt on disk for each",
        _gateway("gateway", 40_000, 100, on_kafka=False),
        at_least=2_000,
    ),
    Row(
        "gateway-alone",
        "the same, one a request",
        "a receipt on disk for each",
        _gateway("gateway-alone", 8_000, 1, on_kafka=False),
    ),
    Row(
        "gateway-kafka",
        "reports over HTTP, a hundred a request, over Kafka: by CPU",
        "acknowledged, and a receipt on disk for each",
        _gateway("gateway-kafka", 40_000, 100, on_kafka=True),
        at_least=2_000,
    ),
    Row(
        "dense",
        "a sighting more on a key of 5,000, beside one on a key of 50: times",
        "no broker",
        _dense,
        is_rate=False,
        at_least=3,
    ),
    Row(
        "store",
        "many keys: bytes of store a key",
        "no broker",
        _store,
        is_rate=False,
        at_least=1_000,
        is_repeated=False,
    ),
    Row(
        "memory",
        "many keys: memory of the process, MB",
        "no broker",
        _memory,
        is_rate=False,
        at_least=600,
        is_repeated=False,
    ),
    Row(
        "tallies",
        "measure: two years of every indicator and district (tallies)",
        "no broker",
        _indicators("tallies"),
        at_least=100_000,
    ),
    Row(
        "week",
        "judge: one more week of all series, seconds",
        "no broker",
        _indicators("week"),
        is_rate=False,
        at_least=5,
        aim=1,
        is_repeated=False,
    ),
    Row(
        "decade",
        "judge: ten years of all series anew, seconds",
        "no broker",
        _indicators("decade"),
        is_rate=False,
        at_least=60,
        is_repeated=False,
    ),
    Row(
        "change",
        "another version of a rule (timelines that it reads)",
        "no broker; live sightings first",
        _change,
        at_least=20_000,
        is_repeated=False,
    ),
    Row(
        "first-view",
        "first view of an inbox of 100,000 open alerts, SQLite, ms",
        "one statement a question",
        _first_view,
        is_rate=False,
        at_least=300,
        is_repeated=False,
    ),
    Row(
        "inbox",
        "the same page whole, over HTTP, while 500 look on, ms",
        "one process of pages",
        _inbox,
        is_rate=False,
        at_least=300,
        is_repeated=False,
    ),
    Row(
        "viewers",
        "alert in the copy to 500 viewers of one process, p99 in ms",
        "every viewer hears every alert, counted",
        _viewers,
        is_rate=False,
        at_least=2_000,
        is_repeated=False,
    ),
    Row(
        "handed",
        "alert on its topic to taken by a provider, 10/s, p99 in ms",
        "every alert once, counted",
        _handed,
        is_rate=False,
        at_least=2_000,
        is_repeated=False,
    ),
    Row(
        "burst",
        "report appended to a page of P1 taken by a provider, ten times the usual load, p99 in ms",
        "every page once, counted",
        _burst,
        is_rate=False,
        at_least=5_000,
        is_repeated=False,
    ),
    Row(
        "latency-100",
        "report appended to alert readable at 100/s, p99 in ms",
        "exactly once, alerts counted",
        _latency(100),
        is_rate=False,
        at_least=250,
        aim=100,
        is_repeated=False,
    ),
    Row(
        "latency-1000",
        "report appended to alert readable at 1,000/s, p99 in ms",
        "exactly once, alerts counted",
        _latency(1_000),
        is_rate=False,
        at_least=500,
        aim=250,
        is_repeated=False,
    ),
    Row(
        "tokens",
        "persons' tokens for reports at a partner, persons/s",
        "one process, no broker",
        _tokens("party"),
        at_least=50_000,
    ),
    Row(
        "tokens-linking",
        "the same with the secondary and weak tokens a steward links by",
        "one process, no broker",
        _tokens("linking"),
    ),
    Row(
        "tokens-file",
        "tokens for reports, from rows of CSV to written lines",
        "one process, no broker",
        _tokens("file"),
    ),
    Row(
        "sealing",
        "intake that seals, seals remembered, in times the CPU time of intake without",
        "one process, no broker",
        _sealing,
        is_rate=False,
    ),
    Row(
        "audit",
        "records of the audit made, chained and written, records/s",
        "one process, no broker",
        _audit("write"),
        at_least=20_000,
    ),
    Row(
        "audit-verify",
        "the same read and verified, records/s",
        "one process, no broker",
        _audit("verify"),
        at_least=20_000,
    ),
    Row(
        "renewal",
        "40,000 alerts that waited for an agreement told in slices, alerts/s",
        "one process, no broker",
        _renewal,
    ),
    Row(
        "takeover",
        "kill -9 of one of two workers until all is taken over, s",
        "exactly once, alerts counted",
        _takeover,
        is_rate=False,
        at_least=12,
        aim=10,
        is_repeated=False,
    ),
)
"""In the order of the table; a round measures them in this order."""


def headline(row: Row, told: Told) -> float:
    """The one figure of a row: records a second, or the value the row is about (for a rate, another kind of second)."""
    return told["records"] / told["seconds"] if row.is_rate and "value" not in told else float(told["value"])


def agree(runs: list[Told]) -> bool:
    """Whether all runs that say what stands at their end say the same."""
    return len({told["fingerprint"] for told in runs if "fingerprint" in told}) <= 1


def summary(row: Row, runs: list[Told]) -> Told:
    """A row of the results: the median with its spread, and everything the runs told."""
    figures = [headline(row, told) for told in runs]
    cpu = [1e6 * told["cpu_seconds"] / told["records"] for told in runs if told.get("cpu_seconds")]
    return {
        "title": row.title,
        "guarantee": row.guarantee,
        "is_rate": row.is_rate,
        "at_least": row.at_least,
        "aim": row.aim,
        "median": median(figures),
        "lowest": min(figures),
        "highest": max(figures),
        "cpu_us_per_record": median(cpu) if cpu else None,
        "runs": runs,
    }
