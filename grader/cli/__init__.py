"""The command line: `grader`. Data go to standard output, logs to standard error."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import click

from grader import __version__
from grader.cli.context import EXIT_INFRASTRUCTURE, EXIT_INTERRUPTED, EXIT_USAGE, common_options
from grader.errors import GraderError, SandboxError, ServerError

if TYPE_CHECKING:
    from importlib import metadata

_COMMANDS: Final = {
    "list": "grader.cli.exercises:list_exercises",
    "show": "grader.cli.exercises:show",
    "new": "grader.cli.exercises:new",
    "samples": "grader.cli.exercises:samples",
    "grade": "grader.cli.grade:grade",
    "evidence": "grader.cli.grade:evidence",
    "batch": "grader.cli.batch:batch",
    "rejudge": "grader.cli.rejudge:rejudge",
    "verify": "grader.cli.verify:verify",
    "doctor": "grader.cli.doctor:doctor",
    "images": "grader.cli.images:images",
    "reap": "grader.cli.reap:reap",
    "login": "grader.cli.login:login",
    "submit": "grader.cli.submit:submit",
}
"""Where each command is defined; a module is imported when its command is used."""

_GROUP: Final = "grader.commands"
"""Entry points that add commands: this package knows nothing of what serves it."""


class _Commands(click.Group):
    """Commands that are imported when they are used, so that each starts fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return [*_COMMANDS, *sorted(point.name for point in _added())]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        command: click.Command
        if place := _COMMANDS.get(cmd_name):
            module, _, attribute = place.partition(":")
            command = getattr(importlib.import_module(module), attribute)
            return command
        for point in _added():
            if point.name == cmd_name:
                command = point.load()
                return command
        return None


def _added() -> metadata.EntryPoints:
    from importlib import metadata  # a tenth of a short command's time

    return metadata.entry_points(group=_GROUP)


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: grader grade a4-oom-kill answer.sh --participant ada. Exit codes: 0 all passed, 1 a "
    "submission failed, 2 usage or malformed input, 3 infrastructure, 130 interrupted. Shell completion: "
    'eval "$(_GRADER_COMPLETE=bash_source grader)".',
)
@common_options
@click.version_option(__version__, prog_name="grader")
def app() -> None:
    """Grade what people did with Linux containers, by what the kernel and the engine say about it."""


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    try:
        code = app.main(arguments, prog_name="grader", standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("interrupted", err=True)
        return EXIT_INTERRUPTED
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        return EXIT_INTERRUPTED
    except click.ClickException as error:
        error.show()
        return EXIT_USAGE
    except (SandboxError, ServerError) as error:
        click.echo(f"grader: {error}", err=True)
        return EXIT_INFRASTRUCTURE
    except GraderError as error:
        click.echo(f"grader: {error}", err=True)
        return EXIT_USAGE
    except BrokenPipeError:
        # Whoever read has seen enough; the interpreter's own flush at exit must not complain again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code if isinstance(code, int) else 0


def main() -> None:
    """Run the command line of this process."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # sandboxes are cleared away at either
    try:
        code = run()
    except Exception:  # noqa: BLE001  a bug of ours: never to be read as somebody's failed answer
        traceback.print_exc()
        code = EXIT_INFRASTRUCTURE
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)
