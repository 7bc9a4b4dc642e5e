"""The database a copy is in: how it is opened, and how its tables are brought up to date."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.engine import URL

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.pool import ConnectionPoolEntry

_MIGRATIONS = Path(__file__).parent / "migrations"

WAIT_SECONDS = 30
"""How long a writer of SQLite waits for another; readers wait for nobody."""


def url_of_file(path: Path) -> URL:
    """The URL of a database in a file."""
    return URL.create("sqlite", database=str(path))


def open_database(url: URL | str) -> Engine:
    """An engine for `sqlite:///…` or `postgresql://…`; connects to nothing yet. Raises `ArgumentError` for no URL."""
    where = make_url(url)
    if where.drivername in ("postgres", "postgresql"):
        # The driver that is installed with us; SQLAlchemy's own default is its predecessor.
        where = where.set(drivername="postgresql+psycopg")
    if where.get_backend_name() != "sqlite":
        return create_engine(where, pool_pre_ping=True)
    engine = create_engine(where, connect_args={"timeout": WAIT_SECONDS})
    event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _prepare_sqlite(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    # Pages are read while the projection writes.
    cursor.execute("PRAGMA journal_mode = WAL")
    # A power cut may take back the newest transactions, whole and with their offsets: they are read again.
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.close()


def migrate(engine: Engine) -> None:
    """Bring the tables up to date, from nothing or from any version before. Does nothing where they are."""
    with engine.begin() as connection:
        settings = Config()
        settings.set_main_option("script_location", str(_MIGRATIONS))
        settings.set_main_option("path_separator", "os")
        settings.attributes["connection"] = connection
        command.upgrade(settings, "head")
