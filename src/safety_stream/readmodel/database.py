"""The database a copy is in: how it is opened, and how its tables are brought up to date."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.engine import URL

from safety_stream.database import beginning, bring_up_to_date, make_engine, wait_for_others

_MIGRATIONS = Path(__file__).parent / "migrations"

_MIGRATION_LOCK = 5_702_887
"""A number of our own among PostgreSQL's advisory locks."""

WAIT_SECONDS = 30
"""How long a writer of SQLite waits for another; readers wait for nobody."""


def url_of_file(path: Path) -> URL:
    """The URL of a database in a file."""
    return URL.create("sqlite", database=str(path))


def open_database(url: URL | str) -> Engine:
    """An engine for `sqlite:///…` or `postgresql://…`; connects to nothing yet.

    Raises `ArgumentError` for what is no URL, and for other databases.
    """
    # A power cut may take back the newest transactions, whole and with their offsets: they are read again.
    return make_engine(url, begin="BEGIN", wait_seconds=WAIT_SECONDS, synchronous="NORMAL")


def migrate(engine: Engine) -> None:
    """Bring the tables up to date, from nothing or from any version before. Does nothing where they are.

    Several processes may do so at once: one does it, the others wait.
    """
    with beginning(engine, "BEGIN IMMEDIATE").begin() as db:
        wait_for_others(db, _MIGRATION_LOCK)
        bring_up_to_date(db, _MIGRATIONS)
