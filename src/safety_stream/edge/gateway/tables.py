"""The tables of the gateway; times are milliseconds since the epoch. Whoever changes one adds a migration.

Nothing in them is about a person: of a report they have what names it, and of a request its digest.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, String, Table

VERSIONS: Final = "gateway_versions"
"""Where it is written which migrations were made."""

METADATA = MetaData()

RECEIPTS = Table(
    "gateway_receipts",
    METADATA,
    Column("receipt_id", String(36), primary_key=True),
    Column("source", String(64), nullable=False),
    Column("source_ref", String(200), nullable=False),
    Column("source_version", Integer, nullable=False),
    Column("action", String(12), nullable=False),
    Column("acknowledged_at", BigInteger, nullable=False),
    Column("topic", String(128), nullable=False),
    Column("partition", Integer, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Index("gateway_receipts_of_source", "source", "acknowledged_at", "receipt_id"),
    Index("gateway_receipts_of_report", "source", "source_ref"),
    Index("gateway_receipts_age", "acknowledged_at"),
)

REQUESTS = Table(
    "gateway_requests",
    METADATA,
    Column("partner", String(64), primary_key=True),
    Column("idempotency_key", String(255), primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("begun_at", BigInteger, nullable=False, index=True),
    # None until everything in it was acknowledged or refused for good.
    Column("status", Integer),
    Column("answer", LargeBinary),
)
"""Requests with an idempotency key, and what was answered."""
