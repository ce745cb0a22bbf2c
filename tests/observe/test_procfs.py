"""Files of /proc as literals, and files that vanish."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.observe import procfs

STAT = (
    b"542 (%s) S 541 542 541 0 -1 4194304 100 0 0 0 3 4 5 6 20 0 1 0 169888 5812224 450 "
    b"18446744073709551615 94000 94100 140 0 0 0 0 0 0 1 0 0 17 1 0 0 0 0 0 94200 94300 94400 "
    b"140736 140800 140800 140900 0\n"
)
STATUS = b"Name:\ttail\nState:\tS\nUid:\t1000\t1001\t1002\t1003\nGid:\t0\nNSpid:\t542\t12\t2\nVmPeak:\n"


@given(st.binary(max_size=15).map(lambda raw: raw.translate(None, b"\0")))
def test_a_stat_with_any_name(comm: bytes) -> None:
    stat = procfs.parse_stat(STAT.replace(b"%s", comm))
    assert stat == procfs.Stat(comm=comm, parent=541, ticks=18, start=169888, image=140736)


@pytest.mark.parametrize("cut", [b"", b"542 (tail", STAT[:60]])
def test_a_stat_cut_short(cut: bytes) -> None:
    assert procfs.parse_stat(cut) is None


def test_own_stat_and_status() -> None:
    stat = procfs.parse_stat(procfs.read("/proc/self/stat") or b"")
    status = procfs.parse_status(procfs.read("/proc/self/status", 8192) or b"")
    assert stat is not None
    assert status is not None
    assert stat.parent == os.getppid()
    assert (status.uid, status.nspid[0]) == (os.geteuid(), os.getpid())


def test_a_status() -> None:
    assert procfs.parse_status(STATUS) == procfs.Status(uid=1001, nspid=(542, 12, 2))
    assert procfs.parse_status(STATUS.partition(b"NSpid")[0]) is None
    assert procfs.parse_status(b"Name:\tx\\nUid:\t5\nNSpid:\t1\n") is None


def test_a_namespace() -> None:
    assert procfs.parse_namespace("uts:[4026531838]") == 4026531838
    assert procfs.parse_namespace("uts:") is None


def test_two_groups_never_have_one_name() -> None:
    names = [b"/\xff", b"/\\xff", b"/\\x5cxff", "/ü".encode(), b"/\xc3"]
    assert len({procfs.group_name(name) for name in names}) == len(names)


def test_what_has_gone_is_none(tmp_path: Path) -> None:
    assert procfs.read(str(tmp_path / "nothing")) is None
    assert procfs.link("/proc/0/ns/uts") is None


def test_a_process_that_dies_while_it_is_read() -> None:
    child = subprocess.Popen(["sleep", "9"])
    budget = procfs.Budget(1)
    file = procfs.HeldFile(f"/proc/{child.pid}/stat", budget)
    assert file.read()
    assert not budget.take()
    child.kill()
    child.wait()
    assert file.read() is None
    assert budget.take()


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc/passwd")
    with pytest.raises(OSError, match="symbolic links"):
        procfs.read(str(tmp_path / "link"))


def test_long_files_are_read_to_the_cap(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x" * 100_000)
    assert len(procfs.read(str(file)) or b"") == 4096
    assert len(procfs.read(str(file), 65_536) or b"") == 65_536
    assert len(procfs.read(str(file), 1 << 20) or b"") == 100_000
