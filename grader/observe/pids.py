"""Samples the processes of a sandbox from outside: ids at every level, namespaces, names, users, groups."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from grader.evidence import PidNamespace, Process, Processes
from grader.observe import procfs
from grader.observe.groups import GroupTree
from grader.observe.inside import count_pids, hostnames
from grader.observe.target import Target

NAMESPACES = ("pid", "net", "uts", "mnt", "ipc", "user", "cgroup")
# What a running process can change about itself (its PID namespace only its children can leave).
_CHANGEABLE = ("net", "uts", "mnt", "user", "ipc", "cgroup")
_MAX_PROCESSES = 512
_MAX_ARGUMENTS = 64
_ARGUMENT_BYTES = 4096
_STATUS_BYTES = 8192
_TICKS_PER_SECOND = 100  # USER_HZ
# Below this share of a processor, a daemon that looks around now and then, nothing moves any more.
_STILL = 0.02


@dataclass(slots=True)
class _Seen:
    """A process, as last read; `links` are its namespaces as the kernel spells them."""

    pid: int
    stat: procfs.Stat
    status: procfs.Status
    argv: tuple[str, ...]
    links: dict[str, str]
    group: str
    first_ms: float
    last_ms: float


class ProcessWatch:
    """Follows all processes of a sandbox.

    Args:
        target: The sandbox.
        tree: Its groups in the memory hierarchy; whoever owns it refreshes it before each sample.

    Attributes:
        cut: How many processes were not remembered because there were too many.
    """

    def __init__(self, target: Target, tree: GroupTree) -> None:
        self._target = target
        self._tree = tree
        self._seen: dict[tuple[int, int], _Seen] = {}
        self._alive: dict[int, _Seen] = {}
        self._hostnames: dict[str, str] = {}
        self._ignored: set[int] = set()
        self._activity = _Activity()
        self._outer = _outer_levels(target.init_pid)
        self._sandbox = _inodes(_links(target.init_pid, NAMESPACES))
        self.cut = 0

    def sample(self, now_ms: float) -> None:
        """Read who is there, everything about those that are new or changed, and little about the rest."""
        self._sample(now_ms, everything=False)

    def settled(self, now_ms: float) -> float:
        """Return for how many seconds no process has come, gone or computed, as far as samples tell."""
        return self._activity.quiet_seconds(now_ms)

    def refresh_hostnames(self) -> None:
        """Read the host name of every UTS namespace that a process is in."""
        self._hostnames.update(hostnames(self._by_namespace("uts")))

    def look(self, now_ms: float, *, nsenter: bool) -> Processes:
        """Read everything a last time and return it; the caller has refreshed the tree.

        Args:
            now_ms: Since the answer's start.
            nsenter: Whether to count process ids inside every PID namespace.

        Raises:
            SandboxError: The host's own programs failed at counting.
        """
        self._sample(now_ms, everything=True)
        self.refresh_hostnames()
        return Processes(
            all=tuple(map(self._process, self._seen.values())),
            alive=tuple(self._alive),
            pid_namespaces=self._count() if nsenter else (),
            hostnames=dict(self._hostnames),
            sandbox=self._sandbox,
        )

    def present(self, now_ms: float, pids: frozenset[int]) -> tuple[Process, ...]:
        """Return those of the processes with these ids that are there, read afresh."""
        self._sample(now_ms, everything=True)
        return tuple(self._process(seen) for pid, seen in self._alive.items() if pid in pids)

    def living(self, namespace: str) -> Mapping[int, list[int]]:
        """Return the ids of living processes by inode of their namespace of that kind."""
        found: dict[int, list[int]] = {}
        for link, pids in self._by_namespace(namespace).items():
            inode = procfs.parse_namespace(link)
            if inode is not None:
                found[inode] = pids
        return found

    def _by_namespace(self, kind: str) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for seen in self._alive.values():
            if kind in seen.links:
                found.setdefault(seen.links[kind], []).append(seen.pid)
        return found

    def _sample(self, now_ms: float, *, everything: bool) -> None:
        alive: dict[int, _Seen] = {}
        members = self._tree.members()
        for pid, group in members.items():
            stat = procfs.parse_stat(procfs.read(f"/proc/{pid}/stat") or b"")
            if stat is None:
                continue
            seen = self._seen.get((pid, stat.start))
            if seen is None:
                seen = self._meet(pid, stat, group, now_ms)
                if seen is None:
                    continue
            else:
                self._revisit(seen, stat, everything=everything)
            seen.group = group
            seen.last_ms = now_ms
            alive[pid] = seen
        self._activity.note(now_ms, alive)
        self._alive = alive

    def _meet(self, pid: int, stat: procfs.Stat, group: str, now_ms: float) -> _Seen | None:
        status = procfs.parse_status(procfs.read(f"/proc/{pid}/status", _STATUS_BYTES) or b"")
        if status is None or len(status.nspid) <= self._outer:
            return None  # gone, or the runtime's own process on its way into the sandbox
        seen = _Seen(pid, stat, status, _argv(pid), _links(pid, NAMESPACES), group, now_ms, now_ms)
        if len(self._seen) >= _MAX_PROCESSES and not self._forget():
            self.cut += 1
            return None
        self._seen[pid, stat.start] = seen
        return seen

    def _forget(self) -> bool:
        """Forget the process that has been dead for longest; return whether there was one."""
        dead = (key for key, seen in self._seen.items() if seen.pid not in self._alive)
        oldest = min(dead, key=lambda key: self._seen[key].last_ms, default=None)
        if oldest is None:
            return False
        del self._seen[oldest]
        self.cut += 1
        return True

    def _revisit(self, seen: _Seen, stat: procfs.Stat, *, everything: bool) -> None:
        pid = seen.pid
        links = _links(pid, _CHANGEABLE)
        moved = any(seen.links.get(kind) != link for kind, link in links.items())
        if everything or moved or stat.image != seen.stat.image or stat.comm != seen.stat.comm:
            status = procfs.parse_status(procfs.read(f"/proc/{pid}/status", _STATUS_BYTES) or b"")
            argv = _argv(pid)
            # Of a process that dies meanwhile nothing is left to read: what was known stays.
            seen.status = status or seen.status
            seen.argv = argv or seen.argv
            seen.links |= links
        seen.stat = stat

    def _process(self, seen: _Seen) -> Process:
        uid = seen.status.uid - self._target.first_id
        return Process(
            pid=seen.pid,
            parent=seen.stat.parent,
            nspid=seen.status.nspid[self._outer :],
            comm=procfs.text(seen.stat.comm),
            argv=seen.argv,
            uid=uid if 0 <= uid < self._target.ids else -1,
            group=procfs.group_name(os.fsencode(seen.group)),
            namespaces=_inodes(seen.links),
            seen_ms=(seen.first_ms, seen.last_ms),
        )

    def _count(self) -> tuple[PidNamespace, ...]:
        found = []
        for inode, pids in self.living("pid").items():
            level = len(self._alive[pids[0]].status.nspid) - self._outer
            inside = count_pids(inode, pids)
            if inside is not None:
                found.append(PidNamespace(inode, level, inside))
        return tuple(sorted(found, key=lambda space: (space.level, space.inode)))


@dataclass(slots=True)
class _Activity:
    """When processes last came, went or computed."""

    since_ms: float = 0.0
    ticks: int = 0
    pids: frozenset[int] | None = None
    last_ms: float = 0.0

    def note(self, now_ms: float, alive: Mapping[int, _Seen]) -> None:
        ticks = sum(seen.stat.ticks for seen in alive.values())
        pids = frozenset(alive)
        allowed = 1 + _STILL * _TICKS_PER_SECOND * (now_ms - self.since_ms) / 1000
        self.last_ms = now_ms
        if pids != self.pids or ticks - self.ticks > allowed:
            self.since_ms, self.ticks, self.pids = now_ms, ticks, pids

    def quiet_seconds(self, now_ms: float) -> float:
        # What happened since the last sample nobody knows.
        return max(0.0, min(now_ms, self.last_ms) - self.since_ms) / 1000


def _outer_levels(init: int) -> int:
    """Return how many levels of PID namespaces lie outside the sandbox, as far as we see them ourselves."""
    status = procfs.parse_status(procfs.read(f"/proc/{init}/status", _STATUS_BYTES) or b"")
    if status is not None and len(status.nspid) > 1 and status.nspid[-1] == 1:
        return len(status.nspid) - 1
    # It has ended. A runtime makes one level below the process that starts it, which is us.
    own = procfs.parse_status(procfs.read("/proc/self/status", _STATUS_BYTES) or b"")
    return len(own.nspid) if own else 1


def _links(pid: int, kinds: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for kind in kinds:
        link = procfs.link(f"/proc/{pid}/ns/{kind}")
        if link is not None:
            found[kind] = link
    return found


def _inodes(links: Mapping[str, str]) -> dict[str, int]:
    inodes = {kind: procfs.parse_namespace(link) for kind, link in links.items()}
    return {kind: inode for kind, inode in inodes.items() if inode is not None}


def _argv(pid: int) -> tuple[str, ...]:
    raw = procfs.read(f"/proc/{pid}/cmdline", _ARGUMENT_BYTES) or b""
    return tuple(procfs.text(argument) for argument in raw.rstrip(b"\0").split(b"\0")[:_MAX_ARGUMENTS] if raw)
