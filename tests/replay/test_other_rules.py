"""A catalogue changed while reports go through: what stands in the end is what the oracle makes of them all by it."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import msgspec
import pytest
from tests.replay.gallery import gallery
from tests.replay.running import (
    Partitioned,
    Told,
    World,
    accepted,
    arrivals,
    changed_world,
    result_of,
)

from safety_stream.core.model.alerts import AlertVersion
from safety_stream.core.model.grid import to_grid
from safety_stream.core.model.published import PublishedAlert
from safety_stream.core.stages import detect, link, measure, register
from safety_stream.core.stages.changing import Change
from safety_stream.core.stages.stage import Output
from safety_stream.replay import Pipeline
from safety_stream.testing.comparison import differences
from safety_stream.testing.histories import history_faults
from safety_stream.testing.oracle import Truth, recompute

GONE = {"soc-intimidation-fire", "soc-cuckooing-vehicle"}


@pytest.fixture(scope="module")
def told() -> list[Told]:
    return gallery()


@pytest.fixture(scope="module")
def changed(small: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    return changed_world(tmp_path_factory.mktemp("changed") / "catalogue", small)


@pytest.fixture(scope="module")
def truth(changed: World, told: list[Told]) -> Truth:
    return recompute(accepted(told), changed.folder, to_grid=to_grid)


def disagreement(truth: Truth, seen: list[Output]) -> list[str]:
    result = result_of(seen)
    standing = [
        [msgspec.to_builtins(value) for value in values.values()]
        for values in (result.findings, result.alerts, result.indicators)
    ]
    stories = [msgspec.to_builtins(version) for version in result.versions if version.rule_id not in GONE]
    return [*differences(truth, *standing), *history_faults(truth.rules, stories)]


def through(small: World, changed: World, told: list[Told], at: int) -> list[Output]:
    """Every output when the catalogue changes after so many reports."""
    seen: list[Output] = []
    pipeline = Pipeline(small.catalogue, seen.append)
    arrived = arrivals(told)
    for _ in pipeline.run(arrived[:at]):
        pass
    pipeline.change(changed.catalogue)
    for _ in pipeline.run(arrived[at:]):
        pass
    return seen


@pytest.mark.parametrize("part", [0.0, 0.3, 0.6, 1.0])
def test_in_one_queue(small: World, changed: World, told: list[Told], truth: Truth, part: float):
    assert disagreement(truth, through(small, changed, told, round(part * len(told)))) == []


def test_without_the_change_it_would_be_noticed(small: World, told: list[Told], truth: Truth):
    assert disagreement(truth, through(small, small, told, len(told)))


@pytest.mark.parametrize("seed", range(4))
def test_over_partitions_in_small_slices_with_reports_in_between(
    small: World, changed: World, told: list[Told], truth: Truth, seed: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(detect, "SLICE", 3)
    monkeypatch.setattr(measure, "SLICE", 2)
    monkeypatch.setattr(register, "SLICE", 5)
    monkeypatch.setattr(link, "SLICE", 2)
    deployment = Partitioned(small, seed)
    arrived, at = arrivals(told), Random(seed).randrange(len(told))
    deployment.run(arrived[:at])
    deployment.change(changed)
    deployment.run(arrived[at:])

    assert disagreement(truth, deployment.outputs) == []


@pytest.mark.parametrize(
    ("stage", "topics"),
    [
        (register, {"sightings", "tallies"}),
        (link, {"sightings"}),
        (detect, {"findings"}),
        (measure, {"findings"}),
    ],
)
def test_a_stage_that_stays_behind_is_noticed(
    small: World,
    changed: World,
    told: list[Told],
    truth: Truth,
    stage: Any,
    topics: set[str],
    monkeypatch: pytest.MonkeyPatch,
):
    class Staying(Change):
        def begin(self) -> None:
            self.standing = self._present

        def begin_anew(self) -> bool:
            self.standing = self._present
            return False

    seen = through(small, changed, told, len(told))
    monkeypatch.setattr(stage, "Change", Staying)
    stayed = through(small, changed, told, len(told))

    assert topics <= {topic for topic in {one.topic for one in seen} if counted(seen, topic) > counted(stayed, topic)}
    assert disagreement(truth, stayed)


def counted(seen: list[Output], topic: str) -> int:
    return sum(output.topic == topic for output in seen)


def test_officers_are_told_why(small: World, changed: World, told: list[Told]):
    seen = through(small, changed, told, len(told))
    causes: Counter[str] = Counter()
    taken_back: set[str] = set()
    for output in seen:
        if isinstance(output.value, AlertVersion) and output.value.cause.startswith("rule "):
            causes[output.value.cause] += 1
        if isinstance(output.value, PublishedAlert) and output.value.change == "withdrawn":
            taken_back.add(str(output.value.cause))

    assert set(causes) == {
        "rule rv-graded became version 9",
        "rule missing-no-return-interview became version 9",
        "rule missing-repeat became version 9",
        "rule district-count became version 9",
        "rule soc-intimidation-fire is retired",
        "rule soc-cuckooing-vehicle is retired",
        "rule soc-hub became version 9",
        "rule elsewhere-base is new",
        "rule finding-count is new",
        "rule count-until is new",
        "rule distinct-until is new",
    }
    assert {"rule rv-graded became version 9", "rule soc-intimidation-fire is retired"} <= taken_back
