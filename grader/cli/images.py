"""The commands that build and list base root file systems and the engine's images."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import click
import msgspec
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from grader.cli.context import Context, common_options, pass_context
from grader.model import MIB
from grader.report.table import console

if TYPE_CHECKING:
    from grader.sandbox.images import Manifest

_SCHEMA: Final = 1
_DIGEST_SHOWN: Final = 12


@click.group(epilog="Example: grader images build")
@common_options
def images() -> None:
    """Build or list the root file systems and images that sandboxes start from."""


@images.command(epilog="Example: grader images build")
@common_options
@pass_context
def build(context: Context) -> None:
    """Build what is missing, from the Debian packages of this machine's mirror."""
    from grader.sandbox import images as store  # most commands need no sandbox

    with _shown(quiet=context.quiet) as progress:
        built = store.build(context.settings, progress)
    console().print(_table(built.manifests))
    if not context.quiet:
        made = f"built {', '.join(built.made)}" if built.made else "everything was there"
        click.echo(f"{made} ({built.seconds:.1f} s)", err=True)


@images.command("list", epilog="Example: grader images list --json | jq '.images[].digest'")
@common_options
@click.option("--json", "as_json", is_flag=True, help="Write JSON, with the versions of all packages.")
@pass_context
def list_images(context: Context, as_json: bool) -> None:
    """List what was built."""
    from grader.sandbox import images as store  # most commands need no sandbox

    manifests = store.listing(context.settings)
    if as_json:
        document = msgspec.json.encode({"schema": _SCHEMA, "images": manifests})
        click.echo(msgspec.json.format(document, indent=2))
    elif manifests:
        console().print(_table(manifests))
    else:
        click.echo("nothing was built yet; build it by: grader images build", err=True)


def _table(manifests: Sequence[Manifest]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("name", "MiB", "built in", "built at (UTC)", "digest"):
        table.add_column(heading, justify="right" if heading in {"MiB", "built in"} else "left", no_wrap=True)
    table.add_column("names for answers", overflow="fold")
    for manifest in manifests:
        table.add_row(
            manifest.name,
            f"{manifest.size_bytes / MIB:.0f}",
            f"{manifest.seconds:.1f} s",
            manifest.built[: len("2000-01-01T00:00")].replace("T", " "),
            manifest.digest.removeprefix("sha256:")[:_DIGEST_SHOWN],
            ", ".join(manifest.tags) if manifest.name.startswith("image-") else "",
        )
    return table


@contextmanager
def _shown(*, quiet: bool) -> Iterator[Callable[[str], None]]:
    """Yield what shows steps on standard error: a line for each thing being built, or for each step."""
    terminal = Console(stderr=True)
    started = time.monotonic()
    if quiet:
        yield lambda step: None  # noqa: ARG005
    elif terminal.is_terminal:
        columns = SpinnerColumn(finished_text="✓"), TextColumn("{task.description}"), TimeElapsedColumn()
        with Progress(*columns, console=terminal) as bars:
            yield _Bars(bars).show
    else:
        yield lambda step: click.echo(f"{time.monotonic() - started:6.1f} s  {step}", err=True)


class _Bars:
    """The latest step of each thing that is being built."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._lock = threading.Lock()  # steps come from several threads
        self._tasks: dict[str, TaskID] = {}

    def show(self, step: str) -> None:
        """Show `step`, which begins with the name of what is being built."""
        from grader.sandbox.images import MADE  # most commands need no sandbox

        name, _, what = step.partition(": ")
        with self._lock:
            if name not in self._tasks:
                self._tasks[name] = self._bars.add_task(step, total=1)
            self._bars.update(
                self._tasks[name], description=step, completed=1 if what.startswith(MADE) else 0
            )
