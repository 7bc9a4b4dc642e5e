"""Receipts, and requests with an idempotency key."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make both tables."""
    op.create_table(
        "gateway_receipts",
        sa.Column("receipt_id", sa.String(36), primary_key=True),
        sa.Column("source", sa.String(64), nullable=False),
        sa.Column("source_ref", sa.String(200), nullable=False),
        sa.Column("source_version", sa.Integer(), nullable=False),
        sa.Column("action", sa.String(12), nullable=False),
        sa.Column("acknowledged_at", sa.BigInteger(), nullable=False),
        sa.Column("topic", sa.String(128), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
    )
    op.create_index("gateway_receipts_of_source", "gateway_receipts", ["source", "acknowledged_at", "receipt_id"])
    op.create_index("gateway_receipts_of_report", "gateway_receipts", ["source", "source_ref"])
    op.create_index("gateway_receipts_age", "gateway_receipts", ["acknowledged_at"])
    op.create_table(
        "gateway_requests",
        sa.Column("partner", sa.String(64), primary_key=True),
        sa.Column("idempotency_key", sa.String(255), primary_key=True),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("begun_at", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Integer()),
        sa.Column("answer", sa.LargeBinary()),
    )
    op.create_index("ix_gateway_requests_begun_at", "gateway_requests", ["begun_at"])
