"""What every benchmark is given: settings, a place to write, the yardstick, how often to repeat."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.host_engine import HostEngine
from grader.settings import Settings

_REST_SHARE = 0.06
_REST_SECONDS = 0.5
_LONGEST_REST_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Bench:
    """What every benchmark is given.

    Attributes:
        settings: With running sandboxes of the benchmark's own.
        folder: For files; gone afterwards.
        exercises: Folder of the measured exercises.
        yardstick: A Docker Engine on the bare machine.
        quick: Whether few repetitions are enough, to see that it works.
        say: Told what is going on.
    """

    settings: Settings
    folder: Path
    exercises: Path
    yardstick: HostEngine
    quick: bool
    say: Callable[[str], None]

    def times(self, usual: int) -> int:
        """Return how often to repeat what is usually repeated so often."""
        return max(2, usual // 8) if self.quick else usual


def milliseconds(action: Callable[[], object]) -> float:
    """Return the wall time that `action` takes."""
    started = time.perf_counter()
    action()
    return (time.perf_counter() - started) * 1000


def rest() -> None:
    """Wait until the machine has come to rest, for half a minute at most.

    The kernel takes network namespaces and control groups apart in the background, long after their last
    process has ended: whoever is measured next would pay for whoever was measured before.
    """
    end = time.monotonic() + _LONGEST_REST_SECONDS
    while time.monotonic() < end:
        before, started = _busy_seconds(), time.monotonic()
        time.sleep(_REST_SECONDS)
        if (_busy_seconds() - before) / (time.monotonic() - started) < _REST_SHARE:
            return


def _busy_seconds() -> float:
    """Return the processor time that was not idle since the machine started (proc_stat(5))."""
    with open("/proc/stat") as file:
        fields = [int(field) for field in file.readline().split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / os.sysconf("SC_CLK_TCK")
