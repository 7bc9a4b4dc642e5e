"""Reports put through the stages in this process, in one queue or over partitions, and held against the oracle."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from functools import cache
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from random import Random
from typing import Any, NamedTuple
from zlib import crc32

import msgspec
from tests.catalogue.copying import MORE_RULES

from safety_stream.catalogue import load_catalogue
from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.links import PersonLink
from safety_stream.core.model.reports import Report
from safety_stream.core.model.times import Instant
from safety_stream.core.stages.rows import MemoryRows
from safety_stream.core.stages.stage import EVERY_PARTITION, MORE_ROW, Output, Record, Step
from safety_stream.data_files import catalogue_folder
from safety_stream.demo.play import encoded
from safety_stream.replay import Arrival, Pipeline
from safety_stream.synthetic import SyntheticReport
from safety_stream.testing.verdict import Witnessed, as_read, compare
from safety_stream.wire.codecs import shipped_codecs
from safety_stream.wire.records import Records
from safety_stream.wire.reports import encode_report
from safety_stream.wire.topology import STAGES, StageRow, inputs, topics

SMALL_HUB, SMALL_DEGREE, SMALL_GROUP = 12, 3, 6


class World(NamedTuple):
    """A catalogue, the folder the oracle reads it from, and the stages, whose steps may have been made before."""

    catalogue: Catalogue
    folder: Path
    stages: tuple[StageRow, ...] = STAGES

    def kept(self) -> World:
        """The same for many runs: to make the steps of all rules takes as long as to put a few reports through.

        Not for whoever breaks what steps are made of.
        """
        return self._replace(stages=tuple(_kept(row, self.catalogue) for row in STAGES))


def _kept(row: StageRow, catalogue: Catalogue) -> StageRow:
    made = cache(lambda partitions: row.make_step(catalogue, partitions))

    def make_step(asked: Catalogue, partitions: int) -> Step:
        return made(partitions) if asked is catalogue else row.make_step(asked, partitions)

    return msgspec.structs.replace(row, make_step=make_step)


class Told(NamedTuple):
    """A report and when it was received."""

    report: Report
    received_at: Instant


class Decided(NamedTuple):
    """A steward's decision about two persons, and when it was received."""

    link: PersonLink
    received_at: Instant


def shipped_world() -> World:
    """The catalogue that ships."""
    return World(load_catalogue(catalogue_folder()), catalogue_folder())


def small_world(folder: Path) -> World:
    """The catalogue that ships, written to `folder` with a small hub and small numbers: few reports do."""
    shutil.copytree(catalogue_folder(), folder, ignore=shutil.ignore_patterns("synthetic"))
    _rewrite(folder / "categories.yaml", r"bounds: \{hub: \d+", f"bounds: {{hub: {SMALL_HUB}")
    _rewrite(folder / "rules" / "district-count.yaml", r"at_least: \d+", "at_least: 3")
    _rewrite(folder / "rules" / "frequent-caller.yaml", r"at_least: 15", "at_least: 3")
    _rewrite(folder / "linking.yaml", r"degree_cap: \d+", f"degree_cap: {SMALL_DEGREE}")
    _rewrite(folder / "linking.yaml", r"reports_at_most: \d+", f"reports_at_most: {SMALL_GROUP}")
    rule = folder / "rules" / "district-count.yaml"
    text = rule.read_text(encoding="utf-8")
    graded = folder / "rules" / "rv-graded.yaml"
    _rewrite(graded, r"of: harm, at_least: \d+", "of: harm, at_least: 2")
    _rewrite(graded, r"base: P3\n  by_count: \{4: P2\}", "base: P4\n  by_count: {3: P3, 4: P2}")
    _rewrite(graded, r"audience: (\[.*\])", r"audience: \1\nmarking: OFFICIAL")
    # The numbers of its examples are those of the weekly numbers that ship.
    rule.write_text(text[: text.index("examples:")] + _EXAMPLES, encoding="utf-8")
    return World(load_catalogue(folder), folder)


def covered_world(folder: Path, first: date) -> World:
    """The catalogue that ships, written to `folder`, of feeds that tell of everything from another day on."""
    shutil.copytree(catalogue_folder(), folder, ignore=shutil.ignore_patterns("synthetic"))
    _rewrite(folder / "sources.yaml", r"covers_from: [0-9-]+\}", f"covers_from: {first}}}")
    return World(load_catalogue(folder), folder)


def linked_world(folder: Path) -> World:
    """That catalogue with more rules that read what is found elsewhere, a chain of three among them."""
    small_world(folder)
    for name in ("count-until", "elsewhere-base", "elsewhere-count", "elsewhere-again"):
        shutil.copy(MORE_RULES / f"{name}.yaml", folder / "rules")
    return World(load_catalogue(folder), folder)


def changed_world(folder: Path, before: World) -> World:
    """The catalogue of that world, written to `folder`, a year on.

    Rules, limits, links and indicators change, some rules are new, one on a kind of key nobody read, two are retired.
    Other findings than before are read elsewhere.
    """
    shutil.copytree(before.folder, folder)
    for name, pattern, by in (
        ("rv-graded", r"of: harm, at_least: 2", "of: harm, at_least: 3"),
        ("missing-no-return-interview", r"within: 72 hours", "within: 48 hours"),
        ("missing-repeat", r"base: P\d", "base: P4"),
        ("district-count", r"at_least: 3", "at_least: 2"),
        ("soc-hub", r"soc-deal-line, soc-intimidation-fire, ", "rv-graded, hate-repeat, "),
        ("soc-hub", r"rule: soc-deal-line", "rule: soc-modern-slavery"),
    ):
        _rewrite(folder / "rules" / f"{name}.yaml", r"version: \d+", "version: 9")
        _rewrite(folder / "rules" / f"{name}.yaml", pattern, by)
    # A rule in force is not deleted: a stage that is behind may still speak of it to one that never heard of it.
    for name in ("soc-intimidation-fire", "soc-cuckooing-vehicle"):
        _rewrite(folder / "rules" / f"{name}.yaml", r"status: stable", "status: retired")
    for name in ("count-until", "finding-count", "distinct-until", "elsewhere-base", "elsewhere-count"):
        shutil.copy(MORE_RULES / f"{name}.yaml", folder / "rules")
    _rewrite(folder / "rules" / "distinct-until.yaml", "key: victim", "key: household")
    _rewrite(folder / "rules" / "distinct-until.yaml", r"hate-report\]\}", "hate-report], origin: reported}")
    _rewrite(folder / "linking.yaml", r"degree_cap: \d+", f"degree_cap: {SMALL_DEGREE + 1}")
    _rewrite(folder / "linking.yaml", r"age_days: \d+", "age_days: 35")
    indicators = folder / "indicators"
    fires = r"select: \{kind: fire, category: deliberate-fire\}"
    _rewrite(indicators / "road-and-fire.yaml", fires, "select: {kind: fire}")
    _rewrite(indicators / "counts.yaml", "indicators:\n", f"indicators:\n{_NEW_INDICATORS}")
    # What was counted of one rule's findings is counted of another's.
    _rewrite(indicators / "findings.yaml", "rule: rv-generic,", "rule: rv-similar,")
    return World(load_catalogue(folder), folder)


_NEW_INDICATORS = """  - id: any-crime
    title: Recorded crime
    select: {kind: police-crime}
    feeds: [police-crimes]
    periods: [week, month]
  - id: victims-graded
    title: Victims harmed again and again
    rule: rv-graded
    feeds: [police-crimes]
    periods: [week, month]
"""

_EXAMPLES = """examples:
  - name: three in a week
    area: E07000124
    counts: {2026-01-05: 3}
    fires:
      - {at: 2026-01-12T00:00, priority: P3}
  - name: one fewer
    area: E07000124
    counts: {2026-01-05: 2}
    fires: []
"""


def _rewrite(file: Path, pattern: str, by: str) -> None:
    file.write_text(re.sub(pattern, by, file.read_text(encoding="utf-8")), encoding="utf-8")


def received(reports: Iterable[Report], gaps: Sequence[int] = (0,)) -> list[Told]:
    """The reports received one after another, none before it was made; `gaps` (ms) between them, over and over."""
    now, told = -(10**18), []
    for number, report in enumerate(reports):
        now = max(now + gaps[number % len(gaps)], report.reported_at, report.occurred_to or report.occurred_from)
        told.append(Told(report, now))
    return told


def arrivals(told: Iterable[Told | Decided]) -> list[Arrival]:
    """What intake meets of them."""
    return [
        Arrival(f"backfill.{one.report.source}", encode_report(one.report), one.received_at)
        if isinstance(one, Told)
        else Arrival("person-links", shipped_codecs().encode(one.link), one.received_at)
        for one in told
    ]


def decisions(told: Iterable[Told | Decided | SyntheticReport]) -> list[dict[str, Any]]:
    """The decisions as the oracle takes them."""
    return [
        {**msgspec.to_builtins(one.link), "received_at": one.received_at} for one in told if isinstance(one, Decided)
    ]


def arrivals_of_county(county: Iterable[SyntheticReport]) -> list[Arrival]:
    """What intake meets of a synthetic county, its broken records included."""
    return [Arrival(one.topic, encoded(one), one.received_at) for one in county]


def accepted(told: Iterable[Told | Decided | SyntheticReport]) -> list[dict[str, Any]]:
    """The reports as the oracle takes them, without those that must be refused."""
    return [
        {**msgspec.to_builtins(one.report), "received_at": one.received_at} if isinstance(one, Told) else as_read(one)
        for one in told
        if not isinstance(one, Decided) and (isinstance(one, Told) or one.refused is None)
    ]


def outputs(world: World, chunks: Iterable[Sequence[Arrival]]) -> list[Output]:
    """Every output of every stage when the chunks go through one after another."""
    seen: list[Output] = []
    pipeline = Pipeline(world.catalogue, seen.append, stages=world.stages)
    for chunk in chunks:
        for _ in pipeline.run(chunk):
            pass
    return seen


def result_of(seen: Iterable[Output]) -> Witnessed:
    """What stands after these outputs."""
    result = Witnessed()
    for output in seen:
        result.take(output)
    return result


def standing(world: World, told: Sequence[Told | Decided]) -> Witnessed:
    """What stands once these reports have gone through together."""
    return result_of(outputs(world, [arrivals(told)]))


def disagreement(world: World, told: Sequence[Told | Decided | SyntheticReport], result: Witnessed) -> list[str]:
    """Every difference between what stands and what the oracle recomputes, and what could not have been said."""
    return compare(result, accepted(told), world.folder, decisions(told))


def cut(arrived: Sequence[Arrival], sizes: Sequence[int]) -> Iterator[Sequence[Arrival]]:
    """The arrivals in pieces of these sizes, over and over."""
    done, number = 0, 0
    while done < len(arrived):
        size = sizes[number % len(sizes)]
        yield arrived[done : done + size]
        done, number = done + size, number + 1


def digest(seen: Iterable[Output]) -> str:
    """One number for every byte of every output: topic, key, time, partition and value, in order."""
    wire, total = Records(), sha256()
    for output in seen:
        head = f"{output.topic}\x1f{output.key}\x1f{output.received_at}\x1f{output.partition}\x1f"
        total.update(head.encode() + wire.encode(output.topic, output.value))
    return total.hexdigest()


class Partitioned:
    """Every stage over several partitions, the way a deployment has them, with a seeded hand that says who goes next.

    Each partition of each stage has its own rows and its own place in its inputs. Whoever is drawn takes a random
    number of records, from its input topics in random turns, each topic in its own order. What a stage writes goes to
    the partition its key hashes to, to all of them, or, without a key, to any.
    """

    def __init__(self, world: World, seed: int, partitions: int = 3) -> None:
        self._partitions = partitions
        self._chance = Random(seed)
        self._wire = Records()
        self._counts = {topic.name: topic.partitions for topic in topics(world.catalogue, partitions)}
        self._logs: dict[tuple[str, int], list[Record]] = {
            (topic, number): [] for topic, count in self._counts.items() for number in range(count)
        }
        self._read = dict.fromkeys(self._logs, 0)
        self._steps = {row.name: row.make_step(world.catalogue, partitions) for row in world.stages}
        self._looks: set[int] = set()
        self._tasks = [
            (
                row.name,
                MemoryRows(),
                [(topic, number) for topic in inputs(row, world.catalogue)],
            )
            for row in STAGES
            for number in range(self._counts[inputs(row, world.catalogue)[0]])
        ]
        self.outputs: list[Output] = []

    def run(self, arrived: Iterable[Arrival]) -> None:
        """Let everything arrive, and go on until nobody has anything left to read."""
        for one in arrived:
            self._append(one.topic, 0, None, one.value, one.received_at)
        while ready := [number for number in range(len(self._tasks)) if self._is_ready(number)]:
            self._let_go(self._chance.choice(ready))

    def change(self, world: World) -> None:
        """Every stage goes by another catalogue, of the same sources, from its next batch on."""
        self._steps = {row.name: row.make_step(world.catalogue, self._partitions) for row in world.stages}
        self._looks = set(range(len(self._tasks)))

    def _is_ready(self, number: int) -> bool:
        return self._has_more(number) or any(self._unread(at) for at in self._tasks[number][2])

    def _has_more(self, number: int) -> bool:
        return number in self._looks or self._tasks[number][1].get(MORE_ROW) is not None

    def _let_go(self, number: int) -> None:
        name, rows, reads = self._tasks[number]
        goes_on = self._has_more(number) and self._chance.random() < 0.5
        if goes_on:
            self._looks.discard(number)
        for output in self._steps[name](rows, [] if goes_on else self._some(reads), None):
            self.outputs.append(output)
            self._deliver(output)

    def _some(self, reads: list[tuple[str, int]]) -> list[Record]:
        taken = []
        for _ in range(self._chance.choice((1, 2, 5, 40))):
            waiting = [at for at in reads if self._unread(at)]
            if not waiting:
                break
            at = self._chance.choice(waiting)
            taken.append(self._logs[at][self._read[at]])
            self._read[at] += 1
        return taken

    def _unread(self, at: tuple[str, int]) -> bool:
        return self._read[at] < len(self._logs[at])

    def _deliver(self, output: Output) -> None:
        count = self._counts[output.topic]
        key = None if output.key is None else output.key.encode()
        value = self._wire.encode(output.topic, output.value)
        if output.partition == EVERY_PARTITION:
            chosen: Iterable[int] = range(count)
        elif output.partition is not None:
            chosen = (output.partition,)
        else:
            chosen = (self._chance.randrange(count) if key is None else crc32(key) % count,)
        for number in chosen:
            self._append(output.topic, number, key, value, output.received_at)

    def _append(self, topic: str, number: int, key: bytes | None, value: bytes, received_at: Instant) -> None:
        log = self._logs[topic, number]
        log.append(self._wire.record(topic, number, len(log), received_at, key, value))


def by_topic(seen: Iterable[Output]) -> dict[str, list[Output]]:
    """Outputs by topic, each topic in its order."""
    ordered = sorted(seen, key=lambda output: output.topic)
    return {topic: list(group) for topic, group in groupby(ordered, key=lambda output: output.topic)}
