"""Reports as tables and text for a terminal; verdicts are words, never colour alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from grader.model import CheckResult, Report
from grader.report.wording import explanation, points, verdict
from grader.visible import one_line, visible

_STYLES: Final = {
    "passed": "green",
    "failed": "red",
    "malformed": "magenta",
    "ungradable": "yellow",
    "skipped": "dim",
    "error": "yellow",
}


def batch(reports: Sequence[Report]) -> RenderableType:
    """Return the verdicts of many submissions, one line each, and their sums."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("participant", overflow="fold", max_width=24)
    table.add_column("exercise", overflow="fold", max_width=24)
    table.add_column("verdict", no_wrap=True)
    table.add_column("score", no_wrap=True, justify="right")
    table.add_column("feedback", overflow="fold", ratio=1)
    for report in reports:
        word = verdict(report)
        table.add_row(
            Text(one_line(report.participant, 80)),
            Text(one_line(report.exercise, 80)),
            Text(word, style=_STYLES[word]),
            f"{points(report.score)}/{points(report.max_score)}",
            Text(one_line(explanation(report), 160)),
        )
    return Group(table, Text(), Text(summary(reports)))


def summary(reports: Iterable[Report]) -> str:
    """Return how many submissions came to which verdict, as a sentence without an end."""
    words = [verdict(report) for report in reports]
    counts = ", ".join(f"{words.count(word)} {word}" for word in _STYLES if word in words)
    return f"{len(words)} submission{'' if len(words) == 1 else 's'}" + (f": {counts}" if counts else "")


def details(report: Report) -> RenderableType:
    """Return one report with every check and its feedback."""
    word = verdict(report)
    head = Text.assemble(
        (word, f"bold {_STYLES[word]}"),
        f"  {points(report.score)} of {points(report.max_score)} points  ",
        f"{one_line(report.exercise, 80)}, {one_line(report.participant, 80)}",
    )
    parts: list[RenderableType] = [head]
    if report.error:
        parts.append(Text(visible(report.error)))
    else:
        parts += [_check(result) for result in report.checks]
    evidence = one_line(report.evidence or "none", 80)
    parts.append(Text(f"{report.timing.total_ms:.0f} ms, evidence {evidence}", style="dim"))
    return Group(*parts)


def _check(result: CheckResult) -> RenderableType:
    word = result.outcome.value
    earned = f"{points(result.points)}/{points(result.max_points)}"
    lines = Text.assemble((f"{word:>8}", _STYLES[word]), f"  {earned:>5}  {visible(result.title)}")
    if result.feedback is not None:
        shown = (
            ("", result.feedback.message),
            ("expected: ", result.feedback.expected),
            ("actual: ", result.feedback.actual),
            ("why: ", result.feedback.why),
        )
        for label, text in shown:
            if text:
                body = visible(text, 1_000).replace("\n", "\n" + " " * 17)
                lines.append(f"\n{' ' * 17}{label}{body}")
    return lines


def console(*, stderr: bool = False) -> Console:
    """Return a console as wide as its terminal, or wide enough for whole lines where it is none."""
    made = Console(stderr=stderr, highlight=False, markup=False, emoji=False)
    return (
        made
        if made.is_terminal
        else Console(stderr=stderr, highlight=False, markup=False, emoji=False, width=160)
    )
