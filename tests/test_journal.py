"""The journal survives being killed, and knows which answer a report was for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from grader.errors import GraderError
from grader.exercise import load
from grader.journal import Journal, answer_digest
from grader.judge import malformed, ungradable
from grader.model import Outcome, Submission, Timing
from tests.literals import CHECKS, report_of, write_exercise

REPORT = report_of(Outcome.PASSED)


def written(path: Path, count: int = 3) -> Path:
    with Journal(path, resume=False) as journal:
        for number in range(count):
            journal.append(f"a{number}", report_of(Outcome.PASSED, participant=f"p{number}"))
    return path


def test_goes_on_where_it_stopped(tmp_path: Path) -> None:
    path = written(tmp_path / "new" / "j")
    with Journal(path, resume=True) as journal:
        assert journal.find("p1", "status", "a1") == report_of(Outcome.PASSED, participant="p1")
        assert journal.find("p1", "status", "changed") is None
        assert journal.find("p1", "other", "a1") is None
        journal.append("a9", report_of(Outcome.FAILED, participant="p9"))
    with Journal(path, resume=True) as journal:
        assert journal.find("p9", "status", "a9")
        assert journal.find("p0", "status", "a0")


def test_starts_afresh_unless_resumed(tmp_path: Path) -> None:
    path = written(tmp_path / "j")
    with Journal(path, resume=False) as journal:
        assert journal.find("p1", "status", "a1") is None
    assert path.read_bytes() == b""


@pytest.mark.parametrize("cut", [1, 10, 200])
def test_drops_a_line_that_was_cut_short(tmp_path: Path, cut: int) -> None:
    path = written(tmp_path / "j")
    os.truncate(path, path.stat().st_size - cut)
    with Journal(path, resume=True) as journal:
        assert journal.find("p1", "status", "a1")
        assert journal.find("p2", "status", "a2") is None
        journal.append("a2", report_of(Outcome.PASSED, participant="p2"))
    with Journal(path, resume=True) as journal:
        assert all(journal.find(f"p{number}", "status", f"a{number}") for number in range(3))


def test_takes_reports_of_an_earlier_output(tmp_path: Path) -> None:
    with Journal(tmp_path / "j", resume=True) as journal:
        journal.add_earlier(
            [
                REPORT,
                malformed("status", "bob", 3.0, "x", Timing()),
                ungradable("status", "eve", 3.0, "x", Timing()),
            ]
        )
        assert journal.find("ada", "status", "anything") == REPORT
        assert journal.find("bob", "status", "anything") is None
        assert journal.find("eve", "status", "anything") is None


def test_a_journal_that_cannot_be_kept_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(GraderError, match="j"):
        Journal(tmp_path, resume=False)


def test_the_digest_follows_answer_values_and_exercise(tmp_path: Path) -> None:
    exercise = load(write_exercise(tmp_path))
    changed = load(write_exercise(tmp_path / "b", checks=CHECKS + "\n"))
    answers = [
        (exercise, Submission("status", "ada", {"a": b"1", "b": b"2"}, {"x": 1})),
        (exercise, Submission("status", "ada", {"a": b"1", "b": b"3"}, {"x": 1})),
        (exercise, Submission("status", "ada", {"a": b"1b", "": b"2"}, {"x": 1})),
        (exercise, Submission("status", "ada", {"a": b"1", "b": b"2"}, {"x": 2})),
        (changed, Submission("status", "ada", {"a": b"1", "b": b"2"}, {"x": 1})),
    ]
    assert len({answer_digest(*answer) for answer in answers}) == len(answers)
    assert answer_digest(*answers[0]) == answer_digest(
        exercise, Submission("status", "bob", {"b": b"2", "a": b"1"}, {"x": 1})
    )
