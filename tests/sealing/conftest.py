"""The databases the key store is tested on; each test begins with an empty one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from uuid import uuid4

import pytest
from tests.readmodel.postgres import Server

from safety_stream.sealing.database import open_database
from safety_stream.sealing.providers import FileKey, KeyEncryptionKey, new_file_key
from safety_stream.sealing.store import KeyStore


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database that lasts."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/keys.sqlite"
    server: Server = request.getfixturevalue("postgres")
    return server.new_database(f"t{uuid4().hex}")


@pytest.fixture
def key(tmp_path: Path) -> FileKey:
    return new_file_key(tmp_path / "kek")


Opening = Callable[..., KeyStore]


@pytest.fixture
def opening(place: str, key: FileKey) -> Iterator[Opening]:
    """Opens the key store once more, as another process would; by another key, if one is given."""
    times, opened = count(1), []

    def open_(by: KeyEncryptionKey = key, where: str = place) -> KeyStore:
        store = KeyStore(open_database(where), by, lambda: next(times))
        opened.append(store)
        return store

    yield open_
    for store in opened:
        store.close()
