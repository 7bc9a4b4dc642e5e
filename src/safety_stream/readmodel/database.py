"""The database a copy is in: how it is opened, and how its tables are brought up to date."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.pool import ConnectionPoolEntry

_MIGRATIONS = Path(__file__).parent / "migrations"

_CHANGES_TABLES = "changes_tables"
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
    where = make_url(url)
    if where.drivername in ("postgres", "postgresql"):
        # The driver that is installed with us; SQLAlchemy's own default is its predecessor.
        where = where.set(drivername="postgresql+psycopg")
    if where.get_backend_name() == "postgresql":
        return create_engine(where, pool_pre_ping=True)
    if where.get_backend_name() != "sqlite":
        raise ArgumentError(f"{where.get_backend_name()} is not a database we use: take sqlite or postgresql")
    engine = create_engine(where, connect_args={"timeout": WAIT_SECONDS})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    # Pages are read while the projection writes.
    cursor.execute("PRAGMA journal_mode = WAL")
    # A power cut may take back the newest transactions, whole and with their offsets: they are read again.
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # Python's driver would begin by itself, and not before every statement: a migration would be torn.
    changes_tables = connection.get_execution_options().get(_CHANGES_TABLES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if changes_tables else "BEGIN")


def migrate(engine: Engine) -> None:
    """Bring the tables up to date, from nothing or from any version before. Does nothing where they are.

    Several processes may do so at once: one does it, the others wait.
    """
    with engine.connect().execution_options(**{_CHANGES_TABLES: True}) as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})")
        settings = Config()
        settings.set_main_option("script_location", str(_MIGRATIONS))
        settings.set_main_option("path_separator", "os")
        settings.attributes["connection"] = connection
        command.upgrade(settings, "head")
