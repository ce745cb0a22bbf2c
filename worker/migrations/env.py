"""Runs migrations on the connection that `worker.schema` hands in."""

from __future__ import annotations

from alembic import context

from worker.tables import metadata

with context.config.attributes["database"].write() as connection:
    context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
    context.run_migrations()
