"""Network namespaces: files of /proc as literals, and those of real sandboxes."""

from __future__ import annotations

import os

import pytest

from grader.model import Profile
from grader.observe import procfs
from grader.observe.network import parse_interfaces, parse_listening, read_namespaces
from tests.observe.conftest import Start

DEVICES = b"""Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls
    lo:       0       0    0    0    0     0          0         0        0       0    0    0    0     0
  eth0: 1000000    1000    0    0    0     0          0         0  1000000    1000    0    0    0     0
"""
SOCKETS = b"""  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 17 1 0 100 0 0 10 0
   1: 0100007F:0016 0100007F:8000 01 00000000:00000000 00:00000000 00000000     0        0 18 1 0 100 0 0 10 0
   2: 00000000:0050 00000000:0000 0A 00000000:0000"""


def test_interfaces() -> None:
    assert parse_interfaces(DEVICES) == ("lo", "eth0")
    assert parse_interfaces(b"") == ()


def test_listeners() -> None:
    assert parse_listening(SOCKETS) == {8080, 80}
    assert parse_listening(b"") == set()


@pytest.mark.sandbox
def test_a_sandbox_listens_on_its_own_loopback(start: Start) -> None:
    script = r"""
    perl -MSocket -e '
        socket(S, AF_INET, SOCK_STREAM, 0); bind(S, sockaddr_in(4321, INADDR_ANY)) or die; listen(S, 1);
        print "ready\n"; $| = 1; print "\n"; sleep 300'
    """
    running = start(Profile.PLAIN, script)
    running.wait_for("ready")
    pid = running.target.init_pid
    inode = procfs.parse_namespace(os.readlink(f"/proc/{pid}/ns/net"))
    assert inode is not None
    (space,) = read_namespaces({inode: [pid]})
    assert space.inode == inode
    assert "lo" in space.interfaces
    assert "eth0" not in space.interfaces
    assert space.listening == (4321,)


@pytest.mark.sandbox
def test_a_process_that_has_moved_on_says_nothing(start: Start) -> None:
    running = start(Profile.PLAIN, "sleep 300; true")
    assert read_namespaces({1: [running.target.init_pid]}) == ()
    assert read_namespaces({1: []}) == ()
