"""The tables of the copy, and the rows that values become.

A value is kept whole, as MessagePack in `body`; beside it stand only the columns that something is chosen or sorted by.
What a column says follows from the value, so nobody can see two stories. Instants are milliseconds since 1970 and days
are numbers, as everywhere.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    Text,
)

METADATA: Final = MetaData(naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s", "pk": "pk_%(table_name)s"})

PROJECTION: Final = Table(
    "projection",
    METADATA,
    # One row, changed first by whoever writes, so that two projections of one database wait for one another.
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("writes", BigInteger, nullable=False),
    # When Kafka was last asked where its topics end, by the clock of who asked; None until then.
    Column("looked_at", BigInteger, nullable=True),
)

OFFSETS: Final = Table(
    "offsets",
    METADATA,
    Column("topic", String, nullable=False),
    Column("partition", Integer, nullable=False),
    # Everything before this offset is in the tables, and nothing from it on.
    Column("next_offset", BigInteger, nullable=False),
    # Where the partition ended when it was last asked; None until then.
    Column("end_offset", BigInteger, nullable=True),
    PrimaryKeyConstraint("topic", "partition"),
)

TOPICS: Final = Table(
    "topics",
    METADATA,
    Column("topic", String, primary_key=True),
    # What Kafka calls the topic, which is another thing once it was deleted and made anew.
    Column("topic_id", String, nullable=True),
    # The newest number of a numbered feed, else 0.
    Column("newest_seq", BigInteger, nullable=False),
)

FAULTS: Final = Table(
    "numbering_faults",
    METADATA,
    # The record at which it was noticed.
    Column("topic", String, nullable=False),
    Column("at_offset", BigInteger, nullable=False),
    Column("kind", String, nullable=False),
    Column("first_seq", BigInteger, nullable=False),
    Column("last_seq", BigInteger, nullable=False),
    PrimaryKeyConstraint("topic", "at_offset"),
)

# Without bodies, which are with the version of the same number: many small rows are looked through quickly.
ALERTS: Final = Table(
    "alerts",
    METADATA,
    Column("audience", String, nullable=False),
    Column("alert_id", String, nullable=False),
    Column("seq", BigInteger, nullable=False),
    # The newest number that was more than a note or a judgement.
    Column("changed_seq", BigInteger, nullable=False, server_default="0"),
    # 0 while somebody has something to do about it, else 1.
    Column("shelf", SmallInteger, nullable=False),
    # 1 to 4 as its priority; 5 where the audience is not told one.
    Column("urgency", SmallInteger, nullable=False),
    # The next time by which something is asked for, or a snooze ends; `NO_CLOCK` where neither is.
    Column("next_clock", BigInteger, nullable=False),
    Column("state", String, nullable=False),
    Column("family", String, nullable=True),
    # The partner it was referred to, or whoever acknowledged it; empty for nobody.
    Column("holder", String, nullable=False, server_default=""),
    # What is searched, in lower case.
    Column("words", Text, nullable=False),
    PrimaryKeyConstraint("audience", "alert_id"),
    Index(None, "audience", "seq", unique=True),
)
Index("ix_alerts_inbox", ALERTS.c.audience, ALERTS.c.shelf, ALERTS.c.urgency, ALERTS.c.next_clock, ALERTS.c.seq.desc())

ALERT_AREAS: Final = Table(
    "alert_areas",
    METADATA,
    Column("audience", String, nullable=False),
    Column("alert_id", String, nullable=False),
    Column("area", String, nullable=False),
    PrimaryKeyConstraint("audience", "alert_id", "area"),
)

ALERT_VERSIONS: Final = Table(
    "alert_versions",
    METADATA,
    Column("audience", String, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("alert_id", String, nullable=False),
    Column("version", Integer, nullable=False),
    Column("change", String, nullable=False),
    Column("as_of", BigInteger, nullable=False),
    Column("rule_id", String, nullable=True),
    Column("area", String, nullable=True),
    # The areas last told before this version, with spaces between: who was told there sees that it moved or went.
    Column("areas_before", String, nullable=False),
    Column("body", LargeBinary, nullable=False),
    PrimaryKeyConstraint("audience", "seq"),
    Index(None, "audience", "alert_id", "seq"),
    Index(None, "audience", "change", "as_of"),
    Index(None, "audience", "rule_id", "area", "as_of"),
)

INDICATORS: Final = Table(
    "indicators",
    METADATA,
    Column("profile", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("indicator", String, nullable=False),
    Column("area", String, nullable=False),
    Column("starts", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    PrimaryKeyConstraint("profile", "kind", "indicator", "area", "starts"),
)

INDICATOR_SERIES: Final = Table(
    "indicator_series",
    METADATA,
    Column("profile", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("indicator", String, nullable=False),
    Column("area", String, nullable=False),
    # Without it, the newest period of each series would take a look at every period there is.
    Column("newest_starts", Integer, nullable=False),
    PrimaryKeyConstraint("profile", "kind", "indicator", "area"),
)

INDICATOR_REVISIONS: Final = Table(
    "indicator_revisions",
    METADATA,
    Column("profile", String, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("kind", String, nullable=False),
    Column("indicator", String, nullable=False),
    Column("area", String, nullable=False),
    Column("starts", Integer, nullable=False),
    Column("as_of", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    PrimaryKeyConstraint("profile", "seq"),
    Index("ix_indicator_revisions_series", "profile", "kind", "indicator", "area", "starts", "seq"),
)

FEED_PARTITIONS: Final = Table(
    "feed_partitions",
    METADATA,
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("as_of", BigInteger, nullable=False),
)

FEEDS: Final = Table(
    "feeds",
    METADATA,
    Column("source", String, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("newest", BigInteger, nullable=False),
    # The `as_of` at which this newest report was first spoken of.
    Column("heard_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("source", "partition"),
)

# What was refused may hold anything, a name in clear among it: its bytes stay on the topic.
DEAD_LETTERS: Final = Table(
    "dead_letters",
    METADATA,
    Column("topic", String, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("stage", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("source_topic", String, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("topic", "partition", "offset"),
    Index(None, "received_at"),
)

# What is owed: answers to what was told and is no longer true, and reviews of alerts that were opened in an emergency.
ALERT_CAUSES: Final = Table(
    "alert_causes",
    METADATA,
    # A version of an alert that came about because a report was put right.
    Column("alert_id", String, nullable=False),
    Column("version", Integer, nullable=False),
    Column("incident_id", String, nullable=False),
    Column("action", String, nullable=False),
    PrimaryKeyConstraint("alert_id", "version"),
)

ALERT_RESTS: Final = Table(
    "alert_rests",
    METADATA,
    # The reports the findings of an alert name, and the findings they name in the place of one: as the alert stands, or
    # as any version of it stood.
    Column("alert_id", String, nullable=False),
    Column("incident_id", String, nullable=False),
    Column("stands", Boolean, nullable=False),
    PrimaryKeyConstraint("alert_id", "incident_id"),
    Index(None, "incident_id"),
)

FINDING_RESTS: Final = Table(
    "finding_rests",
    METADATA,
    # What a finding names in the same way, as it stands or as it ever stood: so an alert that rests on what was found
    # elsewhere can be followed down to reports.
    Column("finding_id", String, nullable=False),
    Column("incident_id", String, nullable=False),
    Column("stands", Boolean, nullable=False),
    # Of the finding's newest change, whichever report that named.
    Column("as_of", BigInteger, nullable=False),
    PrimaryKeyConstraint("finding_id", "incident_id"),
    Index(None, "incident_id"),
    Index(None, "as_of", "finding_id"),
)

DISPUTES: Final = Table(
    "disputes",
    METADATA,
    # A report that is disputed as it stands, and since when.
    Column("incident_id", String, primary_key=True),
    Column("since", BigInteger, nullable=False),
)

ENTRIES: Final = Table(
    "audit_entries",
    METADATA,
    # What was put on record by its number in `audit.entries`: acknowledgements, opened alerts, reviews and holds.
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    # The first word of its reason.
    Column("what", String, nullable=False),
    Column("as_of", BigInteger, nullable=False),
    Column("audience", String, nullable=False),
    Column("alert_id", String, nullable=True),
    Column("body", LargeBinary, nullable=False),
    Index(None, "what", "seq"),
    Index(None, "alert_id"),
)

# From here on nothing is a copy: what people did with the pages is in this database and nowhere else.
_NUMBER = BigInteger().with_variant(Integer(), "sqlite")
"""A number the database gives; SQLite does so for its own kind of integer alone."""

CONSULTATIONS: Final = Table(
    "consultations",
    METADATA,
    # A trigger refuses to change a row, and to delete one that `purged` does not say was purged.
    Column("number", _NUMBER, primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False, index=True),
    # "reason" where somebody gave one, "view" where the alert was shown for it.
    Column("act", String, nullable=False),
    Column("person", String, nullable=False),
    Column("role", String, nullable=False),
    Column("audience", String, nullable=False),
    Column("alert_id", String, nullable=False),
    # The number of the feed that was newest of the alert.
    Column("seq", BigInteger, nullable=False),
    Column("reason", String, nullable=False),
    Column("session", String, nullable=False),
    # The chain: its place in it from 1 without gap, the hash of the row before, and its own (`people.link_of`).
    Column("place", BigInteger, nullable=True),
    Column("previous_hash", String(64), nullable=True),
    Column("hash", String(64), nullable=True),
    # Numbers of rows that are gone are never given again, so that a gap shows.
    sqlite_autoincrement=True,
)
Index(
    "ix_consultations_session_alert_id_number", *(CONSULTATIONS.c[name] for name in ("session", "alert_id", "number"))
)
Index("ix_consultations_alert_id_number", CONSULTATIONS.c.alert_id, CONSULTATIONS.c.number)
Index("ix_consultations_person_number", CONSULTATIONS.c.person, CONSULTATIONS.c.number)
Index("ix_consultations_place", CONSULTATIONS.c.place, unique=True)

PURGED: Final = Table(
    "purged",
    METADATA,
    # Of what nobody may delete: the number up to which it was purged, and of a chain the place and the hash there.
    Column("what", String, primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("place", BigInteger, nullable=False),
    Column("hash", String(64), nullable=False),
)

SAVED_CHOICES: Final = Table(
    "saved_choices",
    METADATA,
    Column("person", String, nullable=False),
    Column("name", String, nullable=False),
    # The end of the inbox's address that makes the choice.
    Column("query", Text, nullable=False),
    PrimaryKeyConstraint("person", "name"),
)

DEEDS: Final = Table(
    "deeds",
    METADATA,
    # A trigger refuses to change a row, and to delete one that `purged` does not say was purged.
    Column("number", _NUMBER, primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False, index=True),
    Column("person", String, nullable=False),
    Column("role", String, nullable=False),
    # What was done: a word of `people.What`.
    Column("what", String, nullable=False),
    # To what: the id of a subscription, a dead letter, a decision or a sheet of a handover.
    Column("of", String, nullable=False),
    # "asked" before it is done, then "done" or "failed".
    Column("outcome", String, nullable=False),
    Column("said", Text, nullable=False),
    sqlite_autoincrement=True,
)
Index("ix_deeds_what_of_number", DEEDS.c.what, DEEDS.c.of, DEEDS.c.number)

ENDED_SESSIONS: Final = Table(
    "ended_sessions",
    METADATA,
    Column("session", String, primary_key=True),
    # Until when a copy of its cookie would have been good; then the row is of no use.
    Column("until", BigInteger, nullable=False),
    Index(None, "until"),
)

# A copy again, and one that is made whole each time (`links weigh`): pairs of tokens that may be one person.
POSSIBLE_MATCHES: Final = Table(
    "possible_matches",
    METADATA,
    Column("first", String, nullable=False),
    Column("second", String, nullable=False),
    # How many reports rest on the pair, so that the weightiest is decided first.
    Column("reports", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    PrimaryKeyConstraint("first", "second"),
    Index(None, "reports"),
)

WEIGHED: Final = Table(
    "weighed",
    METADATA,
    # One row: when the possible matches were last read and their reports counted.
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
)
