"""The story, told once for every test that only looks at it."""

from __future__ import annotations

import pytest
from tests.demo.making import Told, shipped, told_story

from safety_stream.core.catalogue import Catalogue


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return shipped()


@pytest.fixture(scope="session")
def told(catalogue: Catalogue) -> Told:
    return told_story(catalogue)
