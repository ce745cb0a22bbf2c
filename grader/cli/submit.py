"""The command `grader submit`: sends an answer to a server and waits for its verdict."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Final

import click

from grader import answer
from grader.cli.context import (
    EXIT_INFRASTRUCTURE,
    EXIT_INTERRUPTED,
    EXIT_PASSED,
    Context,
    common_options,
    exercise_argument,
    exit_code,
    pass_context,
    write_output,
)
from grader.cli.progress import spinner
from grader.client import credentials, service
from grader.client.connection import Connection, server_url
from grader.client.pending import Pending
from grader.errors import GraderError, RefusedError, ServerError, SubmissionError
from grader.judge import malformed
from grader.model import Report, Submission, Timing
from grader.report import json as report_json
from grader.report import table
from grader.visible import visible

_NO_TEXT: Final = re.compile(r"[^\n\x20-\x7e]")


@click.command(epilog="Example: grader submit a4-oom-kill answer.sh --server http://127.0.0.1:8080")
@common_options
@exercise_argument
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--server",
    envvar="GRADER_SERVER",
    metavar="URL",
    help="Address of the server.  [default: GRADER_SERVER or that of the last login]",
)
@click.option("--json", "as_json", is_flag=True, help="Write the report as JSON.")
@click.option("--no-wait", is_flag=True, help="Write the submission's id and do not wait for its verdict.")
@pass_context
def submit(
    context: Context, slug: str, files: tuple[Path, ...], server: str | None, as_json: bool, no_wait: bool
) -> int:
    """Submit the answer in FILES to a server and show its verdict.

    FILES are a folder, a file where the exercise has one answer file, or several files of the answer. Ctrl+C
    leaves the submission running; the same command shows its verdict later.
    """
    if as_json and no_wait:
        raise click.UsageError("--json writes a verdict, and --no-wait waits for none: leave out one of them")
    login = _login(server)
    with Connection(login.server, login.token) as connection:
        exercise = service.exercise(connection, slug)
        try:
            submission = answer.read_given(exercise, files, login.name, {})
        except SubmissionError as error:
            click.echo(f"grader: {error}", err=True)
            report = malformed(slug, login.name, exercise.max_score, str(error), Timing())
            if as_json:
                _write(report)
            return exit_code([report])
        pending = Pending(login, slug, submission.files)
        if no_wait:
            click.echo(service.submit(connection, slug, submission.files, pending.key()).id)
            pending.forget()
            return EXIT_PASSED
        return _until_verdict(context, connection, submission, pending, as_json=as_json)


def _login(server: str | None) -> credentials.Login:
    given = server or credentials.last_server()
    if given is None:
        raise click.UsageError("which server? Give --server URL, or call grader login first")
    address = server_url(given)
    found = credentials.find(address)
    if found is None:
        raise GraderError(f"you are not logged in there; call: grader login --server {address}")
    return found


def _until_verdict(
    context: Context, connection: Connection, submission: Submission, pending: Pending, *, as_json: bool
) -> int:
    where = ""
    try:
        with spinner(quiet=context.quiet) as progress:
            progress.say("submitting")
            accepted = service.submit(connection, submission.exercise, submission.files, pending.key())
            where = f", or open\n{connection.server}/submissions/{accepted.id}"
            seen = service.wait_for_verdict(connection, accepted.id, progress)
    except (KeyboardInterrupt, ServerError) as error:
        interrupted = isinstance(error, KeyboardInterrupt)
        click.echo("interrupted" if interrupted else f"grader: {error}", err=True)
        if where:
            click.echo(f"The submission goes on. To look again, call the same command{where}", err=True)
        else:
            click.echo("Call the same command again: that will not be a second submission.", err=True)
        return EXIT_INTERRUPTED if interrupted else EXIT_INFRASTRUCTURE
    except RefusedError:
        pending.forget()
        raise
    pending.forget()
    return _show(seen, as_json=as_json)


def _show(seen: service.Seen, *, as_json: bool) -> int:
    if seen.report is None:
        click.echo(f"grader: {seen.state}: {visible(seen.error or 'there is no verdict')}", err=True)
        return EXIT_INFRASTRUCTURE
    if as_json:
        _write(seen.report)
    else:
        table.console().print(table.details(seen.report), soft_wrap=True)
    return exit_code([seen.report])


def _write(report: Report) -> None:
    """Write a report as JSON, every character beyond ASCII as an escape: it may come from anybody."""
    document = report_json.to_document(report).decode()
    write_output("-", _NO_TEXT.sub(lambda found: json.dumps(found[0])[1:-1], document).encode())
