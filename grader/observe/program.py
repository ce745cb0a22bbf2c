"""What every observation of a program's run has in common: the observers' turns, and the run as evidence."""

from __future__ import annotations

from grader.evidence import Run
from grader.observe.watch import Watch
from grader.sandbox.pump import Output, Tick


def turns(watch: Watch, settle_seconds: float) -> Tick | None:
    """Return what gives the observers their turns while a program runs, or ``None`` where none wants any.

    Args:
        watch: The observers.
        settle_seconds: End the run once nothing has moved for so long; 0 never.
    """
    if not watch.ticks:
        return None

    def tick(now_ms: float) -> float | None:
        pause = watch.tick(now_ms)
        settled = settle_seconds > 0 and watch.settled(now_ms) >= settle_seconds
        return None if settled else pause

    return tick


def to_run(output: Output, exit_code: int | None, cpu_ms: float = 0.0) -> Run:
    """Convert what was collected from a program to evidence."""
    return Run(
        ended=output.ended,
        exit_code=exit_code,
        stdout=output.stdout.decode(errors="replace"),
        stderr=output.stderr.decode(errors="replace"),
        truncated=output.truncated,
        wall_ms=round(output.wall_ms, 3),
        cpu_ms=round(cpu_ms, 3),
    )
