"""The cgroups profile: groups of one's own inside a cap that holds, under both versions."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.model import MIB, Limits, Profile
from grader.sandbox import cgroup
from grader.sandbox.sandbox import Host, Sandbox

pytestmark = pytest.mark.sandbox

CGROUPS = Profile.CGROUPS
V2 = Path("/sys/fs/cgroup/cgroup.controllers").exists()
only_v1 = pytest.mark.skipif(V2, reason="a weakness of cgroup v1")
only_v2 = pytest.mark.skipif(not V2, reason="a file of cgroup v2")
# As in holder.sh: under v2 a group that hands controllers on holds no processes.
ENTER = (
    "cd /sys/fs/cgroup; mkdir init; echo $$ >init/cgroup.procs; echo '+memory +pids' >cgroup.subtree_control;"
    if V2
    else "cd /sys/fs/cgroup/memory;"
)
LIMIT = "memory.max" if V2 else "memory.limit_in_bytes"
Run = Callable[..., object]


def test_the_handouts_lines_work_as_typed(run_in: Run) -> None:
    """A group of one's own with a limit kills who goes beyond it; the shell outside lives."""
    usage = "cat w/memory.peak" if V2 else "cat w/memory.max_usage_in_bytes"
    kills = "w/memory.events" if V2 else "w/memory.oom_control"
    result = run_in(
        CGROUPS,
        f"{ENTER} mkdir w && echo $((20*1024*1024)) >w/{LIMIT}; (echo $BASHPID >w/cgroup.procs;"
        f" exec tail -n1 /dev/zero); echo $?; {usage}; grep 'oom_kill ' {kills}; rmdir w; echo $?",
    )
    assert result.lines == ["137", str(20 * MIB), "oom_kill 1", "0"], result


def test_the_outer_limit_cannot_be_lifted(run_in: Run, host: Host) -> None:
    """Its files are the host's, however the tree is mounted."""
    limits = Limits(memory_bytes=48 * MIB, pids=50, wall_seconds=5)
    there: list[tuple[str, str]] = []

    def look(sandbox: Sandbox) -> None:
        groups = (host.hierarchy.group("memory", sandbox.name), host.hierarchy.group("pids", sandbox.name))
        there.extend(
            [(Path(groups[0], LIMIT).read_text().strip(), Path(groups[1], "pids.max").read_text().strip())]
        )

    files = (
        "memory.max memory.high memory.swap.max pids.max cpu.max cgroup.max.descendants cgroup.type"
        if V2
        else "memory/memory.limit_in_bytes memory/memory.memsw.limit_in_bytes memory/memory.oom_control"
        " memory/memory.force_empty memory/memory.move_charge_at_immigrate pids/pids.max cpu/cpu.cfs_quota_us"
        " cpuset/cpuset.cpus devices/devices.allow freezer/freezer.state"
    )
    result = run_in(
        CGROUPS,
        f"cd /sys/fs/cgroup; try() {{ for f in {files}; do (echo 999999999 >$f) 2>/dev/null && echo wrote $f;"
        f" chmod 666 $f 2>/dev/null && echo opened $f; chown 0 $f 2>/dev/null && echo owned $f; done;"
        " }; try;"
        " mount -o remount,rw /sys/fs/cgroup 2>/dev/null;"
        " mount -o remount,bind,rw /sys/fs/cgroup 2>/dev/null; try;"
        " mkdir /tmp/c; mount --rbind /sys/fs/cgroup /tmp/c && cd /tmp/c && try; echo done",
        limits=limits,
        look=look,
    )
    assert result.lines == ["done"], result
    assert there == [(str(48 * MIB), "50")]


def test_groups_inside_do_not_add_up_to_more(run_in: Run) -> None:
    """Children with limits above the sandbox's own are killed at the sandbox's own."""
    result = run_in(
        CGROUPS,
        f"{ENTER} mkdir w; echo $((900*1024*1024)) >w/{LIMIT}; (echo $BASHPID >w/cgroup.procs;"
        " exec tail -n1 /dev/zero); echo $?",
        limits=Limits(memory_bytes=32 * MIB, wall_seconds=5),
    )
    assert result.lines == ["137"]
    assert result.peak_bytes <= 32 * MIB


def test_nobody_leaves_the_sandboxs_group(run_in: Run, host: Host) -> None:
    """Neither towards the root nor into another's: what is outside cannot even be named."""
    result = run_in(
        CGROUPS,
        "cd /sys/fs/cgroup; cat /proc/self/cgroup | grep -v ':/$' ;"
        " for f in $(find . -maxdepth 2 -name cgroup.procs); do"
        " d=${f%/cgroup.procs}; (echo $BASHPID >$d/../cgroup.procs) 2>/dev/null; done;"
        " mkdir /tmp/c; for t in cgroup2 'cgroup -o memory' 'cgroup -o pids' 'cgroup -o name=systemd'; do"
        " mount -t $t none /tmp/c 2>/dev/null || continue;"
        " for f in $(find /tmp/c -name cgroup.procs -path '*grader*');"
        " do (echo $BASHPID >$f) 2>/dev/null && echo moved $f; done; umount /tmp/c; done;"
        " unshare -C bash -c 'cat /proc/self/cgroup' | grep -v ':/$'; echo done",
    )
    assert result.lines == ["done"], result


def test_a_process_is_counted_wherever_it_hides(run_in: Run, host: Host) -> None:
    """The limit of processes holds over all groups inside."""
    enter = "cd /sys/fs/cgroup; mkdir a b" if V2 else "cd /sys/fs/cgroup/pids; mkdir a b"
    result = run_in(
        CGROUPS,
        f"{enter}; for i in $(seq 60); do (echo $BASHPID >a/cgroup.procs;"
        " exec sleep 9) & done 2>/dev/null; wait",
        limits=Limits(pids=20, wall_seconds=1),
    )
    assert result.forks_refused > 0


@only_v2
def test_descendants_are_bounded(run_in: Run) -> None:
    """The kernel refuses the two hundred and first."""
    result = run_in(
        CGROUPS,
        "cd /sys/fs/cgroup; for i in $(seq 300); do mkdir g$i 2>/dev/null || break; done; ls -d g* | wc -l",
        limits=Limits(wall_seconds=60),
    )
    assert int(result.lines[0]) <= 200


@pytest.mark.parametrize("name", ["x", "n" * 200], ids=["short", "long"])
def test_groups_nested_deeper_than_a_path_are_removed(run_in: Run, name: str) -> None:
    """Neither their depth nor the length of their path stops the kill and the removal."""
    root = "/sys/fs/cgroup" if V2 else "/sys/fs/cgroup/pids"
    result = run_in(
        CGROUPS,
        f"cd {root}; for i in $(seq 1500); do mkdir {name} 2>/dev/null && cd {name} || break; done;"
        " echo $BASHPID >cgroup.procs; sleep 99 & sleep 99",
        limits=Limits(wall_seconds=1),
    )
    assert result.ended == "deadline"


@only_v1
def test_many_groups_are_removed(run_in: Run) -> None:
    """Without a limit on their number, kernel memory is the limit."""
    result = run_in(
        CGROUPS,
        "cd /sys/fs/cgroup; for i in $(seq 600); do mkdir memory/$i pids/$i freezer/$i; done; sleep 9",
        limits=Limits(memory_bytes=48 * MIB, wall_seconds=1.2),
    )
    assert result.end_ms < 5_000


@pytest.mark.parametrize("victim", ["child", "first process"])
def test_a_frozen_process_is_ended(run_in: Run, victim: str) -> None:
    """Under v1 SIGKILL waits until a group is thawed: the grader thaws it."""
    root, file, word = (
        ("/sys/fs/cgroup", "cgroup.freeze", "1")
        if V2
        else ("/sys/fs/cgroup/freezer", "freezer.state", "FROZEN")
    )
    who = "$$" if victim == "first process" else "$!"
    result = run_in(
        CGROUPS,
        f"cd {root}; mkdir -p a/b; sleep 99 & echo {who} >a/b/cgroup.procs; echo {word} >a/b/{file}; wait",
        limits=Limits(wall_seconds=0.5),
    )
    assert result.ended == "deadline"
    assert result.end_ms < 1_000


@only_v1
def test_a_group_without_oom_killer_ends_by_the_clock(run_in: Run) -> None:
    """Its processes wait for memory for ever, but not beyond the deadline."""
    result = run_in(
        CGROUPS,
        f"{ENTER} mkdir w; echo 8M >w/{LIMIT}; echo 1 >w/memory.oom_control;"
        " cat w/memory.oom_control | head -1;"
        " (echo $BASHPID >w/cgroup.procs; exec tail -n1 /dev/zero); echo survived",
        limits=Limits(wall_seconds=1),
    )
    assert result.ended == "deadline"
    assert result.lines == ["oom_kill_disable 1"]
    assert result.end_ms < 1_000


def test_no_release_agent_can_be_set(run_in: Run, tmp_path: Path) -> None:
    """The classic way out of cgroup v1: a program that the kernel runs as the host's root."""
    result = run_in(
        CGROUPS,
        "mkdir /tmp/c; for o in memory pids freezer rdma misc perf_event hugetlb name=x name=systemd; do"
        " mount -t cgroup -o $o none /tmp/c 2>/dev/null || continue;"
        ' (echo "touch $1/escaped" >/tmp/c/release_agent) 2>/dev/null && echo set $o; umount /tmp/c; done;'
        " for f in $(find /sys/fs/cgroup -name release_agent);"
        " do (echo /tmp/x >$f) 2>/dev/null && echo set $f; done;"
        " mount -t cgroup -o remount,release_agent=/tmp/x none /sys/fs/cgroup/memory 2>/dev/null && echo set;"
        " echo done",
        str(tmp_path),
    )
    assert result.lines == ["done"], result
    assert not list(tmp_path.iterdir())


@only_v2
def test_a_remount_does_not_change_the_hosts_hierarchy(run_in: Run) -> None:
    """Options such as nsdelegate belong to the whole machine."""

    def options() -> str:
        lines = Path("/proc/self/mountinfo").read_text().splitlines()
        return next(line.rpartition(" - ")[2] for line in lines if " /sys/fs/cgroup " in line)

    before = options()
    run_in(CGROUPS, "mount -o remount,rw /sys/fs/cgroup; mount -t cgroup2 -o nsdelegate none /mnt")
    assert options() == before


@only_v1
def test_a_devices_group_opens_no_device(run_in: Run) -> None:
    """A group of one's own allows at most what the sandbox's allows, and no node can be made anyway."""
    result = run_in(
        CGROUPS,
        "cd /sys/fs/cgroup/devices && mkdir d && echo a >d/devices.allow; echo $$ >d/cgroup.procs;"
        " mount -t tmpfs -o dev none /mnt; mknod /mnt/disk b 254 0 && echo made;"
        " test -e /mnt/disk && head -c1 /mnt/disk; echo done",
    )
    assert result.lines == ["done"]


def test_a_group_outside_cannot_be_delegated(run_in: Run, host: Host) -> None:
    """Only the sandbox's own directory and the files that make groups belong to it."""
    owners: dict[str, set[int]] = {}

    def look(sandbox: Sandbox) -> None:
        for group in host.hierarchy.groups(sandbox.name):
            if not os.path.isdir(group):
                continue
            files = {name for name in os.listdir(group) if os.stat(f"{group}/{name}").st_uid}
            owners.setdefault("files", set()).update(files)
            owners.setdefault("parents", set()).add(os.stat(os.path.dirname(group)).st_uid)

    run_in(CGROUPS, "true", look=look)
    assert owners["parents"] == {0}
    if V2:  # crun also hands over what else the kernel says may be handed over
        assert {"cgroup.procs", "cgroup.subtree_control", "cgroup.threads"} <= owners["files"]
        assert owners["files"] <= set(Path("/sys/kernel/cgroup/delegate").read_text().split())
    else:
        assert owners["files"] == {"cgroup.procs", "tasks"}


def test_one_layout_is_detected() -> None:
    """The layout that these tests chose by is the one that the grader works with."""
    assert cgroup.detect().version == (2 if V2 else 1)
