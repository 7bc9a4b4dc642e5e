"""What is owed: who was told that a notice waits for an answer, or that an alert was opened in an emergency."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "delivery_owed",
        sa.Column("owed_id", sa.String(36), nullable=False),
        sa.Column("subscription_id", sa.String(36), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("of", sa.String(64), nullable=False),
        sa.Column("alert_id", sa.String(36), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("message_id", sa.String(36), nullable=False),
        sa.ForeignKeyConstraint(["subscription_id"], ["delivery_subscriptions.subscription_id"]),
        sa.ForeignKeyConstraint(["message_id"], ["delivery_messages.message_id"]),
        sa.PrimaryKeyConstraint("owed_id", "subscription_id"),
    )
    op.create_index("ix_delivery_owed_message_id", "delivery_owed", ["message_id"], unique=False)
