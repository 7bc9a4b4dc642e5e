"""The database of the key store: SQLite by default, PostgreSQL by URL; how it is opened and its tables made."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sqlalchemy import Engine, inspect
from sqlalchemy.exc import SQLAlchemyError

from safety_stream.database import bring_up_to_date, opened, unusable, wait_for_others
from safety_stream.sealing.tables import ROOTS

_MIGRATIONS: Final = Path(__file__).parent / "migrations"

LOCK: Final = 5_702_889
"""A number of our own among PostgreSQL's advisory locks: whoever writes into the store has it."""


def open_database(url: str) -> Engine:
    """The database at a URL of SQLAlchemy's, its tables brought up to date. Raises `UnusableDatabase`.

    Where there are none, none are made, nor a file: who looks where no key store is leaves nothing there.
    """
    return opened(url, "keys.sqlite", _bring_what_is_there_up_to_date)


def has_tables(engine: Engine) -> bool:
    """Whether a key store was begun here. Nothing is made by looking, not even the file that SQLite would open."""
    file = engine.url.database if engine.dialect.name == "sqlite" else None
    if file is not None and not (Path(file).exists() and Path(file).stat().st_size):
        return False
    return inspect(engine).has_table(ROOTS.name)


def _bring_what_is_there_up_to_date(engine: Engine) -> None:
    if has_tables(engine):
        migrate(engine)


def make_tables(engine: Engine) -> None:
    """Make the tables where there are none yet. Raises `UnusableDatabase`."""
    try:
        migrate(engine)
    except SQLAlchemyError as error:
        raise unusable(engine, error) from None


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
