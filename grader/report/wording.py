"""The words in which every kind of report says what came of a submission."""

from __future__ import annotations

from grader.model import CheckResult, Outcome, Report


def verdict(report: Report) -> str:
    """Return what came of a submission, in one word."""
    if report.status == "ungradable":
        return "ungradable"
    if report.malformed:
        return "malformed"
    if any(result.outcome is Outcome.ERROR for result in report.checks):
        return "error"
    return "passed" if report.passed else "failed"


def first_problem(report: Report) -> CheckResult | None:
    """Return the first check that did not pass, an error or failure rather than what was skipped."""
    for outcomes in ({Outcome.FAILED, Outcome.ERROR}, {Outcome.SKIPPED}):
        for result in report.checks:
            if result.outcome in outcomes:
                return result
    return None


def explanation(report: Report) -> str:
    """Return why a submission did not pass: its error or its first feedback; empty where it passed."""
    if report.error:
        return report.error
    problem = first_problem(report)
    return problem.feedback.message if problem and problem.feedback else ""


def points(number: float) -> str:
    """Return points as people write them: 3, 2.5."""
    return f"{number:g}"
