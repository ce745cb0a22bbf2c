"""Sandboxes that run while a test looks at them from outside."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from grader.model import MIB, Limits, Profile
from grader.observe.oom import KernelLog
from grader.observe.target import Target
from grader.sandbox.sandbox import Host, Sandbox

# Makes control groups with a limit and runs programs in them, under both versions.
PRELUDE = r"""
if [ -f /sys/fs/cgroup/cgroup.controllers ]; then
    G=/sys/fs/cgroup
    mkdir $G/init
    while read -r pid; do echo "$pid" >$G/init/cgroup.procs; done <$G/cgroup.procs 2>/dev/null
    share() { sed 's/ / +/g; s/^/+/' "$G/$1/cgroup.controllers" >"$G/$1/cgroup.subtree_control"; }
    share .
    group() { mkdir "$G/$1"; echo "$2" >"$G/$1/memory.max"; echo 0 >"$G/$1/memory.swap.max"; }
else
    G=/sys/fs/cgroup/memory
    share() { :; }
    group() {
        mkdir "$G/$1"
        echo "$2" >"$G/$1/memory.limit_in_bytes"
        echo "$2" >"$G/$1/memory.memsw.limit_in_bytes"
    }
fi
inside() { g=$1; shift; sh -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$G/$g" "$@"; }
bomb() { inside "$1" tail /dev/zero; }
"""


@dataclass(slots=True)
class Running:
    """A sandbox whose first process runs."""

    sandbox: Sandbox
    target: Target
    mark: int
    stdout: int
    seen: bytes = b""

    def now_ms(self) -> float:
        """Return the milliseconds since its start."""
        return (time.monotonic() - self.target.started) * 1000

    def wait_for(self, word: str, seconds: float = 60.0) -> str:
        """Return its output once that holds `word`."""
        deadline = time.monotonic() + seconds
        while word.encode() not in self.seen:
            left = deadline - time.monotonic()
            assert left > 0, f"no {word!r} in {self.seen!r}"
            if select.select([self.stdout], [], [], left)[0]:
                chunk = os.read(self.stdout, 65_536)
                assert chunk, f"ended without {word!r}: {self.seen!r}"
                self.seen += chunk
        return self.seen.decode(errors="replace")

    def wait(self, seconds: float = 60.0) -> None:
        """Wait until it has ended."""
        assert select.select([self.sandbox.exited], [], [], seconds)[0], self.seen


Start = Callable[..., Running]


@pytest.fixture(scope="session")
def kernel_log() -> Iterator[KernelLog]:
    """The kernel log."""
    log = KernelLog()
    yield log
    log.close()


@pytest.fixture
def start(any_host: Host, base: str, kernel_log: KernelLog) -> Iterator[Start]:
    """Start bash scripts in sandboxes that last as long as the test."""
    with ExitStack() as stack:

        def launch(profile: Profile, script: str, limits: Limits | None = None) -> Running:
            bounds = limits or Limits(memory_bytes=96 * MIB, pids=128, wall_seconds=20)
            sandbox = stack.enter_context(Sandbox(any_host, profile, bounds))
            reading, writing = os.pipe()
            stack.callback(os.close, reading)
            mark = kernel_log.mark()
            started = time.monotonic()
            prelude = PRELUDE if profile is Profile.CGROUPS else ""
            try:
                command = ("/bin/bash", "-c", prelude + script, "answer")
                sandbox.launch(base, command, stdout=writing, stderr=writing)
            finally:
                os.close(writing)
            return Running(sandbox, sandbox.target(started), mark, reading)

        yield launch
