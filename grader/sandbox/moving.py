"""Keeps the kernel ready to move processes into control groups while answers are expected."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from grader.sandbox.cgroup import Hierarchy

_INTERVAL_SECONDS: Final = 0.008
_LINGER_SECONDS: Final = 2.0
"""Where one answer came, the next one is likely."""


class Moves:
    """Moves this process to where it is, again and again, while anybody expects a move.

    Forking is far more frequent than moving a process to another control group, so the kernel makes
    moving slow: the first move after a rest waits for an RCU grace period, some 10 ms, in which nothing
    happens; those that follow within about as long do not (percpu_down_write() and rcu_sync_enter() on
    cgroup_threadgroup_rwsem; the mount option ``favordynmods`` does the same for a whole machine, for
    good). Starting a sandbox is such a move, and a step of a build is another one.
    """

    def __init__(self, hierarchy: Hierarchy) -> None:
        """Say which hierarchy processes are moved in; no thread is started yet."""
        self._hierarchy = hierarchy
        self._changed = threading.Condition()
        self._expected = 0
        self._until = 0.0
        self._closed = False
        self._thread: threading.Thread | None = None

    @contextmanager
    def expected(self) -> Iterator[None]:
        """Let moves be quick while the context lasts, and shortly after; safe from many threads."""
        with self._changed:
            self._expected += 1
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._keep_ready, name="moves", daemon=True)
                self._thread.start()
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._expected -= 1
                self._until = time.monotonic() + _LINGER_SECONDS

    def close(self) -> None:
        """End the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _wanted(self) -> bool:
        return self._closed or self._expected > 0 or time.monotonic() < self._until

    def _keep_ready(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(self._wanted)
                if self._closed:
                    return
            self._move_while_wanted()

    def _move_while_wanted(self) -> None:
        try:
            group = os.open(_own_group(self._hierarchy), os.O_WRONLY | os.O_CLOEXEC)
        except OSError:  # sandboxes only start later
            time.sleep(_LINGER_SECONDS)
            return
        me = str(os.getpid()).encode()
        try:
            while self._wanted() and not self._closed:
                with suppress(OSError):  # a group that hands controllers on takes nobody (cgroup v2)
                    os.write(group, me)
                time.sleep(_INTERVAL_SECONDS)
        finally:
            os.close(group)


def _own_group(hierarchy: Hierarchy) -> Path:
    """Return the file that lists the processes of this one's group (cgroups(7), ``/proc/PID/cgroup``)."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if "pids" in controllers.split(",") or (hierarchy.version == 2 and not controllers):
            return Path(f"{hierarchy.root('pids')}/{path.strip('/')}", "cgroup.procs")
    return Path(hierarchy.root("pids"), "cgroup.procs")
