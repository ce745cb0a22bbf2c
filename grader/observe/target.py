"""What an observer has to know about a sandbox to watch it from outside."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Target:
    """A running sandbox, as the host sees it.

    Attributes:
        name: Unguessable and unique; the last component of the sandbox's control group.
        cgroup_version: 1 or 2.
        memory_group: Directory of its group in the memory hierarchy (v1) or in the only one (v2).
        pids_group: Likewise in the pids hierarchy.
        first_id: Host uid and gid of the sandbox's root.
        ids: How many uids and gids it has.
        init_pid: Host id of its first process.
        started: `time.monotonic()` of the answer's start: times of evidence count from there.
    """

    name: str
    cgroup_version: int
    memory_group: str
    pids_group: str
    first_id: int
    ids: int
    init_pid: int
    started: float
