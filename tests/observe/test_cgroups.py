"""Control groups: files of both versions as literals, and real groups that come and go."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from grader.evidence import Cgroup
from grader.model import MIB, Profile
from grader.observe.cgroups import CgroupWatch, Series, parse_counter, parse_limit, swap_limit
from grader.observe.groups import GroupTree
from tests.observe.conftest import Running, Start

sandbox = pytest.mark.sandbox


@pytest.mark.parametrize(
    ("content", "limit"),
    [
        (b"max\n", None),
        (b"9223372036854771712\n", None),
        (b"9223372036854710272\n", None),  # with pages of 64 KiB
        (None, None),
        (b"", None),
        (b"20971520\n", 20 * MIB),
        (b"0\n", 0),
    ],
)
def test_limits(content: bytes | None, limit: int | None) -> None:
    assert parse_limit(content) == limit


def test_kills_of_either_version() -> None:
    v1 = b"oom_kill_disable 0\nunder_oom 0\noom_kill 3\n"
    v2 = b"low 0\nhigh 0\nmax 91\noom 2\noom_kill 1\noom_group_kill 0\n"
    assert parse_counter(v1, b"oom_kill") == 3
    assert parse_counter(v2, b"oom_kill") == 1
    assert parse_counter(v2, b"oom") == 2
    assert parse_counter(b"oom_kill_disable 0\nunder_oom 0\n", b"oom_kill") == 0  # before Linux 4.13
    assert parse_counter(None, b"oom_kill") == 0


def test_swap_of_either_version() -> None:
    assert swap_limit(1, 100 * MIB, b"104857600\n") == 0
    assert swap_limit(1, 100 * MIB, b"209715200\n") == 100 * MIB
    assert swap_limit(1, 100 * MIB, b"9223372036854771712\n") is None
    assert swap_limit(1, None, None) is None
    assert swap_limit(2, 100 * MIB, b"0\n") == 0
    assert swap_limit(2, 100 * MIB, b"max\n") is None


def test_samples_are_thinned_out() -> None:
    series = Series()
    for at in range(0, 100_000, 5):
        series.add(float(at), at)
    assert 90 <= len(series.samples) <= 200
    times = [sample.at_ms for sample in series.samples]
    assert times == sorted(times)
    assert times[0] == 0.0
    assert times[-1] > 98_000


class Watched:
    """A sandbox's groups, sampled by hand."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self.tree = GroupTree(running.target.memory_group)
        self.watch = CgroupWatch(running.target, self.tree)

    def sample(self) -> dict[str, Cgroup]:
        self.tree.refresh()
        self.watch.sample(self.running.now_ms())
        return {group.path: group for group in self.watch.evidence()}

    def sample_until(self, word: str) -> dict[str, Cgroup]:
        deadline = time.monotonic() + 60
        while word.encode() not in self.running.seen:
            assert time.monotonic() < deadline, self.running.seen
            self.sample()
            try:
                self.running.wait_for(word, 0.003)
            except AssertionError:
                continue
        return self.sample()


@sandbox
def test_limits_counters_and_members(start: Start) -> None:
    running = start(
        Profile.CGROUPS,
        "group w 20M; group x 30M; inside w sleep 300 & inside x sleep 300 &"
        "sleep 0.2; bomb w; echo done; wait",
    )
    groups = Watched(running).sample_until("done")
    assert groups["/"].memory_limit == running.sandbox.limits.memory_bytes
    assert groups["/"].pids_limit == running.sandbox.limits.pids
    assert groups["/"].alive
    own, other = groups["/w"], groups["/x"]
    assert (own.memory_limit, own.swap_limit, other.memory_limit) == (20 * MIB, 0, 30 * MIB)
    assert (own.oom_kills, other.oom_kills) == (1, 0)
    assert own.memory_peak <= 20 * MIB
    assert own.memory_peak > 19 * MIB or running.target.cgroup_version == 2
    assert own.members
    assert other.members
    assert not set(own.members) & set(other.members)
    assert own.samples
    assert own.memory_current < 19 * MIB


@sandbox
def test_counters_are_those_of_the_groups_that_had_any(start: Start) -> None:
    running = start(Profile.CGROUPS, "group w 20M; bomb w; bomb w; echo done; sleep 300")
    watched = Watched(running)
    watched.sample_until("done")
    outer = {"/": 2} if running.target.cgroup_version == 2 else {}
    assert watched.watch.counters() == {"/w": 2, **outer}


@sandbox
def test_a_group_that_has_gone_keeps_its_last_values(start: Start) -> None:
    running = start(
        Profile.CGROUPS,
        "group w 20M; bomb w; echo killed; sleep 0.3; rmdir $G/w; echo done; sleep 300",
    )
    watched = Watched(running)
    watched.sample_until("killed")
    gone = watched.sample_until("done")["/w"]
    assert not gone.alive
    assert (gone.memory_limit, gone.oom_kills) == (20 * MIB, 1)
    assert gone.samples


@sandbox
def test_a_name_used_again_adds_up(start: Start) -> None:
    script = "for i in 1 2 3; do group w 20M; bomb w; sleep 0.3; rmdir $G/w; done; echo done; sleep 300"
    running = start(Profile.CGROUPS, script)
    groups = Watched(running).sample_until("done")
    assert groups["/w"].oom_kills == 3


@sandbox
def test_hostile_names_nested(start: Start) -> None:
    script = r"""
    outer=$'a b\t\xff'; group "$outer" 40M; share "$outer"
    group "$outer/"$'\\xff' 20M; group '(deleted)' 20M; echo done; sleep 300
    """
    groups = Watched(start(Profile.CGROUPS, script)).sample_until("done")
    assert {"/a b\t\\xff", "/a b\t\\xff/\\x5cxff", "/(deleted)"} <= set(groups)
    assert groups["/a b\t\\xff/\\x5cxff"].memory_limit == 20 * MIB


@sandbox
def test_too_many_groups_are_cut(start: Start) -> None:
    running = start(
        Profile.CGROUPS,
        'for i in $(seq 30); do mkdir "$G/g$i"; done; mkdir -p "$G/g1/a/b"; echo done; sleep 300',
    )
    running.wait_for("done")
    tree = GroupTree(running.target.memory_group, limit=20)
    tree.refresh()
    assert tree.cut
    assert len(tree) == 20
    watch = CgroupWatch(running.target, tree)
    watch.sample(0.0)
    assert len(watch.evidence()) >= 20
    watch.close()


@pytest.fixture
def folder() -> Path:
    """A group of the machine's own to make others in."""
    root = (
        "/sys/fs/cgroup" if os.path.exists("/sys/fs/cgroup/cgroup.controllers") else "/sys/fs/cgroup/memory"
    )
    path = Path(root, f"grader-test-{os.getpid()}")
    try:
        path.mkdir()
    except OSError as error:
        pytest.skip(f"control groups cannot be made: {error}")
    yield path
    for inner in sorted(path.rglob("*/"), key=lambda found: -len(found.parts)):
        inner.rmdir()
    path.rmdir()


def test_groups_that_went_make_room(folder: Path) -> None:
    tree = GroupTree(str(folder), limit=4)
    for number in range(10):
        (folder / f"g{number}").mkdir()
        tree.refresh()
        (folder / f"g{number}").rmdir()
    assert not tree.cut
    assert len(tree) == 4
    assert "/g9" in tree


def test_a_list_of_processes_is_never_stale(folder: Path) -> None:
    """Under v1 a list read through a descriptor kept open may be a second old."""
    tree = GroupTree(str(folder))
    children = [os.posix_spawn(shutil.which("sleep") or "", ["sleep", "5"], {}) for _ in range(3)]
    try:
        for count, pid in enumerate(children, 1):
            (folder / "cgroup.procs").write_text(str(pid))
            tree.refresh()
            assert len(tree.members()) == count
    finally:
        for pid in children:
            os.kill(pid, 9)
            os.waitpid(pid, 0)
    tree.refresh()
    assert tree.members() == {}


def test_a_tree_that_has_gone(tmp_path: Path) -> None:
    tree = GroupTree(str(tmp_path / "nowhere"))
    tree.refresh()
    assert not tree.root.alive
    assert tree.members() == {}
