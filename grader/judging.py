"""Judges in child processes with a deadline, so that a check that never ends harms nobody else."""

from __future__ import annotations

import os
import queue
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final

import msgspec

from grader.errors import GraderError, SandboxError
from grader.judge import broken, definition
from grader.judging_child import (
    DEADLINE_SIGNAL,
    NOTHING_BEGUN,
    JudgeBundles,
    Judged,
    JudgeEvidence,
    Known,
    Start,
    Verdict,
    receive,
    send,
)
from grader.model import CheckResult, Exercise

DEADLINE: Final = 2.0
"""Seconds of processor time for all checks of one submission."""

_PATIENCE: Final = 4.0  # wall time for that processor time: the machine is busy with sandboxes
_STRIKES: Final = 2  # deaths of the child at the same check until the check is to blame


class _DiedError(Exception):
    """The child ended, or had to be ended, before it answered.

    Attributes:
        begun: What it was at: the position of a bundle in the request and of a check in the exercise.
        overdue: Whether it had used up its time.
    """

    def __init__(self, begun: tuple[int, int], overdue: bool, ended: str) -> None:
        super().__init__(ended)
        self.begun = begun
        self.overdue = overdue


class _Child:
    """One child process and the socket to it."""

    def __init__(self, start: Start) -> None:
        """Start it.

        Raises:
            OSError: The machine has no room for a process.
        """
        self._deadline = start.deadline
        self._socket, theirs = socket.socketpair()
        self._progress = os.memfd_create("judging", os.MFD_CLOEXEC)
        command = [sys.executable, "-P", "-m", "grader.judging_child", str(self._progress), str(os.getpid())]
        with theirs:
            try:
                # The child reads from standard input and writes back to the same socket. No other
                # descriptor of ours goes along: sandboxes are open in this process.
                self._process = subprocess.Popen(
                    command,
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    pass_fds=(self._progress,),
                    env=_environment(),
                    start_new_session=True,  # Ctrl+C is for the parent, who ends its children itself
                )
            except OSError:
                self._socket.close()
                os.close(self._progress)
                raise
        with suppress(OSError):  # one that is dead already is noticed when it is asked
            send(self._socket, msgspec.json.encode(start))

    def ask(self, request: JudgeEvidence | JudgeBundles, *more: bytes) -> bytes:
        """Return the child's answer.

        Raises:
            _DiedError: There is none; the child is gone then.
        """
        count = max(1, len(request.paths)) if isinstance(request, JudgeBundles) else 1
        self._socket.settimeout(_PATIENCE * self._deadline * count)
        try:
            os.pwrite(self._progress, NOTHING_BEGUN, 0)
            send(self._socket, msgspec.json.encode(request), *more)
            answer = receive(self._socket)
        except TimeoutError:
            return self._bury(overdue=True)
        except OSError:
            return self._bury(overdue=False)
        return self._bury(overdue=False) if answer is None else answer

    def _bury(self, *, overdue: bool) -> bytes:
        if self._socket.fileno() < 0:
            raise GraderError("judging is over")
        try:
            status = self._process.wait(timeout=0 if overdue else 1)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait()
        position = os.pread(self._progress, 8, 0)
        begun = (
            int.from_bytes(position[:4], "little", signed=True),
            int.from_bytes(position[4:], "little", signed=True),
        )
        self.close()
        overdue = overdue or status == -DEADLINE_SIGNAL
        raise _DiedError(begun, overdue, _ended(status))

    def close(self) -> None:
        """End the child."""
        if self._socket.fileno() < 0:
            return
        self._socket.close()
        os.close(self._progress)
        self._process.kill()
        self._process.wait()


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
        self._idle: queue.LifoQueue[_Child | None] = queue.LifoQueue()
        self._every: set[_Child] = set()
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
        """Start one child in the background."""
        self._starter.submit(self._warm)

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
            except _DiedError as died:
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
        except _DiedError as died:
            if len(paths) > 1:
                return [verdict for path in paths for verdict in self.rejudge([path])]
            return [self._rejudge_one(paths[0], died)]

    def _rejudge_one(self, path: str, died: _DiedError) -> Verdict:
        """Judge a bundle whose checks kill the child, one check less at a time."""
        slug = msgspec.json.decode(Path(path).read_bytes(), type=_Addressed).evidence.exercise
        known: Known = {}
        strikes: dict[int, int] = {}
        while True:
            known |= self._blame(self._exercises[slug], died, strikes)
            try:
                answer = self._ask(JudgeBundles([path], known))
            except _DiedError as again:
                died = again
                continue
            return msgspec.json.decode(answer, type=list[Verdict])[0]

    def _blame(self, exercise: Exercise, died: _DiedError, strikes: dict[int, int]) -> Known:
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
        except _DiedError:
            with self._lock:
                self._every = {child for child in self._every if child is not seat}
            seat = None
            raise
        finally:
            self._idle.put(seat)

    def _begin(self) -> _Child:
        with self._lock:
            if self._closed:
                raise GraderError("judging is over")
            try:
                child = _Child(self._start)
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


def _environment() -> dict[str, str]:
    """Return the environment of a child: it finds this very package, wherever it was imported from."""
    here = str(Path(__file__).resolve().parents[1])
    before = os.environ.get("PYTHONPATH")
    path = f"{here}{os.pathsep}{before}" if before else here
    return {**os.environ, "PYTHONPATH": path}


def _ended(status: int) -> str:
    if status >= 0:
        return f"exit status {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"
