"""The tables as they first were."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make every table, and the one row by which writers take turns."""
    op.create_table(
        "alert_areas",
        sa.Column("audience", sa.String(), nullable=False),
        sa.Column("alert_id", sa.String(), nullable=False),
        sa.Column("area", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("audience", "alert_id", "area", name="pk_alert_areas"),
    )
    op.create_table(
        "alert_versions",
        sa.Column("audience", sa.String(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("alert_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("change", sa.String(), nullable=False),
        sa.Column("as_of", sa.BigInteger(), nullable=False),
        sa.Column("rule_id", sa.String(), nullable=True),
        sa.Column("area", sa.String(), nullable=True),
        sa.Column("areas_before", sa.String(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("audience", "seq", name="pk_alert_versions"),
    )
    op.create_index(
        "ix_alert_versions_audience_alert_id_seq", "alert_versions", ["audience", "alert_id", "seq"], unique=False
    )
    op.create_index(
        "ix_alert_versions_audience_change_as_of", "alert_versions", ["audience", "change", "as_of"], unique=False
    )
    op.create_index(
        "ix_alert_versions_audience_rule_id_area_as_of",
        "alert_versions",
        ["audience", "rule_id", "area", "as_of"],
        unique=False,
    )
    op.create_table(
        "alerts",
        sa.Column("audience", sa.String(), nullable=False),
        sa.Column("alert_id", sa.String(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("shelf", sa.SmallInteger(), nullable=False),
        sa.Column("urgency", sa.SmallInteger(), nullable=False),
        sa.Column("next_clock", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("family", sa.String(), nullable=True),
        sa.Column("words", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("audience", "alert_id", name="pk_alerts"),
    )
    op.create_index("ix_alerts_audience_seq", "alerts", ["audience", "seq"], unique=True)
    op.create_index(
        "ix_alerts_inbox",
        "alerts",
        ["audience", "shelf", "urgency", "next_clock", sa.literal_column("seq DESC")],
        unique=False,
    )
    op.create_table(
        "dead_letters",
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("source_topic", sa.String(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("topic", "partition", "offset", name="pk_dead_letters"),
    )
    op.create_index("ix_dead_letters_received_at", "dead_letters", ["received_at"], unique=False)
    op.create_table(
        "feed_partitions",
        sa.Column("partition", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("as_of", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("partition", name="pk_feed_partitions"),
    )
    op.create_table(
        "feeds",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("newest", sa.BigInteger(), nullable=False),
        sa.Column("heard_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", "partition", name="pk_feeds"),
    )
    op.create_table(
        "indicator_revisions",
        sa.Column("profile", sa.String(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("indicator", sa.String(), nullable=False),
        sa.Column("area", sa.String(), nullable=False),
        sa.Column("starts", sa.Integer(), nullable=False),
        sa.Column("as_of", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("profile", "seq", name="pk_indicator_revisions"),
    )
    op.create_index(
        "ix_indicator_revisions_series",
        "indicator_revisions",
        ["profile", "kind", "indicator", "area", "starts", "seq"],
        unique=False,
    )
    op.create_table(
        "indicator_series",
        sa.Column("profile", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("indicator", sa.String(), nullable=False),
        sa.Column("area", sa.String(), nullable=False),
        sa.Column("newest_starts", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("profile", "kind", "indicator", "area", name="pk_indicator_series"),
    )
    op.create_table(
        "indicators",
        sa.Column("profile", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("indicator", sa.String(), nullable=False),
        sa.Column("area", sa.String(), nullable=False),
        sa.Column("starts", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("profile", "kind", "indicator", "area", "starts", name="pk_indicators"),
    )
    op.create_table(
        "numbering_faults",
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("at_offset", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("first_seq", sa.BigInteger(), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("topic", "at_offset", name="pk_numbering_faults"),
    )
    op.create_table(
        "offsets",
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("next_offset", sa.BigInteger(), nullable=False),
        sa.Column("end_offset", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("topic", "partition", name="pk_offsets"),
    )
    op.create_table(
        "projection",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("writes", sa.BigInteger(), nullable=False),
        sa.Column("looked_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_projection"),
    )
    op.create_table(
        "topics",
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("topic_id", sa.String(), nullable=True),
        sa.Column("newest_seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("topic", name="pk_topics"),
    )
    op.execute("INSERT INTO projection (id, writes) VALUES (1, 0)")
