"""Sections in which the last answer counts, not the best one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let the best answer count where nobody has said otherwise."""
    op.add_column(
        "section_rules", sa.Column("last_counts", sa.Boolean, nullable=False, server_default=sa.false())
    )
