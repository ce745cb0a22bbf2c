"""Follows the tree of control groups below one sandbox: which there are, and who is in them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from grader.observe import procfs

MAX_GROUPS = 200
_MAX_DEPTH = 16
_PROCS_BYTES = 1 << 16
_CHILDLESS = 2  # links of a directory without directories in it (fs/kernfs/inode.c)


class Group:
    """One directory of the tree.

    Attributes:
        path: From the sandbox's own group, with the file system's escapes; "/" is that group.
        directory: Where it is on the host.
        depth: 0 is the sandbox's own.
        alive: Whether it was there at the last look.
        pids: Host ids of the processes in it at the last look.
        keep: Whether it must not be forgotten for others after it has gone.
    """

    __slots__ = ("alive", "depth", "directory", "keep", "path", "pids")

    def __init__(self, path: str, directory: str, depth: int) -> None:
        self.path = path
        self.directory = directory
        self.depth = depth
        self.alive = True
        self.keep = depth == 0
        self.pids: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """Its path as evidence shows it."""
        return procfs.group_name(os.fsencode(self.path))

    def look(self) -> None:
        """Read who is in it, and whether it still exists."""
        # Never through a descriptor held open: under v1 that answers from a list up to a second old
        # (kernel/cgroup/cgroup-v1.c, cgroup_pidlist_start).
        content = procfs.read(f"{self.directory}/cgroup.procs", _PROCS_BYTES)
        self.alive = content is not None or os.path.isdir(self.directory)
        # 0 stands for a process that our own PID namespace does not hold.
        self.pids = tuple(int(pid) for pid in (content or b"").split() if pid != b"0")

    def children(self) -> list[str]:
        """Return the names of the groups in it."""
        try:
            if os.stat(self.directory).st_nlink == _CHILDLESS:
                return []
            with os.scandir(self.directory) as entries:
                return sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
        except OSError as error:
            procfs.tolerate(error)
            return []


class GroupTree:
    """All groups of one sandbox in one hierarchy, also those that have gone.

    Attributes:
        root: The sandbox's own.
        cut: Whether there were more groups, or deeper ones, than are followed.
    """

    def __init__(self, directory: str, limit: int = MAX_GROUPS) -> None:
        self.root = Group("/", directory, 0)
        self.cut = False
        self._limit = limit
        self._groups = {"/": self.root}
        self.refresh()

    def __iter__(self) -> Iterator[Group]:
        return iter(self._groups.values())

    def __len__(self) -> int:
        return len(self._groups)

    def __contains__(self, path: str) -> bool:
        return path in self._groups

    def refresh(self) -> None:
        """Look at every known group and for new ones."""
        pending = list(self._groups.values())
        for group in pending:  # grows while we walk
            group.look()
            if group.alive:
                pending += self._new(group)

    def members(self) -> Mapping[int, str]:
        """Return the path of the group of every process at the last look, by host id."""
        return {pid: group.path for group in self._groups.values() for pid in group.pids}

    def _new(self, parent: Group) -> list[Group]:
        found = []
        for name in parent.children():
            path = f"{parent.path.rstrip('/')}/{name}"
            if path in self._groups:
                continue
            if parent.depth == _MAX_DEPTH or not self._room():
                self.cut = True
                break
            group = Group(path, f"{parent.directory}/{name}", parent.depth + 1)
            self._groups[path] = group
            found.append(group)
        return found

    def _room(self) -> bool:
        """Return whether one more group can be followed, for which one that has gone may be forgotten."""
        if len(self._groups) < self._limit:
            return True
        gone = next((group for group in self if not group.alive and not group.keep), None)
        if gone is not None:
            del self._groups[gone.path]
        return gone is not None
