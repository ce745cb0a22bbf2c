"""Containers found through their control groups."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from grader.model import ENGINE_LIMITS
from grader.observe.containers import RUNTIME_INIT, ContainerGroups
from grader.sandbox import cgroup
from grader.sandbox.engine import Engine
from grader.sandbox.sandbox import Host

pytestmark = pytest.mark.sandbox

_CONTAINER = "ab" * 32
# What a runtime leaves as the first process until the container's program takes its place.
_INIT = "import os, time; time.sleep({seconds}); os.execv('/bin/sleep', ['sleep', '30'])"


@contextlib.contextmanager
def starting(folder: Path, seconds: float) -> Iterator[tuple[ContainerGroups, int]]:
    """Run what becomes a container's program after so many seconds, in a group named as an engine does."""
    hierarchy = cgroup.detect()
    cgroup.prepare(hierarchy)
    name = f"test-containers-{os.getpid()}"
    group = hierarchy.group("memory", name)
    member = Path(group, "docker", _CONTAINER)
    member.mkdir(parents=True)
    (folder / "init").write_text(_INIT.format(seconds=seconds))
    with subprocess.Popen(["/usr/sbin/runc", "init"], executable=sys.executable, cwd=folder) as process:
        try:
            (member / "cgroup.procs").write_text(str(process.pid))
            yield ContainerGroups(group), process.pid
        finally:
            process.kill()
            process.wait()
            cgroup.remove(hierarchy, name)


def test_a_container_that_is_about_to_start_is_waited_for(tmp_path: Path) -> None:
    with starting(tmp_path, 0.4) as (groups, pid):
        assert groups.all() == {_CONTAINER: frozenset({pid})}
        groups.await_starts(20)
        assert Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[:2] == [b"sleep", b"30"]


def test_but_not_for_ever(tmp_path: Path) -> None:
    with starting(tmp_path, 30) as (groups, _):
        began = time.monotonic()
        groups.await_starts(0.2)
        assert 0.2 <= time.monotonic() - began < 5


@pytest.mark.engine
def test_the_runtime_of_a_real_engine_is_known(any_host: Host) -> None:
    """What it leaves there is seen while containers start, and is never taken for a container's program."""
    seen: set[bytes] = set()
    with Engine(any_host, ENGINE_LIMITS) as engine, ThreadPoolExecutor(1) as pool:
        engine.start()
        groups = ContainerGroups(engine.target(0.0).memory_group)
        command = (
            "/bin/bash",
            "-c",
            "for i in 1 2 3 4 5; do docker run --rm --network none busybox true; done",
        )
        running = pool.submit(engine.execute, command, wall_seconds=60, output_bytes=1_000)
        while not running.done():
            for pid in frozenset().union(*groups.all().values()):
                with contextlib.suppress(OSError):
                    seen.add(Path(f"/proc/{pid}/cmdline").read_bytes())
    runtime = {words for words in seen if words.endswith(b"\0init\0")}
    assert runtime
    assert all(RUNTIME_INIT.fullmatch(words) for words in runtime)
    assert {words for words in seen if words and words not in runtime} <= {b"true\0"}
