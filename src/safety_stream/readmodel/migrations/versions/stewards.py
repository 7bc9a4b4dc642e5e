"""What people did beside looking, which sessions were ended, and the possible matches there are to decide."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_NEVER: Final = "deeds are never changed or deleted"


def upgrade() -> None:
    """Make the tables, and have the database itself refuse to change what was recorded."""
    op.create_table(
        "deeds",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("of", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_deeds"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_deeds_what_of_number", "deeds", ["what", "of", "number"], unique=False)
    op.create_table(
        "ended_sessions",
        sa.Column("session", sa.String(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("session", name="pk_ended_sessions"),
    )
    op.create_index("ix_ended_sessions_until", "ended_sessions", ["until"], unique=False)
    op.create_table(
        "possible_matches",
        sa.Column("first", sa.String(), nullable=False),
        sa.Column("second", sa.String(), nullable=False),
        sa.Column("reports", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("first", "second", name="pk_possible_matches"),
    )
    op.create_index("ix_possible_matches_reports", "possible_matches", ["reports"], unique=False)
    op.create_table(
        "weighed",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_weighed"),
    )
    for statement in _POSTGRESQL if op.get_bind().dialect.name == "postgresql" else _SQLITE:
        op.execute(statement)


_REFUSED: Final = f"BEGIN SELECT RAISE(ABORT, '{_NEVER}'); END"
_IS_THERE: Final = "EXISTS (SELECT 1 FROM deeds WHERE number = NEW.number)"
_SQLITE: Final = (
    f"CREATE TRIGGER deeds_no_update BEFORE UPDATE ON deeds {_REFUSED}",
    f"CREATE TRIGGER deeds_no_delete BEFORE DELETE ON deeds {_REFUSED}",
    # INSERT OR REPLACE deletes without the trigger for it.
    f"CREATE TRIGGER deeds_no_replace BEFORE INSERT ON deeds WHEN {_IS_THERE} {_REFUSED}",
)
_RAISED: Final = f"$$ BEGIN RAISE EXCEPTION '{_NEVER}'; END $$"
_ANY_CHANGE: Final = "BEFORE UPDATE OR DELETE OR TRUNCATE ON deeds FOR EACH STATEMENT"
_POSTGRESQL: Final = (
    f"CREATE FUNCTION deeds_never() RETURNS trigger LANGUAGE plpgsql AS {_RAISED}",
    f"CREATE TRIGGER deeds_never {_ANY_CHANGE} EXECUTE FUNCTION deeds_never()",
)
