"""Reports as CSV, one line per submission, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Final

from grader.model import Outcome, Report
from grader.report.wording import explanation, first_problem, points, verdict
from grader.visible import visible

COLUMNS: Final = (
    "participant",
    "exercise",
    "verdict",
    "score",
    "max_score",
    "passed",
    "failed",
    "skipped",
    "errors",
    "feedback",
    "message",
    "total_ms",
    "evidence",
)

# What makes a spreadsheet take a cell for a formula, full-width forms included.
_FORMULA: Final = frozenset("=+-@|%\uff1d\uff0b\uff0d\uff20")


def to_csv(reports: Iterable[Report]) -> bytes:
    """Return CSV as RFC 4180 has it, in UTF-8."""
    sheet = io.StringIO(newline="")
    writer = csv.writer(sheet)
    writer.writerow(COLUMNS)
    writer.writerows(_row(report) for report in reports)
    return sheet.getvalue().encode("utf-8")


def _row(report: Report) -> list[str | int]:
    outcomes = [result.outcome for result in report.checks]
    problem = first_problem(report)
    return [
        safe(report.participant),
        safe(report.exercise),
        verdict(report),
        points(report.score),
        points(report.max_score),
        outcomes.count(Outcome.PASSED),
        outcomes.count(Outcome.FAILED),
        outcomes.count(Outcome.SKIPPED),
        outcomes.count(Outcome.ERROR),
        safe(problem.feedback.name if problem and problem.feedback else ""),
        safe(explanation(report)),
        f"{report.timing.total_ms:.3f}",
        report.evidence or "",
    ]


def safe(text: str) -> str:
    """Return `text` so that no spreadsheet computes it: an apostrophe goes before what begins a formula."""
    shown = visible(text)
    return f"'{shown}" if shown.lstrip()[:1] in _FORMULA and shown.strip() else shown
