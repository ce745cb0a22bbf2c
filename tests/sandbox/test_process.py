"""What runs around a sandbox: preparing the process, starting runtimes, their failures and their traces."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.errors import SandboxError, UnavailableError
from grader.model import Limits, Profile
from grader.sandbox import engine as engines
from grader.sandbox import kernel, runtime
from grader.sandbox.engine import Engine
from grader.sandbox.reaper import reap
from grader.sandbox.sandbox import Host, Sandbox
from grader.settings import Settings

pytestmark = pytest.mark.sandbox
CRASH = Path(__file__).with_name("crash.py")
SHELLS = [Profile.PLAIN, Profile.NAMESPACES, Profile.CGROUPS]
Run = Callable[..., object]


def _null() -> tuple[int, int, int, int]:
    status = os.stat("/dev/null")
    return status.st_uid, status.st_gid, status.st_mode, status.st_rdev


@pytest.mark.parametrize("profile", SHELLS)
def test_the_null_device_stays_the_hosts(run_in: Run, profile: Profile) -> None:
    """The runtime gives the standard streams to the sandbox's user: none of them is a device."""
    before = _null()
    result = run_in(
        profile, "readlink /proc/self/fd/0; chmod 600 /dev/null; chown 0 /dev/null; rm -f /dev/null"
    )
    assert result.lines == ["/memfd:stdin (deleted)"]
    assert _null() == before


@pytest.mark.engine
def test_the_null_device_stays_the_hosts_beside_engines(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither starting one nor running something in it changes the device's owner."""
    before = _null()
    monkeypatch.setattr(engines, "_READY_SECONDS", 20.0)
    with Engine(host, Limits(memory_bytes=400 << 20, pids=300, disk_bytes=100 << 20)) as engine:
        engine.start()
        command = "chmod 600 /dev/null; chown 1 /dev/null; docker run --rm debian:trixie chmod 600 /dev/null"
        engine.execute(("/bin/bash", "-c", command), wall_seconds=10, output_bytes=1000)
    assert _null() == before


def test_preparing_again_changes_nothing() -> None:
    """The mount namespace is made once for a process."""
    kernel.prepare_process()
    namespace = os.readlink("/proc/self/ns/mnt")
    kernel.prepare_process()
    assert os.readlink("/proc/self/ns/mnt") == namespace


def test_mounts_of_this_process_are_its_own(base: str) -> None:
    """What it mounts for sandboxes is not seen by the machine."""
    kernel.protect(base)
    assert f" {base} " in Path("/proc/self/mountinfo").read_text()
    assert f" {base} " not in Path("/proc/1/mountinfo").read_text()
    with pytest.raises(OSError, match="Read-only"):
        Path(base, "x").touch()


def test_an_unusable_directory_is_not_protected(tmp_path: Path) -> None:
    """The kernel's reason is told."""
    with pytest.raises((SandboxError, OSError)):
        kernel.protect(str(tmp_path / "nothing"))


def test_without_root_nothing_is_prepared() -> None:
    """The error says what is missing and what to type."""
    code = (
        "from grader.sandbox import kernel\nfrom grader.errors import UnavailableError\n"
        "try: kernel.prepare_process()\nexcept UnavailableError as error: print(error)"
    )
    done = subprocess.run(
        ["setpriv", "--reuid", "65534", "--clear-groups", sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
    )
    if "Permission denied" in done.stderr or "No module" in done.stderr:
        pytest.skip("nobody cannot read this Python installation")
    assert "sandboxes need root; mend it by: sudo" in done.stdout, done


def test_a_missing_runtime_is_unavailable(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its name, with what to type."""
    monkeypatch.setenv("PATH", "/nowhere")
    runtime.find.cache_clear()
    try:
        for name, wanted in (("", "crun or runc"), ("runc", "runc")):
            with pytest.raises(UnavailableError, match=f"{wanted} is not installed") as caught:
                runtime.find(name)
            assert caught.value.mend.startswith("apt-get install")
    finally:
        runtime.find.cache_clear()


def test_a_broken_runtime_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next one that says its version is taken."""
    for name, text in (("crun", "exit 1"), ("runc", "echo runc version 9.9")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    runtime.find.cache_clear()
    try:
        assert runtime.find() == runtime.Runtime("runc", str(tmp_path / "runc"), "9.9")
    finally:
        runtime.find.cache_clear()


@pytest.mark.parametrize("profile", SHELLS)
def test_an_unusable_root_file_system_is_our_fault(host: Host, tmp_path: Path, profile: Profile) -> None:
    """The runtime's own message is in the error, and nothing is left."""
    log = os.memfd_create("log", os.MFD_CLOEXEC)
    (tmp_path / "root").mkdir()
    try:
        with (
            pytest.raises(SandboxError, match=host.runtime.name) as caught,
            Sandbox(host, profile, Limits()) as one,
        ):
            one.launch(str(tmp_path / "root"), ("/bin/true",), stdout=log, stderr=log)
        assert "left no" not in str(caught.value)
        with pytest.raises((SandboxError, OSError)), Sandbox(host, profile, Limits()) as one:
            one.launch(str(tmp_path / "nothing"), ("/bin/true",), stdout=log, stderr=log)
    finally:
        os.close(log)


@pytest.mark.parametrize("profile", SHELLS)
def test_a_missing_program_is_our_fault(host: Host, base: str, profile: Profile) -> None:
    """What the sandbox was to run is the grader's choice; a half-made sandbox is buried."""
    log = os.memfd_create("log", os.MFD_CLOEXEC)
    try:
        with Sandbox(host, profile, Limits()) as sandbox, pytest.raises(SandboxError):
            sandbox.launch(base, ("/nowhere/program",), stdout=log, stderr=log)
    finally:
        os.close(log)


def test_a_sandbox_that_was_never_launched_leaves_nothing(any_host: Host) -> None:
    """Making and disposing, twice."""
    sandbox = Sandbox(any_host, Profile.PLAIN, Limits())
    assert sandbox.end() is None
    assert not sandbox.alive()
    sandbox.dispose()
    sandbox.dispose()


def _interrupted(host: Host, base: str, log: int) -> None:
    with Sandbox(host, Profile.PLAIN, Limits()) as sandbox:
        sandbox.launch(base, ("/bin/sleep", "99"), stdout=log, stderr=log)
        raise KeyboardInterrupt


def test_an_exception_leaves_nothing(any_host: Host, base: str) -> None:
    """Whatever is raised while it runs."""
    log = os.memfd_create("log", os.MFD_CLOEXEC)
    try:
        with pytest.raises(KeyboardInterrupt):
            _interrupted(any_host, base, log)
    finally:
        os.close(log)


def _dead() -> set[str]:
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return {pid for pid in children if ") Z " in Path(f"/proc/{pid}/stat").read_text()}


def test_many_sandboxes_leave_no_dead_processes(run_in: Run) -> None:
    """Every process that this one adopted is collected."""
    before = _dead()
    for _ in range(20):
        run_in(Profile.PLAIN, "true")
    time.sleep(0.05)
    run_in(Profile.PLAIN, "true")
    assert len(_dead() - before) <= 1


def test_many_open_files_do_not_disturb(run_in: Run) -> None:
    """Descriptors above 1023 work like any others."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 2_000:
        pytest.skip("not allowed here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2_000), hard))
    taken = [os.open("/", os.O_RDONLY | os.O_CLOEXEC) for _ in range(1_200)]
    try:
        assert run_in(Profile.CGROUPS, "echo $(ls /proc/self/fd | wc -l)").lines == ["4"]
    finally:
        for descriptor in taken:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_no_descriptor_of_the_grader_is_inherited(run_in: Run, tmp_path: Path) -> None:
    """Not even one that was opened to be."""
    secret = tmp_path / "secret"
    secret.write_text("hidden-from-answers")
    with secret.open() as file:
        os.set_inheritable(file.fileno(), False)
        result = run_in(Profile.PLAIN, "cat <&$1; ls -l /proc/self/fd", str(file.fileno()))
    assert "hidden" not in result.stdout
    assert str(tmp_path) not in result.stdout


def test_interrupting_the_terminal_reaches_no_sandbox(
    host: Host,
    settings: Settings,
    inhabitants: Callable[[int], list[int]],
    buried: Callable[[int], bool],
) -> None:
    """Ctrl+C goes to the foreground group; the grader decides what becomes of its sandboxes."""
    command = [sys.executable, str(CRASH), str(settings.run_dir), host.runtime.name, "plain", "60"]
    catching = (
        "import os, runpy, signal, sys; signal.signal(signal.SIGINT, lambda *_: os.write(2, b'caught\\n'));"
        " sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    with subprocess.Popen(
        [command[0], "-c", catching, *command[1:]],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as grader:
        assert grader.stdout is not None
        assert grader.stderr is not None
        name, first, _ = grader.stdout.readline().split()
        os.killpg(grader.pid, signal.SIGINT)
        assert grader.stderr.readline() == "caught\n"
        time.sleep(0.1)
        groups = {os.getpgid(pid) for pid in inhabitants(int(first))}
        assert groups
        assert grader.pid not in groups
        grader.kill()
    assert name in reap(settings).removed
    assert buried(int(first))
