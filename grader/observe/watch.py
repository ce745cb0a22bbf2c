"""Watches one sandbox from outside, with as many observers and looks as its exercise needs."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from types import TracebackType

from grader import model
from grader.errors import SandboxError
from grader.evidence import Cgroup, NetworkNamespace, Oom, Processes
from grader.model import Profile
from grader.observe import procfs
from grader.observe.cgroups import CgroupWatch
from grader.observe.groups import GroupTree
from grader.observe.network import read_namespaces
from grader.observe.oom import KernelLog
from grader.observe.oom_groups import place
from grader.observe.pids import ProcessWatch
from grader.observe.target import Target

_INTERVAL_MS = 15.0
_HOT_INTERVAL_MS = 3.0
_MAX_INTERVAL_MS = 150.0
_SLOW_LOOK_MS = 100.0
# Some 4 ms for each: to list TCP sockets the kernel walks the machine's whole table of connections.
_NETWORKS_MS = 1000.0
_LOG_MS = 50.0
# Looking may take this share of one processor: what it takes, the answer lacks.
_SHARE = 0.05

_logger = logging.getLogger(__name__)

_SAMPLED = (Profile.NAMESPACES, Profile.CGROUPS, Profile.DOCKER)
_FOLLOWED = (Profile.NAMESPACES, Profile.CGROUPS)


@dataclass(frozen=True, slots=True)
class Sight:
    """What was seen of a sandbox; ``None`` where the exercise did not ask."""

    oom: Oom
    processes: Processes | None
    cgroups: tuple[Cgroup, ...]
    networks: tuple[NetworkNamespace, ...] | None


class Watch:
    """The observers of one sandbox; use it as a context manager.

    Args:
        log: The process's kernel log.
        mark: Its position from before the sandbox started.
        target: The sandbox.
        wanted: What the exercise asks for.
        profile: Of the sandbox.
        settles: Whether the run may end once everything has settled.

    Attributes:
        ticks: Whether it wants to look before the end.
    """

    def __init__(
        self,
        log: KernelLog,
        mark: int,
        target: Target,
        wanted: model.Watch,
        profile: Profile,
        *,
        settles: bool = False,
    ) -> None:
        self._log = log
        self._mark = mark
        self._target = target
        self._wanted = wanted
        self._tree = GroupTree(target.memory_group)
        self._cgroups = CgroupWatch(target, self._tree)
        follows = profile in _FOLLOWED or wanted.processes or wanted.nsenter or settles
        self._processes = ProcessWatch(target, self._tree) if follows else None
        self._networks: dict[int, NetworkNamespace] = {}
        self.ticks = follows or profile in _SAMPLED or wanted.networks
        self._slow_at = 0.0
        self._networks_at = 0.0
        self._log_at = _LOG_MS

    def __enter__(self) -> Watch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cgroups.close()

    def tick(self, now_ms: float) -> float:
        """Take a look; return in how many milliseconds the next one is due."""
        started = time.perf_counter()
        self._tree.refresh()
        self._cgroups.sample(now_ms)
        if self._processes is not None:
            self._processes.sample(now_ms)
        if now_ms >= self._slow_at:
            self._look_slowly(now_ms)
        if now_ms >= self._log_at:
            self._log_at = now_ms + _LOG_MS
            self._log.poll()
        cost_ms = (time.perf_counter() - started) * 1000
        wanted_ms = _HOT_INTERVAL_MS if self._cgroups.hot else _INTERVAL_MS
        return min(max(wanted_ms, cost_ms / _SHARE), _MAX_INTERVAL_MS)

    def settled(self, now_ms: float) -> float:
        """Return for how many seconds nothing has come, gone or computed; 0 where nobody looks."""
        return self._processes.settled(now_ms) if self._processes is not None else 0.0

    def finish(self, now_ms: float) -> Sight:
        """Take the last look and return all that was seen; call it before the sandbox is ended.

        Raises:
            SandboxError: The machine itself ran out of memory and killed something in the sandbox, or the
                host's own programs failed, or the sandbox's group was not there.
        """
        self._tree.refresh()
        processes = None
        if self._processes is not None:
            processes = self._processes.look(now_ms, nsenter=self._wanted.nsenter)
        if self._wanted.networks:
            self._read_networks(again=True)
        self._cgroups.sample(now_ms)
        read = self._log.kills_since(self._mark, self._target)
        if read.by_machine:
            raise SandboxError("the machine ran out of memory and killed processes of the sandbox")
        if not self._tree.root.alive:
            raise SandboxError(f"the control group {self._target.memory_group} has gone")
        if self._cgroups.cut or (self._processes is not None and self._processes.cut):
            _logger.warning("%s: more groups or processes than are followed", self._target.name)
        return Sight(
            oom=Oom(place(read.kills, self._cgroups.pressure()), self._cgroups.counters(), read.lost),
            processes=processes,
            cgroups=self._cgroups.evidence(),
            networks=tuple(self._networks.values()) if self._wanted.networks else None,
        )

    def _look_slowly(self, now_ms: float) -> None:
        """Look at what may be gone by the last look and costs too much for every one."""
        self._slow_at = now_ms + _SLOW_LOOK_MS
        if self._processes is not None:
            self._processes.refresh_hostnames()
        if self._wanted.networks:
            again = now_ms >= self._networks_at
            self._read_networks(again=again)
            if again:
                self._networks_at = now_ms + _NETWORKS_MS

    def _read_networks(self, *, again: bool) -> None:
        """Read the network namespaces that have not been read yet, or all of them `again`."""
        if self._processes is not None:
            holders = dict(self._processes.living("net"))
        else:
            link = procfs.link(f"/proc/{self._target.init_pid}/ns/net") or ""
            inode = procfs.parse_namespace(link)
            holders = {inode: [self._target.init_pid]} if inode is not None else {}
        if not again:
            holders = {inode: pids for inode, pids in holders.items() if inode not in self._networks}
        self._networks |= {space.inode: space for space in read_namespaces(holders)}
