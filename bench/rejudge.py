"""Measures how many stored bundles a second `grader rejudge` judges."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from msgspec.structs import replace

from bench.bench import Bench
from bench.figures import Measured, Row, Samples
from bench.workshop import PLAIN, SCRIPT, read_exercise
from grader import bundles
from grader import evidence as evidence_format
from grader.errors import GraderError
from grader.model import Submission, Timing
from grader.observe.observer import Observer

NAME = "rejudge"
PER_SECOND = 1_000.0
_BUNDLES = 2_000
_ROUNDS = 5


def measure(bench: Bench) -> Measured:
    """Measure the command over bundles that hold what was really observed, once for each participant."""
    folder = bench.folder / NAME
    count = _BUNDLES
    _store(bench, folder, count)
    rates = Samples(
        "per second", tuple(count / _rejudge(bench, folder, count) for _ in range(bench.times(_ROUNDS)))
    )
    return Measured(
        NAME,
        (
            Row(
                f"`grader rejudge` of {count} bundles",
                rates.p50,
                "at least",
                PER_SECOND,
                "per second",
                f"{count / rates.p50:.2f} s for the whole command",
            ),
        ),
        {"grader rejudge": rates},
    )


def _store(bench: Bench, folder: Path, count: int) -> None:
    exercise = read_exercise(bench.exercises, PLAIN)
    with Observer(bench.settings, (exercise,)) as observer:
        found = observer.observe(exercise, Submission(PLAIN, "participant", {"answer.sh": SCRIPT.encode()}))
    for number in range(count):
        data = evidence_format.to_json(replace(found, participant=f"participant-{number:05}"))
        bundles.store(folder, data, Timing(0.0, 10.0, 1.0, 11.0))


def _rejudge(bench: Bench, folder: Path, count: int) -> float:
    started = time.perf_counter()
    done = subprocess.run(
        [
            *(sys.executable, "-m", "grader", "--quiet", "--exercises", str(bench.exercises)),
            *("rejudge", str(folder), "--json", str(bench.folder / "rejudged.json")),
        ],
        env={**os.environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    seconds = time.perf_counter() - started
    if done.returncode:
        raise GraderError(f"grader rejudge of {count} ended with {done.returncode}: {done.stderr[-1_000:]}")
    return seconds
