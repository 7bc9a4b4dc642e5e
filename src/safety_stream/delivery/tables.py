"""The tables of delivery; times are milliseconds since the epoch. Whoever changes one adds a migration."""

from __future__ import annotations

from typing import Final

from sqlalchemy import JSON, BigInteger, Boolean, Column, ForeignKey, Index, Integer, MetaData, String, Table, Text

VERSIONS: Final = "delivery_versions"
"""Where it is written which migrations were made; the copy for pages may lie in the same database, and has its own."""

METADATA = MetaData()

SUBSCRIPTIONS = Table(
    "delivery_subscriptions",
    METADATA,
    Column("subscription_id", String(36), primary_key=True),
    Column("audience", String(64), nullable=False, index=True),
    Column("channel", String(32), nullable=False),
    Column("address", String(2_000), nullable=False),
    Column("areas", JSON, nullable=False),
    Column("families", JSON, nullable=False),
    Column("priorities", JSON, nullable=False),
    Column("markings", JSON, nullable=False),
    Column("quiet_starts", Integer),
    Column("quiet_ends", Integer),
    Column("digest_at", Integer),
    Column("since", BigInteger, nullable=False),
    Column("ended", BigInteger),
)

POSITIONS = Table(
    "delivery_positions",
    METADATA,
    Column("topic", String(128), primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("next_offset", BigInteger, nullable=False),
    Column("next_seq", BigInteger, nullable=False),
    # What Kafka calls the topic, which is another thing once it was deleted and made anew.
    Column("topic_id", String(64)),
    Column("began", BigInteger, nullable=False, server_default="0"),
    Column("recorded_from", BigInteger),
)
"""Where to read on: written in the transaction that puts what was read into the outbox."""

MESSAGES = Table(
    "delivery_messages",
    METADATA,
    Column("message_id", String(36), primary_key=True),
    Column("subscription_id", ForeignKey(SUBSCRIPTIONS.c.subscription_id), nullable=False),
    Column("form", String(8), nullable=False),
    Column("channel", String(32), nullable=False),
    Column("address", String(2_000), nullable=False),
    Column("provider", String(2_100), nullable=False),
    Column("priority", String(2), nullable=False),
    Column("status", String(12), nullable=False),
    Column("attempts", Integer, nullable=False),
    # While it is being sent: when to take the sender for dead. When it was sent: when to ask where it is, if ever.
    Column("next_at", BigInteger),
    Column("may_be_taken", Boolean, nullable=False),
    Column("provider_id", Text),
    Column("why", String(32)),
    Column("made_at", BigInteger, nullable=False),
    Column("sent_at", BigInteger),
    Index("delivery_messages_due", "status", "next_at"),
)

NOTICES = Table(
    "delivery_notices",
    METADATA,
    Column("notice_id", String(36), primary_key=True),
    Column("subscription_id", ForeignKey(SUBSCRIPTIONS.c.subscription_id), nullable=False),
    Column("audience", String(64), nullable=False),
    Column("alert_id", String(36), nullable=False),
    Column("version", Integer, nullable=False),
    Column("number", Integer, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("change", String(12), nullable=False),
    Column("reason", String(20)),
    Column("priority", String(2)),
    Column("title", Text),
    Column("as_of", BigInteger, nullable=False),
    Column("late_by", BigInteger),
    Column("because", String(24), nullable=False),
    # Held for a digest until it has a message. Overtaken by something newer it keeps one only where it may be told.
    Column("due_at", BigInteger, nullable=False),
    Column("message_id", ForeignKey(MESSAGES.c.message_id)),
    Column("is_overtaken", Boolean, nullable=False),
    Index("delivery_notices_of_alert", "alert_id", "subscription_id"),
    Index("delivery_notices_held", "message_id", "is_overtaken", "due_at"),
)

OWED = Table(
    "delivery_owed",
    METADATA,
    # Each subscription is told of each thing that is owed once, whoever finds it how often.
    Column("owed_id", String(36), primary_key=True),
    Column("subscription_id", ForeignKey(SUBSCRIPTIONS.c.subscription_id), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("of", String(64), nullable=False),
    Column("alert_id", String(36), nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("message_id", ForeignKey(MESSAGES.c.message_id), nullable=False, index=True),
)

PROVIDERS = Table(
    "delivery_providers",
    METADATA,
    Column("provider", String(2_100), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("open_at", BigInteger, nullable=False),
)
"""Providers that failed and have taken nothing since: how often in a row, and until when they are left alone."""
