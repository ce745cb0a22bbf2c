"""Commands about one answer: grade it, or look at what can be observed about it."""

from __future__ import annotations

import contextlib
from pathlib import Path

import click
import msgspec

from grader import answer, bundles
from grader import evidence as evidence_format
from grader.cli.context import (
    Context,
    common_options,
    exercise_argument,
    exit_code,
    open_observer,
    pass_context,
    write_output,
)
from grader.cli.progress import spinner
from grader.errors import SubmissionError
from grader.grading import Grader
from grader.judge import malformed
from grader.judging import Judges
from grader.model import Report, Timing
from grader.parameters import ANONYMOUS, fill_exercise
from grader.progress import Said
from grader.report import gradescope, json, junit, table

_participant = click.option(
    "--participant",
    default=ANONYMOUS,
    show_default=True,
    help="Whose answer it is: values differ by participant.",
)
_path = click.argument("path", type=click.Path(path_type=Path))


@click.command(epilog="Example: grader grade a4-oom-kill answer.sh --participant ada --json")
@common_options
@exercise_argument
@_path
@_participant
@click.option("--json", "as_json", is_flag=True, help="Write the report as JSON.")
@click.option(
    "--evidence", "evidence_file", metavar="FILE", help="Keep the evidence bundle in FILE (- is stdout)."
)
@click.option("--junit-xml", metavar="FILE", help="Write JUnit XML (- is stdout).")
@click.option(
    "--gradescope", "gradescope_file", metavar="FILE", help="Write Gradescope's results.json (- is stdout)."
)
@pass_context
def grade(
    context: Context,
    slug: str,
    path: Path,
    participant: str,
    as_json: bool,
    evidence_file: str | None,
    junit_xml: str | None,
    gradescope_file: str | None,
) -> int:
    """Grade the answer in PATH: a folder, or a file where the exercise has one answer file."""
    exercise = context.catalogue.get(slug)
    parameters = context.parameters(exercise, participant)
    evidence: bytes | None = None
    try:
        submission = answer.read(exercise, path, participant, parameters)
    except SubmissionError as error:
        click.echo(f"grader: {error}", err=True)
        report = malformed(slug, participant, exercise.max_score, str(error), Timing())
    else:
        with contextlib.ExitStack() as resources:
            judges = resources.enter_context(Judges([exercise], size=1))
            judges.warm()  # before the first thread
            observer = resources.enter_context(open_observer(context.settings, [exercise]))
            progress = resources.enter_context(spinner(quiet=context.quiet))
            # What it prints stands in the report.
            graded = Grader(observer, judges).grade(exercise, submission, progress=Said(progress.say))
        report, evidence = graded.report, graded.evidence
    if evidence_file and evidence is not None:
        write_output(evidence_file, bundles.encode(evidence, report.timing))
    if junit_xml:
        write_output(junit_xml, junit.to_xml([report]))
    if gradescope_file and report.status != "ungradable":
        # Without the file, Gradescope says that the autograder failed: nobody loses points by it.
        write_output(gradescope_file, gradescope.to_json(report))
    if as_json:
        write_output("-", json.to_document(report))
    elif "-" not in (evidence_file, junit_xml, gradescope_file):
        _print(report)
    return exit_code([report])


def _print(report: Report) -> None:
    if not report.malformed:  # its one sentence was written already
        table.console().print(table.details(report), soft_wrap=True)


@click.command(epilog="Example: grader evidence a4-oom-kill answer.sh | jq .sections.oom")
@common_options
@exercise_argument
@_path
@_participant
@pass_context
def evidence(context: Context, slug: str, path: Path, participant: str) -> int:
    """Run the answer in PATH and show what an exercise's checks can see of it, as JSON."""
    exercise = context.catalogue.get(slug)
    submission = answer.read(exercise, path, participant, context.parameters(exercise, participant))
    with open_observer(context.settings, [exercise]) as observer, spinner(quiet=context.quiet) as progress:
        found = observer.observe(fill_exercise(exercise, submission.parameters), submission, progress)
    click.echo(msgspec.json.format(evidence_format.to_json(found), indent=2))
    return 0
