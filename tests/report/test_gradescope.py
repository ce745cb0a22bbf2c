"""Gradescope gets its results.json, and none for what could not be graded."""

from __future__ import annotations

import msgspec
import pytest

from grader.judge import malformed, ungradable
from grader.model import Outcome, Timing
from grader.report import gradescope
from tests.literals import report_of


def test_has_a_test_for_each_check() -> None:
    found = msgspec.json.decode(gradescope.to_json(report_of(Outcome.PASSED, Outcome.FAILED, Outcome.ERROR)))
    assert found["score"] == 1.0
    assert [(test["status"], test["score"], test["max_score"]) for test in found["tests"]] == [
        ("passed", 1.0, 1.0),
        ("failed", 0.0, 1.0),
        ("failed", 0.0, 1.0),
    ]
    assert found["tests"][0]["output"] == ""
    assert found["tests"][1]["output"] == "Another status.\nexpected: 7\nactual: 1\nScripts read it."
    assert found["tests"][2]["output"].startswith("error: ")
    assert found["visibility"] == "visible"


def test_malformed_answers_say_why() -> None:
    found = msgspec.json.decode(gradescope.to_json(malformed("status", "ada", 3.0, "'x' is empty", Timing())))
    assert (found["score"], found["output"]) == (0.0, "'x' is empty")


def test_ungradable_has_no_results() -> None:
    with pytest.raises(ValueError, match="ungradable"):
        gradescope.to_json(ungradable("status", "ada", 3.0, "no disk", Timing()))
