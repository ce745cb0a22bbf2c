"""The host's control groups: where sandboxes live in them, are counted, delegated, killed and removed."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from grader.errors import SandboxError, UnavailableError

_MOUNT = "/sys/fs/cgroup"
PARENT = "grader"
_CONTROLLERS_V1 = ("memory", "pids", "cpu")
_CONTROLLERS_V2 = ("cpuset", "cpu", "io", "memory", "pids")
_DELEGATED_V1 = ("cgroup.procs", "tasks")
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_ENABLE_ATTEMPTS = 100
_DELEGATED_V2 = ("cgroup.procs", "cgroup.subtree_control", "cgroup.threads")


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """How control groups are mounted here.

    Attributes:
        version: 1 (also the hybrid layout) or 2.
        roots: Mount points: of each v1 controller, or the only one of v2.
        swap: Whether swap is accounted.
    """

    version: int
    roots: tuple[str, ...]
    swap: bool

    def root(self, controller: str) -> str:
        """Return the mount point of `controller`."""
        return _MOUNT if self.version == 2 else f"{_MOUNT}/{controller}"

    def group(self, controller: str, name: str) -> str:
        """Return the directory of sandbox `name` under `controller`."""
        return f"{self.root(controller)}/{PARENT}/{name}"

    def groups(self, name: str) -> tuple[str, ...]:
        """Return the directories of sandbox `name` in all hierarchies."""
        return tuple(f"{root}/{PARENT}/{name}" for root in self.roots)


@lru_cache(maxsize=1)
def detect() -> Hierarchy:
    """Return this machine's layout.

    Raises:
        UnavailableError: No memory or pids controller can be used here.
    """
    if Path(_MOUNT, "cgroup.controllers").exists():
        return Hierarchy(2, (_MOUNT,), swap=True)
    missing = [name for name in _CONTROLLERS_V1 if not Path(_MOUNT, name, "cgroup.procs").exists()]
    if missing:
        raise UnavailableError(
            f"no cgroup controller {', '.join(missing)} below {_MOUNT}", "mount cgroup v2 at /sys/fs/cgroup"
        )
    roots = sorted(
        entry.path
        for entry in os.scandir(_MOUNT)
        if entry.is_dir(follow_symlinks=False)
        and entry.name != "unified"
        and os.path.exists(f"{entry.path}/cgroup.procs")
    )
    swap = Path(_MOUNT, "memory/memory.memsw.limit_in_bytes").exists()
    return Hierarchy(1, tuple(roots), swap)


def prepare(hierarchy: Hierarchy) -> None:
    """Make the parent of all sandboxes, with the controllers that they need.

    Raises:
        UnavailableError: The tree is not ours to change.
    """
    try:
        if hierarchy.version == 2:
            _prepare_v2(Path(_MOUNT))
        else:
            for root in hierarchy.roots:
                Path(root, PARENT).mkdir(exist_ok=True)
    except OSError as error:
        raise UnavailableError(
            f"control groups cannot be made here: {error}",
            "run as root with /sys/fs/cgroup mounted read-write",
        ) from error


def _prepare_v2(root: Path) -> None:
    wanted = [name for name in (root / "cgroup.controllers").read_text().split() if name in _CONTROLLERS_V2]
    missing = {"memory", "pids"} - set(wanted)
    if missing:
        raise UnavailableError(
            f"no cgroup controller {', '.join(sorted(missing))} in {root}/cgroup.controllers",
            "enable it in the parent's cgroup.subtree_control",
        )
    parent = root / PARENT
    if _enabled(root, wanted) and parent.is_dir() and _enabled(parent, wanted):
        return
    _enable(root, wanted)
    parent.mkdir(exist_ok=True)
    _enable(parent, wanted)


def _enabled(group: Path, controllers: list[str]) -> bool:
    return set(controllers) <= set((group / "cgroup.subtree_control").read_text().split())


def _enable(group: Path, controllers: list[str]) -> None:
    switch = " ".join(f"+{name}" for name in controllers)
    for attempt in range(_ENABLE_ATTEMPTS):
        try:
            (group / "cgroup.subtree_control").write_text(switch)
        except OSError as error:
            if error.errno != errno.EBUSY or attempt == _ENABLE_ATTEMPTS - 1:
                raise
            _make_room(group)
        else:
            return


def _make_room(group: Path) -> None:
    """Move the processes of `group` into a child of it: no group holds processes and hands on controllers.

    Only the machine's true root may; in a container the root of our view is an ordinary group. An engine
    puts what it executes there at any moment, health checks for example, so that it may take some attempts.
    """
    leaf = group / "init"
    leaf.mkdir(exist_ok=True)
    for pid in (group / "cgroup.procs").read_text().split():
        with contextlib.suppress(ProcessLookupError):
            (leaf / "cgroup.procs").write_text(pid)


def delegate(hierarchy: Hierarchy, name: str, owner: int) -> None:
    """Let the host id `owner` make groups inside the sandbox's own, without the right to change its limits.

    Source: the kernel's cgroup-v2.rst, "Delegation"; under v1 the same files by the same logic.
    """
    files = _DELEGATED_V2 if hierarchy.version == 2 else _DELEGATED_V1
    for group in hierarchy.groups(name):
        if not os.path.isdir(group):
            continue
        os.chown(group, owner, owner)
        for file in files:
            os.chown(f"{group}/{file}", owner, owner)
        if group.startswith(f"{_MOUNT}/cpuset/"):
            # Without it every group inside starts with no processors and refuses processes (ENOSPC).
            Path(group, "cgroup.clone_children").write_text("1")


def bound_descendants(hierarchy: Hierarchy, name: str, limit: int) -> None:
    """Limit how many groups the sandbox may make (v2; under v1 kernel memory is the limit)."""
    if hierarchy.version == 2:
        Path(hierarchy.group("memory", name), "cgroup.max.descendants").write_text(str(limit))


def weigh(hierarchy: Hierarchy, name: str, share: float) -> None:
    """Give sandbox `name` this share of the processor time that its neighbours get when there is too little.

    Source: cpu.weight in the kernel's cgroup-v2.rst (100 by default); cpu.shares under v1 (1024).
    """
    file, usual = ("cpu.weight", 100) if hierarchy.version == 2 else ("cpu.shares", 1024)
    with contextlib.suppress(FileNotFoundError):  # without a cpu controller nobody can be preferred
        Path(hierarchy.group("cpu", name), file).write_text(str(round(usual * share)))


def processor_ms(hierarchy: Hierarchy, name: str) -> float:
    """Return the processor time used by sandbox `name`, in milliseconds; 0 where it is not counted."""
    try:
        if hierarchy.version == 2:
            with open(f"{hierarchy.group('cpu', name)}/cpu.stat") as file:
                return int(file.readline().split()[1]) / 1000
        with open(f"{hierarchy.group('cpuacct', name)}/cpuacct.usage") as file:
            return int(file.readline()) / 1_000_000
    except OSError:
        return 0.0


def refused_forks(hierarchy: Hierarchy, name: str) -> int:
    """Return how often sandbox `name` met its limit of processes (``max`` in pids.events)."""
    try:
        with open(f"{hierarchy.group('pids', name)}/pids.events") as file:
            return int(file.readline().split()[1])
    except (OSError, IndexError, ValueError):
        return 0


def members(group: str) -> Iterator[int]:
    """Yield the host ids of all processes in `group` and below."""
    with contextlib.suppress(OSError):  # removed while we looked
        yield from map(int, Path(group, "cgroup.procs").read_text().split())
    for parent, name in _inner(group):
        with contextlib.suppress(OSError):
            yield from map(int, _read_at(parent, f"{name}/cgroup.procs").split())


def _inner(group: str) -> Iterator[tuple[int, str]]:
    """Yield every group inside `group`, deepest first, as a descriptor of its parent and its name.

    Step by step through descriptors: who may make groups can nest them deeper than a path may be long
    (PATH_MAX) and than Python recurses.
    """
    try:
        current = os.open(group, _DIRECTORY)
    except FileNotFoundError:
        return
    waiting, trail = [_subdirectories(current)], [""]
    try:
        while True:
            if waiting[-1]:
                name = waiting[-1].pop()
                with contextlib.suppress(OSError):  # removed while we walked
                    current = _step(current, name)
                    trail.append(name)
                    waiting.append(_subdirectories(current))
            elif len(trail) > 1:
                waiting.pop()
                current = _step(current, "..")
                yield current, trail.pop()
            else:
                return
    finally:
        os.close(current)


def _step(current: int, name: str) -> int:
    """Exchange the directory `current` for its entry `name`."""
    following = os.open(name, _DIRECTORY, dir_fd=current)
    os.close(current)
    return following


def _subdirectories(directory: int) -> list[str]:
    with os.scandir(directory) as entries:
        return [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]


def _read_at(directory: int, path: str) -> str:
    with open(os.open(path, os.O_RDONLY | os.O_CLOEXEC, dir_fd=directory)) as file:
        return file.read()


def kill(hierarchy: Hierarchy, name: str) -> None:
    """End every process of sandbox `name`; safe to repeat."""
    group = hierarchy.group("pids", name)
    if hierarchy.version == 2:
        try:
            Path(group, "cgroup.kill").write_text("1")  # Linux 5.14 and later
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.EACCES, errno.EINVAL):
                raise
        else:
            return
    for pid in members(group):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    if hierarchy.version == 1:
        _thaw(hierarchy.group("freezer", name))


def _thaw(group: str) -> None:
    """Wake what was frozen inside: under v1 not even SIGKILL ends a frozen process."""
    for parent, name in _inner(group):
        with contextlib.suppress(OSError):  # removed while we walked
            descriptor = os.open(f"{name}/freezer.state", os.O_WRONLY | os.O_CLOEXEC, dir_fd=parent)
            with open(descriptor, "w") as file:
                file.write("THAWED")


def remove(hierarchy: Hierarchy, name: str, *, patience: float = 5.0) -> None:
    """Remove the groups of sandbox `name` in all hierarchies, with every group inside them.

    Args:
        hierarchy: This machine's.
        name: Of the sandbox; its processes have been killed.
        patience: Seconds to wait for the kernel to finish with its last process.

    Raises:
        SandboxError: Something in them does not end.
    """
    deadline = time.monotonic() + patience
    if hierarchy.version == 1:
        # On a hybrid host crun keeps notes where the cgroup v2 tree is covered (`kernel.prepare_process`).
        shutil.rmtree(f"{_MOUNT}/unified/{PARENT}/{name}", ignore_errors=True)
    for group in hierarchy.groups(name):
        pause = 0.0005
        while not _remove_tree(group):
            if time.monotonic() > deadline:
                raise SandboxError(f"control group {group} does not empty: {sorted(members(group))}")
            time.sleep(pause)
            pause = min(pause * 2, 0.05)
            kill(hierarchy, name)


def _remove_tree(group: str) -> bool:
    """Remove `group` bottom-up; return whether it is gone."""
    try:
        os.rmdir(group)
    except FileNotFoundError:
        return True
    except OSError as error:
        if error.errno not in (errno.EBUSY, errno.ENOTEMPTY):
            raise
    else:
        return True
    for parent, name in _inner(group):
        with contextlib.suppress(OSError):
            os.rmdir(name, dir_fd=parent)
    with contextlib.suppress(OSError):
        os.rmdir(group)
    return not os.path.isdir(group)
