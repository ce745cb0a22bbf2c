"""Processes of real sandboxes, seen from outside."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from grader.evidence import Process, Processes
from grader.model import Profile
from grader.observe.groups import GroupTree
from grader.observe.pids import ProcessWatch
from tests.observe.conftest import Running, Start

pytestmark = pytest.mark.sandbox


class Followed:
    """A sandbox's processes, sampled by hand."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self.tree = GroupTree(running.target.memory_group)
        self.watch = ProcessWatch(running.target, self.tree)

    def sample(self) -> None:
        self.tree.refresh()
        self.watch.sample(self.running.now_ms())

    def sample_for(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.sample()
            time.sleep(0.01)

    def look(self, *, nsenter: bool = False) -> Processes:
        self.tree.refresh()
        return self.watch.look(self.running.now_ms(), nsenter=nsenter)


def only(found: Processes, comm: str) -> Process:
    (process,) = (process for process in found.living() if process.comm == comm)
    return process


def wait_for_process(followed: Followed, comm: str, count: int = 1) -> Processes:
    deadline = time.monotonic() + 60
    while True:
        found = followed.look()
        # Between taking its new name and its new arguments, a process has none.
        if sum(process.comm == comm and bool(process.argv) for process in found.living()) >= count:
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.01)


def test_a_plain_process(start: Start) -> None:
    running = start(Profile.PLAIN, "sleep 300; true")
    followed = Followed(running)
    found = wait_for_process(followed, "sleep")
    sleep, shell = only(found, "sleep"), only(found, "bash")
    assert (sleep.parent, sleep.argv, sleep.uid, sleep.group) == (shell.pid, ("sleep", "300"), 1000, "/")
    assert shell.nspid == (1,)
    assert len(sleep.nspid) == 1
    assert sleep.nspid[0] > 1
    assert dict(found.sandbox) == dict(shell.namespaces)
    assert set(found.sandbox) == {"pid", "net", "uts", "mnt", "ipc", "user", "cgroup"}
    assert found.hostnames == {str(found.sandbox["uts"]): "sandbox"}
    assert set(found.alive) == {shell.pid, sleep.pid}
    assert found.pid_namespaces == ()


def test_pid_namespaces_three_deep(start: Start) -> None:
    script = "unshare -pf --mount-proc unshare -pf --mount-proc bash -c 'sleep 300; true'"
    followed = Followed(start(Profile.NAMESPACES, script))
    wait_for_process(followed, "sleep")
    found = followed.look(nsenter=True)
    sleep = only(found, "sleep")
    assert len(sleep.nspid) == 3
    assert sleep.uid == 0
    first, second, third = found.pid_namespaces
    assert [first.level, second.level, third.level] == [1, 2, 3]
    assert first.inode == found.sandbox["pid"]
    assert third.inode == sleep.namespaces["pid"]
    # bash, unshare, unshare, bash, sleep; the last three and the inner unshare; the last two
    assert [len(space.pids) for space in found.pid_namespaces] == [len(found.alive), 3, 2]
    for space, pid in zip(found.pid_namespaces, sleep.nspid, strict=True):
        assert pid in space.pids


def test_counting_leaves_nothing_behind(start: Start) -> None:
    followed = Followed(start(Profile.NAMESPACES, "unshare -pf --mount-proc sleep 300; true"))
    wait_for_process(followed, "sleep")
    first, second = followed.look(nsenter=True), followed.look(nsenter=True)
    assert first.alive == second.alive
    assert first.pid_namespaces == second.pid_namespaces
    assert len(second.all) == len(first.all)


def test_participants_programs_are_never_run(start: Start) -> None:
    """Whatever a sandbox puts in the way of ls, sh and mount, the host's own are used."""
    script = r"""
    mkdir /tmp/bin
    printf '#!/bin/bash\ntouch /tmp/ran; echo 1; echo 1 2 3' >/tmp/bin/fake; chmod +x /tmp/bin/fake
    unshare -pfm --mount-proc /bin/bash -c '
        for name in ls sh nsenter unshare mount; do mount --bind /tmp/bin/fake /usr/bin/$name; done
        echo ready; sleep 0.5; [ -e /tmp/ran ] && echo fooled; ls; [ -e /tmp/ran ] && echo end; sleep 5'
    """
    running = start(Profile.NAMESPACES, script)
    running.wait_for("ready")
    found = Followed(running).look(nsenter=True)
    assert [space.level for space in found.pid_namespaces] == [1, 2]
    assert "fooled" not in running.wait_for("end")


def test_hostnames_of_every_uts_namespace(start: Start) -> None:
    script = "unshare -u bash -c 'hostname inner; echo ready; sleep 300; true'; true"
    running = start(Profile.NAMESPACES, script)
    running.wait_for("ready")
    own = os.uname().nodename
    followed = Followed(running)
    found = wait_for_process(followed, "sleep")
    sleep = only(found, "sleep")
    assert found.hostnames == {
        str(found.sandbox["uts"]): "sandbox",
        str(sleep.namespaces["uts"]): "inner",
    }
    assert os.uname().nodename == own


def test_namespaces_changed_by_a_process_that_goes_on(start: Start) -> None:
    script = "echo ready; sleep 0.3; exec unshare -n sleep 300"
    running = start(Profile.NAMESPACES, script)
    running.wait_for("ready")
    followed = Followed(running)
    followed.sample()
    deadline = time.monotonic() + 60
    while True:
        found = followed.look()
        (first,) = found.all[:1]
        if first.comm == "sleep" or time.monotonic() > deadline:
            break
        time.sleep(0.01)
    assert first.argv == ("sleep", "300")
    assert first.namespaces["net"] != found.sandbox["net"]
    assert first.namespaces["uts"] == found.sandbox["uts"]
    assert first.seen_ms[0] < first.seen_ms[1]


def test_processes_that_have_gone_are_remembered(start: Start) -> None:
    running = start(Profile.PLAIN, "sleep 0.2; echo done; sleep 300; true")
    followed = Followed(running)
    followed.sample_for(0.15)
    running.wait_for("done")
    found = followed.look()
    gone = [process for process in found.all if process.pid not in found.alive]
    assert [process.argv for process in gone] == [("sleep", "0.2")]
    assert gone[0].seen_ms[1] < running.now_ms()


def test_everything_may_vanish_at_any_moment(start: Start) -> None:
    running = start(
        Profile.PLAIN,
        "for i in $(seq 300); do /bin/true & [ $((i % 20)) = 0 ] && wait; done; echo done; sleep 300",
    )
    followed = Followed(running)
    deadline = time.monotonic() + 60
    while b"done" not in running.seen and time.monotonic() < deadline:
        followed.sample()
        try:
            running.wait_for("done", 0.001)
        except AssertionError:
            continue
    os.kill(running.target.init_pid, signal.SIGKILL)
    for _ in range(20):
        followed.sample()
    running.wait()
    found = followed.look(nsenter=True)
    assert found.alive == ()
    assert found.pid_namespaces == ()
    assert all(len(process.nspid) == 1 for process in found.all)


def test_a_storm_of_processes(start: Start) -> None:
    running = start(Profile.PLAIN, "for i in $(seq 60); do sleep 300 & done; echo done; wait")
    running.wait_for("done")
    followed = Followed(running)
    found = wait_for_process(followed, "sleep", 60)
    assert len(found.living()) == 61
    assert {process.argv for process in found.living() if process.comm == "sleep"} == {("sleep", "300")}


def test_hostile_names_and_arguments(start: Start) -> None:
    script = r"""
    cp /usr/bin/sleep $'/tmp/a) R 1 1\n(\xff'
    exec -a $'x\xff\n' $'/tmp/a) R 1 1\n(\xff' 300
    """
    followed = Followed(start(Profile.PLAIN, script.replace("/tmp/", "/work/")))
    deadline = time.monotonic() + 60
    while True:
        found = followed.look()
        process = found.all[0]
        if process.argv[-1:] == ("300",) or time.monotonic() > deadline:  # the runtime comes first, then bash
            break
        time.sleep(0.01)
    assert process.comm == "a) R 1 1\n(\\xff"
    assert process.argv == ("x\\xff\n", "300")
    assert process.nspid == (1,)


def test_users_inside(start: Start) -> None:
    script = "setpriv --reuid 1234 --regid 1234 --clear-groups sleep 300; true"
    followed = Followed(start(Profile.NAMESPACES, script))
    found = wait_for_process(followed, "sleep")
    assert only(found, "sleep").uid == 1234
    assert only(found, "bash").uid == 0


def test_groups_of_processes(start: Start) -> None:
    running = start(Profile.CGROUPS, "group w 20M; inside w sleep 300; true")
    found = wait_for_process(Followed(running), "sleep")
    assert only(found, "sleep").group == "/w"


def test_a_blocked_process_settles_and_a_busy_one_does_not(start: Start) -> None:
    idle = Followed(start(Profile.PLAIN, "sleep 300; true"))
    busy = Followed(start(Profile.PLAIN, "while :; do :; done"))
    until = time.monotonic() + 0.8
    while time.monotonic() < until:
        idle.sample()
        busy.sample()
        time.sleep(0.02)
    assert idle.watch.settled(idle.running.now_ms()) > 0.5
    assert busy.watch.settled(busy.running.now_ms()) < 0.4


def test_other_threads_keep_their_host_name(start: Start) -> None:
    followed = Followed(start(Profile.PLAIN, "sleep 300; true"))
    own = os.uname().nodename
    seen: set[str] = set()
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            seen.add(os.uname().nodename)

    thread = threading.Thread(target=look)
    thread.start()
    for _ in range(20):
        followed.look()
    stop.set()
    thread.join()
    assert seen == {own}
