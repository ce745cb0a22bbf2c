"""Workers and leases; whether a submission passed; participants that came from a batch."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Lead from the first schema to several workers on one queue."""
    op.create_table(
        "workers",
        sa.Column("name", sa.String(100), primary_key=True),
        sa.Column("host", sa.String(200), nullable=False),
        sa.Column("pid", sa.Integer, nullable=False),
        sa.Column("version", sa.String(40), nullable=False),
        sa.Column("started_at", sa.Float, nullable=False),
        sa.Column("seen_at", sa.Float, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("running", sa.Integer, nullable=False),
        sa.Column("ready_engines", sa.Integer, nullable=False),
        sa.Column("counters", sa.Text, nullable=False),
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("holder", sa.String(100), nullable=False),
        sa.Column("until", sa.Float, nullable=False),
    )
    op.add_column("submissions", sa.Column("passed", sa.Boolean))
    op.create_index("ix_submissions_workshop", "submissions", ["workshop_id", "exercise"])
    op.add_column(
        "participants", sa.Column("imported", sa.Boolean, nullable=False, server_default=sa.false())
    )
    submissions = sa.table(
        "submissions",
        sa.column("state", sa.String),
        sa.column("score", sa.Float),
        sa.column("max_score", sa.Float),
        sa.column("passed", sa.Boolean),
    )
    op.execute(
        submissions.update()
        .where(submissions.c.state == "graded")
        .values(passed=submissions.c.score >= submissions.c.max_score)
    )
