"""Looks into namespaces of a sandbox with the host's own programs; never into its file systems."""

from __future__ import annotations

import ctypes
import os
import subprocess
import threading
from collections.abc import Mapping, Sequence

from grader.errors import SandboxError
from grader.observe import procfs

_CLONE_NEWUTS = 0x04000000
_DEADLINE_SECONDS = 3.0
_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}
# Says its own id, which does not count, and lists those of everybody. The shell and `ls` are one process.
_LIST = "echo $$ && exec ls -1 /proc"

_libc = ctypes.CDLL(None, use_errno=True)


def hostnames(holders: Mapping[str, Sequence[int]]) -> dict[str, str]:
    """Return host names of UTS namespaces by inode.

    Args:
        holders: Ids of processes by the namespace that they are in (as their ``ns/uts`` link says it).
            A namespace whose processes have gone is left out.
    """
    if not holders:
        return {}
    found: dict[str, str] = {}

    def visit() -> None:
        for link, pids in holders.items():
            inode = procfs.parse_namespace(link)
            name = next(filter(None, (_hostname(pid, link) for pid in pids[:3])), None)
            if inode is not None and name is not None:
                found[str(inode)] = name

    # A thread has a UTS namespace of its own (setns(2)), so one that ends afterwards can go anywhere
    # without starting any program; nothing in it can block.
    visitor = threading.Thread(target=visit, name="hostnames")
    visitor.start()
    visitor.join()
    return found


def _hostname(pid: int, link: str) -> str | None:
    """Return the host name that process `pid` sees, if it is still there; moves the calling thread."""
    path = f"/proc/{pid}/ns/uts"
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        procfs.tolerate(error)
        return None
    try:
        if f"uts:[{os.fstat(descriptor).st_ino}]" != link:
            return None
        if _libc.setns(descriptor, _CLONE_NEWUTS) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), path)
        return procfs.text(os.fsencode(os.uname().nodename))
    finally:
        os.close(descriptor)


def count_pids(inode: int, holders: Sequence[int]) -> tuple[int, ...] | None:
    """Return all process ids in a PID namespace as seen from inside it, without that of who counts.

    The counting process joins the PID namespace alone. Its programs and its mounts are the host's, with a
    fresh proc in a mount namespace of its own: in a participant's mount namespace, ``ls`` would be the
    participant's program with the host's root.

    Args:
        inode: Of the namespace.
        holders: Ids of processes in it.

    Returns:
        The ids in order, or ``None`` where the namespace has ended.

    Raises:
        SandboxError: The host's programs do not work, or not in time.
    """
    for pid in holders[:3]:
        path = f"/proc/{pid}/ns/pid"
        if procfs.link(path) != f"pid:[{inode}]":
            continue
        answer = _run("nsenter", f"--pid={path}", "--", *_PRIVATE_PROC, "sh", "-c", _LIST)
        if answer is not None:
            return answer
        if procfs.link(path) == f"pid:[{inode}]":
            raise SandboxError(f"process ids of {path} cannot be counted")
    return None


_PRIVATE_PROC = ("unshare", "--mount", "--propagation", "private", "--mount-proc", "--")


def _run(*command: str) -> tuple[int, ...] | None:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_DEADLINE_SECONDS,
            check=False,
            env=_ENVIRONMENT,
            cwd="/",
            start_new_session=True,
        )
    except subprocess.TimeoutExpired as error:
        raise SandboxError(f"{' '.join(command[:2])} did not end") from error
    own, _, listing = done.stdout.partition(b"\n")
    if done.returncode != 0 or not own.isdigit():
        return None
    return tuple(sorted(int(name) for name in listing.split() if name.isdigit() and name != own))
