"""Grading retries the machine's failures, and never lets them cost a participant anything."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from grader.errors import SandboxError, UnavailableError
from grader.evidence import digest, from_json
from grader.exercise import load
from grader.grading import Graded, Grader
from grader.judging import Judges
from grader.model import Exercise, Submission
from tests.literals import Written, write_exercise


class Failing:
    """Raises the given errors in turn, then does nothing."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)

    def __call__(self, exercise: Exercise, submission: Submission) -> None:
        if self.errors:
            raise self.errors.pop(0)


def grade(tmp_path: Path, *errors: Exception, queued_ms: float = 0.0) -> tuple[Graded, Written]:
    exercise = load(write_exercise(tmp_path))
    observer = Written(Failing(*errors))
    with Judges([exercise], size=1) as judges:
        submission = Submission("status", "ada", {"answer.sh": b"exit 7"})
        return Grader(observer, judges).grade(exercise, submission, queued_ms=queued_ms), observer


def test_reports_with_evidence_and_timing(tmp_path: Path) -> None:
    graded, _ = grade(tmp_path, queued_ms=5.0)
    report = graded.report
    assert report.passed
    assert graded.evidence
    assert report.evidence == digest(graded.evidence)
    assert from_json(graded.evidence).participant == "ada"
    timing = report.timing
    assert timing.queued_ms == 5.0
    assert timing.total_ms >= timing.queued_ms + timing.observe_ms + timing.judge_ms - 0.01
    assert timing.judge_ms > 0


def test_the_machine_may_fail_twice(tmp_path: Path) -> None:
    graded, observer = grade(tmp_path, SandboxError("one"), SandboxError("two"))
    assert graded.report.passed
    assert len(observer.observed) == 3


def test_three_failures_are_ungradable(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    graded, observer = grade(tmp_path, *(SandboxError(f"no {number}") for number in (1, 2, 3)))
    assert graded.evidence is None
    report = graded.report
    assert (report.status, report.error, report.score, report.max_score) == ("ungradable", "no 3", 0, 3)
    assert len(observer.observed) == 3
    assert "attempt 2 of 3: no 2" in caplog.text


def test_what_is_unavailable_is_not_tried_again(tmp_path: Path) -> None:
    graded, observer = grade(tmp_path, UnavailableError("no crun", "apt install crun"))
    assert graded.report.error == "no crun; mend it by: apt install crun"
    assert len(observer.observed) == 1


def test_a_mistake_of_ours_is_ungradable_and_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        graded, _ = grade(tmp_path, ZeroDivisionError("oops"))
    assert graded.report.error == "internal error: ZeroDivisionError: oops"
    assert "Traceback" in caplog.text
