"""The catalogue that ships, and one in which few reports reach every bound."""

from __future__ import annotations

from datetime import date

import pytest
from tests.replay.running import World, linked_world, shipped_world, small_world

from safety_stream.data_files import catalogue_folder
from safety_stream.synthetic import SyntheticReport, generate, read_county


@pytest.fixture(scope="session")
def shipped() -> World:
    return shipped_world().kept()


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> World:
    return small_world(tmp_path_factory.mktemp("small") / "catalogue").kept()


@pytest.fixture(scope="session")
def linked(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The small catalogue with three more rules, one on another, that read what is found elsewhere."""
    return linked_world(tmp_path_factory.mktemp("linked") / "catalogue").kept()


@pytest.fixture(scope="session")
def county() -> list[SyntheticReport]:
    """Six weeks of a small county, every planted story in it."""
    settings = read_county(catalogue_folder() / "synthetic" / "lancashire.yaml")
    return list(generate(settings, seed=11, start=date(2026, 1, 2), days=40, scale=0.04))
