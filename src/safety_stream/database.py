"""What our databases have in common: which library speaks to one, and how its tables are brought up to date.

The copy for pages, delivery and the gateway each have tables and migrations of their own; they may lie in one database.
SQLite begins a transaction by taking the write lock, or when it first writes, as its user says.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal

from alembic import command
from alembic.config import Config
from alembic.util.exc import CommandError
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

Begin = Literal["BEGIN", "BEGIN IMMEDIATE"]
"""How SQLite begins a transaction: the second waits for other writers at once, and so never fails halfway."""

_BEGIN: Final = "sqlite_begin"


_WAIT_SECONDS: Final = 10
"""How long a writer waits for another one: far longer than any transaction here."""

_UNTIL_A_SERVER_IS_AWAY: Final = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 4,
    "tcp_user_timeout": 30_000,
}
"""After how long a PostgreSQL that does not answer is away (libpq itself waits for hours): a URL may say otherwise."""


class UnusableDatabase(Exception):
    """The database cannot be opened; the sentence holds no part of its URL, where a password may stand."""


def opened(url: str, file: str, migrate: Callable[[Engine], None]) -> Engine:
    """The database at a URL of SQLAlchemy's, its tables brought up to date. Raises `UnusableDatabase`.

    Every transaction waits for other writers at its beginning, and is on disk at its end. `file` is an example to name.
    """
    try:
        engine = make_engine(url, begin="BEGIN IMMEDIATE", wait_seconds=_WAIT_SECONDS, synchronous="FULL")
    except (ArgumentError, NoSuchModuleError, ImportError, ValueError) as error:
        raise UnusableDatabase(
            f"the database is named wrongly: write sqlite:///{file} or postgresql://user@host/name "
            f"({type(error).__name__})"
        ) from None
    try:
        migrate(engine)
    except UnusableDatabase:
        engine.dispose()
        raise
    except SQLAlchemyError as error:
        engine.dispose()
        raise unusable(engine, error) from None
    return engine


def unusable(engine: Engine, error: SQLAlchemyError | OSError) -> UnusableDatabase:
    """What to raise where tables could not be looked at, made or changed."""
    return UnusableDatabase(
        f"the {engine.dialect.name} database cannot be used ({type(error).__name__}): see that it is there "
        "and that we may write to it"
    )


def make_engine(url: URL | str, *, begin: Begin, wait_seconds: int, synchronous: Literal["NORMAL", "FULL"]) -> Engine:
    """An engine for `sqlite:///…` or `postgresql://…`; connects to nothing yet.

    `begin`, `wait_seconds` (for another writer) and `synchronous` are SQLite's alone. Raises `ArgumentError` for what
    is no URL, and for other databases.
    """
    where = make_url(url)
    if where.drivername in ("postgres", "postgresql"):
        # The driver that is installed with us; SQLAlchemy's own default is its predecessor.
        where = where.set(drivername="postgresql+psycopg")
    if where.get_backend_name() == "postgresql":
        awaits = {name: value for name, value in _UNTIL_A_SERVER_IS_AWAY.items() if name not in where.query}
        return create_engine(where, pool_pre_ping=True, connect_args=awaits)
    if where.get_backend_name() != "sqlite":
        raise ArgumentError(f"{where.get_backend_name()} is not a database we use: take sqlite or postgresql")
    engine = create_engine(where)
    pragmas = (
        "foreign_keys=ON",
        f"synchronous={synchronous}",
    )

    @event.listens_for(engine, "connect")
    def connected(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        # SQLite's own library must not begin transactions: not before every statement, and too late.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={wait_seconds * 1_000}")
        write_ahead(cursor, wait_seconds)
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get(_BEGIN, begin))

    return engine


def write_ahead(cursor: DBAPICursor, wait_seconds: int) -> None:
    """Let this file of SQLite's be written by way of a log, so that readers and writers do not wait for each other.

    Of several who change a new file to that at once SQLite turns all but one away, without the wait they asked for: two
    that wait for each other would wait for good. Who is turned away lets the others through as a writer does, and asks
    again. Raises sqlite3's `OperationalError` after `wait_seconds`.
    """
    end = time.monotonic() + wait_seconds
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() >= end:
                raise
        else:
            return
        cursor.execute("BEGIN IMMEDIATE")
        cursor.execute("COMMIT")


def beginning(engine: Engine, begin: Begin) -> Engine:
    """The same database, whose transactions begin in another way on SQLite."""
    return engine.execution_options(**{_BEGIN: begin})


def bring_up_to_date(db: Connection, migrations: Path) -> None:
    """Make the changes of a folder of alembic's that were not made yet, in this transaction.

    Raises `UnusableDatabase` where a newer release has made some that this one does not know.
    """
    try:
        command.upgrade(settings_of(db, migrations), "head")
    except CommandError:
        raise UnusableDatabase(
            f"the {db.dialect.name} database was made by a newer release than this one: run that one, or name another "
            "database"
        ) from None


def settings_of(db: Connection, migrations: Path) -> Config:
    """What alembic has to know for a folder of migrations; its `env.py` takes the connection from there."""
    settings = Config()
    settings.set_main_option("script_location", str(migrations))
    settings.set_main_option("path_separator", "os")
    settings.attributes["connection"] = db
    return settings


def wait_for_others(db: Connection, lock: int) -> None:
    """Until this transaction's end no other one with this lock goes on: on SQLite by how it began.

    Raises `OperationalError` where another one has it for too long: somebody may have been stopped while they had it.
    """
    if db.dialect.name == "postgresql":
        db.exec_driver_sql(f"SET LOCAL lock_timeout = '{_WAIT_SECONDS}s'")
        db.exec_driver_sql(f"SELECT pg_advisory_xact_lock({lock})")
        db.exec_driver_sql("SET LOCAL lock_timeout TO DEFAULT")
