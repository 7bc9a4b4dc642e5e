"""The databases delivery is tested on; each test begins with an empty one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import Engine, delete
from tests.readmodel.postgres import Server

from safety_stream.delivery.database import open_database
from safety_stream.delivery.tables import METADATA


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database that lasts."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/delivery.sqlite"
    server: Server = request.getfixturevalue("postgres")
    return server.new_database(f"t{uuid4().hex}")


@pytest.fixture(scope="session")
def kept(postgres: Server) -> str:
    """A database of PostgreSQL with its tables, which tests empty: making one takes longer than most of them."""
    url = postgres.new_database("kept")
    open_database(url).dispose()
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """An empty outbox; on SQLite it is forgotten when it is closed."""
    engine = open_database("sqlite://" if request.param == "sqlite" else request.getfixturevalue("kept"))
    with engine.begin() as db:
        for table in reversed(METADATA.sorted_tables):
            db.execute(delete(table))
    yield engine
    engine.dispose()
