"""The database of the key store: SQLite by default, PostgreSQL by URL; how it is opened and its tables made."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from safety_stream.database import bring_up_to_date, opened, unusable, wait_for_others
from safety_stream.sealing.tables import ROOTS

_MIGRATIONS: Final = Path(__file__).parent / "migrations"

LOCK: Final = 5_702_890
"""A number of our own among PostgreSQL's advisory locks: whoever writes into the store has it."""


_WAIT_SECONDS: Final = 2
"""How long to wait on PostgreSQL until nobody uses the tables: whoever asks for keys waits behind us so long."""

_LOCK_NOT_AVAILABLE: Final = "55P03"
"""PostgreSQL's word for having waited so long."""


def open_database(url: str) -> Engine:
    """The database at a URL of SQLAlchemy's, its tables brought up to date. Raises `UnusableDatabase`.

    Where there are none, none are made, nor a file: who looks where no key store is leaves nothing there.
    """
    return opened(url, "keys.sqlite", _bring_what_is_there_up_to_date)


def has_tables(engine: Engine) -> bool:
    """Whether a key store was begun here. Nothing is made by looking, not even the file that SQLite would open.

    Raises `UnusableDatabase` where the file cannot be looked at.
    """
    file = engine.url.database if engine.dialect.name == "sqlite" else None
    try:
        if file is not None and not (Path(file).exists() and Path(file).stat().st_size):
            return False
    except OSError as error:
        raise unusable(engine, error) from None
    return inspect(engine).has_table(ROOTS.name)


FileId = tuple[int, int]
"""A file, whatever it is called: its device and its number there."""


def file_of(engine: Engine) -> FileId | None:
    """The file that lies now where SQLite's was opened, which may be another one or none; None on PostgreSQL.

    Raises `OSError` where it cannot be looked at.
    """
    if engine.dialect.name != "sqlite" or not engine.url.database:
        return None
    try:
        found = Path(engine.url.database).stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


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
    """Let the files of the tables hold nothing of what was deleted from them before; whether that is so by now.

    On SQLite what a transaction overwrote stands in the log beside the file until that is written back and cut off: not
    while somebody reads; and pages that were merged keep copies of rows in their free part, which no deletion knows of.
    So the file is written anew (VACUUM, through memory and not another file), and the log cut off. On PostgreSQL a
    deleted row stays in its table for whoever has begun before, and a plain VACUUM leaves its bytes in the free part of
    the page: so the tables are written anew (VACUUM FULL), which asks that nobody uses them, that nobody can see the
    rows any more, and that the tables are ours: those of others it passes over without a fault, so their files tell.
    """
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
            return _written_anew(db)
    # Outside a transaction, which SQLAlchemy would begin.
    connection = engine.raw_connection()
    try:
        return _written_back(connection.cursor())
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
            return False
        raise DBAPIError("VACUUM", None, error) from error
    finally:
        connection.close()


def _written_back(cursor: DBAPICursor) -> bool:
    for statement in ("PRAGMA temp_store=MEMORY", "VACUUM", "PRAGMA temp_store=DEFAULT"):
        cursor.execute(statement)
    cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    # Whether somebody was in the way, and two counts.
    found = cursor.fetchone()
    return found is not None and not found[0]


_OTHERS_SEE_OLDER: Final = """
SELECT count(*) FROM (
    SELECT backend_xid AS xid FROM pg_stat_activity
        WHERE pid <> pg_backend_pid() AND (datname = current_database() OR datname IS NULL)
    UNION ALL SELECT backend_xmin FROM pg_stat_activity
        WHERE pid <> pg_backend_pid() AND (datname = current_database() OR datname IS NULL)
    UNION ALL SELECT transaction FROM pg_prepared_xacts WHERE database = current_database()
    UNION ALL SELECT xmin FROM pg_replication_slots
) AS others
WHERE age(xid) > age(pg_snapshot_xmax(pg_current_snapshot())::xid)
"""
"""How many there are for whom PostgreSQL keeps what was deleted by now: transactions that had begun, prepared ones too,
and replicas that hold a slot or report what they read. A slot's `catalog_xmin` keeps no row of ours."""


_KEEPS_WHAT_IS_DELETED: Final = "SELECT coalesce(current_setting('vacuum_defer_cleanup_age', true), '0') <> '0'"
"""Whether the server, up to version 15, was told to keep deleted rows for some transactions more."""


def _written_anew(db: Connection) -> bool:
    # Asked before: what nobody needs at this moment nobody can come to need.
    if db.scalar(text(_OTHERS_SEE_OLDER)) or db.scalar(text(_KEEPS_WHAT_IS_DELETED)):
        return False
    before = _files_of(db)
    db.exec_driver_sql(f"SET lock_timeout = '{_WAIT_SECONDS}s'")
    try:
        db.exec_driver_sql("VACUUM (FULL) sealing_persons, sealing_roots")
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
            raise
        return False
    finally:
        db.exec_driver_sql("RESET lock_timeout")
    return before.isdisjoint(_files_of(db))


def _files_of(db: Connection) -> set[int]:
    """The files that hold the tables now."""
    files = db.execute(
        text("SELECT pg_relation_filenode('sealing_persons'), pg_relation_filenode('sealing_roots')")
    ).one()
    return set(files)
