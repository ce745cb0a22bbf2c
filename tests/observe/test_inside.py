"""Looks into namespaces, also on machines that do not allow them."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from grader.errors import SandboxError
from grader.observe import inside, procfs

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="enters namespaces")


def own(kind: str) -> str:
    return os.readlink(f"/proc/self/ns/{kind}")


def own_pids() -> int:
    inode = procfs.parse_namespace(own("pid"))
    assert inode is not None
    return inode


def test_our_own_namespace() -> None:
    pids = inside.count_pids(own_pids(), [os.getpid()])
    assert pids is not None
    assert os.getpid() in pids
    assert pids == tuple(sorted(pids))


def test_our_own_host_name() -> None:
    assert inside.hostnames({own("uts"): [os.getpid()]}) == {
        str(procfs.parse_namespace(own("uts"))): os.uname().nodename
    }


def test_processes_that_have_gone_or_moved_on() -> None:
    child = subprocess.Popen(["true"])
    child.wait()
    assert inside.count_pids(own_pids(), [child.pid]) is None
    assert inside.count_pids(1, [os.getpid()]) is None
    assert inside.hostnames({own("uts"): [child.pid], "uts:[1]": [os.getpid()]}) == {}
    assert inside.hostnames({}) == {}


def test_a_machine_without_the_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inside, "_ENVIRONMENT", {"PATH": str(tmp_path)})
    with pytest.raises(SandboxError, match="cannot be started"):
        inside.count_pids(own_pids(), [os.getpid()])


def test_a_machine_on_which_they_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, "exit 1")
    monkeypatch.setattr(inside, "_ENVIRONMENT", {"PATH": str(tmp_path)})
    with pytest.raises(SandboxError, match="on this machine"):
        inside.count_pids(own_pids(), [os.getpid()])


def test_a_namespace_that_lets_nobody_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, 'case "$1" in *self*) printf "1\\n2\\n/proc/self/task:\\n2\\n";; *) exit 1;; esac')
    monkeypatch.setattr(inside, "_ENVIRONMENT", {"PATH": str(tmp_path)})
    assert inside.count_pids(own_pids(), [os.getpid()]) is None


def test_programs_that_do_not_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, f"/bin/sleep 30 & echo $! >{tmp_path}/child; wait")
    monkeypatch.setattr(inside, "_ENVIRONMENT", {"PATH": str(tmp_path)})
    monkeypatch.setattr(inside, "_DEADLINE_SECONDS", 0.3)
    with pytest.raises(SandboxError, match="did not end"):
        inside.count_pids(own_pids(), [os.getpid()])
    child = int((tmp_path / "child").read_text())
    deadline = time.monotonic() + 2
    while (status := procfs.read(f"/proc/{child}/status")) and b"State:\tZ" not in status:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def program(folder: Path, script: str) -> None:
    file = folder / "nsenter"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
