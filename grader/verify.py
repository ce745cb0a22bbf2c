"""Proves exercises by their sample answers, each of which has to get the verdict that it is filed under."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from grader.errors import ExerciseError, SubmissionError
from grader.evidence import Value
from grader.exercise import feedback_names, samples
from grader.exercise.samples import Sample
from grader.grading import Grader
from grader.judge import MALFORMED, malformed
from grader.model import Exercise, Outcome, Report, Submission, Timing

PARTICIPANT: Final = "sample"
_OTHERS: Final = tuple(f"other-{number}" for number in range(100))
LEAST_ACCEPTED: Final = 2
LEAST_REJECTED: Final = 3
COPIES: Final = 1
"""How many accepted samples of an exercise somebody else hands in."""

Draw = Callable[[Exercise, str], dict[str, Value]]


@dataclass(frozen=True, slots=True)
class Proof:
    """What one statement about an exercise came to.

    Attributes:
        subject: The sample, or what else the statement is about.
        expected: What should have come of it.
        found: What came of it.
        ungradable: Whether the machine kept us from finding out.
        before: What came of it at first, where it was tried again.
    """

    exercise: str
    subject: str
    ok: bool
    expected: str
    found: str
    seconds: float = 0.0
    ungradable: bool = False
    before: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """One statement that can be proven by running something.

    Attributes:
        sample: The sample, or ``None`` for the answer that does nothing.
        copied: Whether another participant hands the sample in.
    """

    exercise: Exercise
    sample: Sample | None
    copied: bool = False

    @property
    def subject(self) -> str:
        """What the statement is about."""
        if self.sample is None:
            return "nothing"
        return f"{self.sample.label}, copied" if self.copied else self.sample.label


def cases(exercise: Exercise, copies: int = COPIES) -> list[Case]:
    """Return everything about an exercise that has to be run.

    Args:
        exercise: The exercise.
        copies: How many accepted samples another participant hands in, where that has to fail.

    Raises:
        ExerciseError: Its samples are not what they should be.
    """
    found = samples.find(exercise)
    listed = [Case(exercise, sample) for sample in found]
    if exercise.copied_answer_fails:
        accepted = [sample for sample in found if sample.verdict == "accepted"]
        listed += [Case(exercise, sample, copied=True) for sample in accepted[:copies]]
    return [*listed, Case(exercise, None)]


def structure(exercise: Exercise) -> Proof:
    """Prove what needs no run: that there are samples enough, fakes among them.

    What came of it also names the feedback that no sample provokes. That alone refutes nothing: some guards
    against what only a broken machine would show.
    """
    try:
        found = samples.find(exercise)
    except ExerciseError as error:
        return Proof(exercise.slug, "samples", ok=False, expected="readable samples", found=str(error))
    accepted = sum(sample.verdict == "accepted" for sample in found)
    rejected = len(found) - accepted
    fakes = sum(sample.group == "fake" for sample in found)
    unprovoked = feedback_names.declared(exercise.folder) - {sample.feedback for sample in found}
    none_for = f"; none for {', '.join(sorted(unprovoked))}" if unprovoked else ""
    return Proof(
        exercise.slug,
        "samples",
        ok=accepted >= LEAST_ACCEPTED and rejected >= LEAST_REJECTED and fakes >= 1,
        expected=f"at least {LEAST_ACCEPTED} accepted, {LEAST_REJECTED} rejected, one of them a fake",
        found=f"{accepted} accepted, {rejected} rejected, {fakes} fakes{none_for}",
    )


def prove(case: Case, grader: Grader, draw: Draw, *, runs: int = 1, reruns: int = 0) -> Proof:
    """Run a case as often as asked, and compare what came of it with what should have.

    What fails is tried again up to `reruns` times; what came of it at first is kept.
    """
    proof = _prove_once(case, grader, draw, runs)
    if proof.ok or reruns < 1:
        return proof
    again = prove(case, grader, draw, runs=runs, reruns=reruns - 1)
    return replace(again, before=proof.found, seconds=proof.seconds + again.seconds)


def _prove_once(case: Case, grader: Grader, draw: Draw, runs: int) -> Proof:
    began = time.monotonic()
    reports = [_grade(case, grader, draw) for _ in range(runs)]
    found = [_described(report) for report in reports]
    expected, ok = _expectation(case, reports[0])
    ungradable = any(report.status == "ungradable" for report in reports)
    text = found[0]
    if ungradable:
        ok, text = False, next(line for line in found if line.startswith("ungradable"))
    elif len({_outcomes(report) for report in reports}) > 1:
        ok, text = False, f"runs disagree: {' / '.join(dict.fromkeys(found))}"
    return Proof(case.exercise.slug, case.subject, ok, expected, text, time.monotonic() - began, ungradable)


def prove_all(
    exercises: Sequence[Exercise],
    grader: Grader,
    draw: Draw,
    *,
    runs: int = 1,
    reruns: int = 0,
    copies: int = COPIES,
    jobs: int = 4,
    done: Callable[[Proof], None] | None = None,
) -> list[Proof]:
    """Prove exercises in parallel; return the proofs in the order of the exercises and their samples.

    Exercises take turns: samples that mostly wait run beside samples that compute.

    Args:
        exercises: The exercises.
        grader: Grades their samples.
        draw: Gives a participant's values.
        runs: Of each sample.
        reruns: Of what fails.
        copies: Of each exercise's accepted samples, handed in by another participant.
        jobs: Samples at the same time.
        done: Told of each proof as it comes.
    """
    proofs: dict[tuple[int, int], Proof] = {}
    waiting: list[tuple[int, int, Case]] = []

    def keep(key: tuple[int, int], proof: Proof) -> None:
        proofs[key] = proof
        if done is not None:
            done(proof)

    for number, exercise in enumerate(exercises):
        keep((number, -1), structure(exercise))
        with suppress(ExerciseError):  # `structure` said so
            waiting += [(place, number, case) for place, case in enumerate(cases(exercise, copies))]
    with ThreadPoolExecutor(jobs) as pool:
        running = {
            pool.submit(prove, case, grader, draw, runs=runs, reruns=reruns): (number, place)
            for place, number, case in sorted(waiting, key=lambda one: one[:2])
        }
        try:
            for future in as_completed(running):
                keep(running[future], future.result())
        finally:
            pool.shutdown(cancel_futures=True)
    return [proofs[key] for key in sorted(proofs)]


def _grade(case: Case, grader: Grader, draw: Draw) -> Report:
    exercise = case.exercise
    participant, parameters = _who(case, draw)
    try:
        submission = _submission(case, participant, parameters, draw)
    except SubmissionError as error:
        return malformed(exercise.slug, participant, exercise.max_score, str(error), Timing())
    return grader.grade(exercise, submission).report


def _submission(case: Case, participant: str, parameters: dict[str, Value], draw: Draw) -> Submission:
    exercise = case.exercise
    if case.sample is None:
        # Not through `answer`, which would refuse an empty file before any check saw it.
        files = {spec.name: spec.nothing.encode() for spec in exercise.files if not spec.name.endswith("/")}
        return Submission(exercise.slug, participant, files, parameters)
    if case.copied:
        written = samples.submission(exercise, case.sample, PARTICIPANT, draw(exercise, PARTICIPANT))
        return Submission(exercise.slug, participant, written.files, parameters)
    return samples.submission(exercise, case.sample, participant, parameters)


def _who(case: Case, draw: Draw) -> tuple[str, dict[str, Value]]:
    """Return who hands in, with their values; a copier is somebody whose values all differ, if possible."""
    exercise = case.exercise
    own = draw(exercise, PARTICIPANT)
    if not case.copied:
        return PARTICIPANT, own
    others = [(name, draw(exercise, name)) for name in _OTHERS]
    return max(others, key=lambda other: sum(other[1][name] != value for name, value in own.items()))


def _expectation(case: Case, report: Report) -> tuple[str, bool]:
    """Return what should have come of a case, and whether it did."""
    graded = report.status == "graded"
    sound = graded and not any(result.outcome is Outcome.ERROR for result in report.checks)
    if case.sample is None:
        return "score 0", sound and report.score == 0
    if case.copied:
        return "less than full points", sound and report.score < report.max_score
    if case.sample.verdict == "accepted":
        return "full points", report.passed and report.score == report.max_score
    return f"feedback {case.sample.feedback}", sound and first_feedback(report) == case.sample.feedback


def first_feedback(report: Report) -> str:
    """Return the name of the feedback of the first check that failed; empty where none did."""
    if report.malformed:
        return MALFORMED
    return next(
        (
            result.feedback.name
            for result in report.checks
            if result.outcome is Outcome.FAILED and result.feedback
        ),
        "",
    )


def _described(report: Report) -> str:
    if report.status == "ungradable":
        return f"ungradable: {report.error}"
    if report.malformed:
        return f"malformed: {report.error}"
    broken = next((result for result in report.checks if result.outcome is Outcome.ERROR), None)
    if broken is not None and broken.feedback is not None:
        return f"error: {broken.feedback.message}"
    score = f"{report.score:g} of {report.max_score:g} points"
    name = first_feedback(report)
    return f"{score}, feedback {name}" if name else score


def _outcomes(report: Report) -> tuple[tuple[str, str, str], ...]:
    return tuple(
        (result.name, result.outcome.value, result.feedback.name if result.feedback else "")
        for result in report.checks
    )
