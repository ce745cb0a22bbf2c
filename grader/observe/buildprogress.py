"""Follows a build while it goes on: the step that it is at, and what that prints."""

from __future__ import annotations

import re
from typing import Final

from grader.observe.buildlog import Status
from grader.observe.buildtrace import status_in
from grader.progress import Progress

# "[2/5] RUN make" and, where there are several stages, "[stage-1 2/5] RUN make".
_STEP: Final = re.compile(
    r"\[(?:(?P<stage>[^\]\s]+) )?(?P<number>\d+)/(?P<all>\d+)\] (?P<what>.*)", re.DOTALL
)
_MAX_LINE: Final = 1 << 20


class BuildProgress:
    """Reads what an engine says of a build as it comes, in whatever pieces."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._rest = b""
        self._begun: set[str] = set()

    def feed(self, chunk: bytes) -> None:
        """Take the next piece."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > _MAX_LINE:
            self._rest = b""
        for line in lines:
            status = status_in(line)
            if status is not None:
                self._tell(status)

    def _tell(self, status: Status) -> None:
        for vertex in status.vertexes or ():
            if vertex.started is None or vertex.completed is not None or vertex.digest in self._begun:
                continue
            self._begun.add(vertex.digest)
            if step := _STEP.match(vertex.name):
                stage = f" of {step['stage']}" if step["stage"] else ""
                self._progress.say(f"building step {step['number']} of {step['all']}{stage}: {step['what']}")
        for log in status.logs or ():
            self._progress.show(log.data)
