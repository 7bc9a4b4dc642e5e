"""Both databases, each test with an empty one of its own."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import Engine
from tests.readmodel.postgres import Server

from safety_stream.readmodel.database import migrate, open_database, url_of_file


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A database without tables."""
    if request.param == "sqlite":
        engine = open_database(url_of_file(tmp_path / "copy.sqlite"))
    else:
        server: Server = request.getfixturevalue("postgres")
        engine = open_database(server.new_database(f"t{uuid4().hex}"))
    yield engine
    engine.dispose()


@pytest.fixture
def engine(empty: Engine) -> Engine:
    migrate(empty)
    return empty


@pytest.fixture(scope="module")
def empty_copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy with its tables and nothing in them, to be copied: making the tables takes longer than an example."""
    path = tmp_path_factory.mktemp("copy") / "empty.sqlite"
    engine = open_database(url_of_file(path))
    migrate(engine)
    engine.dispose()
    return path
