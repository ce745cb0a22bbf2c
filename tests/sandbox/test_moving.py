"""Moving a process to a control group is quick while answers are expected."""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.sandbox import cgroup
from grader.sandbox.moving import Moves

pytestmark = pytest.mark.sandbox

_SLOW_MS = 4.0


@contextlib.contextmanager
def group(hierarchy: cgroup.Hierarchy, name: str) -> Iterator[Path]:
    """Make a group and remove it."""
    path = Path(hierarchy.group("pids", name))
    path.mkdir(parents=True)
    try:
        yield path / "cgroup.procs"
    finally:
        path.rmdir()


def move_ms(procs: Path) -> float:
    """Return how long it takes to move a process there."""
    with subprocess.Popen(["sleep", "5"]) as process:
        started = time.perf_counter()
        procs.write_text(str(process.pid))
        taken = (time.perf_counter() - started) * 1000
        process.kill()
    return taken


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate()]


def test_the_first_move_after_a_rest_does_not_wait(settings: object) -> None:
    hierarchy = cgroup.detect()
    cgroup.prepare(hierarchy)
    moves = Moves(hierarchy)
    taken: dict[bool, list[float]] = {True: [], False: []}
    with group(hierarchy, f"test-moves-{os.getpid()}") as procs:
        for _ in range(7):
            time.sleep(0.2)
            taken[False].append(move_ms(procs))
        with moves.expected():
            for _ in range(7):
                time.sleep(0.2)
                taken[True].append(move_ms(procs))
    moves.close()
    if statistics.median(taken[False]) < _SLOW_MS:
        pytest.skip("moves are quick here anyway, by a setting of the kernel or because others keep moving")
    assert statistics.median(taken[True]) < _SLOW_MS


def test_nothing_happens_while_nobody_expects_any() -> None:
    """No thread before the first, none after the end, and no processor time between."""
    moves = Moves(cgroup.detect())
    assert "moves" not in threads()
    with moves.expected():
        assert "moves" in threads()
    time.sleep(2.2)
    before = time.process_time()
    time.sleep(0.5)
    assert time.process_time() - before < 0.02
    moves.close()
    assert "moves" not in threads()
