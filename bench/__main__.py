"""The command `python -m bench`: prints tables, writes JSON, ends with 1 where a limit does not hold."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from bench import batch, docker, plain, rejudge, scoreboard, service
from bench.bench import Bench
from bench.figures import Measured
from bench.host_engine import HostEngine
from bench.machine import facts
from bench.output import to_json, to_tables
from bench.workshop import write_exercises
from grader.errors import GraderError
from grader.sandbox.sandbox import Host
from grader.settings import Settings

_BENCHMARKS: dict[str, Callable[[Bench], Measured]] = {
    plain.NAME: plain.measure,
    batch.NAME: batch.measure,
    docker.NAME: docker.measure,
    rejudge.NAME: rejudge.measure,
    service.NAME: service.measure,
    scoreboard.NAME: scoreboard.measure,
}


def main(arguments: list[str]) -> int:
    """Run the benchmarks that were asked for."""
    options = _parser().parse_args(arguments)
    log = Console(stderr=True, highlight=False)
    try:
        known, measured = _measure(options.only or list(_BENCHMARKS), quick=options.quick, log=log)
    except GraderError as error:
        log.print(f"bench: {error}")
        return 3
    console = Console(width=None if sys.stdout.isatty() else 150)
    for table in to_tables(measured):
        console.print(table)
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_bytes(to_json(known, measured))
    return 0 if all(row.holds for part in measured for row in part.rows) else 1


def _measure(names: list[str], *, quick: bool, log: Console) -> tuple[dict[str, object], list[Measured]]:
    settings = Settings.from_environment()
    settings = replace(settings, run_dir=settings.run_dir.with_name(f"grader-bench-{os.getpid()}"))
    host = Host.prepare(settings)  # before the first thread, and before the yardstick takes over its mounts
    measured = []
    with tempfile.TemporaryDirectory(prefix="grader-bench-") as name:
        folder = Path(name)
        exercises = folder / "exercises"
        write_exercises(exercises)
        try:
            log.print("starting a Docker Engine as the yardstick")
            with HostEngine(settings) as yardstick:
                bench = Bench(settings, folder, exercises, yardstick, quick, log.print)
                for benchmark in names:
                    log.print(f"measuring {benchmark}")
                    measured.append(_BENCHMARKS[benchmark](bench))
                known = facts(host, yardstick.version)
        finally:
            shutil.rmtree(settings.run_dir, ignore_errors=True)
    return known, measured


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measure the grader beside a Docker Engine and a bare runtime on this machine.",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything, every sample, as JSON")
    parser.add_argument("--quick", action="store_true", help="repeat little: to see that it works")
    parser.add_argument(
        "--only", nargs="+", choices=list(_BENCHMARKS), metavar="NAME", help=", ".join(_BENCHMARKS)
    )
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
