"""What an alert rested on is kept beside what it rests on: a report may be held that no version names any more.

Of what was copied before, only what each alert rests on now is known.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the column."""
    op.add_column("alert_rests", sa.Column("stands", sa.Boolean(), nullable=False, server_default=sa.true()))
