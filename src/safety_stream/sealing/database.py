"""The database of the key store: SQLite by default, PostgreSQL by URL; how it is opened and its tables made."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sqlalchemy import Engine

from safety_stream.database import bring_up_to_date, opened, wait_for_others

_MIGRATIONS: Final = Path(__file__).parent / "migrations"

LOCK: Final = 5_702_889
"""A number of our own among PostgreSQL's advisory locks: whoever writes into the store has it."""


def open_database(url: str) -> Engine:
    """The database at a URL of SQLAlchemy's, with its tables. Raises `UnusableDatabase`."""
    return opened(url, "keys.sqlite", migrate)


def migrate(engine: Engine) -> None:
    """Bring the tables up to date. Several processes may do so at once: one does it, the others wait."""
    with engine.begin() as db:
        wait_for_others(db, LOCK)
        bring_up_to_date(db, _MIGRATIONS)


def scrub(engine: Engine) -> bool:
    """Let the files of the database hold nothing of what was deleted from it before; whether they do by now.

    On SQLite what a transaction overwrote stands in the log beside the file until that is written back and cut off; on
    PostgreSQL in the table until it is vacuumed.
    """
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
            db.exec_driver_sql("VACUUM sealing_persons, sealing_roots")
        return True
    # Outside a transaction, which SQLAlchemy would begin.
    connection = engine.raw_connection()
    try:
        is_busy, _, _ = connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not is_busy
    finally:
        connection.close()
