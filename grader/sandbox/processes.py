"""The runtimes' processes: started with given descriptors, waited for, and buried."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import threading
from contextlib import ExitStack, suppress

_ABOVE_TARGETS = 64
_ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
_DEFAULT_SIGNALS = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGTERM)


class _Spawned:
    """Processes that somebody here waits for."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.pids: set[int] = set()


_spawned = _Spawned()


def spawn(command: list[str], streams: tuple[int, ...], program: str = "") -> int:
    """Start `command` with `streams` as its descriptors 0, 1, 2, …; everything else is closed on exec.

    Args:
        command: Its arguments, the first of which is its name.
        streams: Descriptors of ours.
        program: What to execute, if not what the name says.

    Returns:
        Its pid, for `wait`.
    """
    # dup2 in order could overwrite a source that is still needed: lift them out of the way first.
    lifted = [fcntl.fcntl(stream, fcntl.F_DUPFD_CLOEXEC, _ABOVE_TARGETS) for stream in streams]
    actions = [(os.POSIX_SPAWN_DUP2, source, number) for number, source in enumerate(lifted)]
    try:
        with _spawned.lock:
            pid = os.posix_spawn(
                program or command[0],
                command,
                _ENVIRONMENT,
                file_actions=actions,
                setsid=True,  # Ctrl+C is for the grader alone
                setsigdef=_DEFAULT_SIGNALS,
            )
            _spawned.pids.add(pid)
    finally:
        for descriptor in lifted:
            os.close(descriptor)
    return pid


def wait(pid: int) -> int:
    """Wait for a child and return its status as a shell says it."""
    status = exit_status(os.waitid(os.P_PID, pid, os.WEXITED))
    with _spawned.lock:
        _spawned.pids.discard(pid)
    return status


def has_ended(pidfd: int, seconds: float) -> bool:
    """Wait up to `seconds` for the process behind `pidfd` and return whether it has ended."""
    poll = select.poll()  # select() takes no descriptor above 1023
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(seconds * 1000))


def exit_status(result: os.waitid_result | None) -> int:
    """Return an exit status as a shell says it."""
    assert result is not None  # noqa: S101  (only WNOHANG returns None)
    if result.si_code == os.CLD_EXITED:
        return result.si_status
    return 128 + result.si_status


def is_child(pid: int) -> bool:
    """Return whether `pid` is a child of this process, which keeps that number until it is buried."""
    try:
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def bury_orphans(runtime: str, ids: range, keep: int) -> None:
    """Collect ended processes that became children of ours because their parents are gone.

    Such are what ``crun run --detach`` leaves each time, what a failed ``exec`` leaves, and processes of
    a sandbox whose ``exec`` was given up. A PID namespace, and with it a sandbox's first process, does
    not end before they are collected (zap_pid_ns_processes() in the kernel's pid_namespace.c).

    Args:
        runtime: Name of the runtime.
        ids: User ids of the sandbox.
        keep: Its first process, which somebody waits for.
    """
    leader = os.getpid()  # orphans become children of the thread that leads the process
    with open(f"/proc/{leader}/task/{leader}/children") as file:
        children = [int(pid) for pid in file.read().split()]
    with _spawned.lock:
        for pid in children:
            if pid != keep and pid not in _spawned.pids and _is_ended_orphan(pid, runtime, ids):
                with suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)


def _is_ended_orphan(pid: int, runtime: str, ids: range) -> bool:
    try:
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            return False
        user = os.stat(f"/proc/{pid}").st_uid
        if user in ids:
            return True
        # The name alone could be taken by a sandbox's process, but not the user: "crun", "runc:[2:INIT]",
        # or a number where the runtime was executed through a descriptor.
        with open(f"/proc/{pid}/comm") as file:
            name = file.read().strip()
        return user == os.geteuid() and (name.startswith(runtime) or name.isdecimal())
    except (ChildProcessError, FileNotFoundError, ProcessLookupError):
        return False  # somebody else has collected it


def read_pid(file: str) -> int | None:
    """Return what a runtime wrote as a process's host id, or ``None`` where it started none."""
    try:
        with open(file) as source:
            return int(source.read())
    except (FileNotFoundError, ValueError):
        return None


def pipe(stack: ExitStack) -> tuple[int, int]:
    """Return a pipe whose reading end closes with `stack`."""
    reading, writing = os.pipe()
    stack.callback(os.close, reading)
    return reading, writing


def source(content: bytes, stack: ExitStack) -> int:
    """Return a descriptor to read `content` from.

    Never a device: crun hands the standard streams to the sandbox's user by fchown(2), and whoever owns
    /dev/null can take it away from the whole machine.
    """
    descriptor = os.memfd_create("stdin", os.MFD_CLOEXEC)
    stack.callback(os.close, descriptor)
    if content:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(content)
        os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor
