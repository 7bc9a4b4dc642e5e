"""What is owed: answers to what was told and is no longer true, and reviews of alerts opened in an emergency."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the tables; the copy fills them from topics it has not read before."""
    op.create_table(
        "alert_causes",
        sa.Column("alert_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("incident_id", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("alert_id", "version", name="pk_alert_causes"),
    )
    op.create_table(
        "alert_rests",
        sa.Column("alert_id", sa.String(), nullable=False),
        sa.Column("incident_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("alert_id", "incident_id", name="pk_alert_rests"),
    )
    op.create_index("ix_alert_rests_incident_id", "alert_rests", ["incident_id"], unique=False)
    op.create_table(
        "disputes",
        sa.Column("incident_id", sa.String(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("incident_id", name="pk_disputes"),
    )
    op.create_table(
        "audit_entries",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("as_of", sa.BigInteger(), nullable=False),
        sa.Column("audience", sa.String(), nullable=False),
        sa.Column("alert_id", sa.String(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_audit_entries"),
    )
    op.create_index("ix_audit_entries_what_seq", "audit_entries", ["what", "seq"], unique=False)
    op.create_index("ix_audit_entries_alert_id", "audit_entries", ["alert_id"], unique=False)
