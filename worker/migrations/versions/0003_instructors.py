"""What instructors change: scores by hand and by judging again, and a trail of who changed what."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Lead from verdicts that stand to verdicts that instructors may change."""
    op.add_column("participants", sa.Column("external_id", sa.String(100)))
    op.add_column("submissions", sa.Column("queued_at", sa.Float))
    _overrides()
    _regrades()
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("workshop_id", sa.Integer),
        sa.Column("account", sa.String(100), nullable=False),
        sa.Column("action", sa.String(32), nullable=False),
        *(
            sa.Column(name, sa.String(length), nullable=False)
            for name, length in (("participant", 100), ("exercise", 100), ("submission_id", 32))
        ),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("before", "after", "comment")),
    )
    op.create_index("ix_audit_action", "audit", ["action"])


def _reference(name: str, table: str, **options: bool) -> sa.Column[object]:
    column = f"{table[:-1]}_id"
    kind = sa.String(32) if table == "submissions" else sa.Integer
    target = sa.ForeignKey(f"{table}.id", ondelete="CASCADE", name=f"fk_{name}_{column}")
    return sa.Column(column, kind, target, **options)  # type: ignore[arg-type]


def _overrides() -> None:
    op.create_table(
        "overrides",
        _reference("overrides", "participants", primary_key=True),
        sa.Column("exercise", sa.String(100), primary_key=True),
        _reference("overrides", "workshops", nullable=False),
        sa.Column("score", sa.Float, nullable=False),
        sa.Column("max_score", sa.Float, nullable=False),
        sa.Column("comment", sa.Text, nullable=False),
        sa.Column("account", sa.String(100), nullable=False),
        sa.Column("set_at", sa.Float, nullable=False),
    )
    op.create_index("ix_overrides_workshop", "overrides", ["workshop_id"])


def _regrades() -> None:
    op.create_table(
        "regrades",
        sa.Column("id", sa.Integer, primary_key=True),
        _reference("regrades", "workshops", nullable=False),
        sa.Column("exercise", sa.String(100)),
        sa.Column("submission_id", sa.String(32)),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("account", sa.String(100), nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("finished_at", sa.Float),
        sa.Column("lease_until", sa.Float),
        sa.Column("worker", sa.String(100)),
        *(
            sa.Column(name, sa.Integer, nullable=False)
            for name in ("attempt", "total", "judged", "left_alone")
        ),
        sa.Column("error", sa.Text),
    )
    op.create_index("ix_regrades_state", "regrades", ["state"])
    op.create_index("ix_regrades_workshop", "regrades", ["workshop_id"])
    op.create_table(
        "regrade_results",
        _reference("regrade_results", "regrades", primary_key=True),
        _reference("regrade_results", "submissions", primary_key=True),
        sa.Column("evidence", sa.String(80), nullable=False),
        *(
            sa.Column(name, sa.Float, nullable=False)
            for name in ("old_score", "old_max_score", "score", "max_score")
        ),
        sa.Column("passed", sa.Boolean, nullable=False),
        sa.Column("errors", sa.Integer, nullable=False),
        sa.Column("report", sa.LargeBinary, nullable=False),
    )
