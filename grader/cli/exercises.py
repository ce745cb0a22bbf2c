"""Commands about exercises themselves: list, show, new, samples."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.table import Table
from rich.text import Text

from grader.cli.context import Context, common_options, exercise_argument, pass_context
from grader.exercise.catalogue import Broken
from grader.exercise.samples import write_batch
from grader.exercise.skeleton import write_skeleton
from grader.model import Exercise
from grader.parameters import ANONYMOUS, fill
from grader.report.table import console
from grader.report.wording import points
from grader.visible import one_line


@click.command("list", epilog="Example: grader list --json | jq -r '.exercises[].slug'")
@common_options
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
@pass_context
def list_exercises(context: Context, as_json: bool) -> None:
    """List the exercises, broken ones too, with what is wrong with them."""
    found = [context.catalogue.look_up(slug) for slug in context.catalogue.slugs]
    if as_json:
        document = {"schema": 1, "exercises": [_entry(exercise) for exercise in found]}
        click.echo(msgspec.json.format(msgspec.json.encode(document), indent=2))
        return
    if not found:
        click.echo("There are no exercises; --exercises DIR names a folder of them.", err=True)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("slug", "section", "title", "profile", "points", "minutes"):
        table.add_column(heading, overflow="fold", ratio=1 if heading == "title" else None)
    for exercise in found:
        if isinstance(exercise, Broken):
            table.add_row(
                exercise.slug, "", Text(f"broken: {one_line(exercise.reason, 300)}", "red"), "", "", ""
            )
        else:
            table.add_row(
                exercise.slug,
                exercise.section,
                Text(exercise.title),
                exercise.profile,
                points(exercise.max_score),
                str(exercise.minutes),
            )
    console().print(table)


def _entry(exercise: Exercise | Broken) -> dict[str, Any]:
    if isinstance(exercise, Broken):
        return {"slug": exercise.slug, "folder": str(exercise.folder), "broken": exercise.reason}
    return {
        "slug": exercise.slug,
        "title": exercise.title,
        "section": exercise.section,
        "profile": exercise.profile,
        "minutes": exercise.minutes,
        "max_score": exercise.max_score,
        "files": [
            {"name": spec.name, "kind": spec.kind, "required": spec.required} for spec in exercise.files
        ],
        "checks": [
            {"name": check.name, "title": check.title, "points": check.points} for check in exercise.checks
        ],
        "parameters": sorted(exercise.parameters),
        "digest": exercise.digest,
        "folder": str(exercise.folder),
        "broken": None,
    }


@click.command(epilog="Example: grader show a4-oom-kill --participant ada")
@common_options
@exercise_argument
@click.option("--participant", default=ANONYMOUS, show_default=True, help="Whose values are filled in.")
@pass_context
def show(context: Context, slug: str, participant: str) -> None:
    """Show an exercise's task as a participant sees it."""
    exercise = context.catalogue.get(slug)
    text = fill(exercise.text, context.parameters(exercise, participant))
    if sys.stdout.isatty():
        from rich.markdown import Markdown  # slow to import, and needed here alone

        console().print(Markdown(text))
    else:
        click.echo(text.rstrip("\n"))


@click.command(epilog="Example: grader new my-exercise --into exercises && grader verify my-exercise")
@common_options
@click.argument("slug")
@click.option(
    "--into",
    default="exercises",
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder of exercises.",
)
def new(slug: str, into: Path) -> None:
    """Write the skeleton of a new exercise: small, complete, and proven by its own sample answers."""
    for path in write_skeleton(into, slug):
        click.echo(str(path))
    click.echo(f"Next: grader --exercises {into} verify {slug}", err=True)


@click.command(epilog="Example: grader samples /tmp/answers && grader batch /tmp/answers --json reports.json")
@common_options
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--brief", is_flag=True, help="Two of each exercise: a right one, and a wrong, faked or hostile one."
)
@pass_context
def samples(context: Context, directory: Path, brief: bool) -> None:
    """Write every exercise's sample answers as a folder that `batch` grades."""
    count = write_batch(directory, context.catalogue.usable(), context.parameters, brief=brief)
    click.echo(f"{count} answers written to {directory}", err=True)
