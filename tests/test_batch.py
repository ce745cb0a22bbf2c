"""A batch grades what can be graded, whatever else lies in its folder."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from grader import batch, bundles
from grader.errors import GraderError, SandboxError
from grader.exercise.catalogue import Catalogue
from grader.grading import Grader
from grader.journal import Journal
from grader.judging import Judges
from grader.model import Exercise, Report, Submission
from tests.literals import Written, write_exercise


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    write_exercise(tmp_path / "exercises")
    write_exercise(tmp_path / "exercises", "other")
    write_exercise(tmp_path / "exercises", "bad", manifest="title = 1")
    return Catalogue([tmp_path / "exercises"])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "answers"
    made.mkdir()
    return made


def hand_in(folder: Path, participant: str, text: str = "exit 7\n", slug: str = "status") -> Path:
    path = folder / participant / slug / "answer.sh"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return path


@contextmanager
def answers(
    folder: Path,
    catalogue: Catalogue,
    observer: Written,
    *,
    evidence: Path | None = None,
    journal: Journal | None = None,
) -> Iterator[batch.Answers]:
    with ExitStack() as resources:
        judges = resources.enter_context(Judges(catalogue.usable()))
        yield batch.Answers(
            folder,
            catalogue,
            Grader(observer, judges),
            lambda exercise, participant: {},
            evidence=evidence,
            journal=journal,
        )


def graded(folder: Path, catalogue: Catalogue, observer: Written | None = None) -> dict[str, Report]:
    found = batch.find(folder, catalogue.slugs)
    with answers(folder, catalogue, observer or Written()) as made:
        reports = list(batch.run(found.entries, made.grade, jobs=4, stop=threading.Event(), late=made.late))
    return {f"{report.participant}/{report.exercise}": report for report in reports}


def test_every_kind_of_submission_gets_its_report(folder: Path, catalogue: Catalogue) -> None:
    hand_in(folder, "ada")
    hand_in(folder, "bob", "exit 1\n")
    hand_in(folder, "carl", " \n")
    hand_in(folder, "dora", slug="nothing-known")
    hand_in(folder, "eve", slug="bad")
    hand_in(folder, "ada", slug="other")
    found = graded(folder, catalogue)
    assert {name: (report.status, report.malformed, report.passed) for name, report in found.items()} == {
        "ada/status": ("graded", False, True),
        "ada/other": ("graded", False, True),
        "bob/status": ("graded", False, False),
        "carl/status": ("graded", True, False),
        "dora/nothing-known": ("graded", True, False),
        "eve/bad": ("ungradable", False, False),
    }
    assert found["carl/status"].error == "'answer.sh' is empty"
    assert found["carl/status"].max_score == 3.0
    assert "unknown exercise" in (found["dora/nothing-known"].error or "")
    assert "bad/exercise.toml" in (found["eve/bad"].error or "")


@pytest.mark.slow
def test_hostile_trees_harm_nobody(folder: Path, catalogue: Catalogue, tmp_path: Path) -> None:
    hand_in(folder, "ada")
    elsewhere = hand_in(tmp_path / "elsewhere", "victim", "exit 7 # secret\n")
    (folder / "linked").symlink_to(elsewhere.parents[1])
    (folder / "linked-exercise").mkdir()
    (folder / "linked-exercise/status").symlink_to(elsewhere.parent)
    (folder / "linked-file/status").mkdir(parents=True)
    (folder / "linked-file/status/answer.sh").symlink_to(elsewhere)
    (folder / "pipe").mkdir()
    os.mkfifo(folder / "pipe/status")
    os.mkfifo(folder / "fifo")
    os.mknod(folder / "device", 0o020600, os.makedev(1, 5))
    (folder / "looped/status").mkdir(parents=True)
    (folder / "looped/status/answer.sh").symlink_to("../../looped")
    os.makedirs(os.fsencode(folder) + b"/\xff\x1b[31m/status")
    os.makedirs(os.fsencode(folder) + b"/weird/\xff\xfe")
    (folder / "=cmd").mkdir()
    (folder / "notes.txt").write_text("x")
    (folder / ".git").mkdir()
    (folder / "many/status").mkdir(parents=True)
    for number in range(10_000):
        os.close(os.open(folder / f"many/status/{number}", os.O_CREAT))
    began = time.monotonic()
    found = batch.find(folder, catalogue.slugs)
    reports = graded(folder, catalogue)
    assert time.monotonic() - began < 5
    assert [name for name, report in reports.items() if report.passed] == ["ada/status"]
    assert {name for name, report in reports.items() if report.malformed} == {
        "linked-exercise/status",
        "linked-file/status",
        "looped/status",
        "many/status",
        "pipe/status",
        "weird/\\xff\\xfe",
        "\\xff\x1b[31m/status",
    }
    assert [sentence.split()[0] for sentence in found.refused] == ["'device'", "'fifo'", "'linked'"]
    assert set(found.ignored) == {"'notes.txt'", "'.git'"}
    for report in reports.values():
        assert "secret" not in repr(report)


def test_a_participant_with_too_many_folders_gets_the_known_ones(folder: Path, catalogue: Catalogue) -> None:
    hand_in(folder, "ada")
    for number in range(300):
        (folder / f"ada/x{number}").mkdir()
    found = batch.find(folder, catalogue.slugs)
    assert [entry.exercise for entry in found.entries] == ["status"]
    assert found.refused == ("'ada' holds more than 200 folders: only known exercises are graded",)


def test_only_some_exercises(folder: Path, catalogue: Catalogue) -> None:
    hand_in(folder, "ada")
    hand_in(folder, "ada", slug="other")
    hand_in(folder, "bob", slug="unknown")
    found = batch.find(folder, catalogue.slugs, ["other"])
    assert [(entry.participant, entry.exercise) for entry in found.entries] == [("ada", "other")]


def test_a_missing_folder_is_named(tmp_path: Path, catalogue: Catalogue) -> None:
    with pytest.raises(GraderError, match="nowhere"):
        batch.find(tmp_path / "nowhere", catalogue.slugs)


def test_keeps_evidence_and_journal(folder: Path, catalogue: Catalogue, tmp_path: Path) -> None:
    for name in ("ada", "bob", "carl"):
        hand_in(folder, name)
    found = batch.find(folder, catalogue.slugs)
    with Journal(tmp_path / "j", resume=False) as journal:
        observer = Written()
        with answers(folder, catalogue, observer, evidence=tmp_path / "kept", journal=journal) as made:
            first = [made.grade(entry) for entry in found.entries]
    kept = [bundles.read(path) for path in bundles.find([tmp_path / "kept"])]
    assert sorted(bundle.address for bundle in kept) == sorted(str(report.evidence) for report in first)
    assert {bundle.evidence.participant: bundle.timing for bundle in kept} == {
        report.participant: report.timing for report in first
    }
    (folder / "bob/status/answer.sh").write_text("exit 1\n")
    with Journal(tmp_path / "j", resume=True) as journal:
        observer = Written()
        with answers(folder, catalogue, observer, journal=journal) as made:
            second = [made.grade(entry) for entry in found.entries]
    assert observer.observed == [("bob", "status")]
    assert [second[0], second[2]] == [first[0], first[2]]
    assert not second[1].passed


def test_outputs_that_cannot_be_written_end_it(folder: Path, catalogue: Catalogue, tmp_path: Path) -> None:
    for number in range(20):
        hand_in(folder, f"p{number:02}")
    (tmp_path / "kept").write_text("a file where the folder should be")
    found = batch.find(folder, catalogue.slugs)
    observer = Written()
    with answers(folder, catalogue, observer, evidence=tmp_path / "kept") as made:
        running = batch.run(found.entries, made.grade, jobs=2, stop=threading.Event(), late=made.late)
        with pytest.raises(GraderError, match="kept"):
            list(running)
    assert len(observer.observed) <= 4


def test_runs_in_parallel_and_stops_in_good_order(folder: Path, catalogue: Catalogue) -> None:
    for number in range(30):
        hand_in(folder, f"p{number:02}")
    found = batch.find(folder, catalogue.slugs)
    at_once = [0]
    most = [0]
    lock = threading.Lock()

    def linger(exercise: Exercise, submission: Submission) -> None:
        with lock:
            at_once[0] += 1
            most[0] = max(most[0], at_once[0])
        time.sleep(0.05)
        with lock:
            at_once[0] -= 1

    stop = threading.Event()
    observer = Written(linger)
    with answers(folder, catalogue, observer) as made:
        reports = []
        for report in batch.run(found.entries, made.grade, jobs=6, stop=stop, late=made.late):
            reports.append(report)
            if len(reports) == 8:
                stop.set()
    assert most[0] == 6
    assert 8 <= len(reports) <= 20
    assert len(reports) == len(observer.observed)


def test_what_was_not_begun_in_time_is_ungradable(folder: Path, catalogue: Catalogue) -> None:
    for number in range(10):
        hand_in(folder, f"p{number}")
    hand_in(folder, "q", slug="unknown")
    found = batch.find(folder, catalogue.slugs)
    observer = Written(lambda exercise, submission: time.sleep(0.2))
    with answers(folder, catalogue, observer) as made:
        reports = list(
            batch.run(found.entries, made.grade, jobs=1, stop=threading.Event(), late=made.late, seconds=0.3)
        )
    assert len(reports) == 11
    late = [report for report in reports if report.status == "ungradable"]
    assert len(late) == 11 - len(observer.observed)
    assert late[0].max_score == 3.0
    assert "time of 0.3 s was over" in (late[0].error or "")


def test_the_machines_trouble_with_one_leaves_the_others(folder: Path, catalogue: Catalogue) -> None:
    for name in ("ada", "bob", "carl"):
        hand_in(folder, name)

    def fail(exercise: Exercise, submission: Submission) -> None:
        if submission.participant == "bob":
            raise SandboxError("no more cgroups")
        if submission.participant == "carl":
            raise KeyError("a mistake of ours")

    found = graded(folder, catalogue, Written(fail))
    assert {name: report.status for name, report in found.items()} == {
        "ada/status": "graded",
        "bob/status": "ungradable",
        "carl/status": "ungradable",
    }
