"""Reads the interfaces and listening ports of a sandbox's network namespaces through its processes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from grader.evidence import NetworkNamespace
from grader.observe import procfs

_LISTEN = b"0A"  # TCP_LISTEN, include/net/tcp_states.h
_DEVICE_BYTES = 1 << 16
_SOCKET_BYTES = 1 << 20  # listeners come first, whatever else there is
_MAX_NAMES = 200
_TRIED = 3


def parse_interfaces(content: bytes) -> tuple[str, ...]:
    """Read the names in ``/proc/PID/net/dev``: two lines of headings, then ``name: counters``.

    The kernel allows neither colons nor white space in a name (``dev_valid_name``).
    """
    lines = content.split(b"\n")[2:]
    names = (line.partition(b":")[0].strip() for line in lines if b":" in line)
    return tuple(procfs.text(name) for name in names)[:_MAX_NAMES]


def parse_listening(content: bytes) -> set[int]:
    """Read the ports of listeners in ``/proc/PID/net/tcp`` or ``tcp6`` (Documentation: proc_net_tcp.txt)."""
    ports = set()
    for line in content.split(b"\n")[1:]:
        fields = line.split()
        if len(fields) > 3 and fields[3] == _LISTEN:
            ports.add(int(fields[1].rpartition(b":")[2], 16))
    return ports


def read_namespaces(holders: Mapping[int, Sequence[int]]) -> tuple[NetworkNamespace, ...]:
    """Read network namespaces, in the order of their inodes.

    Args:
        holders: Ids of processes by the inode of the namespace that they are in. A namespace whose
            processes have gone is left out.
    """
    found = (_read_first(inode, pids) for inode, pids in sorted(holders.items()))
    return tuple(space for space in found if space is not None)


def _read_first(inode: int, pids: Sequence[int]) -> NetworkNamespace | None:
    return next(filter(None, (_read(inode, pid) for pid in pids[:_TRIED])), None)


def _read(inode: int, pid: int) -> NetworkNamespace | None:
    files = f"/proc/{pid}/net"
    devices = procfs.read(f"{files}/dev", _DEVICE_BYTES)
    ports: set[int] = set()
    for family in ("tcp", "tcp6"):
        ports |= parse_listening(procfs.read(f"{files}/{family}", _SOCKET_BYTES) or b"")
    # Asked last: had the process moved on meanwhile, all this would be another namespace's.
    if devices is None or procfs.link(f"/proc/{pid}/ns/net") != f"net:[{inode}]":
        return None
    return NetworkNamespace(inode, parse_interfaces(devices), tuple(sorted(ports)))
