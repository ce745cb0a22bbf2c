"""Accounts of those whom an OpenID Connect provider knows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let accounts be known by their subject; those that are there have none."""
    with op.batch_alter_table("accounts") as batch:
        batch.add_column(sa.Column("subject", sa.String(400)))
        batch.create_unique_constraint("uq_accounts_subject", ["subject"])
