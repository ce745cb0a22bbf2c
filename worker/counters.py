"""Counts what one worker does, in a form that travels with its heartbeat to the metrics page."""

from __future__ import annotations

import threading
from typing import Final

import msgspec

from grader.model import Report

BOUNDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
"""Upper bounds of the histograms, in seconds."""

PHASES: Final = ("queued", "observe", "judge")


class Phase(msgspec.Struct):
    """A histogram of seconds: a count for each of `BOUNDS` and one for all that is above."""

    counts: list[int] = msgspec.field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    total_seconds: float = 0.0

    def add(self, seconds: float) -> None:
        """Count one."""
        place = next((index for index, bound in enumerate(BOUNDS) if seconds <= bound), len(BOUNDS))
        self.counts[place] += 1
        self.total_seconds += seconds


class Counters(msgspec.Struct):
    """Since the worker's start.

    Attributes:
        verdicts: By outcome: ``passed``, ``failed``, ``ungradable``.
        retried: Attempts that failed by the machine's fault.
        late: Verdicts that came after the submission was taken away.
    """

    phases: dict[str, Phase] = msgspec.field(default_factory=lambda: {name: Phase() for name in PHASES})
    verdicts: dict[str, int] = msgspec.field(
        default_factory=lambda: {"passed": 0, "failed": 0, "ungradable": 0}
    )
    retried: int = 0
    late: int = 0


def from_json(data: str) -> Counters:
    """Read counters that a worker has sent."""
    return msgspec.json.decode(data, type=Counters)


class Counting:
    """Counters that many threads add to."""

    def __init__(self) -> None:
        self._counters = Counters()
        self._lock = threading.Lock()

    def verdict(self, report: Report) -> None:
        """Count a verdict and where its time went."""
        outcome = "ungradable" if report.status != "graded" else "passed" if report.passed else "failed"
        timing = report.timing
        with self._lock:
            self._counters.verdicts[outcome] += 1
            for name, milliseconds in (
                ("queued", timing.queued_ms),
                ("observe", timing.observe_ms),
                ("judge", timing.judge_ms),
            ):
                self._counters.phases[name].add(milliseconds / 1000)

    def retried(self) -> None:
        """Count an attempt that failed by the machine's fault."""
        with self._lock:
            self._counters.retried += 1

    def late(self) -> None:
        """Count a verdict that nobody wanted any more."""
        with self._lock:
            self._counters.late += 1

    def to_json(self) -> str:
        """Return the counters as they are now."""
        with self._lock:
            return msgspec.json.encode(self._counters).decode()
