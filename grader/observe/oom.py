"""Watches the kernel log for OOM kills, through one descriptor that all sandboxes of a process share."""

from __future__ import annotations

import os
import threading
from collections import deque
from dataclasses import dataclass

from grader.errors import UnavailableError
from grader.evidence import OomKill
from grader.observe.oom_records import KERNEL, Record, attribute, begins_killed, begins_oom, parse_record
from grader.observe.target import Target
from grader.sandbox.kernel import counts_pids_of_the_machine

_LOG = "/dev/kmsg"
_RECORD_BYTES = 8192  # CONSOLE_EXT_LOG_MAX: a shorter buffer makes read(2) fail with EINVAL
_KEPT = 4096
_LONGEST = 16_384  # two paths of PATH_MAX, escapes undone, and what stands around them
_READS = 65_536  # somebody who writes faster than we read must not hold us


@dataclass(slots=True)
class _Line:
    seq: int
    message: bytes


@dataclass(frozen=True, slots=True)
class KillsRead:
    """What the kernel log says about one sandbox.

    Attributes:
        lost: Records that were overwritten before they could be read.
        by_machine: How many kills were the machine's fault, which had no memory left for anybody.
    """

    kills: tuple[OomKill, ...]
    lost: int
    by_machine: int


class KernelLog:
    """The kernel log from now on; safe to use from many threads, and again after a fork.

    Only records of the kernel's own facility count, and only by how they begin: what user space writes
    to the log has another facility, and a line break inside a record stays inside it.
    """

    def __init__(self, path: str = _LOG) -> None:
        """Open the log and go to its end.

        Raises:
            UnavailableError: It may not be read, or it would be misread here.
        """
        if not counts_pids_of_the_machine():
            # One process under two ids would count twice.
            raise UnavailableError(
                "the kernel log names processes by ids that mean others here", "in a container: --pid host"
            )
        self._path = path
        self._lock = threading.Lock()
        self._lines: deque[_Line] = deque()
        self._gaps: deque[tuple[int, int]] = deque(maxlen=_KEPT)
        self._unfinished: _Line | None = None
        self._next = 0
        self._descriptor = -1
        self._owner = 0
        with self._lock:
            self._drain()

    def mark(self) -> int:
        """Return the log's position: what is written from now on belongs to `kills_since` that mark."""
        with self._lock:
            self._drain()
            return self._next

    def kills_since(self, mark: int, target: Target) -> KillsRead:
        """Return the kills in `target` that the kernel has logged since `mark`."""
        with self._lock:
            self._drain()
            messages = [line.message for line in self._lines if line.seq >= mark]
            lost = sum(max(0, end - max(start, mark)) for start, end in self._gaps)
        found = attribute(messages, target)
        return KillsRead(found.kills, lost, found.by_machine)

    def poll(self) -> None:
        """Take what is there, before the kernel overwrites it: one OOM kill writes some 90 records."""
        with self._lock:
            self._drain()

    def close(self) -> None:
        """Let go of the log."""
        with self._lock:
            if self._descriptor >= 0:
                os.close(self._descriptor)
            self._descriptor = -1

    def _open(self) -> None:
        if self._descriptor >= 0:
            # Forked: the position is shared with the parent, and whatever one reads the other would miss.
            os.close(self._descriptor)
            self._descriptor = -1
        try:
            self._descriptor = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise UnavailableError(
                f"the kernel log cannot be read: {error}",
                "run as root with CAP_SYSLOG; in a container also --device /dev/kmsg:/dev/kmsg:r",
            ) from error
        self._owner = os.getpid()

    def _drain(self) -> None:
        if self._descriptor < 0 or self._owner != os.getpid():
            self._open()
        for _ in range(_READS):
            try:
                raw = os.read(self._descriptor, _RECORD_BYTES)
            except BlockingIOError:
                return
            except BrokenPipeError:
                continue  # overwritten: the next record's number says how many
            record = parse_record(raw)
            if record is not None:
                self._take(record)

    def _take(self, record: Record) -> None:
        if record.seq < self._next:
            return  # seen before the fork
        if record.seq > self._next > 0:
            self._gaps.append((self._next, record.seq))
        self._next = record.seq + 1
        if record.facility != KERNEL:
            return
        if begins_oom(record.message):
            line = _Line(record.seq, record.message)
            self._keep(line)
            self._unfinished = None if begins_killed(record.message) else line
        elif record.continues and self._unfinished and len(self._unfinished.message) < _LONGEST:
            self._unfinished.message += record.message

    def _keep(self, line: _Line) -> None:
        if len(self._lines) == _KEPT:
            oldest = self._lines.popleft()
            self._gaps.append((oldest.seq, oldest.seq + 1))
        self._lines.append(line)
