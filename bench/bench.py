"""What every benchmark is given: settings, a place to write, the yardstick, how often to repeat."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.host_engine import HostEngine
from grader.settings import Settings


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
