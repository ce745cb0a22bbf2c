"""Judges evidence by an exercise's checks: pure, so that a stored bundle gives the same report again."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from msgspec.structs import fields

from grader.check import Feedback
from grader.errors import NotObservedError
from grader.evidence import Evidence
from grader.exercise.checks_file import place
from grader.model import Check, CheckResult, Exercise, Outcome, Report, Timing
from grader.visible import one_line

MAX_TEXT: Final = 4_000
"""Characters of one text of a feedback; what a check says beyond is cut."""

MALFORMED: Final = "malformed"
"""Feedback of an answer that could not be read as one."""


def judge(
    exercise: Exercise,
    evidence: Evidence,
    *,
    known: Mapping[str, CheckResult] | None = None,
    begin: Callable[[int], None] | None = None,
) -> tuple[CheckResult, ...]:
    """Apply every check to the evidence.

    Args:
        exercise: Whose checks they are.
        evidence: Of one submission.
        known: Results, by name of check, that are taken as they are.
        begin: Told the position of each check before it runs.
    """
    results: dict[str, CheckResult] = {}
    for position, check in enumerate(exercise.checks):
        found = known.get(check.name) if known else None
        if found is None:
            if begin is not None:
                begin(position)
            found = _apply(exercise, check, evidence, results)
        results[check.name] = found
    return tuple(results.values())


def _apply(
    exercise: Exercise, check: Check, evidence: Evidence, earlier: Mapping[str, CheckResult]
) -> CheckResult:
    for name in check.after:
        if earlier[name].outcome is not Outcome.PASSED:
            reason = f"Skipped because '{earlier[name].title}' did not pass."
            return _result(check, Outcome.SKIPPED, Feedback("not-reached", reason))
    try:
        feedback = check.function(evidence)
    except NotObservedError as missing:
        return _result(check, Outcome.SKIPPED, Feedback("not-observed", f"Skipped because {missing}."))
    except (Exception, SystemExit) as error:  # noqa: BLE001  an author's mistake of any kind is an outcome
        where = place(error.__traceback__, exercise.folder) or "checks.py"
        return broken(check, f"{exercise.slug}/{where}: {type(error).__name__}: {one_line(str(error))}")
    if feedback is None:
        return _result(check, Outcome.PASSED, None)
    if not isinstance(feedback, Feedback):
        return broken(
            check,
            f"{exercise.slug}/{definition(check)}: {check.name} returned {type(feedback).__name__}, "
            "and a check returns Feedback or None",
        )
    for field in fields(Feedback):
        if not isinstance(getattr(feedback, field.name), str):
            return broken(
                check,
                f"{exercise.slug}/{definition(check)}: {check.name} returned a feedback "
                f"whose {field.name} is no text",
            )
    return _result(check, Outcome.FAILED, _bounded(feedback))


def broken(check: Check, message: str) -> CheckResult:
    """Return the result of a check that its author has to mend."""
    return _result(check, Outcome.ERROR, Feedback("broken-check", message))


def definition(check: Check) -> str:
    """Return ``file:line`` of a check's function."""
    code = getattr(check.function, "__code__", None)
    return f"checks.py:{code.co_firstlineno}" if code else "checks.py"


def _result(check: Check, outcome: Outcome, feedback: Feedback | None) -> CheckResult:
    points = check.points if outcome is Outcome.PASSED else 0.0
    return CheckResult(check.name, check.title, outcome, points, check.points, feedback)


def _bounded(feedback: Feedback) -> Feedback:
    """Return a feedback that JSON can hold and that is not longer than anybody reads."""
    return Feedback(**{field.name: _text(getattr(feedback, field.name)) for field in fields(Feedback)})


def _text(text: str) -> str:
    cut = text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 1]}…"
    return cut if cut.isascii() else cut.encode("utf-8", "backslashreplace").decode()


def graded(
    exercise: Exercise,
    participant: str,
    results: tuple[CheckResult, ...],
    timing: Timing,
    evidence: str,
) -> Report:
    """Return the report on a submission that was observed and judged; `evidence` is its address."""
    return Report(
        exercise=exercise.slug,
        participant=participant,
        status="graded",
        score=_sum(result.points for result in results),
        max_score=_sum(result.max_points for result in results),
        checks=results,
        timing=timing,
        evidence=evidence,
    )


def ungradable(exercise: str, participant: str, max_score: float, reason: str, timing: Timing) -> Report:
    """Return the report on a submission that could not be graded, by no fault of its participant."""
    return Report(
        exercise=exercise,
        participant=participant,
        status="ungradable",
        score=0.0,
        max_score=_sum([max_score]),
        checks=(),
        timing=timing,
        evidence=None,
        error=one_line(reason, 1_000),
    )


def malformed(exercise: str, participant: str, max_score: float, reason: str, timing: Timing) -> Report:
    """Return the report on an answer that could not be read as one and was not run."""
    reason = one_line(reason, 1_000)
    points = _sum([max_score])
    feedback = Feedback(MALFORMED, reason)
    result = CheckResult("submission", "The answer can be read", Outcome.FAILED, 0.0, points, feedback)
    return Report(
        exercise=exercise,
        participant=participant,
        status="graded",
        score=0.0,
        max_score=points,
        checks=(result,),
        timing=timing,
        evidence=None,
        error=reason,
        malformed=True,
    )


def _sum(points: Iterable[float]) -> float:
    """Add points so that tenths stay tenths."""
    return round(math.fsum(points), 6)
