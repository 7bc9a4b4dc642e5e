"""The databases delivery is tested on, each test with an empty one of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import Engine
from tests.readmodel.postgres import Server, programs, running_server

from safety_stream.delivery.database import open_database


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    binaries = programs()
    if binaries is None:
        pytest.skip("no PostgreSQL on this machine (initdb, postgres): apt-get install postgresql")
    with running_server(binaries) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database that lasts."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/delivery.sqlite"
    server: Server = request.getfixturevalue("postgres")
    return server.new_database(f"t{uuid4().hex}")


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """The same; on SQLite it is forgotten when it is closed."""
    if request.param == "sqlite":
        return "sqlite://"
    server: Server = request.getfixturevalue("postgres")
    return server.new_database(f"t{uuid4().hex}")


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    engine = open_database(url)
    yield engine
    engine.dispose()
