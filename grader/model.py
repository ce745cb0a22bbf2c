"""The values that everything else passes around: exercises, submissions, checks and reports."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

import msgspec

from grader.evidence import Evidence, Value

REPORT_SCHEMA = 1

MIB = 1 << 20


class Profile(StrEnum):
    """What a sandbox is allowed to do; ``none`` for answers that are only read."""

    NONE = "none"
    PLAIN = "plain"
    NAMESPACES = "namespaces"
    CGROUPS = "cgroups"
    DOCKER = "docker"


class Kind(StrEnum):
    """What an answer file is."""

    SHELL = "shell"
    DOCKERFILE = "dockerfile"
    COMPOSE = "compose"
    VALUE = "value"
    FILE = "file"


class Outcome(StrEnum):
    """What came of a check; the words are JUnit's."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    ERROR = "error"


class Limits(msgspec.Struct, frozen=True):
    """What one sandbox may use.

    Attributes:
        memory_bytes: Hard cap over everything in the sandbox; there is no swap beyond it.
        pids: Processes and threads at once.
        cpus: Processors' worth of time.
        disk_bytes: Of each writable file system.
        output_bytes: Of standard output and standard error together; more ends the run.
        wall_seconds: From the start of the answer.
        settle_seconds: End the run once no process came, went or computed for so long; 0 never.
    """

    memory_bytes: int = 64 * MIB
    pids: int = 64
    cpus: float = 1.0
    disk_bytes: int = 16 * MIB
    output_bytes: int = 64 << 10
    wall_seconds: float = 10.0
    settle_seconds: float = 0.0


# Engines are kept ready with these; an exercise that asks for other bounds waits for an engine of its own.
ENGINE_LIMITS = Limits(memory_bytes=512 * MIB, pids=512, cpus=2.0, disk_bytes=400 * MIB, wall_seconds=60.0)


class FileSpec(msgspec.Struct, frozen=True):
    """A file that an answer consists of.

    Attributes:
        nothing: Content of an answer that does nothing; `verify` proves that it earns 0.
    """

    name: str
    kind: Kind
    required: bool = True
    nothing: str = ""


class ParameterSpec(msgspec.Struct, frozen=True):
    """How a value is drawn for a participant: an integer, one of a list, or a random token."""

    minimum: int = 0
    maximum: int = 0
    choices: tuple[Value, ...] = ()
    token_length: int = 0


class Watch(msgspec.Struct, frozen=True):
    """Which costly observations an exercise wants besides those of its profile.

    Attributes:
        processes: Sample the process tree (always on for namespaces and cgroups).
        nsenter: Count process ids inside every PID namespace at the last look.
        networks: Read every network namespace at the last look.
        layers: Tags of images whose layers are read.
        search: Texts searched in every layer of those images; `{{ parameter }}` is filled in.
    """

    processes: bool = False
    nsenter: bool = False
    networks: bool = False
    layers: tuple[str, ...] = ()
    search: tuple[str, ...] = ()


class ProbeSpec(msgspec.Struct, frozen=True):
    """Something that the grader does to the answer's result before the last look.

    Attributes:
        action: Its kind; `grader.observe.probes` holds them all.
        options: Its settings, with `{{ parameter }}` filled in.
    """

    name: str
    action: str
    options: Mapping[str, Any]


class Feedback(msgspec.Struct, frozen=True):
    """Why a check failed, for the participant.

    Attributes:
        name: Short and stable: sample answers are filed under it.
        why: Why it matters.
    """

    name: str
    message: str
    expected: str = ""
    actual: str = ""
    why: str = ""


class Check(msgspec.Struct, frozen=True):
    """One thing that an exercise looks at.

    Attributes:
        function: Pure: returns ``None`` where the evidence satisfies it.
        after: Names of checks without whose passing this one is skipped.
    """

    name: str
    title: str
    points: float
    function: Callable[[Evidence], Feedback | None]
    after: tuple[str, ...] = ()


class Exercise(msgspec.Struct, frozen=True):
    """One exercise, as its folder describes it.

    Attributes:
        digest: Over everything that decides a verdict: `exercise.toml`, `checks.py`, `image/`.
        folder: Where it was read from.
        text: The task, with `{{ parameter }}` still in it.
        image: Folder with a Dockerfile of the exercise's own, or ``None``.
        setup: Text of a script of the author's that runs in a disposable engine before the answer.
        copied_answer_fails: Whether another participant's right answer must not earn full points.
    """

    slug: str
    title: str
    section: str
    profile: Profile
    files: tuple[FileSpec, ...]
    limits: Limits
    parameters: Mapping[str, ParameterSpec]
    watch: Watch
    probes: tuple[ProbeSpec, ...]
    checks: tuple[Check, ...]
    digest: str
    folder: Path
    text: str
    minutes: int = 10
    hints: tuple[str, ...] = ()
    image: Path | None = None
    setup: str | None = None
    copied_answer_fails: bool = False

    @property
    def max_score(self) -> float:
        """The points of all checks together."""
        return sum(check.points for check in self.checks)


class Submission(msgspec.Struct, frozen=True):
    """An answer that was read and found well-formed; `files` maps names to contents."""

    exercise: str
    participant: str
    files: Mapping[str, bytes]
    parameters: Mapping[str, Value] = msgspec.field(default_factory=dict)


class CheckResult(msgspec.Struct, frozen=True):
    """What came of one check on one submission."""

    name: str
    title: str
    outcome: Outcome
    points: float
    max_points: float
    feedback: Feedback | None = None


class Timing(msgspec.Struct, frozen=True):
    """Where the time of a submission went, in milliseconds."""

    queued_ms: float = 0.0
    observe_ms: float = 0.0
    judge_ms: float = 0.0
    total_ms: float = 0.0


class Report(msgspec.Struct, frozen=True):
    """The verdict on one submission.

    Attributes:
        status: ``ungradable`` is our fault and costs nobody anything.
        evidence: Address of the evidence bundle, or ``None`` where nothing was observed.
        error: Why it is ungradable or malformed, or ``None``.
        malformed: Whether the answer could not be read as one; it was then not run.
    """

    exercise: str
    participant: str
    status: Literal["graded", "ungradable"]
    score: float
    max_score: float
    checks: tuple[CheckResult, ...]
    timing: Timing
    evidence: str | None
    error: str | None = None
    malformed: bool = False
    schema: int = REPORT_SCHEMA

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return self.status == "graded" and all(result.outcome is Outcome.PASSED for result in self.checks)
