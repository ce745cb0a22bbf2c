"""Commands about exercises: list, show, new, samples."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from tests.cli.conftest import Ran
from tests.literals import MANIFEST, write_exercise

Run = Callable[..., Ran]
DRAWN = MANIFEST + "[parameters]\nnumber = { min = 10, max = 99 }\n"


def test_lists_broken_ones_with_their_cause(run: Run, exercises: Path) -> None:
    write_exercise(exercises, "bad", manifest=MANIFEST + "[limits]\npids = 'x'\n")
    found = run("list")
    assert found.code == 0
    assert "status" in found.out
    assert "broken" in found.out
    listed = msgspec.json.decode(run("list", "--json").out)
    entries = {entry["slug"]: entry for entry in listed["exercises"]}
    assert "$.limits.pids: expected `int`, got `str`" in entries["bad"]["broken"]
    assert entries["status"]["broken"] is None
    assert entries["status"]["max_score"] == 3.0
    assert [check["name"] for check in entries["status"]["checks"]] == ["ends", "status"]
    used = run("show", "bad")
    assert used.code == 2
    assert "bad/exercise.toml: $.limits.pids" in used.err


def test_shows_a_participants_task(run: Run, exercises: Path) -> None:
    write_exercise(exercises, "drawn", manifest=DRAWN, text="# Task\n\nEnd with {{ number }}.\n")
    first = run("show", "drawn", "--participant", "ada").out
    assert first.startswith("# Task\n\nEnd with ")
    assert "{{" not in first
    assert first == run("show", "drawn", "--participant", "ada").out
    others = {run("show", "drawn", "--participant", f"p{number}").out for number in range(5)}
    assert len(others) > 1


def test_a_new_exercise_is_listed_and_its_samples_written(run: Run, exercises: Path, tmp_path: Path) -> None:
    found = run("new", "mine", "--into", exercises)
    assert found.code == 0
    assert str(exercises / "mine/checks.py") in found.out.splitlines()
    assert run("new", "mine", "--into", exercises).code == 2
    assert run("samples", tmp_path / "answers").code == 0
    assert (tmp_path / "answers/right-1/mine/answer.sh").read_text().startswith("exit ")
    assert (tmp_path / "answers/fake-1/mine/answer.sh").exists()
    again = run("samples", tmp_path / "answers")
    assert (again.code, again.err) == (2, f"grader: {tmp_path / 'answers'} is not empty\n")
