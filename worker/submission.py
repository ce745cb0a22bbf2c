"""What a submission is to everybody who handles one: its states and its values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import msgspec
from sqlalchemy import Row

from grader.errors import GraderError
from worker.tables import participants, submissions

ATTEMPTS: Final = 3
"""How often a submission is begun before it is ungradable."""


class State(StrEnum):
    """Where a submission is; it only ever moves down this list."""

    QUEUED = "queued"
    RUNNING = "running"
    GRADED = "graded"
    UNGRADABLE = "ungradable"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        """Whether nothing more will happen."""
        return self not in (State.QUEUED, State.RUNNING)


class ConflictError(GraderError):
    """An idempotency key was used before, for something else."""


@dataclass(frozen=True, slots=True)
class Submitted:
    """A submission as everybody may see it who may see it at all; times in seconds since 1970."""

    id: str
    workshop_id: int
    participant_id: int
    participant: str
    exercise: str
    state: State
    attempt: int
    created_at: float
    started_at: float | None
    finished_at: float | None
    score: float | None
    max_score: float | None
    passed: bool | None
    report: bytes | None
    evidence: str | None
    error: str | None


@dataclass(frozen=True, slots=True)
class Run:
    """What a submission that has a verdict is run anew for: a regrade, to see what would change."""

    id: int
    regrade_id: int


@dataclass(frozen=True, slots=True, eq=False)
class Claimed:
    """A submission that a worker has taken; nobody else has this attempt while it is that worker's.

    Attributes:
        run: Where it has a verdict, which stays meanwhile: nobody who waits is told of this.
    """

    id: str
    worker: str
    attempt: int
    workshop_id: int
    participant: str
    exercise: str
    files: Mapping[str, bytes]
    waited_ms: float
    run: Run | None = None


@dataclass(frozen=True, slots=True)
class Lost:
    """What was begun and lost as often as it may be; `error` is what was the matter, if known."""

    id: str
    attempt: int
    participant: str
    exercise: str
    max_score: float
    error: str | None
    run: Run | None = None


@dataclass(frozen=True, slots=True)
class Ungradable:
    """A submission that could not be graded; `created_at` in seconds since 1970."""

    id: str
    participant_id: int
    participant: str
    exercise: str
    created_at: float
    error: str | None


@dataclass(frozen=True, slots=True)
class Runs:
    """What is run anew for regrades, behind whoever waits.

    Attributes:
        waiting: As in `Queue`: new ones and those whose worker fell silent.
    """

    waiting: int
    running: int


@dataclass(frozen=True, slots=True)
class Queue:
    """What waits and what runs.

    Attributes:
        waiting: Submissions that nobody grades: new ones and those whose worker fell silent.
        oldest_seconds: For how long the oldest of them has waited.
    """

    waiting: int
    running: int
    oldest_seconds: float


class Standing(msgspec.Struct, frozen=True):
    """The best that a participant has reached in an exercise; quickly made, for a scoreboard has 13,800.

    Attributes:
        at: When that was submitted.
        by_hand: Whether an instructor has set the score.
    """

    participant_id: int
    participant: str
    exercise: str
    score: float
    max_score: float
    passed: bool
    attempts: int
    at: float
    by_hand: bool = False


COLUMNS: Final = (
    submissions.c.id,
    submissions.c.workshop_id,
    submissions.c.participant_id,
    participants.c.name,
    submissions.c.exercise,
    submissions.c.state,
    submissions.c.attempt,
    submissions.c.created_at,
    submissions.c.started_at,
    submissions.c.finished_at,
    submissions.c.score,
    submissions.c.max_score,
    submissions.c.passed,
    submissions.c.report,
    submissions.c.evidence,
    submissions.c.error,
)
JOINED: Final = submissions.join(participants, participants.c.id == submissions.c.participant_id)


def to_submitted(row: Row[*tuple[Any, ...]]) -> Submitted:
    """Return the submission in a row of `COLUMNS`."""
    values = list(row)
    values[5] = State(values[5])
    return Submitted(*values)
