"""The tables of delivery, in SQLite by default and PostgreSQL by URL; times are milliseconds since the epoch.

Every write is one transaction. On SQLite it takes the write lock at its beginning, so that two processes wait for one
another rather than fail halfway; on PostgreSQL rows are locked as they are read for writing.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Connection,
    Engine,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
)
from sqlalchemy.engine import URL, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

_BUSY_MILLIS: Final = 10_000
"""How long a writer waits for another one on SQLite: far longer than any transaction here."""

METADATA = MetaData()

SUBSCRIPTIONS = Table(
    "delivery_subscriptions",
    METADATA,
    Column("subscription_id", String(36), primary_key=True),
    Column("audience", String(64), nullable=False, index=True),
    Column("channel", String(32), nullable=False),
    Column("address", String(2_000), nullable=False),
    Column("areas", JSON, nullable=False),
    Column("families", JSON, nullable=False),
    Column("priorities", JSON, nullable=False),
    Column("markings", JSON, nullable=False),
    Column("quiet_starts", Integer),
    Column("quiet_ends", Integer),
    Column("digest_at", Integer),
    Column("since", BigInteger, nullable=False),
    Column("ended", BigInteger),
)

POSITIONS = Table(
    "delivery_positions",
    METADATA,
    Column("topic", String(128), primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("next_offset", BigInteger, nullable=False),
    Column("next_seq", BigInteger, nullable=False),
)
"""Where to read on: written in the transaction that puts what was read into the outbox."""

MESSAGES = Table(
    "delivery_messages",
    METADATA,
    Column("message_id", String(36), primary_key=True),
    Column("subscription_id", ForeignKey(SUBSCRIPTIONS.c.subscription_id), nullable=False),
    Column("form", String(8), nullable=False),
    Column("channel", String(32), nullable=False),
    Column("address", String(2_000), nullable=False),
    Column("provider", String(2_100), nullable=False),
    Column("priority", String(2), nullable=False),
    Column("status", String(12), nullable=False),
    Column("attempts", Integer, nullable=False),
    # While it is being sent: when to take the sender for dead. When it was sent: when to ask where it is, if ever.
    Column("next_at", BigInteger),
    Column("may_be_taken", Boolean, nullable=False),
    Column("provider_id", Text),
    Column("why", String(32)),
    Column("made_at", BigInteger, nullable=False),
    Column("sent_at", BigInteger),
    Index("delivery_messages_due", "status", "next_at"),
)

NOTICES = Table(
    "delivery_notices",
    METADATA,
    Column("notice_id", String(36), primary_key=True),
    Column("subscription_id", ForeignKey(SUBSCRIPTIONS.c.subscription_id), nullable=False),
    Column("audience", String(64), nullable=False),
    Column("alert_id", String(36), nullable=False),
    Column("version", Integer, nullable=False),
    Column("number", Integer, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("change", String(12), nullable=False),
    Column("reason", String(20)),
    Column("priority", String(2)),
    Column("title", Text),
    Column("as_of", BigInteger, nullable=False),
    Column("because", String(24), nullable=False),
    # Held for a digest until it has a message. Overtaken by something newer it keeps one only where it may be told.
    Column("due_at", BigInteger, nullable=False),
    Column("message_id", ForeignKey(MESSAGES.c.message_id)),
    Column("is_overtaken", Boolean, nullable=False),
    Index("delivery_notices_of_alert", "alert_id", "subscription_id"),
    Index("delivery_notices_held", "message_id", "is_overtaken", "due_at"),
)

PROVIDERS = Table(
    "delivery_providers",
    METADATA,
    Column("provider", String(2_100), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("open_at", BigInteger, nullable=False),
)
"""Providers that failed and have taken nothing since: how often in a row, and until when they are left alone."""


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
        METADATA.create_all(engine)
    except SQLAlchemyError as error:
        raise UnusableDatabase(
            f"the {engine.dialect.name} database cannot be used ({type(error).__name__}): see that it is there "
            "and that we may write to it"
        ) from None
    return engine


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
