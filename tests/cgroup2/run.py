#!/usr/bin/env python3
"""Run the project's tests on a machine that has cgroup v2 only.

    python3 tests/cgroup2/run.py [own options] [pytest's arguments]

What the grader observes rests on cgroups, and a machine has either version 1 (alone or as a
hybrid) or version 2. This script tests the project on version 2, whatever the machine at hand has:
it builds a small Debian system, starts it in qemu, runs pytest in there on a copy of the project,
and shows what pytest prints while it prints it. It exits with pytest's exit code, or with 3 when
the machine could not be built or gave no result; messages on stderr tell which.

The machine has four disks. Each is kept in $GRADER_STATE_DIR/vm (by default /var/lib/grader/vm) and
is built again when what went into it has changed:

    system  Debian with its kernel      the recipe: root_hook.sh, initramfs_init.sh, disks.py
    state   root file systems, images   everything else in $GRADER_STATE_DIR
    venv    the project's dependencies  pyproject.toml
    run     a copy of the project       every time: the files that git tracks or would track

The recipe does not change when Debian publishes an update: remove the folder to get it. The guest
sees the state at the same path as this machine. It has no network, and what it writes is not kept.

Needed: root, an amd64 machine with 8 GiB of memory, and Debian packages that the script names when
they are missing. Emulated, everything takes ten times as long as usual or more: tests in there
should wait for conditions, and be generous with deadlines.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import platform
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType

from disks import HERE, PYTHON, Cache, HarnessError
from machine import Machine, kvm_works, run_guest

INFRASTRUCTURE, INTERRUPTED = 3, 130
HOSTNAME = "cgroup2"
PACKAGES = {  # what must be there, and the Debian package that brings it
    "qemu-system-x86_64": "qemu-system-x86",
    "mmdebstrap": "mmdebstrap",
    "mke2fs": "e2fsprogs",
    "cpio": "cpio",
    "unshare": "util-linux",
    "git": "git",
    str(PYTHON): "python3.11",
    "/usr/lib/python3.11/ensurepip": "python3-venv",
}


def missing_packages() -> list[str]:
    """Name the Debian packages that this machine lacks."""
    absent = (name for name in PACKAGES if not (shutil.which(name) or Path(name).is_dir()))
    return sorted({PACKAGES[name] for name in absent})


def install(packages: Iterable[str]) -> None:
    """Install Debian packages; what apt prints goes to stderr.

    Raises HarnessError when apt fails.
    """
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update", "-q"], ["install", "-qy", "--no-install-recommends", *packages]):
        if subprocess.run(["apt-get", *command], env=environment, stdout=sys.stderr).returncode:
            raise HarnessError(f"apt-get {' '.join(command)} failed")


def choose_accelerator(wanted: str) -> str:
    """Return qemu's name of the accelerator to use.

    Raises HarnessError when kvm is wanted and does not work.
    """
    if wanted != "tcg" and kvm_works():
        return "kvm"
    if wanted == "kvm":
        raise HarnessError("qemu cannot use KVM on this machine")
    return "tcg,thread=multi"


def choose_memory() -> int:
    """Return the guest's memory in MiB: more where this machine has plenty."""
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return 6144 if total > 12 << 30 else 4096


def write_settings(cache: Cache, venv: Path, pytest_arguments: list[str]) -> None:
    """Put the guest's first program, and what it must know, beside the copied project."""
    color = ["--color=yes"] if sys.stdout.isatty() else []
    pytest = shlex.join(["python", "-m", "pytest", *color, *pytest_arguments])
    settings = {
        "hostname": HOSTNAME,
        "state_dir": str(cache.state_dir),
        "run_dir": str(cache.run_dir),
        "venv_dir": str(venv),
    }
    lines = [f"{name}={shlex.quote(value)}" for name, value in settings.items()]
    lines.append(f"export COLUMNS={shutil.get_terminal_size().columns} PYTHONUNBUFFERED=1")
    lines.append(f'run_pytest() {{ {pytest} --junit-xml="$1"; }}')
    (cache.run_dir / "settings.sh").write_text("\n".join(lines) + "\n")
    shutil.copy2(HERE / "guest_init.sh", cache.run_dir)


def prepare(
    cache: Cache, run_disk: Path, project: Path, pytest_arguments: list[str]
) -> tuple[Path, list[Path]]:
    """Build what is not cached, write this run's disk, and return the system and all disks."""
    with (cache.folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two runs share the copied project
        cache.copy_project(project)
        with ThreadPoolExecutor(max_workers=1) as pool:
            building = pool.submit(cache.system)
            state = cache.state()
            venv, venv_disk = cache.venv(project)
            system = building.result()
        write_settings(cache, venv, pytest_arguments)
        cache.pack_run(run_disk)
    return system, [system / "disk", state, venv_disk, run_disk]


def run(options: argparse.Namespace, pytest_arguments: list[str]) -> int:
    """Prepare the machine, run pytest in it, and return the exit code.

    Raises HarnessError when the machine cannot be prepared or gives no result.
    """
    if os.geteuid() or platform.machine() != "x86_64":
        raise HarnessError("this needs root on an amd64 machine")
    if missing := missing_packages():
        if not options.install:
            raise HarnessError(f"missing here: apt-get install {' '.join(missing)}   (or use --install)")
        install(missing)
    accelerator = choose_accelerator(options.accel)
    started = time.monotonic()
    cache = Cache(Path(os.environ.get("GRADER_STATE_DIR", "/var/lib/grader")).resolve())
    with tempfile.TemporaryDirectory(prefix="cgroup2-") as folder:
        disk = Path(folder, "disk")
        system, disks = prepare(cache, disk, options.project.resolve(), pytest_arguments)
        memory = options.memory or choose_memory()
        machine = Machine(system / "vmlinuz", system / "initramfs", disks, accelerator, memory)
        log(f"disks ready in {time.monotonic() - started:.1f} s, starting {accelerator}")
        booting = time.monotonic()
        result = run_guest(machine, options.deadline)
    ran = time.monotonic() - booting
    log(f"first output after {result.boot_seconds:.1f} s, power off after {ran:.1f} s")
    if options.junit_xml and result.junit_xml is not None:
        options.junit_xml.write_bytes(result.junit_xml)
    return result.exit_code


def log(message: str) -> None:
    """Print one line about the harness itself on stderr."""
    sys.stderr.write(f"cgroup2: {message}\n")


def interrupt(signum: int, frame: FrameType | None) -> None:
    """Turn a request to end into the same exception that Ctrl+C raises."""
    raise KeyboardInterrupt


def main(arguments: list[str] | None = None) -> int:
    """Read the command line and run; return the exit code."""
    parser = argparse.ArgumentParser(
        description="Run the project's tests on a machine that has cgroup v2 only.",
        epilog="All other arguments are pytest's.",
        allow_abbrev=False,
    )
    option = parser.add_argument
    option("--install", action="store_true", help="install missing Debian packages")
    option("--accel", choices=("auto", "tcg", "kvm"), default="tcg", help="default: tcg")
    option("--memory", type=int, metavar="MIB", help="default: 6144; 4096 where memory is short")
    option("--deadline", type=float, default=1200, metavar="SECONDS", help="default: 1200")
    option("--junit-xml", type=Path, metavar="FILE", help="where to write pytest's JUnit XML")
    option("--project", type=Path, default=HERE.parent.parent, help="default: this checkout")
    options, pytest_arguments = parser.parse_known_args(arguments)
    signal.signal(signal.SIGTERM, interrupt)
    try:
        return run(options, pytest_arguments)
    except (HarnessError, OSError) as error:
        log(str(error))
        return INFRASTRUCTURE
    except KeyboardInterrupt:
        log("interrupted")
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
