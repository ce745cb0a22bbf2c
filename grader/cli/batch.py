"""The command that grades a folder of submissions."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import NoReturn

import click

from grader import batch as batches
from grader.cli.context import (
    EXIT_INFRASTRUCTURE,
    EXIT_INTERRUPTED,
    EXIT_USAGE,
    Context,
    common_options,
    complete_slug,
    open_observer,
    pass_context,
)
from grader.cli.outputs import Outputs, exit_code_under, output_options
from grader.cli.progress import Progressing
from grader.errors import GraderError
from grader.exercise.catalogue import Broken
from grader.grading import Grader
from grader.journal import Journal
from grader.judging import Judges
from grader.model import Exercise, Report
from grader.report import json
from grader.report.wording import verdict

DEFAULT_JOBS = (os.cpu_count() or 1) + 2


@click.command(
    epilog="Example: grader batch answers --junit-xml junit.xml --json reports.json --evidence bundles"
)
@common_options
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--jobs", type=click.IntRange(1, 1024), default=DEFAULT_JOBS, show_default=True, help="At the same time."
)
@click.option(
    "--exercise", "only", multiple=True, shell_complete=complete_slug, help="Only this one; can be repeated."
)
@output_options
@click.option(
    "--evidence",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep evidence bundles in this folder, for `grader rejudge`.",
)
@click.option(
    "--fail-under",
    type=click.FloatRange(0, 100),
    metavar="PCT",
    help="Exit with 1 only if less than this share of the points is reached.",
)
@click.option("--timeout", type=click.FloatRange(min=0), metavar="SECONDS", help="For the whole batch.")
@click.option("--resume", is_flag=True, help="Go on where an earlier batch with the same output stopped.")
@pass_context
def batch(
    context: Context,
    directory: Path,
    jobs: int,
    only: tuple[str, ...],
    outputs: Outputs,
    evidence: Path | None,
    fail_under: float | None,
    timeout: float | None,
    resume: bool,
) -> int:
    """Grade every submission in DIRECTORY: <participant>/<exercise>/<files>.

    Whatever is wrong with one submission harms no other. Ctrl+C stops in good order and reports what
    there is; a second one stops at once.
    """
    for slug in only:
        context.catalogue.get(slug)
    found = batches.find(directory, context.catalogue.slugs, only)
    for sentence in found.refused:
        click.echo(f"grader: {sentence}", err=True)
    if found.ignored and not context.quiet:
        click.echo(f"{len(found.ignored)} files beside the participants' folders are ignored", err=True)
    exercises = _exercises(context, found.entries)
    reports: list[Report] = []
    failure: GraderError | None = None
    stop = threading.Event()
    at_once = False
    with contextlib.ExitStack() as resources:
        judges = resources.enter_context(Judges(exercises, size=os.cpu_count() or 1))
        judges.warm()  # before the first thread
        observer = resources.enter_context(open_observer(context.settings, exercises))
        journal = _open_journal(resources, outputs, resume=resume)
        answers = batches.Answers(
            directory,
            context.catalogue,
            Grader(observer, judges),
            context.parameters,
            evidence=evidence,
            journal=journal,
        )
        progress = Progressing(len(found.entries), quiet=context.quiet)
        try:
            with _interrupts(stop), progress:
                for report in batches.run(
                    found.entries, answers.grade, jobs=jobs, stop=stop, late=answers.late, seconds=timeout
                ):
                    reports.append(report)
                    progress.advance(verdict(report))
        except GraderError as error:
            failure = error
        except KeyboardInterrupt:
            at_once = True
        ordered = outputs.write(context, reports)
        if at_once:
            _end_at_once()
    if failure is not None:
        raise failure
    if stop.is_set():
        click.echo(f"interrupted: {len(ordered)} of {len(found.entries)} graded", err=True)
        return EXIT_INTERRUPTED
    code = exit_code_under(ordered, fail_under)
    return EXIT_USAGE if found.refused and code != EXIT_INFRASTRUCTURE else code


def _exercises(context: Context, entries: tuple[batches.Entry, ...]) -> list[Exercise]:
    """Read the exercises that occur, before several threads need them; say which are broken."""
    found = []
    for slug in sorted({entry.exercise for entry in entries}):
        if slug not in context.catalogue:
            continue
        exercise = context.catalogue.look_up(slug)
        if isinstance(exercise, Broken):
            click.echo(f"grader: {exercise.reason}", err=True)
        else:
            found.append(exercise)
    if any(exercise.parameters for exercise in found):
        _ = context.secret
    return found


def _open_journal(resources: contextlib.ExitStack, outputs: Outputs, *, resume: bool) -> Journal | None:
    """Open the journal beside the first output that is a file.

    Raises:
        click.UsageError: There is none, and an earlier batch is to be resumed.
    """
    files = outputs.files()
    if not files:
        if resume:
            raise click.UsageError("--resume needs an output that is a file, --json FILE say")
        return None
    journal = resources.enter_context(Journal(Path(f"{files[0]}.journal"), resume=resume))
    if resume and outputs.json not in (None, "-") and Path(str(outputs.json)).is_file():
        journal.add_earlier(json.from_batch_document(Path(str(outputs.json)).read_bytes()))
    return journal


def _end_at_once() -> NoReturn:
    """End without waiting for the threads that still run; what they leave is reaped behind us."""
    click.echo("stopped at once; what still ran is removed in the background", err=True)
    sys.stdout.flush()
    subprocess.Popen(
        [sys.executable, "-m", "grader", "reap"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    os._exit(EXIT_INTERRUPTED)


@contextlib.contextmanager
def _interrupts(stop: threading.Event) -> Iterator[None]:
    """Make the first interruption a request to stop, and the second one an end."""

    def handle(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        # Not through the console: it may be in the middle of a line, under a lock.
        os.write(2, b"\nstopping: what runs is finished; once more stops at once\n")

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
