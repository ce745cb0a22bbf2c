"""Reads small files of /proc and /sys/fs/cgroup that may vanish at any moment and hold hostile text."""

from __future__ import annotations

import errno
import os
import re
from dataclasses import dataclass

PAGE = 4096

# What the kernel answers about a process or group that has gone: ENODEV from an open file of a removed
# group, ESRCH from an open file of a dead process.
_GONE = frozenset({errno.ENOENT, errno.ESRCH, errno.ENODEV})
# A group that is `threaded` (v2) has no list of processes of its own; names nest beyond PATH_MAX.
_UNREADABLE = frozenset({errno.EOPNOTSUPP, errno.ENAMETOOLONG})
_PROCESS = re.compile(r"/proc/\d+(?=/)")


def read(path: str, cap: int = PAGE) -> bytes | None:
    """Return at most `cap` bytes of the file at `path`, or ``None`` where there is nothing to read any more.

    Raises:
        OSError: Something else than that it has gone.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError as error:
        tolerate(error)
        return None
    try:
        content = os.read(descriptor, cap)
        if len(content) < PAGE // 2:
            return content  # the kernel fills a page before it stops short of the end
        chunk = content
        chunks = [content]
        left = cap - len(content)
        while chunk and left > 0:
            chunk = os.read(descriptor, left)
            chunks.append(chunk)
            left -= len(chunk)
        return b"".join(chunks)
    except OSError as error:
        tolerate(error)
        return None
    finally:
        os.close(descriptor)


def link(path: str) -> str | None:
    """Return what the link at `path` says, or ``None`` where it has gone."""
    try:
        return os.readlink(path)
    except OSError as error:
        tolerate(error)
        return None


def tolerate(error: OSError) -> None:
    """Raise `error` again unless it says that a process or group has gone or never could be read."""
    if error.errno in _GONE or error.errno in _UNREADABLE:
        return
    # The links of a process that has just gone answer EACCES (fs/proc/namespaces.c, proc_ns_readlink).
    process = _PROCESS.match(str(error.filename))
    if error.errno != errno.EACCES or process is None or os.path.exists(process[0]):
        raise error


class HeldFile:
    """A file that is read again and again, through a descriptor kept open: a tenth of the price.

    Only for files whose content the kernel makes afresh for every read from their beginning.

    Attributes:
        replaced: How often another file has come to stand at the path.
    """

    __slots__ = ("_budget", "_descriptor", "_path", "replaced")

    def __init__(self, path: str, budget: Budget) -> None:
        self._path = path
        self._budget = budget
        self._descriptor = -1
        self.replaced = 0

    def read(self) -> bytes | None:
        """Return the content (up to a page), or ``None`` where there is no such file."""
        if self._descriptor >= 0:
            try:
                return os.pread(self._descriptor, PAGE, 0)
            except OSError as error:
                tolerate(error)
            self.close()
            self.replaced += 1
        if not self._budget.take():
            return read(self._path)
        try:
            self._descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            return os.pread(self._descriptor, PAGE, 0)
        except OSError as error:
            tolerate(error)
            if self._descriptor < 0:
                self._budget.give()
            self.close()
            return None

    def close(self) -> None:
        """Let go of the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
            self._budget.give()


class Budget:
    """How many descriptors an observer may hold open: a participant must not use up the grader's."""

    __slots__ = ("_left",)

    def __init__(self, descriptors: int) -> None:
        self._left = descriptors

    def take(self) -> bool:
        """Reserve one, if one is left."""
        if self._left <= 0:
            return False
        self._left -= 1
        return True

    def give(self) -> None:
        """Return one."""
        self._left += 1


def text(raw: bytes) -> str:
    """Return hostile bytes as text that JSON can carry: what is not UTF-8 is spelt out."""
    return raw.decode("utf-8", "backslashreplace")


def group_name(raw: bytes) -> str:
    r"""Return the path of a control group as text, no two paths as the same.

    A backslash becomes ``\x5c``, as it does in the kernel log, so that nobody can name a group like the
    escaped name of another.
    """
    return raw.replace(b"\\", b"\\x5c").decode("utf-8", "backslashreplace")


@dataclass(frozen=True, slots=True)
class Stat:
    """The fields of ``/proc/PID/stat`` (proc_pid_stat(5)) that observers use.

    Attributes:
        ticks: Processor time of the process and its reaped children, in clock ticks.
        start: When it began, in clock ticks since boot: tells two users of one pid apart.
        image: Address of its command line, which every exec moves.
    """

    comm: bytes
    parent: int
    ticks: int
    start: int
    image: int


def parse_stat(content: bytes) -> Stat | None:
    """Read ``/proc/PID/stat``; ``None`` where it is cut short.

    The name in the second field may hold spaces, parentheses and line breaks.
    """
    head, closed, tail = content.rpartition(b")")
    comm = head.partition(b"(")[2]
    fields = tail.split()
    if not closed or len(fields) < 46:
        return None
    return Stat(
        comm=comm,
        parent=int(fields[1]),
        ticks=sum(map(int, fields[11:15])),
        start=int(fields[19]),
        image=int(fields[45]),
    )


@dataclass(frozen=True, slots=True)
class Status:
    """The lines of ``/proc/PID/status`` (proc_pid_status(5)) that observers use.

    Attributes:
        uid: Effective, by the host's count.
        nspid: Its id at each level of PID namespace, from the reader's inwards.
    """

    uid: int
    nspid: tuple[int, ...]


def parse_status(content: bytes) -> Status | None:
    """Read ``/proc/PID/status``; ``None`` where it is cut short.

    The kernel escapes line breaks in the name, so that no other line can be forged through it.
    """
    uid: int | None = None
    for line in content.split(b"\n"):
        if line.startswith(b"Uid:"):
            uid = int(line.split()[2])
        elif line.startswith(b"NSpid:"):
            nspid = tuple(map(int, line.split()[1:]))
            return Status(uid, nspid) if uid is not None and nspid else None
    return None


def parse_namespace(link_text: str) -> int | None:
    """Return the inode in a link of ``/proc/PID/ns``, such as ``uts:[4026531838]``."""
    number = link_text.partition(":[")[2].rstrip("]")
    return int(number) if number.isdigit() else None
