"""What alembic runs before the changes: it is handed a connection by `sealing.database.migrate`."""

from __future__ import annotations

from alembic import context

from safety_stream.sealing.tables import METADATA, VERSIONS

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    version_table=VERSIONS,
)
with context.begin_transaction():
    context.run_migrations()
