"""The database of delivery: SQLite by default, PostgreSQL by URL; how it is opened and its tables brought up to date.

Every write is one transaction. On SQLite it takes the write lock at its beginning, so that two processes wait for one
another rather than fail halfway; on PostgreSQL rows are locked as they are read for writing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event, inspect
from sqlalchemy.engine import URL, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from safety_stream.delivery.tables import MESSAGES, NOTICES, VERSIONS

_BUSY_MILLIS: Final = 10_000
"""How long a writer waits for another one on SQLite: far longer than any transaction here."""

_MIGRATIONS: Final = Path(__file__).parent / "migrations"
_FIRST: Final = "0001"
"""What databases are at that were made before there were migrations."""

_LAST_BEFORE: Final = "number"
"""The column that came last before them."""

_MIGRATION_LOCK: Final = 5_702_888
"""A number of our own among PostgreSQL's advisory locks."""


class UnusableDatabase(Exception):
    """The database cannot be opened; the sentence holds no part of its URL, where a password may stand."""


def open_database(url: str) -> Engine:
    """The database at a URL of SQLAlchemy's, with its tables. Raises `UnusableDatabase`."""
    try:
        parsed = make_url(url)
        engine = create_engine(_with_driver(parsed))
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        raise UnusableDatabase(
            "the database is named wrongly: write sqlite:///delivery.sqlite or postgresql://user@host/name "
            f"({type(error).__name__})"
        ) from None
    if engine.dialect.name == "sqlite":
        _let_writers_wait(engine)
    try:
        migrate(engine)
    except UnusableDatabase:
        engine.dispose()
        raise
    except SQLAlchemyError as error:
        engine.dispose()
        raise UnusableDatabase(
            f"the {engine.dialect.name} database cannot be used ({type(error).__name__}): see that it is there "
            "and that we may write to it"
        ) from None
    return engine


def migrate(engine: Engine) -> None:
    """Bring the tables up to date, from nothing or from any version before. Does nothing where they are.

    Several processes may do so at once: one does it, the others wait. Raises `UnusableDatabase` for tables of these
    names that are not ours.
    """
    with engine.begin() as db:
        if db.dialect.name == "postgresql":
            db.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})")
        settings = Config()
        settings.set_main_option("script_location", str(_MIGRATIONS))
        settings.set_main_option("path_separator", "os")
        settings.attributes["connection"] = db
        there = set(inspect(db).get_table_names())
        if VERSIONS not in there and MESSAGES.name in there:
            _take_over(db)
            command.stamp(settings, _FIRST)
        command.upgrade(settings, "head")


def _take_over(db: Connection) -> None:
    """Make sure that the tables are as they were when migrations began, and not as they were before that."""
    columns = {column["name"] for column in inspect(db).get_columns(NOTICES.name)}
    if _LAST_BEFORE not in columns:
        raise UnusableDatabase(
            f"the database has tables of delivery that no release made ({NOTICES.name} without {_LAST_BEFORE}): "
            "name an empty one"
        )


def _with_driver(url: URL) -> URL:
    # Psycopg 3, whatever SQLAlchemy takes a bare name for.
    return url.set(drivername="postgresql+psycopg") if url.drivername in ("postgresql", "postgres") else url


def _let_writers_wait(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def connected(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        # SQLite's own library must not begin transactions: it would take the write lock only at the first write.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", f"busy_timeout={_BUSY_MILLIS}", "foreign_keys=ON", "synchronous=FULL"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        is_reading = connection.get_execution_options().get("is_reading", False)
        connection.exec_driver_sql("BEGIN" if is_reading else "BEGIN IMMEDIATE")


def reading(engine: Engine) -> Engine:
    """The same database for transactions that only read, which need not wait for one another."""
    return engine.execution_options(is_reading=True)
