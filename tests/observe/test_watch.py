"""All observers together, as a run uses them."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from grader import model
from grader.errors import SandboxError
from grader.evidence import OomKill
from grader.model import Profile
from grader.observe.oom import KernelLog, KillsRead
from grader.observe.target import Target
from grader.observe.watch import Sight, Watch
from tests.observe.conftest import Running, Start

sandbox = pytest.mark.sandbox


def watch_until(watch: Watch, running: Running, word: str) -> Sight:
    """Give `watch` its turns until the output holds `word`, then the last look."""
    deadline = time.monotonic() + 60
    while word.encode() not in running.seen:
        assert time.monotonic() < deadline, running.seen
        pause = watch.tick(running.now_ms())
        try:
            running.wait_for(word, pause / 1000)
        except AssertionError:
            continue
    return watch.finish(running.now_ms())


@sandbox
def test_a_plain_answer_needs_but_the_last_look(start: Start, kernel_log: KernelLog) -> None:
    running = start(Profile.PLAIN, "echo hello")
    running.wait()
    with Watch(kernel_log, running.mark, running.target, model.Watch(), Profile.PLAIN) as watch:
        assert not watch.ticks
        sight = watch.finish(running.now_ms())
    assert sight.oom.kills == ()
    assert sight.oom.counters == {}
    assert sight.processes is None
    assert sight.networks is None
    (group,) = sight.cgroups
    assert group.path == "/"
    assert group.alive
    assert group.memory_limit == running.sandbox.limits.memory_bytes
    assert group.memory_peak > 0


@sandbox
def test_the_whole_handout(start: Start, kernel_log: KernelLog) -> None:
    script = r"""
    group w 20M
    unshare -unpf --mount-proc bash -c '
        hostname inner; for i in 1 2; do sleep 300 & done; echo >/tmp/up; wait' &
    until [ -e /tmp/up ]; do sleep 0.01; done
    bomb w; sleep 0.3; rmdir $G/w; sleep 0.2; echo done; wait
    """
    running = start(Profile.CGROUPS, script)
    wanted = model.Watch(nsenter=True, networks=True)
    with Watch(kernel_log, running.mark, running.target, wanted, Profile.CGROUPS) as watch:
        sight = watch_until(watch, running, "done")
    (kill,) = sight.oom.kills
    assert (kill.group, kill.victim_group, kill.comm) == ("/w", "/w", "tail")
    assert sight.oom.confirmed("/w") == (kill,)
    assert [group.alive for group in sight.cgroups if group.path == "/w"] == [False]
    assert sight.processes is not None
    assert sorted(sight.processes.hostnames.values()) == ["inner", "sandbox"]
    assert [space.level for space in sight.processes.pid_namespaces] == [1, 2]
    assert len(sight.processes.pid_namespaces[1].pids) == 3
    assert sight.networks is not None
    assert len(sight.networks) == 2
    assert all("lo" in space.interfaces for space in sight.networks)


@sandbox
def test_kills_that_the_log_leaves_without_a_group_get_one(start: Start, kernel_log: KernelLog) -> None:
    """The kernel names the groups of ten kills in five seconds, for all sandboxes together."""
    burst = start(Profile.CGROUPS, "group b 8M; for i in $(seq 12); do bomb b; done; echo done; sleep 300")
    burst.wait_for("done")
    running = start(Profile.CGROUPS, "group w 8M; bomb w; echo done; sleep 300")
    with Watch(kernel_log, running.mark, running.target, model.Watch(), Profile.CGROUPS) as watch:
        sight = watch_until(watch, running, "done")
    (kill,) = sight.oom.kills
    assert (kill.group, kill.victim_group) == ("/w", "/w")
    assert sight.oom.confirmed("/w")


@sandbox
def test_a_run_settles(start: Start, kernel_log: KernelLog) -> None:
    running = start(Profile.PLAIN, "sleep 300 & sleep 0.2; exec sleep 300")
    with Watch(kernel_log, running.mark, running.target, model.Watch(), Profile.PLAIN, settles=True) as watch:
        assert watch.ticks
        assert watch.settled(running.now_ms()) == 0
        while watch.settled(running.now_ms()) < 0.4:
            assert running.now_ms() < 60_000
            time.sleep(watch.tick(running.now_ms()) / 1000)
        assert running.now_ms() > 500
        sight = watch.finish(running.now_ms())
    assert sight.processes is not None
    assert len(sight.processes.alive) == 2


@sandbox
def test_two_looks_agree(start: Start, kernel_log: KernelLog) -> None:
    running = start(Profile.NAMESPACES, "echo ready; sleep 300; true")
    running.wait_for("ready")
    time.sleep(0.1)
    wanted = model.Watch(nsenter=True, networks=True)
    sights = []
    for _ in range(2):
        with Watch(kernel_log, running.mark, running.target, wanted, Profile.NAMESPACES) as watch:
            sights.append(watch.finish(1.0))
    assert sights[0].processes == sights[1].processes
    assert sights[0].networks == sights[1].networks


@sandbox
def test_nothing_stays_open(start: Start, kernel_log: KernelLog) -> None:
    running = start(Profile.CGROUPS, "for i in $(seq 20); do group g$i 9M; done; echo done; sleep 300")
    before = len(os.listdir("/proc/self/fd"))
    with Watch(kernel_log, running.mark, running.target, model.Watch(), Profile.CGROUPS) as watch:
        watch_until(watch, running, "done")
        assert len(os.listdir("/proc/self/fd")) - before <= 96
    assert len(os.listdir("/proc/self/fd")) == before


class _Forgetful(KernelLog):
    """A log that tells of a kill by the machine, which no test should cause."""

    def kills_since(self, mark: int, target: Target) -> KillsRead:
        return KillsRead((OomKill(None, None, 1, "x", 0),), 0, by_machine=1)


@pytest.mark.skipif(os.geteuid() != 0, reason="reads the kernel log")
def test_a_machine_without_memory_is_our_fault(tmp_path: Path) -> None:
    group = str(tmp_path)
    target = Target("name", 2, group, group, 1, 1, os.getpid(), 0.0)
    log = _Forgetful()
    with (
        Watch(log, 0, target, model.Watch(), Profile.PLAIN) as watch,
        pytest.raises(SandboxError, match="ran out of memory"),
    ):
        watch.finish(1.0)
    log.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="reads the kernel log")
def test_a_group_that_is_not_there_is_our_fault(kernel_log: KernelLog, tmp_path: Path) -> None:
    group = str(tmp_path / "gone")
    target = Target("name", 2, group, group, 1, 1, os.getpid(), 0.0)
    with (
        Watch(kernel_log, kernel_log.mark(), target, model.Watch(), Profile.PLAIN) as watch,
        pytest.raises(SandboxError, match="has gone"),
    ):
        watch.finish(1.0)
