"""Of each topic which one it is, and since when it is on record here who was told."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the columns. A database there is has had everybody on record from the first number on."""
    op.add_column("delivery_positions", sa.Column("topic_id", sa.String(64), nullable=True))
    op.add_column("delivery_positions", sa.Column("began", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("delivery_positions", sa.Column("recorded_from", sa.BigInteger(), nullable=True))
    op.execute("UPDATE delivery_positions SET recorded_from = 0")
