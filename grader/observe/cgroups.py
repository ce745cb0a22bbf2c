"""Samples the counters and limits of a sandbox's control groups, and remembers those of groups that go."""

from __future__ import annotations

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


@dataclass(frozen=True, slots=True)
class _Files:
    limit: str
    swap: str
    peak: str
    current: str
    kills: str
    hits: tuple[str, ...]
    hits_key: bytes


_FILES = {
    1: _Files(
        limit="memory.limit_in_bytes",
        swap="memory.memsw.limit_in_bytes",  # of memory and swap together
        peak="memory.max_usage_in_bytes",
        current="memory.usage_in_bytes",
        kills="memory.oom_control",
        hits=("memory.failcnt", "memory.memsw.failcnt"),
        hits_key=b"",
    ),
    2: _Files(
        limit="memory.max",
        swap="memory.swap.max",
        peak="memory.peak",  # Linux 5.19 and later
        current="memory.current",
        kills="memory.events",
        hits=("memory.events.local",),
        hits_key=b"oom",
    ),
}


def parse_limit(content: bytes | None) -> int | None:
    """Read a limit: bytes or a number of processes; ``None`` for ``max``, v1's "no limit" or no file."""
    number = (content or b"").strip()
    if not number.isdigit() or int(number) >= _UNLIMITED:
        return None
    return int(number)


def parse_counter(content: bytes | None, key: bytes) -> int:
    """Read the number after `key` in a file of such pairs, or the only number in the file where no key is.

    0 where it is not there; ``oom_kill`` of v1's ``memory.oom_control`` came with Linux 4.13.
    """
    for line in (content or b"").splitlines():
        name, _, value = line.rpartition(b" ")
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
        hits: How often its own limit stopped somebody, in it or below: under v1 also where reclaiming
            some memory helped.
        members: Host ids of every process ever seen in it.
    """

    victims: int
    hits: int
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
    hits: int


class _Memory:
    """What is known about one group."""

    def __init__(self, name: str, directory: str, pids_directory: str, version: int, budget: Budget) -> None:
        files = _FILES[version]
        self._version = version
        self._held = {
            kind: HeldFile(f"{directory}/{getattr(files, kind)}", budget)
            for kind in ("current", "peak", "kills", "limit", "swap")
        }
        self._held["pids"] = HeldFile(f"{pids_directory}/pids.max", budget)
        self._hits = [HeldFile(f"{directory}/{file}", budget) for file in files.hits]
        self._hits_key = files.hits_key
        self._before = _Counters(0, 0, 0)
        self._replaced = 0
        self.name = name
        self.limit: int | None = None
        self.swap: int | None = None
        self.peak = 0
        self.current = 0
        self.kills = 0
        self.victims = 0
        self.hits = 0
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
        current = self._held["current"].read()
        if current is None:
            return  # no memory controller here, or it went this instant
        self.current = int(current)
        self.series.add(now_ms, self.current)
        self.peak = max(self.peak, self.current, parse_limit(self._held["peak"].read()) or 0)
        self.limit = parse_limit(self._held["limit"].read())
        self.swap = swap_limit(self._version, self.limit, self._held["swap"].read())
        self._count()

    def _count(self) -> None:
        """Add up the counters of all groups that have borne this name."""
        kills = parse_counter(self._held["kills"].read(), b"oom_kill")
        contents = [file.read() for file in self._hits]
        replaced = self._held["kills"].replaced
        if replaced != self._replaced or self._before.kills + kills < self.kills:
            self._replaced = replaced
            self._before = _Counters(self.kills, self.victims, self.hits)
        own = kills if self._version == 1 else parse_counter(contents[0], b"oom_kill")
        self.kills = self._before.kills + kills
        self.victims = self._before.victims + own
        self.hits = self._before.hits + sum(parse_counter(content, self._hits_key) for content in contents)

    def pressure(self) -> Pressure:
        return Pressure(self.victims, self.hits, frozenset(self.members))

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
        for file in (*self._held.values(), *self._hits):
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
