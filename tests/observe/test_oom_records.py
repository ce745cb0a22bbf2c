"""Kernel log records read as pure text: real ones, hostile ones, and anything at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.evidence import OomKill
from grader.observe.oom_records import attribute, begins_oom, parse_record
from grader.observe.procfs import group_name, text
from grader.observe.target import Target

NAME = "0123456789abcdef01234567"
FIRST = 1_879_048_192
OWN = 20_224 << 10
TARGET = Target(NAME, 1, "/nowhere", "/nowhere", FIRST, 65_536, 1, 0.0)


def named(
    group: bytes,
    victim: bytes | None = None,
    *,
    comm: bytes = b"tail",
    pid: int = 542,
    uid: int = FIRST,
    prefix: bytes = b"/grader",
    cpuset: bytes = NAME.encode(),
) -> bytes:
    """Return the line that names groups, as mm/oom_kill.c and mm/memcontrol.c write it."""
    sandbox = b"%s/%s" % (prefix, NAME.encode())
    return (
        b"oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=%s,mems_allowed=0,"
        b"oom_memcg=%s%s,task_memcg=%s%s,task=%s,pid=%d,uid=%d"
        % (cpuset, sandbox, group, sandbox, group if victim is None else victim, comm, pid, uid)
    )


def killed(comm: bytes = b"tail", pid: int = 542, uid: int = FIRST) -> bytes:
    """Return the line that always comes."""
    return (
        b"Memory cgroup out of memory: Killed process %d (%s) total-vm:23248kB, anon-rss:20224kB, "
        b"file-rss:1748kB, shmem-rss:0kB, UID:%d pgtables:88kB oom_score_adj:500" % (pid, comm, uid)
    )


def kills(*messages: bytes) -> tuple[OomKill, ...]:
    return attribute(messages, TARGET).kills


def test_a_record_of_the_kernel() -> None:
    record = parse_record(b"6,750,1698882941,-;oom-kill:constraint=x\n SUBSYSTEM=memory\n DEVICE=+x\n")
    assert record is not None
    assert (record.facility, record.seq, record.continues) == (0, 750, False)
    assert record.message == b"oom-kill:constraint=x"


def test_a_record_with_fields_of_later_kernels() -> None:
    record = parse_record(b"3,751,1698883016,c,caller=T542;\\x0aMemory \\x5cx0a \\xff;x\n")
    assert record is not None
    assert record.continues
    assert record.message == b"\nMemory \\x0a \xff;x"


def test_a_record_of_user_space() -> None:
    record = parse_record(b"11,752,1,-;oom-kill:constraint=x\n")
    assert record is not None
    assert record.facility == 1


@pytest.mark.parametrize("raw", [b"", b";", b"x,1,1,-;a", b"1,1;a", b"1,x,1,-;a", b"6,7,8,-"])
def test_no_record(raw: bytes) -> None:
    assert parse_record(raw) is None


def test_both_lines_are_one_kill() -> None:
    assert kills(named(b"/w"), killed()) == (OomKill("/w", "/w", 542, "tail", 0, OWN),)


def test_the_line_without_a_group_alone() -> None:
    assert kills(killed(uid=FIRST + 1000)) == (OomKill(None, None, 542, "tail", 1000, OWN),)


def test_a_line_without_the_memory_of_the_victim() -> None:
    assert kills(killed().replace(b"anon-rss:20224kB, ", b"")) == (OomKill(None, None, 542, "tail", 0),)


def test_the_line_with_groups_alone() -> None:
    assert kills(named(b"")) == (OomKill("/", "/", 542, "tail", 0),)


def test_a_pid_used_again() -> None:
    found = kills(named(b"/a"), killed(), killed(), named(b"/b"), killed())
    assert [kill.group for kill in found] == ["/a", None, "/b"]


def test_the_limit_of_an_outer_group() -> None:
    assert kills(named(b"/a", b"/a/b"), killed()) == (OomKill("/a", "/a/b", 542, "tail", 0, OWN),)


@pytest.mark.parametrize("prefix", [b"", b"/grader", b"/docker/0abc/grader", b"/a b,oom_memcg=/c"])
def test_any_place_of_the_sandbox_in_the_tree(prefix: bytes) -> None:
    assert kills(named(b"/w", prefix=prefix))[0].group == "/w"


def test_another_sandbox() -> None:
    assert kills(named(b"/w", uid=FIRST + 65_536), killed(uid=FIRST + 65_536)) == ()
    assert kills(named(b"/w").replace(NAME.encode(), b"f" * 24)) == ()
    assert kills(named(b"/w").replace(NAME.encode(), NAME.encode() + b"x")) == ()
    assert kills(killed(uid=FIRST - 1), killed(uid=0)) == ()


def test_a_kill_for_want_of_memory_in_the_machine() -> None:
    line = (
        b"oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=x,mems_allowed=0,global_oom,"
        b"task_memcg=/grader/%s/w,oom_memcg=/grader/%s/w,task=tail,pid=542,uid=%d"
        % (NAME.encode(), NAME.encode(), FIRST)
    )
    found = attribute([line, killed().replace(b"Memory cgroup out", b"Out")], TARGET)
    assert found.kills == (OomKill(None, None, 542, "tail", 0, OWN),)
    assert found.by_machine == 1


def test_a_kill_of_the_whole_group() -> None:
    """With memory.oom.group the others follow without lines that name groups."""
    follow = b"Tasks in /grader/%s/w are going to be killed due to memory.oom.group set" % NAME.encode()
    found = kills(named(b"/w"), killed(), follow, killed(pid=543))
    assert [(kill.pid, kill.group) for kill in found] == [(542, "/w"), (543, None)]
    assert not begins_oom(follow)


@pytest.mark.parametrize(
    "line",
    [
        b" " + killed(),
        b"x " + named(b"/w"),
        b"\n" + killed(),
        killed() + b"\n",
        killed() + b", UID:1",
        named(b"/w") + b" ",
        named(b"/w") + b"\n",
        killed().replace(b"Killed process", b"Kill process"),
        named(b"/w").replace(b"MEMCG", b"NONE"),
    ],
)
def test_lines_that_only_look_like_it(line: bytes) -> None:
    assert kills(line) == ()


HOSTILE = [
    b"w,pid=1,uid=0",
    b"w,task_memcg=",
    b"w,task=tail,pid=1,uid=%d" % FIRST,
    b",oom_memcg=",
    b"w (deleted)",
    b" ",
    b"\xff\xfe",
    b"\\x0a",
    b"w,task_memcg=x,task=",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_groups(name: bytes) -> None:
    (kill,) = kills(named(b"/" + name), killed())
    assert kill == OomKill(group_name(b"/" + name), group_name(b"/" + name), 542, "tail", 0, OWN)


@pytest.mark.parametrize(
    "comm",
    [b",pid=1,uid=0", b"a) total-vm:1kB", b"(x) (", b"\n\n", b",task=x,pid=1", b"\xff\xfe", b"a, UID:0 x"],
)
def test_hostile_victims(comm: bytes) -> None:
    (kill,) = kills(named(b"/w", comm=comm), killed(comm))
    assert kill == OomKill("/w", "/w", 542, text(comm), 0, OWN)


def test_two_readings_are_none() -> None:
    """A tree of groups can be named so that the line says two things; then it says nothing about groups."""
    between = b",task_memcg=/grader/%s" % NAME.encode()
    (kill,) = kills(named(b"/w%s/w/z" % between), killed())
    assert kill == OomKill(None, None, 542, "tail", 0, OWN)


def test_a_cpuset_that_says_something_else() -> None:
    hostile = b"x,mems_allowed=0,oom_memcg=,task_memcg=,task=x,pid=1,uid=0"
    assert kills(named(b"/w", cpuset=hostile))[0].group == "/w"


names = st.one_of(
    st.sampled_from(HOSTILE),
    st.binary(min_size=1, max_size=30).map(lambda raw: raw.translate(None, b"/\n\0")).filter(bool),
)
paths = st.lists(names, max_size=4).map(lambda parts: b"".join(b"/" + part for part in parts))
comms = st.binary(max_size=15).map(lambda raw: raw.translate(None, b"\0"))


@given(limit=paths, below=paths, comm=comms, pid=st.integers(1, 4_194_304), uid=st.integers(0, 65_535))
def test_names_never_mislead(limit: bytes, below: bytes, comm: bytes, pid: int, uid: int) -> None:
    lines = (named(limit, limit + below, comm=comm, pid=pid, uid=FIRST + uid), killed(comm, pid, FIRST + uid))
    (kill,) = kills(*lines)
    assert kill.group in (None, group_name(limit or b"/"))
    assert kill.victim_group in (None, group_name(limit + below or b"/"))
    assert (kill.pid, kill.uid, kill.comm) == (pid, uid, text(comm))
    (alone,) = kills(lines[0])
    assert (alone.group, alone.pid, alone.uid) == (kill.group, pid, uid)


@given(
    st.binary(max_size=300), st.sampled_from([b"", named(b"/w"), killed(), b"6,1,1,-;"]), st.integers(0, 200)
)
def test_anything_can_be_read(noise: bytes, line: bytes, at: int) -> None:
    mixed = line[:at] + noise + line[at:]
    parse_record(mixed)
    for kill in kills(mixed):
        assert 0 <= kill.uid < TARGET.ids
