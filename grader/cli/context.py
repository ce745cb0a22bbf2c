"""What commands share: settings, the catalogue, logs, files that may be standard output, exit codes."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TextIO, TypeVar

import click

from grader import bundles
from grader.errors import GraderError
from grader.exercise.catalogue import Catalogue, folders
from grader.model import Exercise, Report
from grader.parameters import draw, workshop_secret
from grader.settings import Settings

if TYPE_CHECKING:
    from grader.grading import Observer

EXIT_PASSED: Final = 0
EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2
EXIT_INFRASTRUCTURE: Final = 3
EXIT_INTERRUPTED: Final = 130

_Function = TypeVar("_Function", bound=Callable[..., Any])


class Context:
    """Options that hold for every command, and what follows from them."""

    def __init__(self) -> None:
        self.more_exercises: list[Path] = []
        self.verbosity = 0

    @cached_property
    def settings(self) -> Settings:
        """Settings from the environment."""
        return Settings.from_environment()

    @cached_property
    def catalogue(self) -> Catalogue:
        """Every exercise there is."""
        return Catalogue(folders(self.settings, self.more_exercises))

    @cached_property
    def secret(self) -> str:
        """What participants' values are drawn from."""
        return workshop_secret(self.settings)

    @property
    def quiet(self) -> bool:
        """Whether only errors and what was asked for are written."""
        return self.verbosity < 0

    def parameters(self, exercise: Exercise, participant: str) -> dict[str, str | int]:
        """Return a participant's values for an exercise."""
        return draw(exercise, participant, lambda: self.secret)


pass_context = click.make_pass_decorator(Context, ensure=True)


class _StderrHandler(logging.StreamHandler[TextIO]):
    """Writes to what standard error is at that moment: a progress bar puts itself in between."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        self.stream = sys.stderr
        super().emit(record)


def _context(ctx: click.Context) -> Context:
    return ctx.ensure_object(Context)


def _add_exercises(ctx: click.Context, parameter: click.Parameter, value: tuple[Path, ...]) -> None:  # noqa: ARG001
    _context(ctx).more_exercises += value


def _add_verbosity(ctx: click.Context, parameter: click.Parameter, value: int) -> None:
    context = _context(ctx)
    context.verbosity += value if parameter.name == "verbose" else -value
    level = {-1: logging.ERROR, 0: logging.WARNING, 1: logging.INFO}.get(context.verbosity, logging.DEBUG)
    logging.basicConfig(handlers=[_StderrHandler()], format="%(levelname)s %(name)s: %(message)s", force=True)
    logging.getLogger("grader").setLevel(logging.ERROR if context.verbosity < -1 else level)


def common_options(command: _Function) -> _Function:
    """Add the options that every command takes, before or after its name."""
    for option in (
        click.option(
            "-v",
            "--verbose",
            count=True,
            expose_value=False,
            callback=_add_verbosity,
            help="Log more; twice: everything.",
        ),
        click.option(
            "-q", "--quiet", count=True, expose_value=False, callback=_add_verbosity, help="Log errors only."
        ),
        click.option(
            "--exercises",
            multiple=True,
            expose_value=False,
            callback=_add_exercises,
            type=click.Path(exists=True, file_okay=False, path_type=Path),
            help="A further folder of exercises; can be repeated.",
        ),
    ):
        command = option(command)
    return command


def exercise_argument(command: _Function) -> _Function:
    """Add the argument SLUG, completed from the catalogue."""
    return click.argument("slug", shell_complete=complete_slug)(command)


def complete_slug(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001
    """Return the slugs that begin so."""
    try:
        slugs = _context(ctx).catalogue.slugs
    except GraderError:
        return []  # there is nobody to tell: a shell is completing
    return [slug for slug in slugs if slug.startswith(incomplete)]


@contextlib.contextmanager
def open_observer(settings: Settings, exercises: Iterable[Exercise]) -> Iterator[Observer]:
    """Make the observer, before any thread is started: it prepares the process for sandboxes."""
    from grader.observe.observer import Observer as RealObserver

    with RealObserver(settings, tuple(exercises)) as observer:
        yield observer


def write_output(path: str, data: bytes) -> None:
    """Write a file whole or not at all; ``-`` is standard output.

    Raises:
        GraderError: It cannot be written.
    """
    if path == "-":
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        return
    target = Path(path)
    try:
        if target.exists() and not target.is_file():  # /dev/null, a pipe
            target.write_bytes(data)
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        bundles.write(target, data)
    except OSError as error:
        raise GraderError(f"{path}: {error.strerror}") from error


def exit_code(reports: Iterable[Report]) -> int:
    """Return the exit code for reports: the machine's trouble first, then malformed input, then failures."""
    code = EXIT_PASSED
    for report in reports:
        if report.status == "ungradable":
            return EXIT_INFRASTRUCTURE
        if report.malformed:
            code = EXIT_USAGE
        elif not report.passed:
            code = code or EXIT_FAILED
    return code
