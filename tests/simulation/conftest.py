"""The deployment to simulate: the small catalogue of the replays, in which few reports do."""

from __future__ import annotations

import re
import shutil

import msgspec
import pytest
from tests.replay.running import small_world

from safety_stream.catalogue import load_catalogue
from safety_stream.core.stages import detect, judge, link, measure, publish_indicators, register
from safety_stream.testing.backbone import Deployment

CHANGES = (
    ("rv-graded", "of: harm, at_least: 2", "of: harm, at_least: 3"),
    ("missing-no-return-interview", "within: 72 hours", "within: 48 hours"),
    ("soc-cross-district", "within: 28 days", "within: 10 days"),
    ("missing-repeat", "at_least: 3", "at_least: 2"),
)


@pytest.fixture(scope="session")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    world = small_world(tmp_path_factory.mktemp("small") / "catalogue")
    # Tables go out of whatever the feeds cover, whether anything was told of it or not: of two indicators is enough.
    profiles = tuple(
        msgspec.structs.replace(one, indicators=("violence", "police-asb")) if one.suppresses else one
        for one in world.catalogue.profiles
    )
    return Deployment(msgspec.structs.replace(world.catalogue, profiles=profiles), world.folder)


@pytest.fixture(autouse=True)
def short_transactions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each record of a transaction may fail here, so one of hundreds hardly ever ends: few weeks and tables a step."""
    monkeypatch.setattr(judge, "SLICE", 2)
    monkeypatch.setattr(publish_indicators, "SLICE", 1)


@pytest.fixture(scope="session")
def changed(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    folder = tmp_path_factory.mktemp("changed") / "catalogue"
    shutil.copytree(deployment.folder, folder)
    for name, old, new in CHANGES:
        file = folder / "rules" / f"{name}.yaml"
        said = re.sub(r"version: \d+", "version: 9", file.read_text(encoding="utf-8"), count=1)
        assert old in said
        file.write_text(said.replace(old, new, 1), encoding="utf-8")
    links = folder / "linking.yaml"
    links.write_text(links.read_text(encoding="utf-8").replace("degree_cap: 3", "degree_cap: 2"), encoding="utf-8")
    return Deployment(load_catalogue(folder), folder)


@pytest.fixture
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that going over everything takes many steps."""
    for stage in (register, link, detect):
        monkeypatch.setattr(stage, "SLICE", 2)
    # There are some hundred series, most of which no limit reads.
    monkeypatch.setattr(measure, "SLICE", 20)
