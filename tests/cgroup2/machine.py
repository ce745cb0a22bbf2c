"""Run the cgroup v2 guest in qemu, show its output meanwhile, and read its results."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from disks import HarnessError

PROCESSORS = {"kvm": ("-cpu", "host"), "tcg,thread=multi": ("-cpu", "max")}
# On a busy host the kernel comes to distrust the time stamp counter; other clocks are far slower.
KERNEL_ARGUMENTS = "console=ttyS0 quiet panic=1 mitigations=off tsc=reliable"


@dataclass(frozen=True)
class Machine:
    """What a guest is started with: files, qemu's accelerator, memory in MiB."""

    kernel: Path
    initramfs: Path
    disks: Sequence[Path]
    accelerator: str
    memory: int

    def command(self, console: Path, result: Path) -> list[str]:
        """Return qemu's call; the kernel writes to `console`, pytest to stdout."""
        drive = "if=virtio,format=raw,snapshot=on,cache=unsafe,file="
        return [
            *("setpriv", "--pdeathsig", "KILL"),  # qemu ends with this process, even if killed
            *("qemu-system-x86_64", "-nodefaults", "-no-user-config"),
            *("-accel", self.accelerator, *PROCESSORS[self.accelerator]),
            *("-smp", "2", "-m", str(self.memory), "-display", "none", "-no-reboot"),
            *("-kernel", str(self.kernel), "-initrd", str(self.initramfs)),
            *("-append", KERNEL_ARGUMENTS),
            *(part for disk in self.disks for part in ("-drive", drive + _escape(disk))),
            *("-serial", f"file:{_escape(console)}", "-device", "virtio-serial"),
            *("-chardev", "file,id=output,path=/dev/stdout"),
            *("-device", "virtserialport,chardev=output,name=output"),
            *("-chardev", f"file,id=result,path={_escape(result)}"),
            *("-device", "virtserialport,chardev=result,name=result"),
        ]


@dataclass(frozen=True)
class Result:
    """What came back: pytest's exit code, its JUnit XML if any, seconds to the first output."""

    exit_code: int
    junit_xml: bytes | None
    boot_seconds: float


def kvm_works() -> bool:
    """Tell whether qemu can start a machine with KVM: /dev/kvm may be there and not suffice."""
    machine = ("-nodefaults", "-no-user-config", "-display", "none", "-S", "-monitor", "stdio")
    probe = ("qemu-system-x86_64", "-accel", "kvm", *PROCESSORS["kvm"], *machine)
    try:
        done = subprocess.run(probe, input=b"quit\n", capture_output=True, timeout=20)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def run_guest(machine: Machine, deadline: float) -> Result:
    """Run a guest until it powers off, and copy what pytest prints to stdout meanwhile.

    Raises HarnessError when it ends without a result or still runs after `deadline` seconds.
    """
    with tempfile.TemporaryDirectory(prefix="cgroup2-") as folder:
        console, result, errors = (Path(folder, name) for name in ("console", "result", "errors"))
        try:
            boot_seconds = _copy_output(machine.command(console, result), errors, deadline)
            return _read_result(result, boot_seconds)
        except TimeoutError as error:
            why = f"was not done after {deadline:.0f} s"
            raise HarnessError(f"the guest {why}{_last_messages(errors, console)}") from error
        except (OSError, tarfile.TarError, KeyError, ValueError) as error:
            why = "ended without a result"
            raise HarnessError(f"the guest {why}{_last_messages(errors, console)}") from error


def _copy_output(command: list[str], errors: Path, deadline: float) -> float:
    """Run qemu, copy its output to stdout, and return the seconds to the first of it.

    However this ends, qemu has ended then. Raises TimeoutError after `deadline` seconds.
    """
    start = time.monotonic()
    first = 0.0
    with (
        errors.open("wb") as stderr,
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            start_new_session=True,  # Ctrl+C is for this process, which then ends qemu
        ) as qemu,
    ):
        try:
            assert qemu.stdout is not None
            while chunk := _read_chunk(qemu.stdout, start + deadline):
                first = first or time.monotonic()
                sys.stdout.buffer.write(chunk)
                sys.stdout.buffer.flush()
        finally:
            qemu.kill()
    return first - start


def _read_chunk(stream: IO[bytes], until: float) -> bytes:
    """Read what is there, or nothing at the end; raises TimeoutError at the time `until`."""
    if not select.select([stream], [], [], max(0.0, until - time.monotonic()))[0]:
        raise TimeoutError
    return os.read(stream.fileno(), 65536)


def _read_result(result: Path, boot_seconds: float) -> Result:
    """Read the tar stream that guest_init.sh sends as its last act."""
    with tarfile.open(result) as tar:
        files = {Path(member.name).name: tar.extractfile(member) for member in tar if member.isfile()}
        exit_code = int(_content(files["exit-code"]))
        junit_xml = _content(files["junit.xml"]) if "junit.xml" in files else None
    return Result(exit_code, junit_xml, boot_seconds)


def _content(file: IO[bytes] | None) -> bytes:
    return file.read() if file else b""


def _last_messages(*logs: Path) -> str:
    """Return the ends of qemu's error output and of the guest's kernel messages, for an error."""
    texts = (path.read_text(errors="replace") for path in logs if path.exists())
    return "".join(f"\n{line}" for text in texts for line in text.splitlines()[-50:])


def _escape(path: Path) -> str:
    """Write a path as qemu's option syntax wants it."""
    return str(path).replace(",", ",,")
