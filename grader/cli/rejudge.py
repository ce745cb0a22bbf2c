"""The command that judges stored evidence again, without running anything."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click

from grader import bundles
from grader.cli.context import EXIT_USAGE, Context, common_options, pass_context
from grader.cli.outputs import Outputs, exit_code_under, output_options
from grader.judging import Judges
from grader.model import Report

_CHUNK = 64


@click.command(epilog="Example: grader rejudge bundles --json reports.json")
@common_options
@click.argument("paths", metavar="BUNDLE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@output_options
@click.option("--fail-under", type=click.FloatRange(0, 100), metavar="PCT", help="As for `grader batch`.")
@pass_context
def rejudge(context: Context, paths: tuple[Path, ...], outputs: Outputs, fail_under: float | None) -> int:
    """Judge evidence bundles again: files, or folders of them.

    The reports are those of the day on which the evidence was observed, to the byte, as long as the
    exercise is the same.
    """
    files = list(bundles.find(paths))
    size = os.cpu_count() or 1
    reports: list[Report] = []
    changed: Counter[str] = Counter()
    damaged = 0
    with Judges(context.catalogue.usable(), size=size) as judges, ThreadPoolExecutor(size) as pool:
        judges.warm()
        for verdicts in pool.map(judges.rejudge, _chunks(files, size)):
            for verdict in verdicts:
                if verdict.report is None:
                    damaged += 1
                    click.echo(f"grader: {verdict.error}", err=True)
                    continue
                reports.append(verdict.report)
                changed[verdict.report.exercise] += verdict.changed
    for slug, count in sorted(changed.items()):
        if count:
            click.echo(
                f"grader: {slug} was changed since {count} of the bundles were observed: "
                "judged by the checks of today",
                err=True,
            )
    ordered = outputs.write(context, reports)
    code = exit_code_under(ordered, fail_under)
    return EXIT_USAGE if damaged else code


def _chunks(files: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    """Cut the work so that all children are busy to the end."""
    step = max(1, min(_CHUNK, len(files) // (4 * size)))
    return (files[start : start + step] for start in range(0, len(files), step))
