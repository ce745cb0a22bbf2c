"""Workshops, people, submissions and evidence."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Lead from nothing to the first schema."""
    op.create_table(
        "secrets",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.create_table(
        "workshops",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("slug", sa.String(64), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("join_code", sa.String(64), nullable=False),
        sa.Column("secret", sa.String(128), nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("frozen_at", sa.Float),
        sa.Column("deadline", sa.Float),
        sa.Column("archived_at", sa.Float),
        sa.UniqueConstraint("slug", name="uq_workshops_slug"),
        sa.UniqueConstraint("join_code", name="uq_workshops_join_code"),
    )
    op.create_table(
        "participants",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column(
            "workshop_id",
            sa.Integer,
            sa.ForeignKey("workshops.id", ondelete="CASCADE", name="fk_participants_workshop_id"),
            nullable=False,
        ),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("name_key", sa.String(400), nullable=False),
        sa.Column("token_digest", sa.LargeBinary(32), nullable=False),
        sa.Column("session_version", sa.Integer, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.UniqueConstraint("workshop_id", "name_key", name="uq_participants_workshop_id"),
        sa.UniqueConstraint("token_digest", name="uq_participants_token_digest"),
    )
    op.create_table(
        "accounts",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("password_hash", sa.String(200), nullable=False),
        sa.Column("session_version", sa.Integer, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.UniqueConstraint("name", name="uq_accounts_name"),
    )
    op.create_table(
        "submissions",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column(
            "workshop_id",
            sa.Integer,
            sa.ForeignKey("workshops.id", ondelete="CASCADE", name="fk_submissions_workshop_id"),
            nullable=False,
        ),
        sa.Column(
            "participant_id",
            sa.Integer,
            sa.ForeignKey("participants.id", ondelete="CASCADE", name="fk_submissions_participant_id"),
            nullable=False,
        ),
        sa.Column("exercise", sa.String(100), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("turn", sa.Integer, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("started_at", sa.Float),
        sa.Column("lease_until", sa.Float),
        sa.Column("deadline", sa.Float),
        sa.Column("finished_at", sa.Float),
        sa.Column("score", sa.Float),
        sa.Column("max_score", sa.Float),
        sa.Column("report", sa.LargeBinary),
        sa.Column("evidence", sa.String(80)),
        sa.Column("worker", sa.String(100)),
        sa.Column("error", sa.Text),
        sa.Column("idempotency_key", sa.String(200)),
        sa.Column("request_digest", sa.LargeBinary(32)),
        sa.UniqueConstraint("participant_id", "idempotency_key", name="uq_submissions_participant_id"),
    )
    op.create_index("ix_submissions_waiting", "submissions", ["state", "turn", "created_at"])
    op.create_index("ix_submissions_participant", "submissions", ["participant_id", "exercise", "created_at"])
    op.create_table(
        "submission_files",
        sa.Column(
            "submission_id",
            sa.String(32),
            sa.ForeignKey("submissions.id", ondelete="CASCADE", name="fk_submission_files_submission_id"),
            primary_key=True,
        ),
        sa.Column("name", sa.String(1000), primary_key=True),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "evidence",
        sa.Column("digest", sa.String(80), primary_key=True),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.Column("stored_at", sa.Float, nullable=False),
    )
