"""The command line over real sandboxes, from a new exercise to a report that can be judged again."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from grader.errors import UnavailableError
from grader.sandbox import images
from grader.settings import Settings
from tests.leftovers import left_in

pytestmark = pytest.mark.sandbox
CHECKOUT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, settings: Settings) -> Path:
    """Give a folder with an exercise of its own."""
    try:
        images.rootfs(settings, "base")
    except UnavailableError as error:
        pytest.skip(str(error))
    folder = tmp_path_factory.mktemp("real")
    assert grader(folder, "new", "mine", "--into", str(folder / "exercises")).returncode == 0
    return folder


def grader(place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "GRADER_EXERCISES": str(place / "exercises") if (place / "exercises").exists() else "",
        "GRADER_RUN_DIR": str(place / "run"),
        "GRADER_SECRET": "the same for every test",
    }
    return subprocess.run(
        [sys.executable, "-m", "grader", *arguments],
        cwd=CHECKOUT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def left_over(place: Path) -> list[Path]:
    return left_in(place / "run")


def test_grades_and_explains(place: Path) -> None:
    task = grader(place, "show", "mine", "--participant", "ada").stdout
    number = task.rpartition("**")[0].rpartition("**")[2]
    answer = place / "answer.sh"
    answer.write_text(f"exit {number}\n")
    found = grader(place, "grade", "mine", str(answer), "--participant", "ada", "--json")
    assert found.returncode == 0, found.stderr
    assert msgspec.json.decode(found.stdout)["score"] == 3.0
    found = grader(place, "grade", "mine", str(answer), "--participant", "bob")
    assert found.returncode == 1
    assert f"actual: {number}" in found.stdout
    seen = msgspec.json.decode(grader(place, "evidence", "mine", str(answer)).stdout)
    assert seen["sections"]["run"]["exit_code"] == int(number)
    assert not left_over(place)


@pytest.mark.slow
def test_a_batch_of_samples_gives_the_same_reports_again(place: Path) -> None:
    answers = place / "answers"
    made = grader(place, "samples", str(answers))
    assert made.returncode == 0, made.stderr
    found = grader(
        place, "batch", str(answers), "--exercise", "mine", "--json", str(place / "a.json"),
        "--evidence", str(place / "bundles"),
    )  # fmt: skip
    assert found.returncode == 1, found.stderr
    reports = msgspec.json.decode((place / "a.json").read_bytes())["reports"]
    assert {report["participant"]: report["score"] for report in reports} == {
        "fake-1": 0.0,
        "right-1": 3.0,
        "right-2": 3.0,
        "wrong-1": 1.0,
        "wrong-2": 1.0,
    }
    again = grader(place, "rejudge", str(place / "bundles"), "--json", str(place / "b.json"))
    assert again.returncode == 1, again.stderr
    assert (place / "a.json").read_bytes() == (place / "b.json").read_bytes()
    assert not left_over(place)


def test_a_new_exercise_proves_itself(place: Path) -> None:
    found = grader(place, "verify", "mine")
    assert found.returncode == 0, found.stdout + found.stderr
    assert "8 of 8 proven" in found.stdout
    assert not left_over(place)
