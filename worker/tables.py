"""The tables of the database, as they are now; `migrations` leads there from every earlier state."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_N_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# Times are seconds since 1970 (UTC), by the database's clock where it has one.

secrets = Table(
    "secrets",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)

workshops = Table(
    "workshops",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("slug", String(64), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("join_code", String(64), nullable=False, unique=True),
    Column("secret", String(128), nullable=False),
    Column("created_at", Float, nullable=False),
    Column("frozen_at", Float),
    Column("deadline", Float),
    Column("archived_at", Float),
    Column("anonymous", Boolean, nullable=False, default=False),
)

participants = Table(
    "participants",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("workshop_id", ForeignKey("workshops.id", ondelete="CASCADE"), nullable=False),
    Column("name", String(100), nullable=False),
    Column("name_key", String(400), nullable=False),
    Column("token_digest", LargeBinary(32), nullable=False, unique=True),
    Column("session_version", Integer, nullable=False, default=1),
    Column("imported", Boolean, nullable=False, default=False),
    Column("external_id", String(100)),
    Column("subject", String(400)),
    Column("created_at", Float, nullable=False),
    UniqueConstraint("workshop_id", "name_key"),
    Index("ix_participants_subject", "subject", "workshop_id", unique=True),
)

accounts = Table(
    "accounts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(100), nullable=False, unique=True),
    Column("role", String(16), nullable=False),
    Column("password_hash", String(200), nullable=False),
    Column("subject", String(400), unique=True),
    Column("session_version", Integer, nullable=False, default=1),
    Column("created_at", Float, nullable=False),
)

submissions = Table(
    "submissions",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("workshop_id", ForeignKey("workshops.id", ondelete="CASCADE"), nullable=False),
    Column("participant_id", ForeignKey("participants.id", ondelete="CASCADE"), nullable=False),
    Column("exercise", String(100), nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempt", Integer, nullable=False, default=0),
    Column("turn", Integer, nullable=False, default=0),
    Column("created_at", Float, nullable=False),
    Column("queued_at", Float),  # where that was later: it runs again
    Column("started_at", Float),
    Column("lease_until", Float),
    Column("deadline", Float),
    Column("finished_at", Float),
    Column("score", Float),
    Column("max_score", Float),
    Column("passed", Boolean),
    Column("report", LargeBinary),
    Column("evidence", String(80)),
    Column("worker", String(100)),
    Column("error", Text),
    Column("idempotency_key", String(200)),
    Column("request_digest", LargeBinary(32)),
    UniqueConstraint("participant_id", "idempotency_key"),
    # The claim looks for the lowest turn of those that wait, and for those whose lease ran out.
    Index("ix_submissions_waiting", "state", "turn", "created_at"),
    Index("ix_submissions_participant", "participant_id", "exercise", "created_at"),
    Index("ix_submissions_workshop", "workshop_id", "exercise"),
)

submission_files = Table(
    "submission_files",
    metadata,
    Column("submission_id", ForeignKey("submissions.id", ondelete="CASCADE"), primary_key=True),
    Column("name", String(1000), primary_key=True),
    Column("content", LargeBinary, nullable=False),
)

evidence = Table(
    "evidence",
    metadata,
    Column("digest", String(80), primary_key=True),
    Column("data", LargeBinary, nullable=False),
    Column("stored_at", Float, nullable=False),
)

workers = Table(
    "workers",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("host", String(200), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("version", String(40), nullable=False),
    Column("started_at", Float, nullable=False),
    Column("seen_at", Float, nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", Text, nullable=False, default=""),
    Column("running", Integer, nullable=False, default=0),
    Column("ready_engines", Integer, nullable=False, default=0),
    Column("counters", Text, nullable=False, default="{}"),
)

leases = Table(
    "leases",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("holder", String(100), nullable=False),
    Column("until", Float, nullable=False),
)

overrides = Table(
    "overrides",
    metadata,
    Column("participant_id", ForeignKey("participants.id", ondelete="CASCADE"), primary_key=True),
    Column("exercise", String(100), primary_key=True),
    Column("workshop_id", ForeignKey("workshops.id", ondelete="CASCADE"), nullable=False),
    Column("score", Float, nullable=False),
    Column("max_score", Float, nullable=False),
    Column("comment", Text, nullable=False),
    Column("account", String(100), nullable=False),
    Column("set_at", Float, nullable=False),
    Index("ix_overrides_workshop", "workshop_id"),
)

section_rules = Table(
    "section_rules",
    metadata,
    Column("workshop_id", ForeignKey("workshops.id", ondelete="CASCADE"), primary_key=True),
    Column("section", String(40), primary_key=True),
    Column("paused", Boolean, nullable=False),
    Column("deadline", Float),
    Column("late_percent", Integer),
    Column("most_attempts", Integer),
    Column("last_counts", Boolean, nullable=False, default=False),
)

regrades = Table(
    "regrades",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("workshop_id", ForeignKey("workshops.id", ondelete="CASCADE"), nullable=False),
    Column("exercise", String(100)),
    Column("submission_id", String(32)),
    Column("kind", String(8), nullable=False, default="judge"),
    Column("state", String(16), nullable=False),
    Column("account", String(100), nullable=False),
    Column("created_at", Float, nullable=False),
    Column("finished_at", Float),
    Column("lease_until", Float),
    Column("worker", String(100)),
    Column("attempt", Integer, nullable=False, default=0),
    Column("total", Integer, nullable=False, default=0),
    Column("judged", Integer, nullable=False, default=0),
    Column("left_alone", Integer, nullable=False, default=0),
    Column("error", Text),
    Index("ix_regrades_state", "state"),
    Index("ix_regrades_workshop", "workshop_id"),
)

regrade_results = Table(
    "regrade_results",
    metadata,
    Column("regrade_id", ForeignKey("regrades.id", ondelete="CASCADE"), primary_key=True),
    Column("submission_id", ForeignKey("submissions.id", ondelete="CASCADE"), primary_key=True),
    Column("old_evidence", String(80)),
    Column("evidence", String(80)),
    Column("old_score", Float, nullable=False),
    Column("old_max_score", Float, nullable=False),
    Column("score", Float, nullable=False),
    Column("max_score", Float, nullable=False),
    Column("passed", Boolean, nullable=False),
    Column("errors", Integer, nullable=False),
    Column("checks", Text, nullable=False, default="[]"),
    Column("report", LargeBinary, nullable=False),
)

# Of a regrade that runs answers anew: a row for each. The submission itself stays as it is.
regrade_runs = Table(
    "regrade_runs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("regrade_id", ForeignKey("regrades.id", ondelete="CASCADE"), nullable=False),
    Column("submission_id", ForeignKey("submissions.id", ondelete="CASCADE"), nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempt", Integer, nullable=False, default=0),
    Column("started_at", Float),
    Column("lease_until", Float),
    Column("deadline", Float),
    Column("finished_at", Float),
    Column("worker", String(100)),
    Column("error", Text),
    Index("ix_regrade_runs_waiting", "state", "id"),
    Index("ix_regrade_runs_regrade", "regrade_id"),
    Index("ix_regrade_runs_submission", "submission_id"),
)

# Nothing here refers to another row: the trail outlives what it tells of.
audit = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", Float, nullable=False),
    Column("workshop_id", Integer),
    Column("account", String(100), nullable=False),
    Column("action", String(32), nullable=False),
    Column("participant", String(100), nullable=False, default=""),
    Column("exercise", String(100), nullable=False, default=""),
    Column("submission_id", String(32), nullable=False, default=""),
    Column("before", Text, nullable=False, default=""),
    Column("after", Text, nullable=False, default=""),
    Column("comment", Text, nullable=False, default=""),
    Index("ix_audit_action", "action"),
)
