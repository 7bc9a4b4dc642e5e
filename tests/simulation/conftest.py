"""The deployment to simulate: the small catalogue of the replays, in which few reports do."""

from __future__ import annotations

import pytest
from tests.replay.running import small_world

from safety_stream.testing.backbone import Deployment


@pytest.fixture(scope="session")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    world = small_world(tmp_path_factory.mktemp("small") / "catalogue")
    return Deployment(world.catalogue, world.folder)
