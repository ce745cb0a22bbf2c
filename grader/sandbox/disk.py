"""File systems of a fixed size on the host's disk, for engines where tmpfs does not keep what they write."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from grader.errors import SandboxError, UnavailableError
from grader.sandbox import kernel

_CONTROL = Path("/dev/loop-control")
_BYTES_PER_INODE = 4096
# What ext4 keeps for itself: an inode of 256 bytes for every 4096 bytes, and a few tables.
_OVERHEAD = 0.1
_SECONDS = 60.0
# Nothing of it outlives the sandbox: neither a journal nor flushes, nor tables that are zero anyway.
_FEATURES = "^has_journal,^resize_inode"
_OPTIONS = "loop,noatime,nodev,barrier=0,noinit_itable"


def unavailable() -> UnavailableError | None:
    """Return why this machine cannot make such file systems, or ``None`` where it can."""
    if shutil.which("mkfs.ext4") is None:
        return UnavailableError("mkfs.ext4 is not installed", "apt-get install e2fsprogs")
    if not _CONTROL.exists():
        mend = "modprobe loop; a container needs /dev/loop-control and loop devices, too"
        return UnavailableError(f"{_CONTROL} is not there", mend)
    return None


@contextmanager
def mounted(folder: Path, target: Path, size: int, owner: int) -> Iterator[None]:
    """Mount a new ext4 file system at `target` while the context lasts.

    Its file loses its name at once, so that it ends with its last mount, however that ends: who started a
    sandbox on it need not keep it.

    Args:
        folder: Of its file, which takes as much room as is written into it.
        target: An existing directory.
        size: Bytes that can be written into it, nearly.
        owner: Host id of its root directory's user and group.

    Raises:
        SandboxError: It cannot be made or mounted.
    """
    missing = unavailable()
    if missing is not None:
        raise missing
    with tempfile.NamedTemporaryFile(prefix="disk-", dir=folder) as file:
        os.truncate(file.fileno(), int(size * (1 + _OVERHEAD)))
        extended = f"root_owner={owner}:{owner},lazy_itable_init=1,nodiscard"
        _run(
            *("mkfs.ext4", "-q", "-F", "-m", "0", "-O", _FEATURES, "-i", str(_BYTES_PER_INODE)),
            *("-E", extended, file.name),
        )
        _run("mount", "-t", "ext4", "-o", _OPTIONS, file.name, str(target))
    try:
        yield
    finally:
        kernel.unmount(target)


def _run(*command: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SandboxError(f"{command[0]}: {error}") from error
    if done.returncode:
        raise SandboxError(f"{command[0]} ended with {done.returncode}: {done.stderr.strip()[-500:]}")
