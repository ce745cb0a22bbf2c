"""What judging again is to everybody who handles it: its states and its values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Row

from grader.model import Report
from worker.tables import regrades


class RegradeState(StrEnum):
    """Where a regrade is; nothing about anybody's score changes before it is applied."""

    WAITING = "waiting"
    JUDGING = "judging"
    READY = "ready"
    APPLIED = "applied"
    DISCARDED = "discarded"
    FAILED = "failed"

    @property
    def busy(self) -> bool:
        """Whether a worker still has to do something."""
        return self in (RegradeState.WAITING, RegradeState.JUDGING)


@dataclass(frozen=True, slots=True)
class Regrade:
    """A wish to judge again, and how far it got; times in seconds since 1970.

    Attributes:
        exercise: Only its submissions, or ``None`` for all.
        submission_id: Only this one, or ``None``.
        total: Submissions that have evidence.
        judged: How many of them were judged.
        left_alone: Verdicts without evidence, and those whose exercise cannot be judged: they stay.
        error: Why it failed, or which exercises cannot be judged.
    """

    id: int
    workshop_id: int
    exercise: str | None
    submission_id: str | None
    state: RegradeState
    account: str
    created_at: float
    finished_at: float | None
    attempt: int
    total: int
    judged: int
    left_alone: int
    error: str | None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A verdict that is judged again."""

    submission_id: str
    participant: str
    exercise: str
    score: float
    max_score: float
    report: bytes
    address: str
    evidence: bytes


@dataclass(frozen=True, slots=True)
class Rejudged:
    """A verdict that comes out otherwise than before."""

    candidate: Candidate
    report: Report


@dataclass(frozen=True, slots=True)
class Change:
    """What would change for one submission, or did.

    Attributes:
        errors: Checks of the new verdict that raised: their author's mistakes.
    """

    submission_id: str
    participant: str
    exercise: str
    submitted_at: float
    old_score: float
    old_max_score: float
    score: float
    max_score: float
    errors: int


COLUMNS: Final = (
    regrades.c.id,
    regrades.c.workshop_id,
    regrades.c.exercise,
    regrades.c.submission_id,
    regrades.c.state,
    regrades.c.account,
    regrades.c.created_at,
    regrades.c.finished_at,
    regrades.c.attempt,
    regrades.c.total,
    regrades.c.judged,
    regrades.c.left_alone,
    regrades.c.error,
)


def to_regrade(row: Row[*tuple[Any, ...]]) -> Regrade:
    """Return the regrade in a row of `COLUMNS`."""
    values = list(row)
    values[4] = RegradeState(values[4])
    return Regrade(*values)
