"""Evidence, exercises and reports that tests write down instead of observing them."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec.structs import replace

from grader.evidence import AnswerFile, Evidence, Machine, Oom, Processes, Run, Sections, Value
from grader.exercise import load
from grader.model import CheckResult, Exercise, Feedback, Outcome, Report, Submission, Timing
from grader.progress import SILENT, Progress

MANIFEST = """
title = "End with the right status"
section = "G"
profile = "plain"

[[files]]
name = "answer.sh"
kind = "shell"
"""

CHECKS = """
from grader.check import Evidence, Feedback, check


@check("It ends by itself")
def ends(evidence: Evidence) -> Feedback | None:
    return None if evidence.run.ended == "exit" else Feedback("no-end", "It did not end.")


@check("Its status is 7", points=2, after=("ends",))
def status(evidence: Evidence) -> Feedback | None:
    if evidence.run.exit_code == 7:
        return None
    return Feedback("wrong-status", "Another status.", expected="7", actual=str(evidence.run.exit_code))
"""

MAIN_CHECK = """
from grader.check import Feedback, check

@check("It works", points=2)
def works(evidence):
    {body}

@check("It is right")
def right(evidence):
    return None
"""


def write_exercise(
    into: Path,
    slug: str = "status",
    *,
    manifest: str = MANIFEST,
    checks: str = CHECKS,
    text: str = "# Task\n\nEnd with status 7.\n",
    files: Mapping[str, str] | None = None,
) -> Path:
    """Write an exercise's folder and return it."""
    folder = into / slug
    for name, content in {
        "exercise.toml": manifest,
        "checks.py": checks,
        "README.md": text,
        **(files or {}),
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return folder


def exercise_with(into: Path, body: str, slug: str = "broken") -> Exercise:
    """Return an exercise whose first check, `works`, has this body."""
    checks = MAIN_CHECK.format(body=textwrap.indent(textwrap.dedent(body), "    ").strip())
    return load(write_exercise(into, slug, checks=checks))


def evidence_of(
    exercise: Exercise,
    *,
    exit_code: int | None = 7,
    ended: str = "exit",
    stdout: str = "",
    participant: str = "ada",
    parameters: Mapping[str, Value] | None = None,
    observed: bool = True,
) -> Evidence:
    """Return evidence of a plain answer that ended with this status."""
    run = Run(
        ended=ended,  # type: ignore[arg-type]
        exit_code=exit_code,
        stdout=stdout,
        stderr="",
        truncated=False,
        wall_ms=12.5,
    )
    sections = Sections(
        run=run,
        oom=Oom((), {}),
        processes=Processes((), (), (), {}, {"pid": 4026531836}),
    )
    return Evidence(
        exercise=exercise.slug,
        exercise_digest=exercise.digest,
        participant=participant,
        parameters=parameters or {},
        files={"answer.sh": AnswerFile(f"exit {exit_code}\n", 7)},
        profile=exercise.profile.value,
        machine=Machine("6.1", 1, "crun", "1.8"),
        sections=sections if observed else Sections(),
    )


class Written:
    """An observer for tests of what comes after observation: it reads the evidence off the answer.

    ``exit 7`` ends with status 7. What an `act` is given for may sleep or raise first.
    """

    def __init__(self, act: Callable[[Exercise, Submission], None] | None = None) -> None:
        self.observed: list[tuple[str, str]] = []
        self._act = act

    def observe(
        self,
        exercise: Exercise,
        submission: Submission,
        progress: Progress = SILENT,
    ) -> Evidence:
        """Return evidence of a run that ended with the status that the answer names."""
        self.observed.append((submission.participant, exercise.slug))
        progress.say("running")
        if self._act is not None:
            self._act(exercise, submission)
        words = b" ".join(submission.files.values()).split()
        code = int(words[1]) if words[:1] == [b"exit"] else 0
        found = evidence_of(
            exercise,
            exit_code=code,
            participant=submission.participant,
            parameters=submission.parameters,
        )
        texts = {
            name: AnswerFile(content.decode(errors="replace"), len(content))
            for name, content in submission.files.items()
        }
        return replace(found, files=texts)


def report_of(
    *outcomes: Outcome,
    participant: str = "ada",
    exercise: str = "status",
    feedback: Feedback | None = None,
) -> Report:
    """Return a graded report whose checks came out so."""
    said = feedback or Feedback("wrong-status", "Another status.", "7", "1", "Scripts read it.")
    results = tuple(
        CheckResult(
            f"check_{number}",
            f"Check {number}",
            outcome,
            1.0 if outcome is Outcome.PASSED else 0.0,
            1.0,
            None if outcome is Outcome.PASSED else said,
        )
        for number, outcome in enumerate(outcomes)
    )
    return Report(
        exercise=exercise,
        participant=participant,
        status="graded",
        score=sum(result.points for result in results),
        max_score=float(len(results)),
        checks=results,
        timing=Timing(0.0, 12.5, 0.5, 13.25),
        evidence="sha256:" + "0" * 64,
    )
