"""Removes what graders that died have left behind: sandboxes, directories, id ranges."""

from __future__ import annotations

import os
import re
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from grader.errors import SandboxError
from grader.sandbox import attempt as attempts
from grader.sandbox import cgroup
from grader.sandbox.identity import IdRange
from grader.settings import Settings

# Between making an attempt's directory and writing its owner's record lie microseconds.
_UNRECORDED_SECONDS = 60.0
# Nothing that is graded takes that long.
_UNSEEN_SECONDS = 86_400.0
_NAME = re.compile(r"[0-9a-f]{24}")


@dataclass(frozen=True, slots=True)
class Reaped:
    """What was removed, and what would not go, with the reason."""

    removed: tuple[str, ...]
    failed: tuple[tuple[str, str], ...]


def reap(settings: Settings) -> Reaped:
    """Remove every sandbox whose grader is gone or whose time is over; those in use are left alone."""
    hierarchy = cgroup.detect()
    folder, claims = attempts.layout(settings.run_dir)
    removed: list[str] = []
    failed: list[tuple[str, str]] = []
    for directory in sorted(Path(folder).iterdir()):
        owner = attempts.read_owner(directory)
        if not _is_orphan(directory, owner):
            continue
        claim = Path(owner.claim) if owner else Path(claims, "none")
        try:
            ids = IdRange(0, claim, str(directory))
            attempts.Attempt(directory.name, str(directory), ids, hierarchy).dispose()
        except (SandboxError, OSError) as error:
            failed.append((directory.name, str(error)))
        else:
            removed.append(directory.name)
    for claim in Path(claims).iterdir():
        with suppress(FileNotFoundError):  # released while we looked
            owner_directory = os.readlink(claim)
            if _is_abandoned(claim, owner_directory):
                IdRange(0, claim, owner_directory).release()
    for name in _unclaimed(hierarchy, Path(claims)):
        try:
            cgroup.kill(hierarchy, name)
            cgroup.remove(hierarchy, name)
        except (SandboxError, OSError) as error:
            failed.append((name, str(error)))
        else:
            removed.append(name)
    return Reaped(tuple(removed), tuple(failed))


def _unclaimed(hierarchy: cgroup.Hierarchy, claims: Path) -> list[str]:
    """Return the control groups of sandboxes of which nothing else is left, not even a record."""
    folder = os.path.dirname(hierarchy.group("pids", "any"))
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        groups = [entry.name for entry in entries if entry.is_dir() and _NAME.fullmatch(entry.name)]
        # Read after the groups: a sandbox has its claim before it has its group.
        claimed = {os.path.basename(os.readlink(claim)) for claim in claims.iterdir() if claim.is_symlink()}
        return sorted(set(groups) - claimed)
    return []


def _is_abandoned(claim: Path, owner: str) -> bool:
    """Return whether the attempt in the directory `owner` is gone, to whom ids were given.

    Where the folder around it cannot be seen either, it may be that of a grader in another container.
    """
    if os.path.isdir(owner):
        return False
    in_view = os.path.isdir(os.path.dirname(owner))
    return in_view or time.time() - os.lstat(claim).st_mtime > _UNSEEN_SECONDS


def _is_orphan(directory: Path, owner: attempts.Owner | None) -> bool:
    if owner is None:
        with suppress(FileNotFoundError):  # disposed of while we looked
            return time.time() - directory.stat().st_mtime > _UNRECORDED_SECONDS
        return False
    # Overdue in another container is for a grader there to remove. With its last process a container ends,
    # and takes its groups along: what is left is ours to remove.
    return not owner.lives() or (time.time() > owner.deadline and owner.in_view())
