"""One attempt at running something: its directory, its id range and its record for the reaper."""

from __future__ import annotations

import os
import secrets
import shutil
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import msgspec

from grader.errors import SandboxError
from grader.sandbox import cgroup, identity

# One for the machine, whatever run directories its graders have: two sandboxes must never share ids.
CLAIMS = "/run/grader-ids"
_OWNER = "owner.json"


@dataclass(frozen=True, slots=True)
class Owner:
    """Who answers for an attempt.

    Attributes:
        pid: Of the grader.
        start_ticks: When that process began (``/proc/PID/stat``), as pids are used again.
        deadline: Unix time after which nobody needs the attempt any more.
        claim: File that reserves its id range.
        view: From where the grader sees control groups (inode of its cgroup namespace): those below a
            container's group can be reached only from there. 0 where nobody noted it.
    """

    pid: int
    start_ticks: int
    deadline: float
    claim: str
    view: int = 0

    def lives(self) -> bool:
        """Return whether the grader that made the attempt still runs."""
        return _start_ticks(self.pid) == self.start_ticks

    def in_view(self) -> bool:
        """Return whether the attempt's control groups can be seen from here."""
        return self.view in {0, _view()}


@dataclass(frozen=True, slots=True)
class Attempt:
    """What one sandbox occupies on the host; its control groups bear the same name."""

    name: str
    directory: str
    ids: identity.IdRange
    hierarchy: cgroup.Hierarchy

    @property
    def cgroup_path(self) -> str:
        """The control group's path from the root of each hierarchy."""
        return f"/{cgroup.PARENT}/{self.name}"

    def dispose(self) -> None:
        """Kill and remove everything; safe to repeat.

        Raises:
            SandboxError: Something does not end; the reaper will try again.
        """
        cgroup.kill(self.hierarchy, self.name)
        cgroup.remove(self.hierarchy, self.name)
        shutil.rmtree(self.directory, ignore_errors=True)
        self.ids.release()


def layout(run_dir: Path) -> tuple[str, str]:
    """Return the directory of attempts below `run_dir` and the machine's of id claims, made where missing.

    Raises:
        SandboxError: One of them is somebody else's, who could put anything there.
    """
    attempts, claims = f"{run_dir}/attempts", CLAIMS
    for directory in (str(run_dir), attempts, claims):
        os.makedirs(directory, mode=0o711, exist_ok=True)
        if os.lstat(directory).st_uid != os.geteuid():
            raise SandboxError(f"{directory} belongs to another user; remove it")
    return attempts, claims


def make(run_dir: Path, hierarchy: cgroup.Hierarchy, wall_seconds: float) -> Attempt:
    """Reserve what a sandbox needs, recorded so that a later reaper can undo it.

    Args:
        run_dir: Of running sandboxes.
        hierarchy: This machine's control groups.
        wall_seconds: How long it may be needed at most.
    """
    attempts, claims = layout(run_dir)
    name = secrets.token_hex(12)
    directory = f"{attempts}/{name}"
    os.mkdir(directory, mode=0o711)
    try:
        ids = identity.claim(Path(claims), directory)
    except SandboxError:
        os.rmdir(directory)
        raise
    pid = os.getpid()
    owner = Owner(pid, _start_ticks(pid) or 0, time.time() + wall_seconds, str(ids.claim), _view())
    with open(f"{directory}/{_OWNER}", "wb") as file:
        file.write(msgspec.json.encode(owner))
    for part in ("bundle", "answer"):
        os.mkdir(f"{directory}/{part}", mode=0o755)
    return Attempt(name, directory, ids, hierarchy)


def read_owner(directory: Path) -> Owner | None:
    """Return the record of the attempt in `directory`, or ``None`` where it has not been written."""
    try:
        return msgspec.json.decode((directory / _OWNER).read_bytes(), type=Owner)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None


@lru_cache(maxsize=1)
def _view() -> int:
    return os.stat("/proc/self/ns/cgroup").st_ino


def _start_ticks(pid: int) -> int | None:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            # Field 22 of proc_pid_stat(5); the name in field 2 may hold spaces and parentheses.
            return int(file.read().rpartition(b")")[2].split()[19])
    except OSError:
        return None
