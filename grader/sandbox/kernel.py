"""The kernel calls that Python's library does not have: mount namespaces, idmapped mounts, subreaping."""

from __future__ import annotations

import ctypes
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from grader.errors import SandboxError, UnavailableError

_CLONE_NEWNS = 0x00020000
_CLONE_NEWNET = 0x40000000
_MS_REC = 0x4000
_MS_SLAVE = 1 << 19
_MNT_DETACH = 2
_PR_SET_CHILD_SUBREAPER = 36
_AT_FDCWD = -100
_AT_EMPTY_PATH = 0x1000
_OPEN_TREE_CLONE = 1
_OPEN_TREE_CLOEXEC = 0o2000000
_MOVE_MOUNT_F_EMPTY_PATH = 4
_MOUNT_ATTR_RDONLY = 0x1
_MOUNT_ATTR_NOSUID = 0x2
_MOUNT_ATTR_NODEV = 0x4
_MOUNT_ATTR_IDMAP = 0x00100000
# The same on every architecture since they were added (Linux 5.2 and 5.12).
_SYS_OPEN_TREE = 428
_SYS_MOVE_MOUNT = 429
_SYS_MOUNT_SETATTR = 442

_UNIFIED = "/sys/fs/cgroup/unified"
_MACHINES_PIDS = 0xEFFFFFFC  # PROC_PID_INIT_INO in the kernel's proc_ns.h

_libc = ctypes.CDLL(None, use_errno=True)


class _MountAttr(ctypes.Structure):
    """``struct mount_attr`` of mount_setattr(2)."""

    _fields_ = (
        ("attr_set", ctypes.c_uint64),
        ("attr_clr", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("userns_fd", ctypes.c_uint64),
    )


def _call(name: str, result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), name)
    return result


class _Preparation:
    """Whether this process is ready to start sandboxes; a forked child has to become ready itself."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.pid = 0


_preparation = _Preparation()
_protection = threading.Lock()


def prepare_process() -> None:
    """Make this process fit to start sandboxes; call it before the first thread is started.

    Mounts move to a namespace of its own, so that what it mounts ends with it, however it ends. On a
    hybrid host the cgroup v2 tree without controllers is covered there, because crun refuses such hosts.
    Orphans are adopted (``PR_SET_CHILD_SUBREAPER``), which makes the first process of a sandbox a child
    of this one and its exit status ours to collect.

    Raises:
        UnavailableError: The rights for it are missing.
    """
    with _preparation.lock:
        if _preparation.pid == os.getpid():
            return
        if os.geteuid() != 0:
            raise UnavailableError(
                "sandboxes need root", "sudo, or a worker container as in docker-compose.yml"
            )
        try:
            _call("unshare", _libc.unshare(_CLONE_NEWNS))
            _call("mount /", _libc.mount(b"none", b"/", None, _MS_REC | _MS_SLAVE, None))
            if is_hybrid():
                _call("cover", _libc.mount(b"tmpfs", _UNIFIED.encode(), b"tmpfs", 0, b"size=1m,mode=755"))
            _call("prctl", _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
        except OSError as error:
            raise UnavailableError(
                f"no mount namespace of its own: {error}", "run as root with CAP_SYS_ADMIN"
            ) from error
        _preparation.pid = os.getpid()


def keeps_user_attributes() -> bool:
    """Return whether tmpfs keeps extended attributes in the ``user.`` namespace (Linux 6.6 and later).

    Overlayfs notes in an engine's data root what is deleted: without them, directories of a lower layer
    cannot be removed.
    """
    descriptor = os.memfd_create("attributes", os.MFD_CLOEXEC)
    try:
        os.setxattr(descriptor, "user.grader", b"1")
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def counts_pids_of_the_machine() -> bool:
    """Return whether process ids here are the machine's own, as those in the kernel log always are."""
    return os.stat("/proc/self/ns/pid").st_ino == _MACHINES_PIDS


def is_hybrid() -> bool:
    """Return whether cgroup v1 hierarchies stand beside a v2 tree (systemd calls this hybrid)."""
    return Path(_UNIFIED, "cgroup.procs").exists()


@contextmanager
def idmapped(
    source: Path, target: Path, first_id: int, ids: int, *, read_only: bool = True
) -> Iterator[None]:
    """Mount `source` at `target` with its owners 0… shown as `first_id`…, while the context lasts.

    Args:
        source: A directory on a file system that allows idmapped mounts (ext4 and xfs since Linux 5.12,
            overlay lowers on them since 5.19).
        target: An existing directory.
        first_id: Host id that the source's id 0 becomes.
        ids: How many ids are mapped.
        read_only: Whether the mount refuses writes.

    Raises:
        SandboxError: The kernel or the file system does not do it.
    """
    try:
        flags = _MOUNT_ATTR_IDMAP | (_MOUNT_ATTR_RDONLY if read_only else 0)
        with _user_namespace(first_id, ids) as namespace:
            _mount_again(source, target, _MountAttr(flags, 0, 0, namespace))
    except OSError as error:
        raise SandboxError(f"no idmapped mount of {source}: {error}") from error
    try:
        yield
    finally:
        unmount(target)


def unmount(target: Path) -> None:
    """Take the mount at `target` away from here; whoever else sees or uses it keeps it."""
    _libc.umount2(os.fsencode(target), _MNT_DETACH)


def protect(directory: str) -> None:
    """Make `directory` read-only for this process and for every sandbox that it starts; cheap to repeat.

    A sandbox with CAP_SYS_ADMIN in its user namespace may lift the read-only flag of mounts made inside
    it, but not of those that were there before: their flags are locked (mount_namespaces(7)).

    Raises:
        SandboxError: The kernel does not do it.
    """
    with _protection:
        try:
            protected = os.statvfs(directory).f_flag & os.ST_RDONLY
        except OSError as error:
            raise SandboxError(f"no root file system: {error}") from error
        if not protected:
            _mount_read_only(Path(directory), Path(directory))


@contextmanager
def read_only(source: Path, target: Path) -> Iterator[None]:
    """Mount `source` at `target` as `protect` does, while the context lasts.

    Raises:
        SandboxError: The kernel does not do it.
    """
    _mount_read_only(source, target)
    try:
        yield
    finally:
        unmount(target)


def _mount_read_only(source: Path, target: Path) -> None:
    flags = _MOUNT_ATTR_RDONLY | _MOUNT_ATTR_NOSUID | _MOUNT_ATTR_NODEV
    try:
        _mount_again(source, target, _MountAttr(flags, 0, 0, 0))
    except OSError as error:
        raise SandboxError(f"{source} cannot be made read-only: {error}") from error


def _mount_again(source: Path, target: Path, attributes: _MountAttr) -> None:
    tree = _call(
        "open_tree",
        _libc.syscall(_SYS_OPEN_TREE, _AT_FDCWD, os.fsencode(source), _OPEN_TREE_CLONE | _OPEN_TREE_CLOEXEC),
    )
    try:
        size = ctypes.sizeof(attributes)
        _call(
            "mount_setattr",
            _libc.syscall(_SYS_MOUNT_SETATTR, tree, b"", _AT_EMPTY_PATH, ctypes.byref(attributes), size),
        )
        _call(
            "move_mount",
            _libc.syscall(
                _SYS_MOVE_MOUNT, tree, b"", _AT_FDCWD, os.fsencode(target), _MOVE_MOUNT_F_EMPTY_PATH
            ),
        )
    finally:
        os.close(tree)


def enter_network(pidfd: int) -> None:
    """Move the calling thread, and no other, into the network namespace of a process (setns(2), Linux 5.8).

    Raises:
        SandboxError: The process has ended, or the kernel does not do it.
    """
    try:
        _call("setns", _libc.setns(pidfd, _CLONE_NEWNET))
    except OSError as error:
        raise SandboxError(f"the sandbox's network cannot be entered: {error}") from error


def bound_watchers(pid: int, instances: int) -> None:
    """Limit the inotify instances of the user namespace that `pid` is in; its own root cannot lift that.

    The kernel counts them also for the user who made the namespace, the host's root, who has 128
    (``fs.inotify.max_user_instances``); the limit of the namespace takes CAP_SYS_RESOURCE inside it to set.

    Raises:
        SandboxError: The kernel does not do it.
    """
    write = f"echo {instances} >/proc/sys/user/max_inotify_instances"
    command = ["nsenter", f"--user=/proc/{pid}/ns/user", "--", "sh", "-c", write]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)
    if done.returncode:
        raise SandboxError(f"watchers cannot be limited: {done.stderr.strip()}")


@contextmanager
def _user_namespace(first_id: int, ids: int) -> Iterator[int]:
    """Yield a descriptor of a user namespace that maps 0… to `first_id`…."""
    # `echo` says that the namespace exists; reading keeps it alive until we close the pipe.
    holder = subprocess.Popen(
        ["unshare", "--user", "--", "sh", "-c", "echo; read -r line"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    with holder:
        assert holder.stdout is not None  # noqa: S101  (Popen with PIPE)
        if not holder.stdout.readline():
            raise OSError("unshare --user failed")
        for kind in ("uid_map", "gid_map"):
            Path(f"/proc/{holder.pid}/{kind}").write_text(f"0 {first_id} {ids}")
        namespace = os.open(f"/proc/{holder.pid}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
        try:
            yield namespace
        finally:
            os.close(namespace)
