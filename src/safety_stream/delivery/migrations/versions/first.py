"""The tables as they were when migrations began: databases of before have them already, and are taken over."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make every table."""
    op.create_table(
        "delivery_subscriptions",
        sa.Column("subscription_id", sa.String(36), primary_key=True),
        sa.Column("audience", sa.String(64), nullable=False),
        sa.Column("channel", sa.String(32), nullable=False),
        sa.Column("address", sa.String(2_000), nullable=False),
        sa.Column("areas", sa.JSON(), nullable=False),
        sa.Column("families", sa.JSON(), nullable=False),
        sa.Column("priorities", sa.JSON(), nullable=False),
        sa.Column("markings", sa.JSON(), nullable=False),
        sa.Column("quiet_starts", sa.Integer()),
        sa.Column("quiet_ends", sa.Integer()),
        sa.Column("digest_at", sa.Integer()),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("ended", sa.BigInteger()),
    )
    op.create_index("ix_delivery_subscriptions_audience", "delivery_subscriptions", ["audience"])
    op.create_table(
        "delivery_positions",
        sa.Column("topic", sa.String(128), primary_key=True),
        sa.Column("partition", sa.Integer(), primary_key=True),
        sa.Column("next_offset", sa.BigInteger(), nullable=False),
        sa.Column("next_seq", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "delivery_messages",
        sa.Column("message_id", sa.String(36), primary_key=True),
        sa.Column(
            "subscription_id",
            sa.String(36),
            sa.ForeignKey("delivery_subscriptions.subscription_id"),
            nullable=False,
        ),
        sa.Column("form", sa.String(8), nullable=False),
        sa.Column("channel", sa.String(32), nullable=False),
        sa.Column("address", sa.String(2_000), nullable=False),
        sa.Column("provider", sa.String(2_100), nullable=False),
        sa.Column("priority", sa.String(2), nullable=False),
        sa.Column("status", sa.String(12), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.BigInteger()),
        sa.Column("may_be_taken", sa.Boolean(), nullable=False),
        sa.Column("provider_id", sa.Text()),
        sa.Column("why", sa.String(32)),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("sent_at", sa.BigInteger()),
    )
    op.create_index("delivery_messages_due", "delivery_messages", ["status", "next_at"])
    op.create_table(
        "delivery_notices",
        sa.Column("notice_id", sa.String(36), primary_key=True),
        sa.Column(
            "subscription_id",
            sa.String(36),
            sa.ForeignKey("delivery_subscriptions.subscription_id"),
            nullable=False,
        ),
        sa.Column("audience", sa.String(64), nullable=False),
        sa.Column("alert_id", sa.String(36), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("change", sa.String(12), nullable=False),
        sa.Column("reason", sa.String(20)),
        sa.Column("priority", sa.String(2)),
        sa.Column("title", sa.Text()),
        sa.Column("as_of", sa.BigInteger(), nullable=False),
        sa.Column("because", sa.String(24), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("message_id", sa.String(36), sa.ForeignKey("delivery_messages.message_id")),
        sa.Column("is_overtaken", sa.Boolean(), nullable=False),
    )
    op.create_index("delivery_notices_of_alert", "delivery_notices", ["alert_id", "subscription_id"])
    op.create_index("delivery_notices_held", "delivery_notices", ["message_id", "is_overtaken", "due_at"])
    op.create_table(
        "delivery_providers",
        sa.Column("provider", sa.String(2_100), primary_key=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("open_at", sa.BigInteger(), nullable=False),
    )
