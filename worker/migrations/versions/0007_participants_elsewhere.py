"""Participants whom an OpenID Connect provider knows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let participants be known by their subject; those that are there have none."""
    # An index, no constraint: for one, SQLite would have to drop the table, and all answers with it.
    op.add_column("participants", sa.Column("subject", sa.String(400)))
    op.create_index("ix_participants_subject", "participants", ["subject", "workshop_id"], unique=True)
