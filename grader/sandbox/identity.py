"""Ranges of user ids: each sandbox has one of its own, so that no two of them share an identity."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from grader.errors import SandboxError

IDS = 65_536
# Above what Debian's adduser, useradd's sub-ids and systemd's own containers and services hand out
# (systemd.io/UIDS-GIDS), below 2**31, where some programs misread ids as negative.
FIRST = 0x7000_0000
RANGES = 2_048


@dataclass(frozen=True, slots=True)
class IdRange:
    """Host ids `first` to `first + IDS - 1`; `claim` is the link that reserves them for `owner`."""

    first: int
    claim: Path
    owner: str

    def release(self) -> None:
        """Let another sandbox have this range, unless one already has."""
        with suppress(FileNotFoundError):
            if os.readlink(self.claim) == self.owner:
                self.claim.unlink()


def claim(directory: Path, owner: str) -> IdRange:
    """Reserve a range for the attempt in the directory `owner`.

    Args:
        directory: Where claims are kept, shared by all graders of a machine; must exist.
        owner: Written into the claim: as long as that directory is there, the range is taken.

    Raises:
        SandboxError: Every range is taken.
    """
    start = secrets.randbelow(RANGES)
    for offset in range(RANGES):
        number = (start + offset) % RANGES
        file = directory / str(number)
        try:
            file.symlink_to(owner)  # atomic, and holds its owner's name without a second system call
        except FileExistsError:
            continue
        return IdRange(FIRST + number * IDS, file, owner)
    raise SandboxError(f"all {RANGES} id ranges in {directory} are taken; `grader reap` frees orphaned ones")
