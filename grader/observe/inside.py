"""Looks into namespaces of a sandbox with the host's own programs; never into its file systems."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence

from grader.errors import SandboxError
from grader.observe import procfs

_CLONE_NEWUTS = 0x04000000
_DEADLINE_SECONDS = 3.0
_TRIED = 3
_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}
# Lists the ids of everybody, then its own, which does not count.
_OWN = "/proc/self/task"
_LIST = ("ls", "-1", "/proc", _OWN)
_PRIVATE_PROC = ("unshare", "--mount", "--propagation", "private", "--mount-proc", "--")

_libc = ctypes.CDLL(None, use_errno=True)


def hostnames(holders: Mapping[str, Sequence[int]]) -> dict[str, str]:
    """Return host names of UTS namespaces by inode.

    Args:
        holders: Ids of processes by the namespace that they are in (as their ``ns/uts`` link says it).
            A namespace whose processes have gone is left out.

    Raises:
        SandboxError: We may not enter them.
    """
    found: dict[str, str] = {}
    failures: list[OSError] = []

    def visit() -> None:
        try:
            for link, pids in holders.items():
                inode = procfs.parse_namespace(link)
                name = next(filter(None, (_hostname(pid, link) for pid in pids[:_TRIED])), None)
                if inode is not None and name is not None:
                    found[str(inode)] = name
        except OSError as error:
            failures.append(error)

    # A thread has a UTS namespace of its own (setns(2)), so one that ends afterwards can go anywhere
    # without starting any program; nothing in it can block.
    if holders:
        visitor = threading.Thread(target=visit, name="hostnames")
        visitor.start()
        visitor.join()
    if failures:
        raise SandboxError(f"host names cannot be read: {failures[0]}") from failures[0]
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
        The ids in order, or ``None`` where the namespace has ended or lets nobody in.

    Raises:
        SandboxError: The host's programs do not work, or not in time.
    """
    for pid in holders[:_TRIED]:
        path = f"/proc/{pid}/ns/pid"
        if procfs.link(path) != f"pid:[{inode}]":
            continue
        counted = _count(path)
        if counted is not None:
            return counted
        # Either the namespace has ended, or it lets nobody in: its owner can set its `pid_max`. Unless
        # even our own cannot be counted, it is not the machine's fault.
        if _count("/proc/self/ns/pid") is None:
            raise SandboxError("nsenter, unshare and ls cannot count process ids on this machine")
    return None


def _count(namespace: str) -> tuple[int, ...] | None:
    """Return the ids in the PID namespace at that path, or ``None`` where it cannot be done."""
    command = ("nsenter", f"--pid={namespace}", "--", *_PRIVATE_PROC, *_LIST)
    try:
        counting = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_ENVIRONMENT,
            cwd="/",
            start_new_session=True,
        )
    except OSError as error:
        raise SandboxError(f"{command[0]} cannot be started: {error}") from error
    with counting:
        try:
            output, _ = counting.communicate(timeout=_DEADLINE_SECONDS)
        except subprocess.TimeoutExpired as error:
            os.killpg(counting.pid, signal.SIGKILL)  # what it started inside the namespace, too
            raise SandboxError(f"{' '.join(command[:2])} did not end") from error
    everybody, _, own = output.decode().partition(f"{_OWN}:\n")
    if counting.returncode != 0 or not own.strip().isdigit():
        return None
    return tuple(sorted(int(name) for name in everybody.split() if name.isdigit() and name != own.strip()))
