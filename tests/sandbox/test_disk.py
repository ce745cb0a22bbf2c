"""Engines whose data root lies on the host's disk, as they need it where tmpfs keeps no user.* attributes."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from grader.errors import SandboxError, UnavailableError
from grader.model import MIB
from grader.observe import builds
from grader.sandbox import disk, kernel
from grader.sandbox.engine import Engine
from grader.sandbox.sandbox import Host
from tests.sandbox.conftest import ENGINE_LIMITS, Ran, run_shell

pytestmark = pytest.mark.sandbox

needs_loop = pytest.mark.skipif(disk.unavailable() is not None, reason="no loop devices here")
OWNER = 1_879_048_192


def loops() -> set[str]:
    listed = subprocess.run(["losetup", "--list", "--noheadings"], capture_output=True, text=True, check=True)
    return {line for line in listed.stdout.splitlines() if "/disk-" in line}


@pytest.fixture
def target(host: Host, tmp_path: Path) -> Path:
    """A place for a mount, in this process's own mount namespace."""
    assert host
    target = tmp_path / "target"
    target.mkdir()
    return target


@needs_loop
class TestMounted:
    def test_it_has_a_size_and_an_owner(self, target: Path, tmp_path: Path) -> None:
        """And what was written ends with it."""
        before = loops()
        with disk.mounted(tmp_path, target, 32 * MIB, OWNER):
            assert target.stat().st_uid == OWNER
            space = os.statvfs(target)
            assert 28 * MIB < space.f_bavail * space.f_bsize <= 35 * MIB
            assert space.f_files > 8_000
            with pytest.raises(OSError, match="No space left"):
                (target / "big").write_bytes(bytes(36 * MIB))
        assert list(target.iterdir()) == []
        assert loops() == before
        assert list(tmp_path.iterdir()) == [target]

    def test_it_keeps_user_attributes(self, target: Path, tmp_path: Path) -> None:
        """For which it is there."""
        with disk.mounted(tmp_path, target, 16 * MIB, OWNER):
            os.setxattr(target, "user.overlay.opaque", b"y")
            assert os.getxattr(target, "user.overlay.opaque") == b"y"

    def test_no_device_of_it_can_be_opened(self, target: Path, tmp_path: Path) -> None:
        """Whoever might have made one."""
        with disk.mounted(tmp_path, target, 16 * MIB, OWNER):
            os.mknod(target / "null", 0o020666, os.makedev(1, 3))
            with pytest.raises(PermissionError):
                (target / "null").read_bytes()

    def test_what_cannot_be_made_is_said(self, target: Path, tmp_path: Path) -> None:
        """And leaves nothing."""
        before = loops()
        with pytest.raises(SandboxError, match="ended with"), disk.mounted(tmp_path, target, 1_000, OWNER):
            pass
        assert (loops(), list(tmp_path.iterdir())) == (before, [target])


def test_a_machine_without_loop_devices_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With what mends it."""
    monkeypatch.setattr(disk, "_CONTROL", tmp_path / "absent")
    with pytest.raises(UnavailableError, match="absent"), disk.mounted(tmp_path, tmp_path, MIB, OWNER):
        pass
    monkeypatch.setenv("PATH", str(tmp_path))
    found = disk.unavailable()
    assert found is not None
    assert "e2fsprogs" in found.mend


@pytest.fixture
def on_disk(any_host: Host, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """An engine as it is started on an older kernel."""
    monkeypatch.setattr(kernel, "keeps_user_attributes", lambda: False)
    with Engine(any_host, ENGINE_LIMITS) as engine:
        engine.start()
        yield engine


@needs_loop
@pytest.mark.engine
def test_an_engine_on_disk(on_disk: Engine, buried: Callable[[int], bool]) -> None:
    """It builds and runs, removes directories of lower layers, fills no more than its disk, and is gone."""

    def shell(script: str) -> Ran:
        return run_shell(on_disk, script)

    assert shell("findmnt -no FSTYPE /var/lib/docker || stat -f -c %T /var/lib/docker").stdout.startswith(
        "ext"
    )
    text = (
        "FROM debian:trixie\nRUN mkdir /d && echo x >/d/f\n"
        "RUN rm -r /d /usr/share/bash-completion && ls / /usr/share\n"
    )
    built = builds.build(
        on_disk, {"Dockerfile": text.encode()}, "Dockerfile", frozenset({"debian:trixie"}), "answer", 60
    )
    assert built.ok, built
    assert "bash-completion" not in built.output.replace("share/bash-completion", "")
    run = shell("docker run --rm --network none answer sh -c 'rm -r /etc/skel && test ! -e /d && id -u'")
    assert (run.stdout, run.code) == ("0\n", 0), run
    full = shell("docker run --rm --network none debian:trixie dd if=/dev/zero of=/big bs=1M count=3000")
    assert "No space left" in full.stderr, full
    assert on_disk.get("/version")
    first = on_disk.sandbox.first_id
    on_disk.dispose()
    assert buried(first)
