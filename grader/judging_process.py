"""One child process that judges, from its parent's side: starts it, asks it, and notices how it ended."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from grader.errors import GraderError
from grader.judging_child import (
    DEADLINE_SIGNAL,
    NOTHING_BEGUN,
    JudgeBundles,
    JudgeEvidence,
    Start,
    receive,
    send,
)

_PATIENCE: Final = 4.0  # wall time for processor time: the machine is busy with sandboxes
_START_SECONDS: Final = 30.0


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

    def __init__(self, start: Start) -> None:
        """Start it.

        Raises:
            OSError: The machine has no room for a process.
        """
        self._deadline = start.deadline
        self._ready = False
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
