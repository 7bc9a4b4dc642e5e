"""The tables of the key store; times are milliseconds since the epoch. Whoever changes one adds a migration.

None of them holds a token or a seal. What is in `sealing_persons` says nothing without the key that the one row of
`sealing_roots` holds wrapped, and that says nothing without the key-encryption key, which is elsewhere.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, MetaData, String, Table

VERSIONS: Final = "sealing_versions"
"""Where it is written which migrations were made."""

METADATA = MetaData()

ROOTS = Table(
    "sealing_roots",
    METADATA,
    Column("generation", Integer, primary_key=True, autoincrement=False),
    # By which key the store's own key is wrapped, as its provider calls it.
    Column("wrapped_by", String(200), nullable=False),
    Column("store_key", LargeBinary, nullable=False),
    Column("index_key", LargeBinary, nullable=False),
    Column("made_at", BigInteger, nullable=False),
)

PERSONS = Table(
    "sealing_persons",
    METADATA,
    # A digest of the seal, which is what the audit calls a person too.
    Column("subject", String(64), primary_key=True),
    # A keyed hash of the token, by which the row is found.
    Column("lookup", String(64), nullable=False, unique=True),
    Column("generation", Integer, nullable=False),
    Column("wrapped", LargeBinary, nullable=False),
    Column("made_at", BigInteger, nullable=False),
)

DESTROYED = Table(
    "sealing_destroyed",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("subject", String(64), nullable=False, unique=True),
    # 0 while a file of the database may have the key's bytes still.
    Column("destroyed_at", BigInteger, nullable=False),
    sqlite_autoincrement=True,
)
"""Whose keys are no more: the row of the person is gone, and this is no way back to the token."""
