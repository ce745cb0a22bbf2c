"""The kernel log, with real kills and with real forgeries written to it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import pytest

from grader.errors import UnavailableError
from grader.evidence import OomKill
from grader.model import Profile
from grader.observe.oom import KernelLog, KillsRead
from grader.observe.target import Target
from tests.observe.conftest import Running, Start

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="reads the kernel log")
sandbox = pytest.mark.sandbox

# Its ids lie below those that sandboxes get: the log may still tell of kills in a real one.
TARGET = Target("unguessable", 1, "/nowhere", "/nowhere", 1_610_612_736, 65_536, 1, 0.0)


def write(*lines: str) -> None:
    """Write records as user space can; a fresh descriptor evades the limit of ten in five seconds."""
    for line in lines:
        with open("/dev/kmsg", "w") as file:
            file.write(f"{line}\n")  # without its end the kernel holds a record back for more


def kills(log: KernelLog, running: Running, count: int, seconds: float = 20.0) -> KillsRead:
    """Return what the log says once it tells of `count` kills."""
    deadline = time.monotonic() + seconds
    while True:
        found = log.kills_since(running.mark, running.target)
        if len(found.kills) >= count or time.monotonic() > deadline:
            return found
        time.sleep(0.01)


Named = Callable[..., tuple[OomKill, ...]]


@pytest.fixture
def named(start: Start, kernel_log: KernelLog) -> Named:
    """Run a script until the kernel names the groups of its kills: it does ten in five seconds."""

    def run(script: str, count: int = 1, profile: Profile = Profile.CGROUPS) -> tuple[OomKill, ...]:
        for _ in range(3):
            running = start(profile, f"{script}\necho done; sleep 300")
            running.wait_for("done")
            found = kills(kernel_log, running, count)
            assert found.by_machine == 0
            assert len(found.kills) == count or found.lost
            if len(found.kills) == count and all(kill.comm and kill.group for kill in found.kills):
                break
            if attempt_named(kernel_log, running):
                break
            time.sleep(5.1)
        return found.kills

    return run


def attempt_named(log: KernelLog, running: Running) -> bool:
    """Return whether the kernel wrote a line with the sandbox's name."""
    return any(
        running.target.name.encode() in line.message for line in log._lines if line.seq >= running.mark
    )


@sandbox
def test_a_kill_in_a_group_of_ones_own(named: Named) -> None:
    (kill,) = named("group w 20M; bomb w; test $? = 137 || exit")
    assert (kill.group, kill.victim_group, kill.comm, kill.uid) == ("/w", "/w", "tail", 0)
    assert kill.pid > 1


@sandbox
def test_a_kill_under_the_cap_of_the_sandbox(named: Named) -> None:
    (kill,) = named("tail /dev/zero", profile=Profile.PLAIN)
    assert (kill.group, kill.victim_group, kill.comm, kill.uid) == ("/", "/", "tail", 1000)


@sandbox
def test_a_kill_in_a_nested_group_removed_right_after(named: Named) -> None:
    (kill,) = named("group a 40M; share a; group a/b 20M; bomb a/b; rmdir $G/a/b && rmdir $G/a || exit")
    assert (kill.group, kill.victim_group) == ("/a/b", "/a/b")


@sandbox
def test_a_limit_above_the_victims_group(named: Named) -> None:
    (kill,) = named("group a 20M; share a; group a/b 40M; bomb a/b")
    assert (kill.group, kill.victim_group) == ("/a", "/a/b")


@sandbox
def test_hostile_names(named: Named) -> None:
    script = r"""
    name=$'w,task_memcg=,task=x,pid=1,uid=0 (\\x0a)\xff'
    group "$name" 20M
    cp /usr/bin/tail $'/tmp/a,pid=1,uid=0'
    inside "$name" $'/tmp/a,pid=1,uid=0' /dev/zero
    group plain 20M
    cp /usr/bin/tail $'/tmp/a) total-vm:\n'
    inside plain $'/tmp/a) total-vm:\n' /dev/zero
    """
    first, second = named(script, 2)
    assert first.group == first.victim_group == r"/w,task_memcg=,task=x,pid=1,uid=0 (\x5cx0a)\xff"
    assert first.comm == "a,pid=1,uid=0"
    assert (second.group, second.comm) == ("/plain", "a) total-vm:\n")
    assert {first.uid, second.uid} == {0}
    assert min(first.pid, second.pid) > 1


@sandbox
def test_names_too_long_for_one_record(named: Named) -> None:
    """The kernel goes on in further records, flagged as such."""
    script = r"""
    long=$(printf 'x%.0s' $(seq 200)); path=$long
    group $path 40M; share $path
    for i in 1 2; do path=$path/$long; group $path 40M; share $path; done
    group $path/w 20M
    bomb $path/w
    """
    (kill,) = named(script)
    assert kill.group == f"/{'x' * 200}" * 3 + "/w"
    assert kill.victim_group == kill.group


@sandbox
def test_kills_belong_to_their_sandbox(start: Start, kernel_log: KernelLog) -> None:
    script = "group w 20M; bomb w; echo done; sleep 300"
    one, other = start(Profile.CGROUPS, script), start(Profile.CGROUPS, script)
    one.wait_for("done")
    other.wait_for("done")
    found = [kills(kernel_log, running, 1).kills for running in (one, other)]
    assert [len(each) for each in found] == [1, 1]
    assert found[0][0].pid != found[1][0].pid


def test_forgeries_do_not_count(kernel_log: KernelLog) -> None:
    mark = kernel_log.mark()
    uid = TARGET.first_id + 5
    named = (
        "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,"
        f"oom_memcg=/grader/{TARGET.name},task_memcg=/grader/{TARGET.name},task=tail,pid=7,uid={uid}"
    )
    killed = (
        "Memory cgroup out of memory: Killed process 7 (tail) total-vm:9kB, anon-rss:9kB, "
        f"file-rss:0kB, shmem-rss:0kB, UID:{uid} pgtables:84kB oom_score_adj:500"
    )
    write(named, killed, f"<3>{killed}", f"<0>{named}", f"x\n6,1,1,-;{named}", f"\\x0a{killed}")
    found = kernel_log.kills_since(mark, TARGET)
    assert found == KillsRead((), 0, 0)
    assert kernel_log.mark() >= mark + 6


def test_overwritten_records_are_counted() -> None:
    log = KernelLog()
    mark = log.mark()
    line = "x" * 900
    for _ in range(600):  # the log holds some 128 KiB; bounded in case it holds much more
        write(line)
    found = log.kills_since(mark, TARGET)
    log.close()
    size = len(line) * 600
    if not found.lost:
        pytest.skip(f"{size} bytes do not fill this machine's kernel log")
    assert found.kills == ()
    assert 0 < found.lost < 600


def test_what_came_before_the_mark_does_not_count() -> None:
    log = KernelLog()
    first = log.mark()
    write("one", "two")
    second = log.mark()
    assert second >= first + 2
    assert log.kills_since(second, TARGET).lost == 0
    log.close()


def test_a_forked_child_reads_for_itself() -> None:
    log = KernelLog()
    mark = log.mark()
    child = os.fork()
    if child == 0:
        os._exit(0 if log.mark() >= mark else 1)
    assert os.waitid(os.P_PID, child, os.WEXITED).si_status == 0
    write("seen by the parent")
    assert log.mark() > mark
    log.close()


def test_many_threads(kernel_log: KernelLog) -> None:
    marks: list[int] = []

    def look() -> None:
        for _ in range(50):
            marks.append(kernel_log.mark())
            kernel_log.kills_since(marks[-1], TARGET)

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    write("a", "b", "c")
    for thread in threads:
        thread.join()
    assert len(marks) == 200
    assert kernel_log.kills_since(0, TARGET).kills == ()


def test_a_log_that_cannot_be_read_says_how_to_mend_it() -> None:
    with pytest.raises(UnavailableError, match="CAP_SYSLOG"):
        KernelLog("/dev/nothing-here")


def test_where_process_ids_are_not_the_machines_it_is_not_read() -> None:
    """One victim would have two ids there."""
    code = "from grader.observe.oom import KernelLog; KernelLog()"
    command = ["unshare", "--pid", "--fork", "--kill-child", sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode
    assert "--pid host" in done.stderr


@sandbox
def test_a_burst_loses_the_groups_but_no_kill(start: Start, kernel_log: KernelLog) -> None:
    """The kernel names the groups of at most ten kills in five seconds."""
    script = "group w 8M; for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14; do bomb w; done; echo done; sleep 300"
    running = start(Profile.CGROUPS, script)
    began = time.monotonic()
    while b"done" not in running.seen and time.monotonic() < began + 60:
        kernel_log.poll()
        try:
            running.wait_for("done", 0.02)
        except AssertionError:
            continue
    a_burst = time.monotonic() - began < 5  # on a machine that is busy, they may come one by one
    found = kills(kernel_log, running, 14)
    assert len(found.kills) + found.lost >= 14
    assert len(found.kills) == 14 or found.lost
    assert len({kill.pid for kill in found.kills}) == len(found.kills)
    assert {kill.group for kill in found.kills} <= {"/w", None}
    assert None in {kill.group for kill in found.kills} or found.lost or not a_burst
    assert {kill.comm for kill in found.kills} == {"tail"}
