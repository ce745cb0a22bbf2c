"""Verifying finds every way in which an exercise does not hold what its samples promise."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path

import pytest

from grader.errors import SandboxError
from grader.evidence import Value
from grader.exercise import load
from grader.grading import Grader
from grader.judging import Judges
from grader.model import Exercise, Submission
from grader.progress import SILENT
from grader.verify import Proof, prove_all
from tests import literals
from tests.literals import MANIFEST, Written, write_exercise

# Ending by itself is no achievement: an answer that does nothing must not earn a point by it.
CHECKS = literals.CHECKS.replace('It ends by itself"', 'It ends by itself", points=0')

SAMPLES = {
    "submissions/accepted/one/answer.sh": "exit 7\n",
    "submissions/accepted/two/answer.sh": "exit 7 # in another style\n",
    "submissions/rejected/wrong-status/one/answer.sh": "exit 1\n",
    "submissions/rejected/wrong-status/zero/answer.sh": "exit 0\n",
    "submissions/rejected/wrong-status/fake-print/answer.sh": "echo exit 7\n",
}
DRAWN = MANIFEST + "[parameters]\nnumber = { min = 10, max = 99 }\n"
DRAWN_SAMPLES = {name: text.replace("7", "{{ number }}") for name, text in SAMPLES.items()}
DRAWN_CHECKS = CHECKS.replace("exit_code == 7", "exit_code == evidence.parameters['number']")


def drawn(exercise: Exercise, participant: str) -> dict[str, Value]:
    """Give the sample's author 20 and others other numbers, 20 among them."""
    number = 20 if participant == "sample" else 20 + int(participant.rpartition("-")[2]) % 3
    return {"number": number} if exercise.parameters else {}


def proofs(
    exercise: Exercise, observer: Written | None = None, *, runs: int = 1, reruns: int = 0, copies: int = 1
) -> dict[str, Proof]:
    with Judges([exercise]) as judges:
        found = prove_all(
            [exercise],
            Grader(observer or Written(), judges),
            drawn,
            runs=runs,
            reruns=reruns,
            copies=copies,
        )
        return {proof.subject: proof for proof in found}


def test_exercises_take_turns(tmp_path: Path) -> None:
    """Those that mostly wait run beside those that compute; the proofs come back in order all the same."""
    both = [
        load(write_exercise(tmp_path / slug, slug, checks=CHECKS, files=SAMPLES)) for slug in ("one", "two")
    ]
    came: list[Proof] = []
    observer = Written()
    with Judges(both) as judges:
        found = prove_all(both, Grader(observer, judges), drawn, jobs=1, done=came.append)
    assert [proof.exercise for proof in found] == ["one"] * 7 + ["two"] * 7
    assert [slug for _, slug in observer.observed] == ["one", "two"] * 6
    assert sorted(map(repr, came)) == sorted(map(repr, found))


def without(samples: Mapping[str, str], *parts: str) -> dict[str, str]:
    return {name: text for name, text in samples.items() if not any(part in name for part in parts)}


def test_a_good_exercise_is_proven(tmp_path: Path) -> None:
    observer = Written()
    found = proofs(load(write_exercise(tmp_path, checks=CHECKS, files=SAMPLES)), observer)
    assert all(proof.ok for proof in found.values()), found
    assert list(found) == [
        "samples",
        "accepted/one",
        "accepted/two",
        "rejected/wrong-status/fake-print",
        "rejected/wrong-status/one",
        "rejected/wrong-status/zero",
        "nothing",
    ]
    assert len(observer.observed) == 6


def test_a_copied_answer_has_to_fail(tmp_path: Path) -> None:
    exercise = load(write_exercise(tmp_path, manifest=DRAWN, checks=DRAWN_CHECKS, files=DRAWN_SAMPLES))
    found = proofs(exercise)
    assert all(proof.ok for proof in found.values()), found
    assert found["accepted/one, copied"].found == "0 of 2 points, feedback wrong-status"
    assert "accepted/two, copied" not in found


def test_more_answers_are_copied_where_asked(tmp_path: Path) -> None:
    exercise = load(write_exercise(tmp_path, manifest=DRAWN, checks=DRAWN_CHECKS, files=DRAWN_SAMPLES))
    copied = [subject for subject in proofs(exercise, copies=9) if subject.endswith(", copied")]
    assert copied == ["accepted/one, copied", "accepted/two, copied"]
    assert not [subject for subject in proofs(exercise, copies=0) if subject.endswith(", copied")]


def test_a_copied_answer_that_passes_is_found_unless_allowed(tmp_path: Path) -> None:
    lenient = DRAWN_CHECKS.replace("exit_code == evidence.parameters['number']", "exit_code")
    exercise = load(write_exercise(tmp_path, manifest=DRAWN, checks=lenient, files=DRAWN_SAMPLES))
    assert not proofs(exercise)["accepted/one, copied"].ok
    allowed = "copied_answer_fails = false\n" + DRAWN
    exercise = load(write_exercise(tmp_path, manifest=allowed, checks=lenient, files=DRAWN_SAMPLES))
    assert "accepted/one, copied" not in proofs(exercise)


@pytest.mark.parametrize(
    ("files", "counted"),
    [
        (without(SAMPLES, "two"), "1 accepted, 3 rejected, 1 fakes; none for no-end"),
        (without(SAMPLES, "zero"), "2 accepted, 2 rejected, 1 fakes; none for no-end"),
        (
            {**without(SAMPLES, "fake"), "submissions/rejected/wrong-status/two/answer.sh": "exit 2\n"},
            "2 accepted, 3 rejected, 0 fakes; none for no-end",
        ),
        ({}, "0 accepted, 0 rejected, 0 fakes; none for no-end, wrong-status"),
    ],
)
def test_too_few_samples_are_found(tmp_path: Path, files: dict[str, str], counted: str) -> None:
    proof = proofs(load(write_exercise(tmp_path, checks=CHECKS, files=files)))["samples"]
    assert (proof.ok, proof.found) == (False, counted)


def test_samples_in_the_wrong_place_are_found(tmp_path: Path) -> None:
    exercise = load(
        write_exercise(tmp_path, checks=CHECKS, files={**SAMPLES, "submissions/accepted/loose.sh": ""})
    )
    found = proofs(exercise)
    assert list(found) == ["samples"]
    assert "loose.sh" in found["samples"].found


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("accepted/one", "exit 8\n", "0 of 2 points, feedback wrong-status"),
        ("rejected/wrong-status/one", "exit 7\n", "2 of 2 points"),
        ("rejected/wrong-status/one", " \n", "malformed: 'answer.sh' is empty"),
        ("rejected/no-end/one", "exit 1\n", "0 of 2 points, feedback wrong-status"),
    ],
)
def test_a_sample_with_another_verdict_is_found(tmp_path: Path, name: str, text: str, found: str) -> None:
    files = {**SAMPLES, f"submissions/{name}/answer.sh": text}
    proof = proofs(load(write_exercise(tmp_path, checks=CHECKS, files=files)))[name]
    assert (proof.ok, proof.found) == (False, found)


def test_a_malformed_sample_may_be_expected(tmp_path: Path) -> None:
    files = {**SAMPLES, "submissions/rejected/malformed/blank/answer.sh": "\n"}
    assert proofs(load(write_exercise(tmp_path, checks=CHECKS, files=files)))["rejected/malformed/blank"].ok


def test_points_for_doing_nothing_are_found(tmp_path: Path) -> None:
    vacuous = literals.CHECKS
    proof = proofs(load(write_exercise(tmp_path, checks=vacuous, files=SAMPLES)))["nothing"]
    assert (proof.ok, proof.expected, proof.found) == (
        False,
        "score 0",
        "1 of 3 points, feedback wrong-status",
    )


def test_a_broken_check_is_found_wherever_it_breaks(tmp_path: Path) -> None:
    broken = CHECKS.replace(
        "return None if evidence.run.ended", "evidence.missing\n    return None if evidence.run.ended"
    )
    found = proofs(load(write_exercise(tmp_path, checks=broken, files=SAMPLES)))
    assert not any(proof.ok for subject, proof in found.items() if subject != "samples")
    assert "status/checks.py:7: AttributeError" in found["rejected/wrong-status/one"].found


def test_runs_that_disagree_are_found(tmp_path: Path) -> None:
    files = {**SAMPLES, "submissions/accepted/one/answer.sh": "exit 7 8\n"}
    exercise = load(write_exercise(tmp_path, checks=CHECKS, files=files))
    turns = itertools.count()

    class Wavering(Written):
        def observe(self, exercise: Exercise, submission: Submission, progress=SILENT):  # type: ignore[no-untyped-def]
            if b"7 8" in submission.files["answer.sh"] and next(turns) == 1:
                submission = Submission(submission.exercise, submission.participant, {"answer.sh": b"exit 8"})
            return super().observe(exercise, submission, progress)

    proof = proofs(exercise, Wavering(), runs=2)["accepted/one"]
    assert not proof.ok
    assert proof.found == "runs disagree: 2 of 2 points / 0 of 2 points, feedback wrong-status"


def test_what_fails_once_is_tried_again_and_named(tmp_path: Path) -> None:
    exercise = load(write_exercise(tmp_path, checks=CHECKS, files=SAMPLES))
    failures = {"exit 7\n": 1, "exit 7 # in another style\n": 2}

    class Wavering(Written):
        def observe(self, exercise: Exercise, submission: Submission, progress=SILENT):  # type: ignore[no-untyped-def]
            content = submission.files["answer.sh"].decode()
            if failures.get(content, 0):
                failures[content] -= 1
                submission = Submission(
                    submission.exercise, submission.participant, {"answer.sh": b"exit 8 9"}
                )
            return super().observe(exercise, submission, progress)

    found = proofs(exercise, Wavering(), reruns=1)
    assert (found["accepted/one"].ok, found["accepted/one"].found) == (True, "2 of 2 points")
    assert found["accepted/one"].before == "0 of 2 points, feedback wrong-status"
    assert (found["accepted/two"].ok, found["accepted/two"].before) == (False, found["accepted/two"].found)
    assert found["rejected/wrong-status/one"].before == ""


def test_what_could_not_be_found_out_is_said(tmp_path: Path) -> None:
    def fail(exercise: Exercise, submission: Submission) -> None:
        raise SandboxError("no disk")

    proof = proofs(load(write_exercise(tmp_path, checks=CHECKS, files=SAMPLES)), Written(fail))[
        "accepted/one"
    ]
    assert (proof.ok, proof.ungradable, proof.found) == (False, True, "ungradable: no disk")
