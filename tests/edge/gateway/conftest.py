"""The gateways that tests send to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from tests.edge.gateway.making import Site, serving
from tests.readmodel.postgres import Server


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with serving(tmp_path) as one:
        yield one


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/receipts.sqlite"
    server: Server = request.getfixturevalue("postgres")
    return server.new_database(f"t{uuid4().hex}")
