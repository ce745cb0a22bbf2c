"""What a regrade is to everybody who handles one: its kinds, its states and its values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import msgspec
from sqlalchemy import Row, and_

from grader.model import CheckResult, Outcome, Report
from grader.report import json
from worker.submission import JOINED, State
from worker.tables import regrade_results, regrades, submissions


class Kind(StrEnum):
    """How new verdicts come about: from stored evidence, or from evidence that is observed anew."""

    JUDGE = "judge"
    RUN = "run"


class RegradeState(StrEnum):
    """Where a regrade is; nothing about anybody's score changes before it is applied."""

    WAITING = "waiting"
    JUDGING = "judging"
    RUNNING = "running"
    READY = "ready"
    APPLIED = "applied"
    DISCARDED = "discarded"
    FAILED = "failed"

    @property
    def busy(self) -> bool:
        """Whether a worker still has to do something."""
        return self in (RegradeState.WAITING, RegradeState.JUDGING, RegradeState.RUNNING)


@dataclass(frozen=True, slots=True)
class Regrade:
    """A wish to judge or run again, and how far it got; times in seconds since 1970.

    Attributes:
        exercise: Only its submissions, or ``None`` for all.
        submission_id: Only this one, or ``None``.
        total: Submissions that have evidence; to run again, those that have files.
        judged: How many of them were judged, or have run.
        left_alone: Verdicts without evidence or files, and those whose exercise cannot be judged or run: they
            stay.
        error: Why it failed, or which exercises cannot be judged.
    """

    id: int
    workshop_id: int
    exercise: str | None
    submission_id: str | None
    kind: Kind
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
class Before:
    """The verdict that a new one is compared with; `evidence` is the address of what it rests on, if any."""

    score: float
    max_score: float
    report: bytes
    evidence: str | None


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


class CheckChange(msgspec.Struct, frozen=True):
    """A check that says something else than before; where the outcome is the same, points or words differ."""

    title: str
    before: Outcome | None
    after: Outcome | None


@dataclass(frozen=True, slots=True)
class Change:
    """What would change for one submission, or did.

    Attributes:
        errors: Checks of the new verdict that raised: their author's mistakes.
        checks: Those that say something else.
        overtaken: Whether the submission has another verdict by now than the one that this was compared with:
            that one stays.
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
    checks: tuple[CheckChange, ...]
    overtaken: bool

    @property
    def rescored(self) -> bool:
        """Whether points differ."""
        return (self.score, self.max_score) != (self.old_score, self.old_max_score)

    @property
    def turned(self) -> bool:
        """Whether a check has another outcome."""
        return any(check.before is not check.after for check in self.checks)


COLUMNS: Final = (
    regrades.c.id,
    regrades.c.workshop_id,
    regrades.c.exercise,
    regrades.c.submission_id,
    regrades.c.kind,
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


# New verdicts beside the submissions that they are about, and whether these still have the old ones.
RESULTS: Final = JOINED.join(regrade_results, regrade_results.c.submission_id == submissions.c.id)
UNTOUCHED: Final = and_(
    submissions.c.state == State.GRADED.value,
    regrade_results.c.old_evidence.is_not_distinct_from(submissions.c.evidence),
    regrade_results.c.old_score == submissions.c.score,
)


def to_regrade(row: Row[*tuple[Any, ...]]) -> Regrade:
    """Return the regrade in a row of `COLUMNS`."""
    values = list(row)
    values[4:6] = Kind(values[4]), RegradeState(values[5])
    return Regrade(*values)


def concerned(regrade: Regrade) -> list[Any]:
    """Return the conditions that tell which submissions a regrade is about: such as have verdicts."""
    conditions = [
        submissions.c.workshop_id == regrade.workshop_id,
        submissions.c.state == State.GRADED.value,
    ]
    if regrade.exercise is not None:
        conditions.append(submissions.c.exercise == regrade.exercise)
    if regrade.submission_id is not None:
        conditions.append(submissions.c.id == regrade.submission_id)
    return conditions


def to_result(regrade_id: int, submission_id: str, old: Before, report: Report) -> dict[str, Any]:
    """Return the row of `regrade_results` that keeps a new verdict beside the old one."""
    before = json.from_json(old.report)
    return {
        "regrade_id": regrade_id,
        "submission_id": submission_id,
        "old_evidence": old.evidence,
        "evidence": report.evidence,
        "old_score": old.score,
        "old_max_score": old.max_score,
        "score": report.score,
        "max_score": report.max_score,
        "passed": report.passed,
        "errors": sum(result.outcome is Outcome.ERROR for result in report.checks),
        "checks": msgspec.json.encode(differing(before.checks, report.checks)).decode(),
        "report": json.to_json(report),
    }


def differing(before: Sequence[CheckResult], after: Sequence[CheckResult]) -> tuple[CheckChange, ...]:
    """Return the checks that say something else, those first that are there now."""
    old = {result.name: result for result in before}
    new = {result.name: result for result in after}
    found = []
    for name in [*new, *(name for name in old if name not in new)]:
        was, now = old.get(name), new.get(name)
        told = now or was
        if was != now and told is not None:
            found.append(CheckChange(told.title, was.outcome if was else None, now.outcome if now else None))
    return tuple(found)


def to_checks(data: str) -> tuple[CheckChange, ...]:
    """Return what `to_result` has written down of checks."""
    return msgspec.json.decode(data, type=tuple[CheckChange, ...])
