"""The database of delivery: SQLite by default, PostgreSQL by URL; how it is opened and its tables brought up to date.

Every write is one transaction. On SQLite it takes the write lock at its beginning, so that two processes wait for one
another rather than fail halfway; on PostgreSQL rows are locked as they are read for writing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from alembic import command
from sqlalchemy import Connection, Engine, inspect

from safety_stream.database import (
    UnusableDatabase,
    beginning,
    bring_up_to_date,
    opened,
    settings_of,
    wait_for_others,
)
from safety_stream.delivery.tables import MESSAGES, NOTICES, VERSIONS

_MIGRATIONS: Final = Path(__file__).parent / "migrations"
_FIRST: Final = "0001"
"""What databases are at that were made before there were migrations."""

_LAST_BEFORE: Final = "number"
"""The column that came last before them."""

_MIGRATION_LOCK: Final = 5_702_888
"""A number of our own among PostgreSQL's advisory locks."""


def open_database(url: str) -> Engine:
    """The database at a URL of SQLAlchemy's, with its tables. Raises `UnusableDatabase`."""
    return opened(url, "delivery.sqlite", migrate)


def migrate(engine: Engine) -> None:
    """Bring the tables up to date, from nothing or from any version before. Does nothing where they are.

    Several processes may do so at once: one does it, the others wait. Raises `UnusableDatabase` for tables of these
    names that are not ours.
    """
    with engine.begin() as db:
        wait_for_others(db, _MIGRATION_LOCK)
        there = set(inspect(db).get_table_names())
        if VERSIONS not in there and MESSAGES.name in there:
            _take_over(db)
            command.stamp(settings_of(db, _MIGRATIONS), _FIRST)
        bring_up_to_date(db, _MIGRATIONS)


def _take_over(db: Connection) -> None:
    """Make sure that the tables are as they were when migrations began, and not as they were before that."""
    columns = {column["name"] for column in inspect(db).get_columns(NOTICES.name)}
    if _LAST_BEFORE not in columns:
        raise UnusableDatabase(
            f"the database has tables of delivery that no release made ({NOTICES.name} without {_LAST_BEFORE}): "
            "name an empty one"
        )


def reading(engine: Engine) -> Engine:
    """The same database for transactions that only read, which need not wait for one another."""
    return beginning(engine, "BEGIN")
