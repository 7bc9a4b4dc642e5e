"""The store's own key, the keys of persons, and whose were destroyed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make all three tables."""
    op.create_table(
        "sealing_roots",
        sa.Column("generation", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("wrapped_by", sa.String(200), nullable=False),
        sa.Column("store_key", sa.LargeBinary(), nullable=False),
        sa.Column("index_key", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "sealing_persons",
        sa.Column("subject", sa.String(64), primary_key=True),
        sa.Column("lookup", sa.String(64), nullable=False, unique=True),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "sealing_destroyed",
        sa.Column("number", sa.Integer(), primary_key=True, autoincrement=True),
        sa.Column("subject", sa.String(64), nullable=False, unique=True),
        sa.Column("destroyed_at", sa.BigInteger(), nullable=False),
        sqlite_autoincrement=True,
    )
