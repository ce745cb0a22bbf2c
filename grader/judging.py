"""Judges in child processes with a deadline, so that a check that never ends harms nobody else."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Final

import msgspec

from grader.errors import GraderError, SandboxError
from grader.judge import broken, definition
from grader.judging_child import JudgeBundles, Judged, JudgeEvidence, Known, Start, Verdict
from grader.judging_process import Child, DiedError
from grader.model import CheckResult, Exercise

DEADLINE: Final = 2.0
"""Seconds of processor time for all checks of one submission."""

_STRIKES: Final = 2  # deaths of the child at the same check until the check is to blame


class Judges:
    """A few child processes that judge, started when they are first needed and used again and again.

    Safe to use from any number of threads. The children know the given exercises, and no others.
    """

    def __init__(self, exercises: Iterable[Exercise], *, size: int = 2, deadline: float = DEADLINE) -> None:
        """Make the pool; no child is started yet.

        Args:
            exercises: That can be judged.
            size: Children at most.
            deadline: Seconds of processor time for all checks of one submission.
        """
        self._exercises = {exercise.slug: exercise for exercise in exercises}
        self._start = Start(
            folders={slug: str(exercise.folder) for slug, exercise in self._exercises.items()},
            digests={slug: exercise.digest for slug, exercise in self._exercises.items()},
            deadline=deadline,
        )
        self.size = size
        # A child dies with the *thread* that started it (prctl(2), PR_SET_PDEATHSIG); this one stays.
        self._starter = ThreadPoolExecutor(1, thread_name_prefix="judge-starter")
        self._idle: queue.LifoQueue[Child | None] = queue.LifoQueue()
        self._every: set[Child] = set()
        self._lock = threading.Lock()
        self._closed = False
        for _ in range(size):
            self._idle.put(None)

    def __enter__(self) -> Judges:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def warm(self) -> None:
        """Get children ready: all of them before the first thread is started, one in the background later.

        To fork is to copy the thread that forks, and whatever others hold at that moment is held for ever.
        """
        if threading.active_count() > 1:
            self._starter.submit(self._warm)
            return
        seats = [self._idle.get_nowait() for _ in range(self._idle.qsize())]
        for seat in seats:
            self._idle.put(seat or self._begin(self._exercises))

    def _warm(self) -> None:
        try:
            seat = self._idle.get_nowait()
        except queue.Empty:
            return
        try:
            seat = seat or self._begin()
        finally:
            self._idle.put(seat)

    def judge(self, exercise: Exercise, evidence: bytes) -> tuple[CheckResult, ...]:
        """Apply an exercise's checks to evidence.

        Args:
            exercise: One of the pool's own.
            evidence: Its canonical JSON.

        Raises:
            GraderError: The exercise is none of the pool's, was changed meanwhile, or does not load any more.
            SandboxError: The children die before any check begins.
        """
        known_exercise = self._exercises.get(exercise.slug)
        if known_exercise is None or known_exercise.digest != exercise.digest:
            raise GraderError(f"these judges do not know the exercise {exercise.slug}")
        known: Known = {}
        strikes: dict[int, int] = {}
        while True:
            request = JudgeEvidence(exercise.slug, known)
            try:
                answer = msgspec.json.decode(self._ask(request, evidence), type=Judged)
            except DiedError as died:
                known |= self._blame(exercise, died, strikes)
                continue
            if answer.error:
                raise GraderError(answer.error)
            return answer.checks

    def rejudge(self, paths: Sequence[str]) -> list[Verdict]:
        """Judge stored bundles again; the children read the files themselves.

        Args:
            paths: Of the bundles.

        Raises:
            SandboxError: The children die before any check begins.
        """
        try:
            return msgspec.json.decode(self._ask(JudgeBundles(list(paths), {})), type=list[Verdict])
        except DiedError as died:
            if len(paths) > 1:
                return [verdict for path in paths for verdict in self.rejudge([path])]
            return [self._rejudge_one(paths[0], died)]

    def _rejudge_one(self, path: str, died: DiedError) -> Verdict:
        """Judge a bundle whose checks kill the child, one check less at a time."""
        slug = msgspec.json.decode(Path(path).read_bytes(), type=_Addressed).evidence.exercise
        known: Known = {}
        strikes: dict[int, int] = {}
        while True:
            known |= self._blame(self._exercises[slug], died, strikes)
            try:
                answer = self._ask(JudgeBundles([path], known))
            except DiedError as again:
                died = again
                continue
            return msgspec.json.decode(answer, type=list[Verdict])[0]

    def _blame(self, exercise: Exercise, died: DiedError, strikes: dict[int, int]) -> Known:
        """Return the result of the check that killed the child, or nothing where that is not certain yet."""
        position = died.begun[1]
        strikes[position] = strikes.get(position, 0) + 1
        if not 0 <= position < len(exercise.checks):
            if strikes[position] >= _STRIKES:
                raise SandboxError(f"judging {exercise.slug} ends before any check begins: {died}")
            return {}
        if not died.overdue and strikes[position] < _STRIKES:
            return {}  # somebody else may have killed it
        check = exercise.checks[position]
        what = (
            f"did not end within {self._start.deadline:g} s"
            if died.overdue
            else f"ended the judging process ({died})"
        )
        return {check.name: broken(check, f"{exercise.slug}/{definition(check)}: {check.name} {what}")}

    def _ask(self, request: JudgeEvidence | JudgeBundles, *more: bytes) -> bytes:
        seat = self._idle.get()
        try:
            if seat is None:
                seat = self._starter.submit(self._begin).result()
            return seat.ask(request, *more)
        except DiedError:
            with self._lock:
                self._every = {child for child in self._every if child is not seat}
            seat = None
            raise
        finally:
            self._idle.put(seat)

    def _begin(self, loaded: Mapping[str, Exercise] | None = None) -> Child:
        with self._lock:
            if self._closed:
                raise GraderError("judging is over")
            try:
                child = Child(self._start, loaded)
            except OSError as error:
                raise SandboxError(f"no process to judge in: {error.strerror}") from error
            self._every.add(child)
            return child

    def close(self) -> None:
        """End all children."""
        with self._lock:
            self._closed = True
            children, self._every = self._every, set()
        for child in children:
            child.close()
        self._starter.shutdown()


class _Slug(msgspec.Struct):
    exercise: str


class _Addressed(msgspec.Struct):
    evidence: _Slug
