"""The other yardstick: the runtime alone, with exactly the bundle that the grader makes for an answer."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from bench.workshop import SCRIPT
from grader.errors import SandboxError
from grader.model import Limits, Profile
from grader.sandbox import cgroup, images, processes
from grader.sandbox.bundle import Bundle
from grader.sandbox.sandbox import Host

_FIRST_ID = 3_000_000_000  # a range that the grader never claims
_PARENT = "bench-runtime"


@dataclass(frozen=True, slots=True)
class Ready:
    """A bundle on disk that has only to be run."""

    folder: Path
    name: str


class BareRuntime:
    """Runs bundles by the runtime in the foreground, with nothing before, beside or after it."""

    def __init__(self, host: Host, folder: Path) -> None:
        self._host = host
        self._folder = folder
        self._rootfs = str(images.rootfs(host.settings, "base"))
        self._answer = folder / "answer"
        self._answer.mkdir(parents=True)
        (self._answer / "answer.sh").write_text(SCRIPT)
        self._output = os.memfd_create("output", os.MFD_CLOEXEC)

    def prepare(self, count: int) -> list[Ready]:
        """Write bundles, each with a control group of its own, while none is running."""
        cgroup.remove(self._host.hierarchy, _PARENT)  # what the runtime left of those before
        return [self._prepare() for _ in range(count)]

    def _prepare(self) -> Ready:
        name = secrets.token_hex(8)
        folder = self._folder / name
        folder.mkdir()
        bundle = Bundle(
            profile=Profile.PLAIN,
            limits=Limits(),
            rootfs=self._rootfs,
            cgroup=f"/{cgroup.PARENT}/{_PARENT}/{name}",
            first_id=_FIRST_ID,
            args=("/bin/bash", "/answer/answer.sh"),
            binds={"/answer": str(self._answer)},
            swap=self._host.hierarchy.swap,
        )
        (folder / "config.json").write_bytes(msgspec.json.encode(bundle.config()))
        return Ready(folder, name)

    def run(self, ready: Ready) -> None:
        """Run a bundle to its end.

        Raises:
            SandboxError: It did not end well.
        """
        runtime = self._host.runtime
        root, log = f"{self._folder}/root", f"{ready.folder}/log"
        command = [
            runtime.path,
            "--root",
            root,
            "--log",
            log,
            "run",
            "--bundle",
            str(ready.folder),
            ready.name,
        ]
        pid = processes.spawn(command, (self._output, self._output, self._output))
        status = processes.wait(pid)
        if status:
            raise SandboxError(f"{runtime.name} run ended with {status}: {Path(log).read_text()[-300:]}")

    def close(self) -> None:
        """Remove the groups that the runtime leaves."""
        os.close(self._output)
        cgroup.remove(self._host.hierarchy, _PARENT)


@contextmanager
def bare_runtime(host: Host, folder: Path) -> Iterator[BareRuntime]:
    """Yield a bare runtime that works in `folder`."""
    runtime = BareRuntime(host, folder)
    try:
        yield runtime
    finally:
        runtime.close()
