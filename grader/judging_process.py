"""One child process that judges, from its parent's side: starts it, asks it, and notices how it ended."""

from __future__ import annotations

import gc
import os
import select
import signal
import socket
import subprocess
import sys
import traceback
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, NoReturn

import msgspec

from grader.errors import GraderError
from grader.judging_child import (
    DEADLINE_SIGNAL,
    NOTHING_BEGUN,
    JudgeBundles,
    JudgeEvidence,
    Start,
    main,
    receive,
    send,
)
from grader.model import Exercise

_PATIENCE: Final = 4.0  # wall time for processor time: the machine is busy with sandboxes
_START_SECONDS: Final = 30.0
_DESCRIPTORS: Final = 1 << 20


class DiedError(Exception):
    """The child ended, or had to be ended, before it answered.

    Attributes:
        begun: What it was at: the position of a bundle in the request and of a check in the exercise.
        overdue: Whether it had used up its time.
    """

    def __init__(self, begun: tuple[int, int], overdue: bool, ended: str) -> None:
        super().__init__(ended)
        self.begun = begun
        self.overdue = overdue


class Child:
    """One child process and the socket to it."""

    def __init__(self, start: Start, loaded: Mapping[str, Exercise] | None = None) -> None:
        """Start it.

        Args:
            start: What it learns first.
            loaded: Exercises that it need not read again: fork this process, which takes a tenth of the time
                of starting another one, and must not have any thread but this one.

        Raises:
            OSError: The machine has no room for a process.
        """
        self._deadline = start.deadline
        self._ready = False
        self._socket, theirs = socket.socketpair()
        self._progress = os.memfd_create("judging", os.MFD_CLOEXEC)
        with theirs:
            try:
                self._process: subprocess.Popen[bytes] | _Forked = (
                    _spawn(theirs, self._progress)
                    if loaded is None
                    else _Forked(theirs, self._progress, loaded)
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
            DiedError: There is none; the child is gone then.
        """
        count = max(1, len(request.paths)) if isinstance(request, JudgeBundles) else 1
        try:
            os.pwrite(self._progress, NOTHING_BEGUN, 0)
            if not self._ready:
                self._socket.settimeout(_START_SECONDS)
                self._ready = receive(self._socket) is not None
            self._socket.settimeout(_PATIENCE * self._deadline * count)
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
        raise DiedError(begun, overdue, _ended(status))

    def close(self) -> None:
        """End the child."""
        if self._socket.fileno() < 0:
            return
        self._socket.close()
        os.close(self._progress)
        self._process.kill()
        self._process.wait()


class _Forked:
    """A copy of this process that judges, with as much of `subprocess.Popen` as is needed."""

    def __init__(self, theirs: socket.socket, progress: int, loaded: Mapping[str, Exercise]) -> None:
        parent = os.getpid()
        self.pid = os.fork()
        if not self.pid:
            _judge_for_ever(theirs, progress, parent, loaded)
        self._pidfd = os.pidfd_open(self.pid)

    def kill(self) -> None:
        """End it, if it has not ended."""
        if self._pidfd >= 0:
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    def wait(self, timeout: float | None = None) -> int:
        """Return how it ended, as `subprocess.Popen.wait` does.

        Raises:
            subprocess.TimeoutExpired: It has not ended in time.
        """
        if self._pidfd >= 0:
            poll = select.poll()
            poll.register(self._pidfd, select.POLLIN)
            if not poll.poll(None if timeout is None else timeout * 1000):
                raise subprocess.TimeoutExpired("judging", timeout or 0)
            self._status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
            os.close(self._pidfd)
            self._pidfd = -1
        return self._status


def _judge_for_ever(
    theirs: socket.socket, progress: int, parent: int, loaded: Mapping[str, Exercise]
) -> NoReturn:
    """Become a child as `_spawn` starts it: with a session, signals and descriptors of its own."""
    status = 1
    try:
        gc.freeze()  # nothing of the parent's is ever collected here: its descriptors are closed already
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.dup2(theirs.fileno(), 0)
        os.dup2(os.open(os.devnull, os.O_RDWR), 1)
        os.closerange(3, progress)
        os.closerange(progress + 1, _DESCRIPTORS)
        main(progress, parent, loaded)
        status = 0
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        raise
    finally:
        os._exit(status)


def _spawn(theirs: socket.socket, progress: int) -> subprocess.Popen[bytes]:
    # The child reads from standard input and writes back to the same socket. No other descriptor of ours
    # goes along: sandboxes are open in this process.
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "grader.judging_child", str(progress), str(os.getpid())],
        stdin=theirs.fileno(),
        stdout=subprocess.DEVNULL,
        pass_fds=(progress,),
        env=_environment(),
        start_new_session=True,  # Ctrl+C is for the parent, who ends its children itself
    )


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
