"""A file of SQLite's is opened by several at once, also in the moment it is new."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from types import SimpleNamespace

import pytest

from safety_stream import database
from safety_stream.database import write_ahead


class Turned:
    """A cursor that SQLite turns away so many times, as it does where others change the same new file."""

    def __init__(self, cursor: sqlite3.Cursor, times: int, code: int = sqlite3.SQLITE_BUSY) -> None:
        self.cursor, self.times, self.code = cursor, times, code
        self.asked: list[str] = []

    def execute(self, statement: str) -> None:
        self.asked.append(statement)
        if "journal_mode" in statement and self.times:
            self.times -= 1
            error = sqlite3.OperationalError("database is locked")
            error.sqlite_errorcode = self.code
            raise error
        self.cursor.execute(statement)


@pytest.fixture
def cursor(tmp_path: Path):
    db = sqlite3.connect(tmp_path / "new.sqlite", isolation_level=None)
    yield db.cursor()
    db.close()


def test_who_is_turned_away_from_a_new_file_lets_the_others_through_and_asks_again(cursor: sqlite3.Cursor):
    turned = Turned(cursor, times=2)

    write_ahead(turned, wait_seconds=10)

    assert [*cursor.execute("PRAGMA journal_mode")] == [("wal",)]
    assert turned.asked.count("BEGIN IMMEDIATE") == turned.asked.count("COMMIT") == 2
    assert not cursor.connection.in_transaction


def test_nobody_waits_longer_than_they_said(cursor: sqlite3.Cursor, monkeypatch: pytest.MonkeyPatch):
    times = iter(range(100))
    monkeypatch.setattr(database, "time", SimpleNamespace(monotonic=lambda: next(times)))
    turned = Turned(cursor, times=1_000)

    with pytest.raises(sqlite3.OperationalError, match="locked"):
        write_ahead(turned, wait_seconds=10)

    assert turned.asked.count("BEGIN IMMEDIATE") == 9


def test_what_is_no_question_of_waiting_is_told_at_once(cursor: sqlite3.Cursor):
    turned = Turned(cursor, times=1, code=sqlite3.SQLITE_READONLY)

    with pytest.raises(sqlite3.OperationalError):
        write_ahead(turned, wait_seconds=10)

    assert turned.asked == ["PRAGMA journal_mode=WAL"]
