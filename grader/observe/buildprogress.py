"""Follows a build while it goes on: the step that it is at, and what that prints."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from grader.observe import buildlog, buildtrace
from grader.observe.buildlog import Status
from grader.progress import Progress

# "[2/5] RUN make" and, where there are several stages, "[stage-1 2/5] RUN make"; the client calls the only
# one stage-0.
_STEP: Final = re.compile(
    r"\[(?:(?P<stage>[^\]\s]+) )?(?P<number>\d+)/(?P<all>\d+)\] (?P<what>.*)", re.DOTALL
)
_MAX_REPORT: Final = 1 << 20


class BuildProgress:
    """Reads what is said of a build as it comes, in whatever pieces."""

    def __init__(self, progress: Progress, end: bytes, read: Callable[[bytes], Status | None]) -> None:
        """Prepare to read.

        Args:
            progress: Told of each step, and what it prints.
            end: What each report ends with.
            read: Returns what a report says without its end, or ``None`` where it is none.
        """
        self._progress = progress
        self._end = end
        self._read = read
        self._rest = b""
        self._begun: set[str] = set()

    @classmethod
    def of_engine(cls, progress: Progress) -> BuildProgress:
        """Read what an engine's own API says."""
        return cls(progress, b"\n", buildtrace.status_in)

    @classmethod
    def of_client(cls, progress: Progress) -> BuildProgress:
        """Read what the build's client writes."""
        return cls(progress, buildlog.END, buildlog.status_in)

    def feed(self, chunk: bytes) -> None:
        """Take the next piece."""
        *reports, self._rest = (self._rest + chunk).split(self._end)
        if len(self._rest) > _MAX_REPORT:
            self._rest = b""
        for report in reports:
            status = self._read(report)
            if status is not None:
                self._tell(status)

    def _tell(self, status: Status) -> None:
        for vertex in status.vertexes or ():
            if vertex.started is None or vertex.completed is not None or vertex.digest in self._begun:
                continue
            self._begun.add(vertex.digest)
            if step := _STEP.match(vertex.name):
                stage = f" of {step['stage']}" if step["stage"] not in {None, "stage-0"} else ""
                self._progress.say(f"building step {step['number']} of {step['all']}{stage}: {step['what']}")
        for log in status.logs or ():
            self._progress.show(log.data)
