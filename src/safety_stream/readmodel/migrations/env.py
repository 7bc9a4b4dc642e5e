"""What alembic runs before the changes: it is handed a connection by `readmodel.database.migrate`."""

from __future__ import annotations

from alembic import context

from safety_stream.readmodel.tables import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
with context.begin_transaction():
    context.run_migrations()
