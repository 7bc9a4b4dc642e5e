"""How late what was missed comes, said to whoever is told of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the column."""
    op.add_column("delivery_notices", sa.Column("late_by", sa.BigInteger(), nullable=True))
