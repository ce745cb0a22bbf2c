"""Regrades that run answers anew, to see what would change."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Lead from verdicts that are judged again to such that rest on new evidence."""
    op.add_column("regrades", sa.Column("kind", sa.String(8), nullable=False, server_default="judge"))
    # Nothing refers to these rows: SQLite may make the table anew.
    with op.batch_alter_table("regrade_results") as batch:
        batch.alter_column(
            "evidence", new_column_name="old_evidence", existing_type=sa.String(80), nullable=True
        )
    op.add_column("regrade_results", sa.Column("evidence", sa.String(80)))
    op.add_column("regrade_results", sa.Column("checks", sa.Text, nullable=False, server_default="[]"))
    results = sa.table(
        "regrade_results", sa.column("old_evidence", sa.String), sa.column("evidence", sa.String)
    )
    op.execute(results.update().values(evidence=results.c.old_evidence))
    op.create_table(
        "regrade_runs",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column(
            "regrade_id",
            sa.Integer,
            sa.ForeignKey("regrades.id", ondelete="CASCADE", name="fk_regrade_runs_regrade_id"),
            nullable=False,
        ),
        sa.Column(
            "submission_id",
            sa.String(32),
            sa.ForeignKey("submissions.id", ondelete="CASCADE", name="fk_regrade_runs_submission_id"),
            nullable=False,
        ),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        *(sa.Column(name, sa.Float) for name in ("started_at", "lease_until", "deadline", "finished_at")),
        sa.Column("worker", sa.String(100)),
        sa.Column("error", sa.Text),
    )
    op.create_index("ix_regrade_runs_waiting", "regrade_runs", ["state", "id"])
    op.create_index("ix_regrade_runs_regrade", "regrade_runs", ["regrade_id"])
    op.create_index("ix_regrade_runs_submission", "regrade_runs", ["submission_id"])
