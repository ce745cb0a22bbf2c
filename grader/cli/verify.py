"""The command that proves exercises by their sample answers."""

from __future__ import annotations

import os

import click
from rich.table import Table
from rich.text import Text

from grader.cli.context import (
    EXIT_FAILED,
    EXIT_INFRASTRUCTURE,
    EXIT_PASSED,
    EXIT_USAGE,
    Context,
    common_options,
    complete_slug,
    open_observer,
    pass_context,
)
from grader.cli.progress import Progressing
from grader.errors import ExerciseError
from grader.exercise.catalogue import Broken
from grader.grading import Grader
from grader.judging import Judges
from grader.model import Exercise
from grader.report.table import console
from grader.verify import COPIES, Proof, cases, prove_all
from grader.visible import one_line

# Many samples wait: for a kill, for a container that will not stop, for what a fake leaves undone.
_DEFAULT_JOBS = 3 * (os.cpu_count() or 1)


@click.command(epilog="Example: grader verify a4-oom-kill --runs 5")
@common_options
@click.argument("slugs", metavar="[SLUG]...", nargs=-1, shell_complete=complete_slug)
@click.option(
    "--jobs", type=click.IntRange(1, 1024), default=_DEFAULT_JOBS, show_default=True, help="At the same time."
)
@click.option("--runs", type=click.IntRange(1), default=1, show_default=True, help="Of each sample.")
@click.option(
    "--reruns", type=click.IntRange(0), default=0, show_default=True, help="Of what fails; it is named."
)
@click.option(
    "--copies",
    type=click.IntRange(0),
    default=COPIES,
    show_default=True,
    help="Accepted samples that somebody else hands in, too.",
)
@pass_context
def verify(context: Context, slugs: tuple[str, ...], jobs: int, runs: int, reruns: int, copies: int) -> int:
    """Prove exercises, or all of them, by their sample answers.

    Accepted samples must get full points, rejected ones the feedback that they are filed under, doing
    nothing scores 0, a copied answer does not pass, and all runs agree.
    """
    exercises, broken = _exercises(context, slugs)
    proofs = list(broken)
    if exercises:
        total = sum(_count(exercise, copies) for exercise in exercises)
        progress = Progressing(total, quiet=context.quiet)
        with (
            open_observer(context.settings, exercises) as observer,
            Judges(exercises) as judges,
            progress,
        ):
            grader = Grader(observer, judges)
            proofs += prove_all(
                exercises,
                grader,
                context.parameters,
                runs=runs,
                reruns=reruns,
                copies=copies,
                jobs=jobs,
                done=lambda proof: progress.advance("proven" if proof.ok else "not proven"),
            )
    _print(proofs, quiet=context.quiet)
    if broken:
        return EXIT_USAGE
    if any(proof.ungradable for proof in proofs):
        return EXIT_INFRASTRUCTURE
    return EXIT_PASSED if all(proof.ok for proof in proofs) else EXIT_FAILED


def _exercises(context: Context, slugs: tuple[str, ...]) -> tuple[list[Exercise], list[Proof]]:
    """Return the exercises that were asked for, and those among them that are broken."""
    found: list[Exercise] = []
    broken: list[Proof] = []
    for slug in dict.fromkeys(slugs or context.catalogue.slugs):
        exercise = context.catalogue.look_up(slug)
        if isinstance(exercise, Broken):
            broken.append(Proof(slug, "exercise", ok=False, expected="readable", found=exercise.reason))
        else:
            found.append(exercise)
    return found, broken


def _count(exercise: Exercise, copies: int) -> int:
    try:
        return 1 + len(cases(exercise, copies))
    except ExerciseError:
        return 1


def _print(proofs: list[Proof], *, quiet: bool) -> None:
    """Write the proofs, those that failed at first or for good last; only these where it should be quiet."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("exercise", "sample", "verdict", "expected", "found"):
        table.add_column(heading, overflow="fold", no_wrap=heading == "verdict")
    table.add_column("seconds", justify="right")
    for proof in sorted(proofs, key=lambda proof: (not proof.ok, bool(proof.before))):
        if proof.ok and not proof.before and quiet:
            continue
        table.add_row(
            proof.exercise,
            Text(one_line(proof.subject)),
            _verdict(proof),
            Text(proof.expected),
            Text(one_line(f"{proof.found}, at first {proof.before}" if proof.before else proof.found, 400)),
            f"{proof.seconds:.1f}",
        )
    out = console()
    if table.row_count:
        out.print(table)
    failed = sum(not proof.ok for proof in proofs)
    if not quiet or failed:
        out.print(f"{len(proofs) - failed} of {len(proofs)} proven")


def _verdict(proof: Proof) -> Text:
    if not proof.ok:
        return Text("not proven", "bold red")
    return Text("proven again", "yellow") if proof.before else Text("proven", "green")
