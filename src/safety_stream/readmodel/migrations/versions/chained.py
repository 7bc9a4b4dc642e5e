"""Looks become a chain, each with the hash of the one before it; and what is older than its class may be purged.

Deletion goes on being refused but for what `purged` says was purged: a row of it is moved on first, in the transaction
that deletes.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

from safety_stream.core.audit import FIRST_HASH
from safety_stream.readmodel.people import Consultation, link_of

revision = "0006"
down_revision = "0005"

_LOOKS: Final = sa.table(
    "consultations",
    *(
        sa.column(name)
        for name in (
            "number", "at", "act", "person", "role", "audience", "alert_id", "seq", "reason", "session",
            "place", "previous_hash", "hash",
        )
    ),
)  # fmt: skip


def upgrade() -> None:
    """Add the columns, chain what there is, and let the database refuse anew."""
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    op.create_table(
        "purged",
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("what", name="pk_purged"),
    )
    for statement in _POSTGRESQL_BEFORE if is_postgresql else _SQLITE_BEFORE:
        op.execute(statement)
    op.add_column("consultations", sa.Column("place", sa.BigInteger(), nullable=True))
    op.add_column("consultations", sa.Column("previous_hash", sa.String(64), nullable=True))
    op.add_column("consultations", sa.Column("hash", sa.String(64), nullable=True))
    _chain()
    op.create_index("ix_consultations_place", "consultations", ["place"], unique=True)
    op.create_index("ix_consultations_at", "consultations", ["at"], unique=False)
    op.create_index("ix_deeds_at", "deeds", ["at"], unique=False)
    for statement in _POSTGRESQL_AFTER if is_postgresql else _SQLITE_AFTER:
        op.execute(statement)


def _chain() -> None:
    db = op.get_bind()
    place, last = 0, FIRST_HASH
    for row in db.execute(sa.select(_LOOKS).order_by(_LOOKS.c.number)).mappings().all():
        look = Consultation(**{name: row[name] for name in Consultation.__struct_fields__})
        place, record = place + 1, link_of(look, place + 1, last)
        changes = {"place": place, "previous_hash": last, "hash": record.hash}
        db.execute(sa.update(_LOOKS).where(_LOOKS.c.number == row["number"]).values(changes))
        last = record.hash


_TABLES: Final = ("consultations", "deeds")


def _refused(table: str) -> str:
    return f"BEGIN SELECT RAISE(ABORT, '{table} are never changed, and deleted only when they are purged'); END"


_PURGED_TO: Final = "COALESCE((SELECT number FROM purged WHERE what = '{table}'), 0)"

_SQLITE_BEFORE: Final = (
    "DROP TRIGGER consultations_no_update",
    "DROP TRIGGER consultations_no_delete",
    "DROP TRIGGER deeds_no_delete",
)
_SQLITE_AFTER: Final = (
    f"CREATE TRIGGER consultations_no_update BEFORE UPDATE ON consultations {_refused('consultations')}",
    *(
        f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} "
        f"WHEN OLD.number > {_PURGED_TO.format(table=table)} {_refused(table)}"
        for table in _TABLES
    ),
)
_POSTGRESQL_BEFORE: Final = tuple(f"DROP TRIGGER {table}_never ON {table}" for table in _TABLES)


def _on_postgresql(table: str) -> tuple[str, str, str]:
    """What refuses any change of a table, and any deletion but of what was purged."""
    never = (
        f"CREATE TRIGGER {table}_never BEFORE UPDATE OR TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_never()"
    )
    purged = (
        f"CREATE FUNCTION {table}_purged() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF OLD.number > {_PURGED_TO.format(table=table)} THEN "
        f"RAISE EXCEPTION '{table} are deleted only when they are purged'; END IF; RETURN OLD; END $$"
    )
    return (
        never,
        purged,
        f"CREATE TRIGGER {table}_purged BEFORE DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {table}_purged()",
    )


_POSTGRESQL_AFTER: Final = tuple(statement for table in _TABLES for statement in _on_postgresql(table))
