"""Proving exercises from the command line and from pytest."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from grader.observe import observer
from tests.cli.conftest import Ran, WrittenObserver
from tests.literals import CHECKS, write_exercise

Run = Callable[..., Ran]
STRICT = CHECKS.replace('It ends by itself"', 'It ends by itself", points=0')
SAMPLES = {
    "submissions/accepted/one/answer.sh": "exit 7\n",
    "submissions/accepted/two/answer.sh": "exit 7 # again\n",
    "submissions/rejected/wrong-status/one/answer.sh": "exit 1\n",
    "submissions/rejected/wrong-status/zero/answer.sh": "exit 0\n",
    "submissions/rejected/wrong-status/fake-print/answer.sh": "echo exit 7\n",
}


def test_proves_what_holds(run: Run, exercises: Path) -> None:
    write_exercise(exercises, checks=STRICT, files=SAMPLES)
    found = run("verify", "status", "--jobs", "2", "--runs", "3")
    assert found.code == 0
    assert "7 of 7 proven" in found.out
    assert run("verify", "status", "-q").out == ""


def test_shows_what_does_not_hold(run: Run, exercises: Path) -> None:
    write_exercise(exercises, files=SAMPLES)
    found = run("verify", "status")
    assert found.code == 1
    assert "not proven" in found.out
    assert "6 of 7 proven" in found.out
    assert "score 0" in run("verify", "status", "-q").out


def test_a_broken_exercise_is_named_and_the_others_proven(run: Run, exercises: Path) -> None:
    write_exercise(exercises, checks=STRICT, files=SAMPLES)
    write_exercise(exercises, "bad", checks="x = (")
    found = run("verify", "status", "bad")
    assert found.code == 2
    assert "SyntaxError" in found.out
    assert "7 of 8 proven" in found.out
    assert found.out.index("SyntaxError") > found.out.rindex("status "), "what failed comes last"


@pytest.mark.slow
def test_pytest_proves_exercises_too(
    exercises: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(observer, "Observer", WrittenObserver)
    files = {**SAMPLES, "submissions/rejected/no-end/hostile/answer.sh": "exit 3\n"}
    write_exercise(exercises, checks=STRICT, files=files)
    write_exercise(exercises, "bad", checks="x = (")
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    capfd.readouterr()
    code = pytest.main(
        ["-c", str(tmp_path / "pytest.ini"), "-p", "no:cacheprovider", "-rA", str(exercises / "status")]
    )
    out = capfd.readouterr().out
    assert code == 1
    assert "1 failed, 7 passed" in out
    assert (
        "rejected/no-end/hostile: expected feedback no-end, found 0 of 2 points, feedback wrong-status" in out
    )
    assert "Traceback" not in out
    code = pytest.main(["-c", str(tmp_path / "pytest.ini"), "-p", "no:cacheprovider", str(exercises / "bad")])
    assert code == 2
    assert "SyntaxError" in capfd.readouterr().out
