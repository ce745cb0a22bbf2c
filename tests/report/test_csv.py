"""The CSV opens in a spreadsheet and computes nothing there."""

from __future__ import annotations

import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from grader.judge import malformed, ungradable
from grader.model import Feedback, Outcome, Report, Timing
from grader.report.csv import COLUMNS, safe, to_csv
from tests.literals import report_of


def rows(*reports: Report) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(to_csv(reports).decode(), newline="")))


def test_one_line_for_each_submission() -> None:
    found = rows(
        report_of(Outcome.PASSED, Outcome.FAILED, Outcome.SKIPPED),
        malformed("status", "bob", 3.0, "'x' is empty", Timing()),
        ungradable("status", "eve", 3.0, "the disk is full", Timing()),
        report_of(Outcome.ERROR),
        report_of(Outcome.PASSED),
    )
    assert list(found[0]) == list(COLUMNS)
    assert [row["verdict"] for row in found] == ["failed", "malformed", "ungradable", "error", "passed"]
    first = found[0]
    assert (first["score"], first["max_score"]) == ("1", "3")
    assert (first["passed"], first["failed"], first["skipped"]) == ("1", "1", "1")
    assert (first["feedback"], first["message"]) == ("wrong-status", "Another status.")
    assert found[2]["message"] == "the disk is full"
    assert found[4]["message"] == ""


@given(st.text())
def test_no_cell_is_a_formula(text: str) -> None:
    report = report_of(Outcome.FAILED, participant=text, feedback=Feedback("name", text))
    (row,) = rows(report)
    for cell in row.values():
        assert cell.lstrip()[:1] not in set("=+-@\t\r|%=+-@") or not cell.strip()
    assert "\0" not in row["message"]


def test_formulas_become_text() -> None:
    for formula in ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "\n=1", "=1", "|calc"):
        assert safe(formula).startswith("'")
    assert safe("x=1") == "x=1"
    assert safe("") == ""
