"""The containers of a disposable engine as the host sees them: through their control groups."""

from __future__ import annotations

import os
import re
import signal
import time
from dataclasses import dataclass

from grader.sandbox import cgroup

RUNTIME_INIT = re.compile(rb"(?:[^\0]*/)?runc\0init\0")  # called by its path where the engine is told that
_WORDS_BYTES = 256
_PAUSE_SECONDS = 0.005
_CONTAINER_ID = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class ContainerGroups:
    """Finds containers' processes below the engine's control group.

    Attributes:
        group: The sandbox's directory in the memory hierarchy (v1) or in the only one (v2).
    """

    group: str

    def all(self) -> dict[str, frozenset[int]]:
        """Return the host ids of every container's processes, by container id."""
        try:
            names = os.listdir(f"{self.group}/docker")
        except OSError:
            return {}
        return {name: self.processes(name) for name in names if _CONTAINER_ID.fullmatch(name)}

    def await_starts(self, seconds: float) -> None:
        """Wait until no first process is the runtime's own any more, for at most so many seconds.

        An engine says that a container has started when runc lets its first process go, which is a moment
        before that becomes the container's program by execve(2).
        """
        deadline = time.monotonic() + seconds
        while any(_starting(pid) for pids in self.all().values() for pid in pids):
            if time.monotonic() > deadline:
                return
            time.sleep(_PAUSE_SECONDS)

    def processes(self, container: str) -> frozenset[int]:
        """Return the host ids of one container's processes."""
        if not _CONTAINER_ID.fullmatch(container):
            return frozenset()
        return frozenset(cgroup.members(f"{self.group}/docker/{container}"))

    def first_process(self, container: str) -> int | None:
        """Return the host id of a container's first process: the one that is 1 in its own namespace."""
        return next((pid for pid in sorted(self.processes(container)) if _innermost(pid) == 1), None)

    def signal(self, container: str, pid: int, number: signal.Signals) -> None:
        """Send a signal to one of a container's processes, unless it has left in the meantime."""
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            return
        try:
            # With the descriptor open the id cannot be another process's any more: look again, then send.
            if pid in self.processes(container):
                signal.pidfd_send_signal(descriptor, number)
        except ProcessLookupError:
            return
        finally:
            os.close(descriptor)


def _starting(pid: int) -> bool:
    """Return whether a process is the runtime's still, or amid execve(2): then it has no words yet."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            words = file.read(_WORDS_BYTES)
        return bool(RUNTIME_INIT.fullmatch(words)) or (not words and bool(os.readlink(f"/proc/{pid}/exe")))
    except OSError:
        return False


def _innermost(pid: int) -> int | None:
    """Return a process's id in its own PID namespace (the last one of NSpid, proc_pid_status(5))."""
    try:
        with open(f"/proc/{pid}/status") as file:
            line = next((line for line in file if line.startswith("NSpid:")), "")
    except OSError:
        return None
    numbers = line.split()[1:]
    return int(numbers[-1]) if numbers else None
