"""The deployment to simulate: the small catalogue of the replays, in which few reports do."""

from __future__ import annotations

import pytest
from tests.replay.running import small_world

from safety_stream.core.stages import judge, publish_indicators
from safety_stream.testing.backbone import Deployment


@pytest.fixture(scope="session")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    world = small_world(tmp_path_factory.mktemp("small") / "catalogue")
    return Deployment(world.catalogue, world.folder)


@pytest.fixture(autouse=True)
def short_transactions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each record of a transaction may fail here, so one of hundreds hardly ever ends: few weeks and tables a step."""
    monkeypatch.setattr(judge, "SLICE", 2)
    monkeypatch.setattr(publish_indicators, "SLICE", 1)
