"""Who looked at which alert and why, and the choices of the inbox that people keep."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_NEVER: Final = "consultations are never changed or deleted"


def upgrade() -> None:
    """Make both tables, and have the database itself refuse to change what was recorded."""
    op.create_table(
        "consultations",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("act", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("audience", sa.String(), nullable=False),
        sa.Column("alert_id", sa.String(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("session", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_consultations"),
        sqlite_autoincrement=True,
    )
    for columns in (["session", "alert_id", "number"], ["alert_id", "number"], ["person", "number"]):
        op.create_index(f"ix_consultations_{'_'.join(columns)}", "consultations", columns, unique=False)
    op.create_table(
        "saved_choices",
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("person", "name", name="pk_saved_choices"),
    )
    for statement in _POSTGRESQL if op.get_bind().dialect.name == "postgresql" else _SQLITE:
        op.execute(statement)


_REFUSED: Final = f"BEGIN SELECT RAISE(ABORT, '{_NEVER}'); END"
_IS_THERE: Final = "EXISTS (SELECT 1 FROM consultations WHERE number = NEW.number)"
_SQLITE: Final = (
    f"CREATE TRIGGER consultations_no_update BEFORE UPDATE ON consultations {_REFUSED}",
    f"CREATE TRIGGER consultations_no_delete BEFORE DELETE ON consultations {_REFUSED}",
    # INSERT OR REPLACE deletes without the trigger for it.
    f"CREATE TRIGGER consultations_no_replace BEFORE INSERT ON consultations WHEN {_IS_THERE} {_REFUSED}",
)
_RAISED: Final = f"$$ BEGIN RAISE EXCEPTION '{_NEVER}'; END $$"
_ANY_CHANGE: Final = "BEFORE UPDATE OR DELETE OR TRUNCATE ON consultations FOR EACH STATEMENT"
_POSTGRESQL: Final = (
    f"CREATE FUNCTION consultations_never() RETURNS trigger LANGUAGE plpgsql AS {_RAISED}",
    f"CREATE TRIGGER consultations_never {_ANY_CHANGE} EXECUTE FUNCTION consultations_never()",
)
