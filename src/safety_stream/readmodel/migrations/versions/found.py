"""What findings rest on: an alert may rest on what was found elsewhere, and so on the reports beneath that.

The copy fills the table from a topic it has not read before. Until it has, a copy that there is lacks something, and
says so: else what is purged by it would be what a hold on such a report keeps.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Make the table, and let a copy that has been made be behind until it has asked where the new topic ends."""
    op.create_table(
        "finding_rests",
        sa.Column("finding_id", sa.String(), nullable=False),
        sa.Column("incident_id", sa.String(), nullable=False),
        sa.Column("stands", sa.Boolean(), nullable=False),
        sa.Column("as_of", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("finding_id", "incident_id", name="pk_finding_rests"),
    )
    op.create_index("ix_finding_rests_incident_id", "finding_rests", ["incident_id"], unique=False)
    op.create_index("ix_finding_rests_as_of_finding_id", "finding_rests", ["as_of", "finding_id"], unique=False)
    op.execute(
        "INSERT INTO offsets (topic, partition, next_offset, end_offset) "
        "SELECT 'findings', 0, 0, 1 WHERE EXISTS (SELECT 1 FROM offsets)"
    )
