"""The JSON of reports is what scripts were promised."""

from __future__ import annotations

import msgspec
import pytest

from grader.errors import GraderError
from grader.judge import malformed, ungradable
from grader.model import Outcome, Timing
from grader.report import json
from tests.literals import report_of

PASSED, FAILED, SKIPPED = Outcome.PASSED, Outcome.FAILED, Outcome.SKIPPED


def test_has_the_promised_fields() -> None:
    found = msgspec.json.decode(json.to_document(report_of(PASSED, FAILED)))
    assert found == {
        "schema": 1,
        "exercise": "status",
        "participant": "ada",
        "status": "graded",
        "score": 1.0,
        "max_score": 2.0,
        "malformed": False,
        "error": None,
        "checks": [
            {
                "name": "check_0",
                "title": "Check 0",
                "outcome": "passed",
                "points": 1.0,
                "max_points": 1.0,
                "feedback": None,
            },
            {
                "name": "check_1",
                "title": "Check 1",
                "outcome": "failed",
                "points": 0.0,
                "max_points": 1.0,
                "feedback": {
                    "name": "wrong-status",
                    "message": "Another status.",
                    "expected": "7",
                    "actual": "1",
                    "why": "Scripts read it.",
                },
            },
        ],
        "timing": {"queued_ms": 0.0, "observe_ms": 12.5, "judge_ms": 0.5, "total_ms": 13.25},
        "evidence": "sha256:" + "0" * 64,
    }


def test_comes_back() -> None:
    reports = [
        report_of(PASSED, FAILED, SKIPPED),
        malformed("status", "bob", 3.0, "'x' is empty", Timing()),
        ungradable("status", "eve", 3.0, "the disk is full", Timing()),
    ]
    assert [json.from_json(json.to_json(report)) for report in reports] == reports
    assert json.from_batch_document(json.to_batch_document(reports)) == reports
    assert msgspec.json.decode(json.to_batch_document([])) == {"schema": 1, "reports": []}


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b'{"schema": 2, "reports": []}', b"\xff"])
def test_refuses_anything_else(data: bytes) -> None:
    with pytest.raises(GraderError):
        json.from_json(data)
    with pytest.raises(GraderError):
        json.from_batch_document(data)
