"""Reads OOM kills out of kernel log records in which names chosen by participants may say anything."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from grader.evidence import OomKill
from grader.observe.procfs import group_name, text
from grader.observe.target import Target

KERNEL = 0
_COMM_MAX = 15  # TASK_COMM_LEN without its NUL

_OOM = b"oom-kill:constraint="
_OOM_GROUP = b"oom-kill:constraint=CONSTRAINT_MEMCG,"
_KILLED = re.compile(rb"(?:Memory cgroup out|Out) of memory(?: \([a-z_]+\))?: Killed process ")

_ESCAPE = re.compile(rb"\\x([0-9a-f]{2})")
_TAIL = re.compile(rb",pid=(\d+),uid=(\d+)\Z")
_KILLED_LINE = re.compile(
    rb"(?P<scope>Memory cgroup out|Out) of memory(?: \([a-z_]+\))?: "
    rb"Killed process (?P<pid>\d+) \((?P<comm>.*)\) "
    rb"total-vm:\d+kB(?:, anon-rss:(?P<own>\d+)kB)?(?:, [a-z-]+:\d+kB)*, "
    rb"UID:(?P<uid>\d+)(?: [a-z_]+:-?\d+(?:kB)?)*\Z",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Record:
    """One raw record of ``/dev/kmsg``.

    Attributes:
        facility: 0 for the kernel's own; what user space writes has another.
        continues: Whether it goes on with a record that had grown too long.
        message: With its escapes undone.
    """

    facility: int
    seq: int
    continues: bool
    message: bytes


def parse_record(raw: bytes) -> Record | None:
    r"""Read ``prio,seq,usec,flags[,…];message`` (Documentation/ABI/testing/dev-kmsg).

    Every byte of a message that does not print, a line break too, arrives as ``\xNN``; lines that begin
    with a space after the first are the record's dictionary.
    """
    head, separator, rest = raw.partition(b";")
    fields = head.split(b",")
    if not separator or len(fields) < 4 or not (fields[0].isdigit() and fields[1].isdigit()):
        return None
    message = rest.partition(b"\n")[0]
    if b"\\" in message:
        message = _ESCAPE.sub(lambda escape: bytes((int(escape[1], 16),)), message)
    return Record(int(fields[0]) >> 3, int(fields[1]), b"c" in fields[3], message)


def begins_oom(message: bytes) -> bool:
    """Return whether a kernel record tells of a kill, by how it begins."""
    return message.startswith(_OOM) or begins_killed(message)


def begins_killed(message: bytes) -> bool:
    """Return whether a kernel record is the line that ends the tale of one kill."""
    return _KILLED.match(message) is not None


@dataclass(frozen=True, slots=True)
class _Named:
    """What an ``oom-kill:`` line says; ``None`` where hostile names allow two readings."""

    group: str | None
    victim_group: str | None
    comm: bytes | None
    pid: int
    uid: int


@dataclass(frozen=True, slots=True)
class Kills:
    """The kills of one sandbox.

    Attributes:
        by_machine: How many of them happened because the machine itself had no memory left.
    """

    kills: tuple[OomKill, ...]
    by_machine: int


def attribute(messages: Iterable[bytes], target: Target) -> Kills:
    """Return the kills in `target` among `messages`, which are the kernel's, in order.

    The kernel writes two lines about a kill: ``oom-kill:`` names the groups, but at most ten times in
    five seconds for the whole machine; ``Killed process`` always comes, but names no group. Both name
    the victim, by which they are put together (mm/oom_kill.c, ``dump_header`` and
    ``__oom_kill_process``).
    """
    kills: list[OomKill] = []
    waiting: dict[int, int] = {}
    by_machine = 0
    for message in messages:
        if message.startswith(_OOM):
            named = _parse_named(message, target)
            if named:
                waiting[named.pid] = len(kills)
                kills.append(_kill(named, target))
            continue
        line = _KILLED_LINE.match(message)
        if line is None or not _owns(target, int(line["uid"])):
            continue
        if line["scope"] == b"Out":
            by_machine += 1
        pid, comm, uid = int(line["pid"]), text(line["comm"]), int(line["uid"]) - target.first_id
        own = int(line["own"]) << 10 if line["own"] else None
        known = waiting.pop(pid, None)
        if known is None:
            kills.append(OomKill(None, None, pid, comm, uid, own))
        else:
            # This line's name stands between a number and a fixed tail: no doubt about it.
            before = kills[known]
            kills[known] = OomKill(before.group, before.victim_group, pid, comm, uid, own)
    return Kills(tuple(kills), by_machine)


def _kill(named: _Named, target: Target) -> OomKill:
    comm = text(named.comm) if named.comm is not None else ""
    return OomKill(named.group, named.victim_group, named.pid, comm, named.uid - target.first_id)


def _owns(target: Target, uid: int) -> bool:
    return target.first_id <= uid < target.first_id + target.ids


def _parse_named(message: bytes, target: Target) -> _Named | None:
    """Read an ``oom-kill:`` line of `target`; ``None`` where it is another's.

    A group's name may hold anything but a slash and a line break, a victim's name (15 bytes) anything at
    all. Certain are: the end, which is two numbers; the beginning of ``oom_memcg=/``, because nothing that
    comes before it can hold a slash; and that the uid belongs to this sandbox alone.
    """
    tail = _TAIL.search(message)
    if tail is None or not message.startswith(_OOM_GROUP):
        return None
    pid, uid = int(tail[1]), int(tail[2])
    if not _owns(target, uid):
        return None
    groups = message[: tail.start()].partition(b",oom_memcg=/")[2]
    name = re.search(rb"(?:\A|/)" + re.escape(target.name.encode()) + rb"(?=[/,])", groups)
    if name is None:
        return None
    readings = list(_readings(groups[name.end() :], b",task_memcg=/" + groups[: name.end()]))
    return _Named(
        _only({group_name(limit or b"/") for limit, _, _ in readings}),
        _only({group_name(victim or b"/") for _, victim, _ in readings}),
        min((comm for _, _, comm in readings), key=len, default=None),
        pid,
        uid,
    )


def _only(values: set[str]) -> str | None:
    return next(iter(values)) if len(values) == 1 else None


def _readings(paths: bytes, between: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Yield every way to read ``LIMIT,task_memcg=/…/NAME VICTIM,task=COMM`` that could be true.

    The victim is always in the group that hit its limit or below it.
    """
    for limit, rest in _splits(paths, between):
        if not _is_path(limit):
            continue
        for victim, comm in _splits(rest, b",task="):
            below = victim == limit or victim.startswith(limit + b"/")
            if len(comm) <= _COMM_MAX and below and _is_path(victim):
                yield limit, victim, comm


def _splits(content: bytes, separator: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = content.find(separator)
    while at >= 0:
        yield content[:at], content[at + len(separator) :]
        at = content.find(separator, at + 1)


def _is_path(path: bytes) -> bool:
    """Return whether `path` is empty or a slash and a name, repeatedly."""
    return not path or (path.startswith(b"/") and not path.endswith(b"/") and b"//" not in path)
