"""The deployment to simulate: the small catalogue of the replays, in which few reports do."""

from __future__ import annotations

import msgspec
import pytest
from tests.replay.running import small_world

from safety_stream.core.stages import judge, publish_indicators
from safety_stream.testing.backbone import Deployment


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
