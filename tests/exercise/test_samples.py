"""Sample answers are found, filled in, and written as a batch."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from grader.errors import ExerciseError, GraderError, SubmissionError
from grader.exercise import load, samples
from grader.exercise.skeleton import write_skeleton
from tests.literals import MANIFEST, write_exercise

FILES = {
    "submissions/accepted/plain/answer.sh": "exit {{ number }}\n",
    "submissions/accepted/computed.py": "def files(p): return {'answer.sh': f'exit {p[\"number\"]}'}\n",
    "submissions/rejected/wrong-status/one/answer.sh": "exit 1\n",
    "submissions/rejected/wrong-status/fake-print/answer.sh": "echo exit {{ number }}\n",
    "submissions/rejected/wrong-status/hostile-loop/answer.sh": "exit 2 # {{ unknown }}\n",
}
PARAMETRISED = MANIFEST + "[parameters]\nnumber = { min = 7, max = 7 }\n"


def test_finds_and_groups_them(tmp_path: Path) -> None:
    exercise = load(write_exercise(tmp_path, manifest=PARAMETRISED, files=FILES))
    found = [(sample.label, sample.group) for sample in samples.find(exercise)]
    assert found == [
        ("accepted/computed", "right"),
        ("accepted/plain", "right"),
        ("rejected/wrong-status/fake-print", "fake"),
        ("rejected/wrong-status/hostile-loop", "hostile"),
        ("rejected/wrong-status/one", "wrong"),
    ]


def test_fills_values_in(tmp_path: Path) -> None:
    exercise = load(write_exercise(tmp_path, manifest=PARAMETRISED, files=FILES))
    texts = [
        samples.submission(exercise, sample, "ada", {"number": 9}).files["answer.sh"]
        for sample in samples.find(exercise)
    ]
    assert texts == [b"exit 9", b"exit 9\n", b"echo exit 9\n", b"exit 2 # {{ unknown }}\n", b"exit 1\n"]


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("submissions/accepted/loose.sh", "folder or a Python file"),
        ("submissions/rejected/loose.sh", "named after a feedback"),
        ("submissions/other/a/answer.sh", "accepted/ or rejected/"),
    ],
)
def test_what_is_no_sample_is_named(tmp_path: Path, name: str, cause: str) -> None:
    exercise = load(write_exercise(tmp_path, files={name: "exit 7\n"}))
    with pytest.raises(ExerciseError, match=cause):
        samples.find(exercise)


def test_a_computed_sample_that_fails_is_the_authors_error(tmp_path: Path) -> None:
    files = {"submissions/accepted/a.py": "def files(p):\n    return 1 / 0\n"}
    exercise = load(write_exercise(tmp_path, files=files))
    with pytest.raises(ExerciseError, match=r"a\.py: ZeroDivisionError"):
        samples.submission(exercise, samples.find(exercise)[0], "ada", {})


def test_computed_samples_share_a_module(tmp_path: Path) -> None:
    table = "def right(p):\n    return p['number'] + 1\n"
    sample = "from .table import right\ndef files(p):\n    return {'answer.sh': f'exit {right(p)}'}\n"
    files = {
        "submissions/table.py": table,
        "submissions/accepted/a.py": sample,
        "submissions/rejected/wrong-status/b.py": sample,
    }
    exercise = load(write_exercise(tmp_path, files=files))
    found = samples.find(exercise)
    texts = [samples.submission(exercise, one, "ada", {"number": 6}).files["answer.sh"] for one in found]
    assert [one.label for one in found] == ["accepted/a", "rejected/wrong-status/b"]
    assert texts == [b"exit 7", b"exit 7"]
    (exercise.folder / "submissions/table.py").write_text(table.replace("1", "2"))
    again = samples.submission(exercise, found[0], "ada", {"number": 6})
    assert again.files["answer.sh"] == b"exit 8", "a module that changed is read again"
    assert not [name for name in sys.modules if name.startswith("_samples_")]
    assert not list(exercise.folder.rglob("__pycache__"))


def test_a_malformed_sample_is_malformed(tmp_path: Path) -> None:
    exercise = load(write_exercise(tmp_path, files={"submissions/rejected/malformed/a/answer.sh": " \n"}))
    with pytest.raises(SubmissionError, match="empty"):
        samples.submission(exercise, samples.find(exercise)[0], "ada", {})


def test_writes_a_batch(tmp_path: Path) -> None:
    folder = write_exercise(tmp_path, manifest=PARAMETRISED, files=FILES)
    link = folder / "submissions/rejected/malformed/hostile-link/answer.sh"
    link.parent.mkdir(parents=True)
    link.symlink_to("/etc/passwd")
    exercise = load(folder)
    out = tmp_path / "out"
    assert samples.write_batch(out, [exercise], lambda exercise, participant: {"number": 8}) == 6
    written = sorted(str(path.relative_to(out)) for path in out.rglob("answer.sh"))
    assert written == [
        f"{who}/status/answer.sh"
        for who in ("fake-1", "hostile-1", "hostile-2", "right-1", "right-2", "wrong-1")
    ]
    assert (out / "right-2/status/answer.sh").read_text() == "exit 8\n"
    assert (out / "hostile-1/status/answer.sh").is_symlink()
    with pytest.raises(GraderError, match="not empty"):
        samples.write_batch(out, [exercise], lambda exercise, participant: {})


def test_the_skeleton_is_an_exercise_with_all_that_verify_wants(tmp_path: Path) -> None:
    write_skeleton(tmp_path, "my-first")
    exercise = load(tmp_path / "my-first")
    found = samples.find(exercise)
    assert sum(sample.verdict == "accepted" for sample in found) == 2
    assert sum(sample.group == "fake" for sample in found) == 1
    assert len(found) == 5
    with pytest.raises(GraderError, match="exists already"):
        write_skeleton(tmp_path, "my-first")
    with pytest.raises(GraderError, match="no slug"):
        write_skeleton(tmp_path, "My First")


def test_a_brief_batch_holds_two_of_each_exercise(tmp_path: Path) -> None:
    folders = [write_exercise(tmp_path, slug, manifest=PARAMETRISED, files=FILES) for slug in "abcd"]
    exercises = [load(folder) for folder in folders]
    out = tmp_path / "out"
    assert samples.write_batch(out, exercises, lambda exercise, participant: {"number": 8}, brief=True) == 8
    written = sorted(str(path.parent.relative_to(out)) for path in out.rglob("answer.sh"))
    rights = [f"right-1/{slug}" for slug in "abcd"]
    assert written == ["fake-1/b", "hostile-1/c", *rights, "wrong-1/a", "wrong-1/d"]
