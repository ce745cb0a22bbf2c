"""Measures how many plain answers a second `grader batch` grades, beside both yardsticks."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import defaultdict
from itertools import repeat
from pathlib import Path

from bench.bare_runtime import BareRuntime, bare_runtime
from bench.bench import Bench, rest
from bench.figures import Measured, Row, Samples, best
from bench.parallel import rate
from bench.workshop import PLAIN, SCRIPT, write_answers
from grader.errors import SandboxError
from grader.sandbox.sandbox import Host

NAME = "batch"
TIMES_DOCKER = 10.0
SHARE_OF_RUNTIME = 0.7
_ANSWERS = 600  # a class of 300 that hands in twice
_ROUNDS = 5
_DOCKER_WORKERS = (4, 8)
_RUNTIME_WORKERS = (2, 4, 8)
_DOCKER_RUNS = 16
_RUNTIME_RUNS = 100


def measure(bench: Bench) -> Measured:
    """Measure rates in rounds: each yardstick at each number of workers, then the command."""
    folder = bench.folder / NAME
    answers = folder / "answers"
    count = _ANSWERS
    write_answers(answers, PLAIN, "answer.sh", SCRIPT, count)
    write_answers(folder / "one", PLAIN, "answer.sh", SCRIPT, 1)
    rates: dict[str, list[float]] = defaultdict(list)
    with bare_runtime(Host.prepare(bench.settings), folder / "runtime") as runtime:
        for number in range(bench.times(_ROUNDS)):
            bench.say(f"  round {number + 1}")
            _yardsticks(bench, runtime, rates)
            rest()
            seconds = _batch(bench, answers, folder / f"out-{number}")
            rates["grader batch"].append(count / seconds)
            start = _batch(bench, folder / "one", folder / f"one-{number}")
            rates["grader batch, less its start"].append(count / max(seconds - start, 0.001))
    samples = {name: Samples("per second", tuple(values)) for name, values in rates.items()}
    graded = samples["grader batch"]
    docker_name, docker = best({n: s for n, s in samples.items() if n.startswith("docker")})
    runtime_name, alone = best({n: s for n, s in samples.items() if n.startswith("runtime")})
    return Measured(
        NAME,
        (
            Row(
                f"`grader batch` of {count} plain answers, of `docker run` at saturation",
                graded.p50 / docker.p50,
                "at least",
                TIMES_DOCKER,
                "times",
                f"{graded.p50:.0f}/s to {docker.p50:.1f}/s ({docker_name})",
            ),
            Row(
                f"`grader batch` of {count} plain answers, of the runtime alone",
                graded.p50 / alone.p50,
                "at least",
                SHARE_OF_RUNTIME,
                "",
                f"{graded.p50:.0f}/s to {alone.p50:.0f}/s ({runtime_name})",
            ),
        ),
        samples,
    )


def _yardsticks(bench: Bench, runtime: BareRuntime, rates: dict[str, list[float]]) -> None:
    for workers in _DOCKER_WORKERS:
        rest()
        found = rate(bench.yardstick.run, repeat(SCRIPT, max(workers, bench.times(_DOCKER_RUNS))), workers)
        rates[f"docker run, {workers} at once"].append(found)
    for workers in _RUNTIME_WORKERS:
        rest()
        rates[f"runtime alone, {workers} at once"].append(
            rate(runtime.run, runtime.prepare(_RUNTIME_RUNS), workers)
        )


def _batch(bench: Bench, answers: Path, out: Path) -> float:
    """Run the command as people do, with all its outputs; return its seconds."""
    started = time.perf_counter()
    done = subprocess.run(
        [
            *(sys.executable, "-m", "grader", "--quiet", "--exercises", str(bench.exercises)),
            *("batch", str(answers), "--json", f"{out}/reports.json", "--junit-xml", f"{out}/junit.xml"),
            *("--evidence", f"{out}/evidence"),
        ],
        env={**os.environ, "GRADER_RUN_DIR": str(bench.settings.run_dir)},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    seconds = time.perf_counter() - started
    if done.returncode:
        raise SandboxError(f"grader batch ended with {done.returncode}: {done.stderr[-1_000:]}")
    return seconds
