"""Rules for the sections of a workshop; scoreboards without names."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Lead from one deadline for all to rules for each section."""
    op.add_column("workshops", sa.Column("anonymous", sa.Boolean, nullable=False, server_default=sa.false()))
    op.create_table(
        "section_rules",
        sa.Column(
            "workshop_id",
            sa.Integer,
            sa.ForeignKey("workshops.id", ondelete="CASCADE", name="fk_section_rules_workshop_id"),
            primary_key=True,
        ),
        sa.Column("section", sa.String(40), primary_key=True),
        sa.Column("paused", sa.Boolean, nullable=False),
        sa.Column("deadline", sa.Float),
        sa.Column("late_percent", sa.Integer),
        sa.Column("most_attempts", sa.Integer),
    )
