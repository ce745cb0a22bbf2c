"""Reports as JSON, as it was promised to those who script against it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from grader.errors import GraderError
from grader.model import REPORT_SCHEMA, CheckResult, Report

_DECODER = msgspec.json.Decoder(Report)


def to_table(report: Report) -> dict[str, Any]:
    """Return a report as plain tables and lists, keys in the order of the documentation."""
    return {
        "schema": report.schema,
        "exercise": report.exercise,
        "participant": report.participant,
        "status": report.status,
        "score": report.score,
        "max_score": report.max_score,
        "malformed": report.malformed,
        "error": report.error,
        "checks": [_check(result) for result in report.checks],
        "timing": {
            "queued_ms": report.timing.queued_ms,
            "observe_ms": report.timing.observe_ms,
            "judge_ms": report.timing.judge_ms,
            "total_ms": report.timing.total_ms,
        },
        "evidence": report.evidence,
    }


def _check(result: CheckResult) -> dict[str, Any]:
    feedback = result.feedback
    return {
        "name": result.name,
        "title": result.title,
        "outcome": result.outcome.value,
        "points": result.points,
        "max_points": result.max_points,
        "feedback": feedback
        and {
            "name": feedback.name,
            "message": feedback.message,
            "expected": feedback.expected,
            "actual": feedback.actual,
            "why": feedback.why,
        },
    }


def to_json(report: Report) -> bytes:
    """Return one report as JSON in one line."""
    return msgspec.json.encode(to_table(report))


def to_document(report: Report) -> bytes:
    """Return one report as indented JSON, for people and files."""
    return _indented(to_table(report))


def to_batch_document(reports: Iterable[Report]) -> bytes:
    """Return the JSON of a batch: ``{"schema": 1, "reports": […]}``."""
    return _indented({"schema": REPORT_SCHEMA, "reports": [to_table(report) for report in reports]})


def from_json(data: bytes) -> Report:
    """Read one report.

    Raises:
        GraderError: It is none, or of another schema.
    """
    try:
        report = _DECODER.decode(data)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise GraderError(f"not a report: {error}") from error
    if report.schema != REPORT_SCHEMA:
        raise GraderError(f"a report of schema {report.schema}, this version reads {REPORT_SCHEMA}")
    return report


class _Batch(msgspec.Struct):
    schema: int
    reports: list[Report]


def from_batch_document(data: bytes) -> list[Report]:
    """Read the reports of a batch.

    Raises:
        GraderError: It is no such document, or of another schema.
    """
    try:
        batch = msgspec.json.decode(data, type=_Batch)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise GraderError(f"not the reports of a batch: {error}") from error
    if batch.schema != REPORT_SCHEMA:
        raise GraderError(f"reports of schema {batch.schema}, this version reads {REPORT_SCHEMA}")
    return batch.reports


def _indented(table: dict[str, Any]) -> bytes:
    return msgspec.json.format(msgspec.json.encode(table), indent=2) + b"\n"
