"""Judging is pure, and whatever a check does becomes an outcome."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.exercise import load
from grader.judge import MAX_TEXT, graded, judge, malformed, ungradable
from grader.model import Outcome, Timing
from tests.literals import evidence_of, exercise_with, write_exercise


def test_passes_and_scores(tmp_path: Path) -> None:
    exercise = load(write_exercise(tmp_path))
    results = judge(exercise, evidence_of(exercise))
    assert [(result.name, result.outcome, result.points) for result in results] == [
        ("ends", Outcome.PASSED, 1.0),
        ("status", Outcome.PASSED, 2.0),
    ]
    report = graded(exercise, "ada", results, Timing(), "sha256:0")
    assert (report.score, report.max_score, report.passed) == (3.0, 3.0, True)


def test_fails_with_feedback(tmp_path: Path) -> None:
    exercise = load(write_exercise(tmp_path))
    result = judge(exercise, evidence_of(exercise, exit_code=1))[1]
    assert (result.outcome, result.points, result.max_points) == (Outcome.FAILED, 0.0, 2.0)
    assert result.feedback
    assert (result.feedback.name, result.feedback.expected, result.feedback.actual) == (
        "wrong-status",
        "7",
        "1",
    )


def test_skips_what_comes_after_a_failure(tmp_path: Path) -> None:
    exercise = load(write_exercise(tmp_path))
    ends, status = judge(exercise, evidence_of(exercise, ended="deadline", exit_code=None))
    assert (ends.outcome, status.outcome) == (Outcome.FAILED, Outcome.SKIPPED)
    assert status.feedback
    assert status.feedback.message == "Skipped because 'It ends by itself' did not pass."


def test_skips_what_was_not_observed(tmp_path: Path) -> None:
    exercise = load(write_exercise(tmp_path))
    ends, status = judge(exercise, evidence_of(exercise, observed=False))
    assert ends.outcome is Outcome.SKIPPED
    assert ends.feedback
    assert ends.feedback.message == "Skipped because run was not observed."
    assert status.outcome is Outcome.SKIPPED


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        ("return evidence.parameters['x']", "broken/checks.py:6: KeyError: 'x'"),
        ("raise SystemExit(3)", "broken/checks.py:6: SystemExit: 3"),
        ("def again(): again()\nagain()", "broken/checks.py:6: RecursionError"),
        ("import json; json.loads('{')", "broken/checks.py:6: JSONDecodeError"),
        ("return True", "broken/checks.py:4: works returned bool"),
        ("return Feedback('a', 3)", "broken/checks.py:4: works returned a feedback whose message is no text"),
        ("return Feedback('a', 'b', expected=None)", "whose expected is no text"),
        ("return Feedback('a')", "TypeError"),
        ("evidence.run.exit_code = 7", "immutable type"),
    ],
)
def test_a_broken_check_is_an_error_and_no_other_suffers(tmp_path: Path, body: str, cause: str) -> None:
    exercise = exercise_with(tmp_path, body)
    broken, right = judge(exercise, evidence_of(exercise))
    assert (broken.outcome, broken.points) == (Outcome.ERROR, 0.0)
    assert broken.feedback
    assert cause in broken.feedback.message
    assert right.outcome is Outcome.PASSED


def test_feedback_is_bounded_and_can_be_written_down(tmp_path: Path) -> None:
    exercise = exercise_with(tmp_path, r"return Feedback('a', 'x' * 10_000, actual='\ud800é')")
    feedback = judge(exercise, evidence_of(exercise))[0].feedback
    assert feedback
    assert len(feedback.message) == MAX_TEXT
    assert feedback.message.endswith("…")
    assert feedback.actual == "\\ud800é"


def test_known_results_are_taken_and_checks_announced(tmp_path: Path) -> None:
    exercise = load(write_exercise(tmp_path))
    failed = judge(exercise, evidence_of(exercise, ended="output"))[0]
    begun: list[int] = []
    results = judge(exercise, evidence_of(exercise), known={"ends": failed}, begin=begun.append)
    assert [result.outcome for result in results] == [Outcome.FAILED, Outcome.SKIPPED]
    assert begun == [1]


def test_tenths_add_up(tmp_path: Path) -> None:
    points = "[points]\nends = 0.1\nstatus = 0.2\n"
    from tests.literals import MANIFEST

    exercise = load(write_exercise(tmp_path, manifest=MANIFEST + points))
    report = graded(exercise, "ada", judge(exercise, evidence_of(exercise)), Timing(), "")
    assert (report.score, report.max_score) == (0.3, 0.3)


def test_the_other_reports() -> None:
    lost = ungradable("status", "ada", 3.0, "the machine\nfailed", Timing())
    assert (lost.status, lost.score, lost.max_score, lost.error) == ("ungradable", 0, 3, "the machine failed")
    assert not lost.passed
    bad = malformed("status", "ada", 3.0, "'answer.sh' is empty", Timing())
    assert (bad.status, bad.malformed, bad.passed) == ("graded", True, False)
    assert [(check.name, check.outcome, check.max_points) for check in bad.checks] == [
        ("submission", Outcome.FAILED, 3.0)
    ]
