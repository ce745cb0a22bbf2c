"""The one entry to observation: a submission in, its evidence out."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING

from grader.evidence import AnswerFile, Evidence, Machine, Sections
from grader.model import ENGINE_LIMITS, Exercise, Profile, Submission
from grader.observe.oom import KernelLog
from grader.observe.patience import patient
from grader.observe.shell import Equipment, observe_shell
from grader.observe.task import Task
from grader.progress import SILENT, Progress
from grader.sandbox import images
from grader.sandbox.disposer import Disposer
from grader.sandbox.moving import Moves
from grader.sandbox.sandbox import Host
from grader.sandbox.spares import Spares
from grader.settings import Settings

if TYPE_CHECKING:
    from grader.sandbox.pool import EnginePool

_BACKLOG = 4


class Observer:
    """Runs answers and watches them, from any number of threads; use it as a context manager.

    Make it before the first thread is started: it prepares the process for sandboxes.
    """

    def __init__(self, settings: Settings, exercises: Iterable[Exercise] = ()) -> None:
        """Prepare for `exercises`: engines are made ready where one of them needs any."""
        self._settings = settings
        self._host = Host.prepare(settings)
        self._kernel_log = KernelLog()
        self._moves = Moves(self._host.hierarchy)
        self._disposer = Disposer("sandbox-ends", backlog=_BACKLOG)
        self._spares = Spares(self._host, self._disposer, self._moves)
        self._equipment = Equipment(self._host, self._kernel_log, self._disposer, self._spares)
        self._pool: EnginePool | None = None
        self._lock = threading.Lock()
        if any(exercise.profile is Profile.DOCKER for exercise in exercises):
            self._engines()

    def __enter__(self) -> Observer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the engines and sandboxes that wait."""
        with self._lock:
            if self._pool is not None:
                self._pool.close()
                self._pool = None
        self._spares.close()
        self._disposer.close()
        self._moves.close()
        self._kernel_log.close()

    def ready(self) -> int:
        """Return how many engines wait for an answer."""
        with self._lock:
            return self._pool.ready() if self._pool is not None else 0

    def observe(self, exercise: Exercise, submission: Submission, progress: Progress = SILENT) -> Evidence:
        """Run one answer and return everything that was seen.

        Args:
            exercise: With the participant's parameters filled in.
            submission: The answer.
            progress: Told what is going on.

        Raises:
            SandboxError: The machine failed, not the answer: worth another attempt.
        """
        task = Task(patient(exercise, self._settings.patience), submission, progress)
        with self._moves.expected():
            sections, engine_version = self._sections(task)
        return Evidence(
            exercise=exercise.slug,
            exercise_digest=exercise.digest,
            participant=submission.participant,
            parameters=submission.parameters,
            files=_texts(submission.files),
            profile=exercise.profile.value,
            machine=self._machine(engine_version),
            sections=sections,
        )

    def _sections(self, task: Task) -> tuple[Sections, str | None]:
        """Return what was seen, and the version of the engine where one was needed."""
        engine_version: str | None = None
        match task.exercise.profile:
            case Profile.NONE:
                sections = Sections()
            case Profile.DOCKER:
                sections, engine_version = self._in_engine(task)
            case _:
                task.progress.say("running in a sandbox")
                sections = observe_shell(self._equipment, task)
        return sections, engine_version

    def _in_engine(self, task: Task) -> tuple[Sections, str]:
        """Observe in an engine, and once more in another one where what a container printed is lost."""
        from grader.observe.docker import OutputLostError, Supplies, observe_docker
        from grader.observe.exercise_image import ExerciseImages

        pool = self._engines()
        supplies = Supplies(
            images.golden(self._settings),
            ExerciseImages(self._settings.state_dir / "exercises"),
            self._kernel_log,
        )
        for again in (False, True):
            task.progress.say(f"waiting for an engine ({pool.ready()} ready)")
            with suppress(OutputLostError), pool.lend(task.exercise.limits) as engine:
                return observe_docker(engine, supplies, task, again=again), engine.version
        raise AssertionError("unreachable: the second time, nothing is said of lost output")

    def _engines(self) -> EnginePool:
        """Return the pool of engines, started at its first use."""
        with self._lock:
            if self._pool is None:
                # Talking to engines takes longer to import than a plain answer takes to be graded.
                from grader.sandbox.pool import EnginePool

                self._pool = EnginePool(self._host, ENGINE_LIMITS, self._settings.engines)
            return self._pool

    def _machine(self, engine_version: str | None) -> Machine:
        runtime = self._host.runtime
        return Machine(
            kernel=os.uname().release,
            cgroup_version=self._host.hierarchy.version,
            runtime=runtime.name,
            runtime_version=runtime.version,
            engine_version=engine_version,
        )


def _texts(files: Mapping[str, bytes]) -> dict[str, AnswerFile]:
    found = {}
    for name, content in files.items():
        try:
            found[name] = AnswerFile(content.decode(), len(content))
        except UnicodeDecodeError:
            found[name] = AnswerFile(content.decode(errors="replace"), len(content), lossy=True)
    return found
