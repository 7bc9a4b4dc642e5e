"""Who has each alert, and what is worked out of an alert written anew: words that hold nobody, and the end of a snooze.

Words that were written before subjects were left out of them hold them, so a search would find a person by them.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

from safety_stream.core.model.published import PublishedAlert
from safety_stream.readmodel.rows import holder_of, next_clock_of, value_of, words_of

revision = "0004"
down_revision = "0003"

_AT_ONCE: Final = 1_000
"""Alerts of one statement."""

_ALERTS: Final = sa.table(
    "alerts",
    *(sa.column(name) for name in ("audience", "alert_id", "seq", "next_clock", "holder", "words")),
)
_VERSIONS: Final = sa.table("alert_versions", *(sa.column(name) for name in ("audience", "seq", "body")))


def upgrade() -> None:
    """Add the column, and go over every alert once."""
    op.add_column("alerts", sa.Column("holder", sa.String(), nullable=False, server_default=""))
    db = op.get_bind()
    written = sa.update(_ALERTS).where(
        _ALERTS.c.audience == sa.bindparam("of_audience"), _ALERTS.c.alert_id == sa.bindparam("of_alert")
    )
    current = (
        sa.select(_VERSIONS.c.audience, _VERSIONS.c.seq, _VERSIONS.c.body)
        .select_from(
            _ALERTS.join(
                _VERSIONS, sa.and_(_VERSIONS.c.audience == _ALERTS.c.audience, _VERSIONS.c.seq == _ALERTS.c.seq)
            )
        )
        .order_by(_ALERTS.c.audience, _ALERTS.c.seq)
        .limit(_AT_ONCE)
    )
    behind: tuple[str, int] = ("", 0)
    while rows := db.execute(current.where(sa.tuple_(_ALERTS.c.audience, _ALERTS.c.seq) > sa.tuple_(*behind))).all():
        db.execute(written, [_changes(value_of(body, PublishedAlert)) for _, _, body in rows])
        behind = (rows[-1][0], rows[-1][1])


def _changes(alert: PublishedAlert) -> dict[str, object]:
    return {
        "of_audience": alert.audience,
        "of_alert": alert.alert_id,
        "next_clock": next_clock_of(alert),
        "holder": holder_of(alert),
        "words": words_of(alert),
    }
