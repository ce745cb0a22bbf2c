"""Turns what BuildKit says about a build into evidence, first of all as `docker buildx build` writes it down.

BuildKit reports a build as a stream of objects: steps ("vertexes") that are updated again and again, their
progress and their output. With --progress=rawjson buildx writes them as JSON with line breaks inside, one
after the other, and ends with plain text when the build failed. Source: BuildKit, client.SolveStatus.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Final

import msgspec

from grader.evidence import Build, BuildStep

MAX_OUTPUT: Final = 64 << 10
_MAX_PROGRESS: Final = 8 << 20
_MAX_STEPS: Final = 1_000
_MAX_TITLE: Final = 4_096
_MAX_UNREADABLE: Final = 20
DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_Moment = Annotated[datetime, msgspec.Meta(tz=True)]
_JSON: Final = json.JSONDecoder()
END: Final = b"\n}\n"
"""What an object ends with as buildx writes it, and nothing inside of one: its texts hold no line breaks."""


class Vertex(msgspec.Struct):
    """What is new about a step."""

    digest: str
    name: str = ""
    inputs: list[str] | None = None
    started: _Moment | None = None
    completed: _Moment | None = None
    cached: bool = False
    error: str = ""


class Log(msgspec.Struct):
    """A piece of a step's output."""

    vertex: str
    data: bytes = b""


class Notice(msgspec.Struct):
    """A warning about a step."""

    vertex: str = ""
    short: bytes = b""


class Status(msgspec.Struct):
    """What is new about a build."""

    vertexes: list[Vertex] | None = None
    logs: list[Log] | None = None
    warnings: list[Notice] | None = None


@dataclass(slots=True)
class _Step:
    """One step, as its updates make it."""

    title: str = ""
    inputs: list[str] = field(default_factory=list)
    begun: bool = False
    cached: bool = False
    error: str = ""
    wall_ms: float = 0.0
    output: bytearray = field(default_factory=bytearray)

    def update(self, vertex: Vertex) -> None:
        self.title = vertex.name[:_MAX_TITLE] or self.title
        self.inputs = vertex.inputs or self.inputs
        self.begun = self.begun or vertex.started is not None
        self.cached = vertex.cached or self.cached
        self.error = vertex.error[:_MAX_TITLE] or self.error
        if vertex.started and vertex.completed:
            span = (vertex.completed - vertex.started).total_seconds() * 1000
            self.wall_ms = max(self.wall_ms, round(span, 3))

    @property
    def shown(self) -> bool:
        """Whether it is a step of the Dockerfile that was come to, or one of BuildKit's own that failed."""
        own = not self.title.startswith("[") or self.title.startswith("[internal]")
        return bool(self.error) or ((self.begun or self.cached) and not own)


def to_build(
    progress: bytes, exit_code: int, metadata: bytes, wall_ms: float, truncated: bool = False
) -> Build:
    """Convert one build.

    Args:
        progress: What buildx wrote to its standard error.
        exit_code: Of buildx.
        metadata: Content of its ``--metadata-file``, or of its ``--iidfile``; empty where there is none.
        wall_ms: How long it took.
        truncated: Whether `progress` is not all of it.
    """
    return assemble(
        _read(progress[:_MAX_PROGRESS].decode("utf-8", "replace")),
        ok=exit_code == 0,
        image=_image(metadata),
        wall_ms=wall_ms,
        truncated=truncated or len(progress) > _MAX_PROGRESS,
    )


def status_in(report: bytes) -> Status | None:
    """Return what one object says, given without its end and with whatever text stands before it."""
    try:
        return msgspec.json.decode(report[report.index(b"{") :] + END, type=Status)
    except (ValueError, RecursionError):
        return None


def assemble(
    said: Iterable[Status | str], *, ok: bool, image: str | None, wall_ms: float, truncated: bool
) -> Build:
    """Put together what was said about a build.

    Args:
        said: BuildKit's reports in their order, and lines of text that came with them.
        ok: Whether it ended well.
        image: Id of what it made.
        wall_ms: How long it took.
        truncated: Whether more was said.
    """
    steps: dict[str, _Step] = {}
    lines: list[str] = []
    for found in said:
        if isinstance(found, str):
            lines.append(found)
        else:
            _take(found, steps)
    shown = [step for step in _in_order(steps) if step.shown]
    output = "\n".join([*map(_readable, shown), *lines])
    return Build(
        ok=ok,
        refused=None,
        image=image if ok else None,
        steps=tuple(BuildStep(step.title, step.cached, step.error or None, step.wall_ms) for step in shown),
        output=output[:MAX_OUTPUT],
        truncated=truncated or len(output) > MAX_OUTPUT,
        wall_ms=wall_ms,
    )


def to_refused(reason: str) -> Build:
    """Return what is said about a build that was not even started."""
    return Build(ok=False, refused=reason, image=None, steps=(), output="", truncated=False, wall_ms=0.0)


def _read(progress: str) -> Iterator[Status | str]:
    """Yield every readable object, and every line that is none."""
    at = unreadable = 0
    while at < len(progress):
        if progress[at] == "{" and unreadable < _MAX_UNREADABLE:
            try:
                found, at = _JSON.raw_decode(progress, at)
                yield msgspec.convert(found, Status)
                continue
            except (ValueError, RecursionError):
                unreadable += 1
        end = progress.find("\n", at)
        end = len(progress) if end < 0 else end
        if line := progress[at:end].rstrip():
            yield line
        at = end + 1


def _take(status: Status, steps: dict[str, _Step]) -> None:
    for vertex in status.vertexes or ():
        if vertex.digest in steps or len(steps) < _MAX_STEPS:
            steps.setdefault(vertex.digest, _Step()).update(vertex)
    for log in status.logs or ():
        if (step := steps.get(log.vertex)) and len(step.output) < MAX_OUTPUT:
            step.output += log.data
    for warning in status.warnings or ():
        if (step := steps.get(warning.vertex)) and len(step.output) < MAX_OUTPUT:
            step.output += b"WARNING: " + warning.short + b"\n"


def _in_order(steps: Mapping[str, _Step]) -> list[_Step]:
    """Return the steps so that each comes after those that it builds upon; BuildKit names the last first."""
    ordered: dict[str, _Step] = {}
    for digest in reversed(list(steps)):
        waiting = [digest]
        entered: set[str] = set()
        while waiting:
            at = waiting[-1]
            missing = [found for found in steps[at].inputs if found in steps and found not in ordered]
            if at in entered or not missing:
                ordered[at] = steps[at]
                waiting.pop()
            else:
                entered.add(at)
                waiting.extend(reversed(missing))
    return list(ordered.values())


def _readable(step: _Step) -> str:
    """Return a step as a person would read it: title, output, and how it ended if not simply well."""
    lines = [step.title, step.output.decode("utf-8", "replace").replace("\r\n", "\n").rstrip("\n")]
    lines += ["CACHED"] if step.cached else []
    lines += [f"ERROR: {step.error}"] if step.error else []
    return "\n".join(line for line in lines if line)


def _image(metadata: bytes) -> str | None:
    """Return what the engine calls the image; buildx gives the same name to it for both kinds of store."""
    text = metadata.decode("utf-8", "replace").strip()
    if DIGEST.fullmatch(text):
        return text
    try:
        found: Any = msgspec.json.decode(metadata)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    named = found.get("containerimage.digest") if isinstance(found, dict) else None
    return named if isinstance(named, str) and DIGEST.fullmatch(named) else None
