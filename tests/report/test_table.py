"""Tables say verdicts in words, without colour, and at any width."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from grader.judge import malformed, ungradable
from grader.model import Feedback, Outcome, Timing
from grader.report import table, wording
from tests.literals import report_of

REPORTS = [
    report_of(Outcome.PASSED),
    report_of(Outcome.FAILED, participant="\x1b[31mbob[bold]", feedback=Feedback("a", "No [/red]\x07 way")),
    report_of(Outcome.ERROR),
    malformed("status", "mallory", 3.0, "'x' is empty", Timing()),
    ungradable("status", "eve", 3.0, "the disk is full", Timing()),
]


def printed(what: object, width: int = 120, *, terminal: bool = False) -> str:
    file = io.StringIO()
    Console(file=file, width=width, force_terminal=terminal, markup=False, highlight=False).print(what)
    return file.getvalue()


def test_shows_each_verdict_in_a_word() -> None:
    text = printed(table.batch(REPORTS))
    for word in ("passed", "failed", "error", "malformed", "ungradable"):
        assert word in text
    assert "\\x1b[31mbob[bold]" in text
    assert "No [/red]\\x07 way" in text
    assert "5 submissions: 1 passed, 1 failed, 1 malformed, 1 ungradable, 1 error" in text
    assert "1/1" in text


@pytest.mark.parametrize("width", [20, 40, 60])
def test_fits_a_narrow_terminal(width: int) -> None:
    text = printed(table.batch(REPORTS), width)
    assert all(len(line) <= width for line in text.splitlines())
    assert "ungradable" in printed(table.batch(REPORTS), 50)


def test_colour_only_on_a_terminal_that_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    assert "\x1b[" not in printed(table.batch(REPORTS))
    assert "\x1b[32m" in printed(table.batch(REPORTS), terminal=True)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[3" not in printed(table.batch(REPORTS), terminal=True)


def test_details_give_every_check_and_all_of_its_feedback() -> None:
    text = printed(table.details(report_of(Outcome.PASSED, Outcome.FAILED)))
    for part in (
        "failed  1 of 2 points",
        "Check 0",
        "Another status.",
        "expected: 7",
        "actual: 1",
        "why: Scripts",
    ):
        assert part in text
    assert "the disk is full" in printed(table.details(REPORTS[4]))


def test_the_first_problem_is_a_failure_rather_than_a_skip() -> None:
    problem = wording.first_problem(report_of(Outcome.SKIPPED, Outcome.FAILED))
    assert problem
    assert problem.name == "check_1"
    assert wording.first_problem(report_of(Outcome.PASSED)) is None
