"""Where commands about many submissions write their reports."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from grader.cli.context import EXIT_FAILED, EXIT_PASSED, Context, exit_code, write_output
from grader.errors import GraderError
from grader.model import Report
from grader.report import csv, json, junit

_Function = TypeVar("_Function", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Outputs:
    """Files for reports; ``-`` is standard output, ``None`` is none."""

    junit_xml: str | None
    json: str | None
    csv: str | None

    def files(self) -> list[str]:
        """Return those that are files."""
        return [path for path in (self.json, self.junit_xml, self.csv) if path not in (None, "-")]

    def write(self, context: Context, reports: Iterable[Report]) -> list[Report]:
        """Write everything, and the table of verdicts; return the reports in their order.

        Raises:
            GraderError: A file cannot be written; the others were.
        """
        ordered = in_order(reports)
        errors: list[GraderError] = []
        for path, convert in (
            (self.json, json.to_batch_document),
            (self.junit_xml, junit.to_xml),
            (self.csv, csv.to_csv),
        ):
            if path is not None:
                try:
                    write_output(path, convert(ordered))
                except GraderError as error:
                    errors.append(error)
        if not context.quiet:
            from grader.report import table  # slow to import

            to_stderr = "-" in (self.json, self.junit_xml, self.csv)
            table.console(stderr=to_stderr).print(table.batch(ordered))
        if errors:
            raise errors[0]
        return ordered


def output_options(command: _Function) -> _Function:
    """Add the options that name files for reports; the command gets them as `outputs`."""

    def collect(*args: Any, junit_xml: str | None, json: str | None, csv: str | None, **options: Any) -> Any:
        chosen = Outputs(junit_xml, json, csv)
        if [chosen.json, chosen.junit_xml, chosen.csv].count("-") > 1:
            raise click.UsageError("only one output can be standard output")
        return command(*args, outputs=chosen, **options)

    wrapped: Any = collect
    wrapped.__name__, wrapped.__doc__ = command.__name__, command.__doc__
    wrapped.__click_params__ = getattr(command, "__click_params__", [])
    for option in (
        click.option("--csv", metavar="FILE", help="Write CSV, a line per submission (- is stdout)."),
        click.option("--json", metavar="FILE", help="Write all reports as JSON (- is stdout)."),
        click.option("--junit-xml", metavar="FILE", help="Write JUnit XML (- is stdout)."),
    ):
        wrapped = option(wrapped)
    return wrapped  # type: ignore[no-any-return]


def in_order(reports: Iterable[Report]) -> list[Report]:
    """Return reports ordered by participant and exercise, as every output has them."""
    return sorted(reports, key=lambda report: (report.participant, report.exercise))


def exit_code_under(reports: Sequence[Report], fail_under: float | None) -> int:
    """Return the exit code; with a threshold, failures count only where it is not reached.

    Args:
        reports: Of all submissions.
        fail_under: Percentage of the points that has to be reached; ungradable submissions count neither way.
    """
    code = exit_code(reports)
    if fail_under is None or code not in (EXIT_PASSED, EXIT_FAILED):
        return code
    graded = [report for report in reports if report.status == "graded"]
    possible = sum(report.max_score for report in graded)
    reached = 100 * sum(report.score for report in graded) / possible if possible else 100.0
    click.echo(f"{reached:.1f} % of the points reached, {fail_under:g} % wanted", err=True)
    return EXIT_PASSED if reached >= fail_under else EXIT_FAILED
