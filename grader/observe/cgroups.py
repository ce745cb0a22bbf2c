"""Samples the counters and limits of a sandbox's control groups, and remembers those of groups that go."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import NamedTuple

from grader.evidence import Cgroup, Sample
from grader.observe.groups import Group, GroupTree
from grader.observe.procfs import Budget, HeldFile
from grader.observe.target import Target

_MAX_SAMPLES = 200
_FIRST_INTERVAL_MS = 10.0
_MAX_MEMBERS = 512
_DESCRIPTORS = 96
# "No limit" of v1 is the largest multiple of the page size that fits, which depends on that size.
_UNLIMITED = (1 << 63) - (1 << 20)
_HOT = 0.75
# An allocation that kills asks for 8 pages at most (PAGE_ALLOC_COSTLY_ORDER, mm/memcontrol.c), after its
# group has been charged for 64 in advance (MEMCG_CHARGE_BATCH).
_FULL = 72 * os.sysconf("SC_PAGESIZE")


@dataclass(frozen=True, slots=True)
class _Files:
    limit: str
    swap: str
    peak: str
    current: str
    kills: str
    own: str


_FILES = {
    1: _Files(
        limit="memory.limit_in_bytes",
        swap="memory.memsw.limit_in_bytes",  # of memory and swap together
        peak="memory.max_usage_in_bytes",
        current="memory.usage_in_bytes",
        kills="memory.oom_control",
        own="memory.oom_control",
    ),
    2: _Files(
        limit="memory.max",
        swap="memory.swap.max",
        peak="memory.peak",  # Linux 5.19 and later
        current="memory.current",
        kills="memory.events",  # with those of the groups inside
        own="memory.events.local",  # Linux 5.2 and later
    ),
}


def parse_limit(content: bytes | None) -> int | None:
    """Read a limit: bytes or a number of processes; ``None`` for ``max``, v1's "no limit" or no file."""
    number = (content or b"").strip()
    if not number.isdigit() or int(number) >= _UNLIMITED:
        return None
    return int(number)


def parse_counter(content: bytes | None, key: bytes) -> int:
    """Read the number after `key` in a file of such pairs; 0 where it is not there.

    ``oom_kill`` of v1's ``memory.oom_control`` came with Linux 4.13.
    """
    for line in (content or b"").splitlines():
        name, _, value = line.partition(b" ")
        if name == key and value.isdigit():
            return int(value)
    return 0


def swap_limit(version: int, limit: int | None, content: bytes | None) -> int | None:
    """Return how much swap a group may use beyond its memory, or ``None`` where there is no telling."""
    bound = parse_limit(content)
    if version == 2 or bound is None:
        return bound
    return None if limit is None else max(0, bound - limit)


@dataclass(frozen=True, slots=True)
class Pressure:
    """What a group's own counters and its list of processes tell about OOM kills.

    Attributes:
        victims: How many of the processes directly in it were killed.
        full: Whether its own limit may have been what killed somebody, in it or below. Under v2 that is
            counted, under v1 it is whether its memory ever filled that limit.
        members: Host ids of every process ever seen in it.
    """

    victims: int
    full: bool
    members: frozenset[int]


@dataclass(slots=True)
class Series:
    """Samples over time, evenly thinned out when they get too many."""

    samples: list[Sample] = field(default_factory=list)
    interval_ms: float = _FIRST_INTERVAL_MS

    def add(self, at_ms: float, value: int) -> None:
        """Take a sample, unless the last one is too recent."""
        if self.samples and at_ms - self.samples[-1].at_ms < self.interval_ms:
            return
        self.samples.append(Sample(at_ms, value))
        if len(self.samples) > _MAX_SAMPLES:
            del self.samples[1::2]
            self.interval_ms *= 2


class _Counters(NamedTuple):
    kills: int
    victims: int
    limited: int


class _Memory:
    """What is known about one group."""

    def __init__(self, name: str, directory: str, pids_directory: str, version: int, budget: Budget) -> None:
        files = _FILES[version]
        self._version = version
        self._held = {
            kind: HeldFile(f"{directory}/{getattr(files, kind)}", budget)
            for kind in ("current", "peak", "kills", "own", "limit", "swap")
        }
        if files.own == files.kills:
            self._held["own"] = self._held["kills"]
        self._held["pids"] = HeldFile(f"{pids_directory}/pids.max", budget)
        self._before = self._counted = _Counters(0, 0, 0)
        self._replaced = 0
        self.name = name
        self.limit: int | None = None
        self.swap: int | None = None
        self.peak = 0
        self.current = 0
        self.filled = False
        self.pids_limit: int | None = None
        self.members: dict[int, None] = {}
        self.series = Series()
        self.alive = False

    @property
    def hot(self) -> bool:
        """Whether an OOM kill may be near."""
        return self.alive and self.limit is not None and self.current > _HOT * self.limit

    def sample(self, now_ms: float, group: Group) -> None:
        self.alive = group.alive
        if not group.alive:
            return
        self.pids_limit = parse_limit(self._held["pids"].read())
        for pid in group.pids:
            if len(self.members) < _MAX_MEMBERS:
                self.members[pid] = None
        read = {kind: file.read() for kind, file in self._held.items()}
        if read["current"] is None or read["limit"] is None or read["kills"] is None:
            return  # no memory controller here, or it went this instant: what was known stays
        self.current = int(read["current"])
        self.series.add(now_ms, self.current)
        self.peak = max(self.peak, self.current, parse_limit(read["peak"]) or 0)
        self.limit = parse_limit(read["limit"])
        self.swap = swap_limit(self._version, self.limit, read["swap"])
        self.filled = self.filled or (self.limit is not None and self.peak > self.limit - _FULL)
        self._count(read["kills"], read["own"])

    def _count(self, kills: bytes, own: bytes | None) -> None:
        """Add up the counters of all groups that have borne this name."""
        now = _Counters(
            parse_counter(kills, b"oom_kill"), parse_counter(own, b"oom_kill"), parse_counter(own, b"oom")
        )
        replaced = self._held["kills"].replaced
        if replaced != self._replaced or self._before.kills + now.kills < self.kills:
            self._replaced = replaced
            self._before = self._counted
        self._counted = _Counters(*map(sum, zip(self._before, now, strict=True)))

    @property
    def kills(self) -> int:
        """The group's own counter."""
        return self._counted.kills

    def pressure(self) -> Pressure:
        full = self.filled if self._version == 1 else self._counted.limited > 0
        return Pressure(self._counted.victims, full, frozenset(self.members))

    def evidence(self) -> Cgroup:
        return Cgroup(
            path=self.name,
            memory_limit=self.limit,
            swap_limit=self.swap,
            memory_peak=self.peak,
            memory_current=self.current,
            oom_kills=self.kills,
            pids_limit=self.pids_limit,
            members=tuple(self.members),
            samples=tuple(self.series.samples),
            alive=self.alive,
        )

    def close(self) -> None:
        for file in self._held.values():
            file.close()


class CgroupWatch:
    """Samples all groups of a sandbox; use it as a context manager.

    Args:
        target: The sandbox.
        tree: Its groups in the memory hierarchy (v1) or in the only one (v2); whoever owns it refreshes
            it before each sample.
    """

    def __init__(self, target: Target, tree: GroupTree) -> None:
        self._target = target
        self._tree = tree
        apart = target.cgroup_version == 1 and target.pids_group != target.memory_group
        self._pids_tree = GroupTree(target.pids_group) if apart else None
        self._budget = Budget(_DESCRIPTORS)
        self._known: dict[str, _Memory] = {}

    def __enter__(self) -> CgroupWatch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def cut(self) -> bool:
        """Whether there were more groups than are followed."""
        return self._tree.cut or (self._pids_tree is not None and self._pids_tree.cut)

    @property
    def hot(self) -> bool:
        """Whether some group is close to its limit, so that soon its counters may matter and vanish."""
        return any(known.hot for known in self._known.values() if known.name != "/")

    def sample(self, now_ms: float) -> None:
        """Read every group's numbers."""
        if self._pids_tree is not None:
            self._pids_tree.refresh()
        for group in self._groups():
            known = self._known.get(group.path)
            if known is None:
                known = self._known[group.path] = self._watched(group)
            known.sample(now_ms, group)
            group.keep = group.keep or known.kills > 0
        if len(self._known) > len(self._tree):
            self._forget()

    def evidence(self) -> tuple[Cgroup, ...]:
        """Return everything that was seen, by path."""
        found = (known.evidence() for known in self._known.values())
        return tuple(sorted(found, key=lambda group: group.path))

    def counters(self) -> Mapping[str, int]:
        """Return ``oom_kill`` of every group that counted one, by path, as of the last sample."""
        return {known.name: known.kills for known in self._known.values() if known.kills}

    def pressure(self) -> Mapping[str, Pressure]:
        """Return what every group's counters say about OOM kills, by path, as of the last sample."""
        return {known.name: known.pressure() for known in self._known.values()}

    def close(self) -> None:
        """Let go of all files."""
        for known in self._known.values():
            known.close()

    def _groups(self) -> Iterator[Group]:
        yield from self._tree
        if self._pids_tree is not None:
            yield from (group for group in self._pids_tree if group.path not in self._tree)

    def _watched(self, group: Group) -> _Memory:
        below = "" if group.path == "/" else group.path
        return _Memory(
            group.name,
            f"{self._target.memory_group}{below}",
            f"{self._target.pids_group}{below}",
            self._target.cgroup_version,
            self._budget,
        )

    def _forget(self) -> None:
        """Drop what the trees have dropped."""
        for path in set(self._known).difference(group.path for group in self._groups()):
            self._known.pop(path).close()
