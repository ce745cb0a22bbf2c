"""One report as the `results.json` that Gradescope's autograders write."""

from __future__ import annotations

from typing import Any

import msgspec

from grader.model import CheckResult, Outcome, Report
from grader.visible import visible


def to_json(report: Report) -> bytes:
    """Return `results.json`.

    A score is the sum of its tests; nothing is hidden from the participant. For an ungradable report no
    file should be written at all: Gradescope then says that the autograder failed, and takes no points.

    Raises:
        ValueError: The report is ungradable.
    """
    if report.status == "ungradable":
        raise ValueError("an ungradable report has no results for Gradescope")
    results = {
        "score": report.score,
        "execution_time": round(report.timing.total_ms / 1000),
        "output": visible(report.error or ""),
        "output_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": [to_test(result) for result in report.checks],
        "extra_data": {"exercise": report.exercise, "evidence": report.evidence},
    }
    return msgspec.json.format(msgspec.json.encode(results), indent=2) + b"\n"


def to_test(result: CheckResult, before: str = "") -> dict[str, Any]:
    """Return one of its tests; `before` goes before the name."""
    return {
        "name": visible(f"{before}{result.title}"),
        "name_format": "text",
        "score": result.points,
        "max_score": result.max_points,
        "status": "passed" if result.outcome is Outcome.PASSED else "failed",
        "output": _output(result),
        "output_format": "text",
        "visibility": "visible",
    }


def _output(result: CheckResult) -> str:
    feedback = result.feedback
    if feedback is None:
        return ""
    lines = [feedback.message if result.outcome is not Outcome.ERROR else f"error: {feedback.message}"]
    lines += [f"expected: {feedback.expected}"] if feedback.expected else []
    lines += [f"actual: {feedback.actual}"] if feedback.actual else []
    lines += [feedback.why] if feedback.why else []
    return visible("\n".join(lines))
