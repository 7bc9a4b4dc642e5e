"""Up to which number each alert has changed: what only a note or a judgement came of is no change.

Of what was copied before, the newest number stands for it, so its notes count as a change this once.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the column."""
    op.add_column("alerts", sa.Column("changed_seq", sa.BigInteger(), nullable=False, server_default="0"))
    op.execute("UPDATE alerts SET changed_seq = seq")
