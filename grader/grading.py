"""Grades: observes a submission, judges the evidence, and tells whose fault it is when that fails."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import Final, Protocol

from grader import evidence as evidence_format
from grader.errors import GraderError, SandboxError, UnavailableError
from grader.evidence import Evidence
from grader.judge import graded, ungradable
from grader.judging import Judges
from grader.model import Exercise, Report, Submission, Timing
from grader.parameters import fill_exercise
from grader.progress import SILENT, Progress

ATTEMPTS: Final = 3
"""How often a submission is observed before it is ungradable."""

_LOG = logging.getLogger(__name__)


class Observer(Protocol):
    """What observes; see `grader.observe`. Used from many threads at once."""

    def observe(self, exercise: Exercise, submission: Submission, progress: Progress = SILENT) -> Evidence:
        """Run an answer once and write down everything that checks may need.

        Raises:
            SandboxError: The machine failed: worth another attempt.
            UnavailableError: This machine cannot do it.
        """


@dataclass(frozen=True, slots=True)
class Graded:
    """A verdict and what it rests on.

    Attributes:
        evidence: Canonical JSON, or ``None`` where nothing was observed.
    """

    report: Report
    evidence: bytes | None


class Grader:
    """Grades submissions; safe to use from many threads."""

    def __init__(self, observer: Observer, judges: Judges, *, attempts: int = ATTEMPTS) -> None:
        """Say what observes, what judges, and how often a submission is tried before it is ungradable."""
        self._observer = observer
        self._judges = judges
        self._attempts = attempts

    def grade(
        self,
        exercise: Exercise,
        submission: Submission,
        *,
        queued_ms: float = 0.0,
        progress: Progress = SILENT,
    ) -> Graded:
        """Observe and judge one submission.

        Trouble with the machine never costs points: it is tried again, and in the end reported as
        ungradable.

        Args:
            exercise: That was answered.
            submission: The answer.
            queued_ms: How long it waited before.
            progress: Told what is going on.
        """
        clock = _Clock(queued_ms)
        for attempt in range(1, self._attempts + 1):
            try:
                return self._attempt(exercise, submission, clock, progress)
            except SandboxError as error:
                reason = str(error)
                _LOG.warning(
                    "%s/%s: attempt %d of %d: %s",
                    submission.participant,
                    exercise.slug,
                    attempt,
                    self._attempts,
                    error,
                )
                if isinstance(error, UnavailableError):
                    break
            except GraderError as error:
                reason = str(error)
                break
            except Exception as error:  # noqa: BLE001  a mistake of ours costs neither points nor the rest of a batch
                reason = f"internal error: {type(error).__name__}: {error}"
                _LOG.exception("%s/%s", submission.participant, exercise.slug)
                break
        report = ungradable(exercise.slug, submission.participant, exercise.max_score, reason, clock.timing())
        return Graded(report, None)

    def _attempt(
        self, exercise: Exercise, submission: Submission, clock: _Clock, progress: Progress
    ) -> Graded:
        clock.begin_observing()
        found = self._observer.observe(fill_exercise(exercise, submission.parameters), submission, progress)
        clock.begin_judging()
        data = _canonical(found)
        results = self._judges.judge(exercise, data)
        report = graded(
            exercise, submission.participant, results, clock.timing(), evidence_format.digest(data)
        )
        return Graded(report, data)


class _Clock:
    """Where the time of one submission goes."""

    def __init__(self, queued_ms: float) -> None:
        self._queued_ms = queued_ms
        self._began = self._observing = time.monotonic()
        self._judging: float | None = None

    def begin_observing(self) -> None:
        self._observing, self._judging = time.monotonic(), None

    def begin_judging(self) -> None:
        self._judging = time.monotonic()

    def timing(self) -> Timing:
        now = time.monotonic()
        observed = now if self._judging is None else self._judging
        return Timing(
            queued_ms=round(self._queued_ms, 3),
            observe_ms=round((observed - self._observing) * 1000, 3),
            judge_ms=round((now - observed) * 1000, 3),
            total_ms=round(self._queued_ms + (now - self._began) * 1000, 3),
        )


def _canonical(found: Evidence) -> bytes:
    try:
        return evidence_format.to_json(found)
    except (TypeError, ValueError, RecursionError) as error:
        raise SandboxError(f"the evidence cannot be written down: {error}") from error
