"""The yardstick: a Docker Engine as people run it on a host, started and removed by the benchmark."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import IO

from grader.errors import SandboxError
from grader.sandbox import images
from grader.settings import Settings

IMAGE = "debian:trixie"
_READY_SECONDS = 30.0
_CGROUPS = Path("/sys/fs/cgroup")

# Root on this machine, as a host's engine is: no user namespace, the host's control groups, a native
# overlay2 on the state directory's disk. Mounts, network and processes are its own, so that the host keeps
# its interfaces and rules, and so that everything ends with the shell, which also buries what is orphaned.
_ENTRY = r"""
set -eu
root=$1 data=$2 group=$3
mkdir -p "$data/root" "$data/docker" "$data/socket"
mount --bind "$root" "$data/root"
mount -o remount,bind,ro "$data/root"
mount -t proc proc "$data/root/proc"
mount --rbind /sys "$data/root/sys"
mount --rbind /dev "$data/root/dev"
for directory in run tmp etc/docker root var/log; do mount -t tmpfs tmpfs "$data/root/$directory"; done
mount --bind "$data/docker" "$data/root/var/lib/docker"
mkdir "$data/root/run/bench"
mount --bind "$data/socket" "$data/root/run/bench"
ip link set lo up
chroot "$data/root" dockerd --host unix:///run/bench/docker.sock --storage-driver overlay2 \
    --cgroup-parent "/$group" --exec-opt native.cgroupdriver=cgroupfs --log-level warn &
wait $!
"""


class HostEngine:
    """A dockerd on the bare machine; use it as a context manager.

    Attributes:
        version: Of the engine.
    """

    def __init__(self, settings: Settings) -> None:
        """Say where root file systems and images are kept."""
        self._settings = settings
        self._rootfs = images.rootfs(settings, "engine")
        self._data = Path(tempfile.mkdtemp(prefix="bench-", dir=settings.state_dir))
        self._group = f"grader-{self._data.name}"
        self._process: subprocess.Popen[bytes] | None = None
        self._client = _client(self._rootfs)
        self.version = ""

    def __enter__(self) -> HostEngine:
        try:
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _start(self) -> None:
        log = self._data / "log"
        with log.open("wb") as sink:
            self._process = subprocess.Popen(
                [
                    *("unshare", "--mount", "--net", "--ipc", "--uts", "--pid", "--fork", "--kill-child"),
                    *("bash", "-c", _ENTRY, "bench-engine"),
                    *(str(self._rootfs), str(self._data), self._group),
                ],
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                start_new_session=True,
            )
        deadline = time.monotonic() + _READY_SECONDS
        while True:
            asked = self.docker("version", "--format", "{{.Server.Version}}", check=False)
            if asked.returncode == 0:
                self.version = asked.stdout.decode().strip()
                break
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise SandboxError(f"the host's engine did not start: {log.read_text()[-2_000:]}")
            time.sleep(0.1)
        self._import()

    def _import(self) -> None:
        """Give the engine the root file system that sandboxes run on, as an image of one layer."""
        base = images.rootfs(self._settings, "base")
        with subprocess.Popen(
            ["tar", "--create", "--numeric-owner", "--directory", str(base), "."], stdout=subprocess.PIPE
        ) as archive:
            self.docker("import", "-", IMAGE, stdin=archive.stdout)
        if archive.returncode:
            raise SandboxError(f"tar of {base} ended with {archive.returncode}")

    def command(self, *args: str) -> list[str]:
        """Return the command line of the docker client, to be run in the environment `environment`."""
        return [*self._client, *args]

    @property
    def environment(self) -> dict[str, str]:
        """What the client needs to find the engine and to build with its classic builder."""
        return {
            "PATH": os.defpath,
            "HOME": str(self._data),
            "DOCKER_HOST": f"unix://{self._data}/socket/docker.sock",
            "DOCKER_BUILDKIT": "0",
        }

    def docker(
        self, *args: str, check: bool = True, stdin: IO[bytes] | int | None = subprocess.DEVNULL
    ) -> subprocess.CompletedProcess[bytes]:
        """Run the docker client.

        Raises:
            SandboxError: It failed, and `check` is set.
        """
        done = subprocess.run(
            self.command(*args),
            env=self.environment,
            stdin=stdin,
            capture_output=True,
            check=False,
            timeout=120,
        )
        if check and done.returncode:
            raise SandboxError(f"docker {args[0]} failed: {done.stderr.decode(errors='replace')[-500:]}")
        return done

    def run(self, script: str) -> None:
        """Run a script as an answer would be run by hand."""
        self.docker("run", "--rm", "--network", "none", "--memory", "64m", IMAGE, "bash", "-c", script)

    def build(self, context: Path, tag: str) -> None:
        """Build with the classic builder, nothing taken from its cache."""
        self.docker("build", "--no-cache", "--network", "none", "--tag", tag, str(context))

    def remove_image(self, tag: str) -> None:
        """Remove an image."""
        self.docker("image", "rm", "--force", tag)

    def close(self) -> None:
        """End the engine and everything that it started; leave nothing."""
        if self._process is not None:
            self._process.kill()  # takes the first process of its PID namespace along, and so all others
            self._process.wait()
            self._process = None
        _remove_groups(self._group)
        _remove_tree(self._data)


def _client(rootfs: Path) -> list[str]:
    """Return how the root file system's docker client is run on the host: by its own loader and libraries.

    Entering the engine's namespaces would cost another process each time, which nobody else pays for.
    """
    loader = next(iter(sorted(rootfs.glob("usr/lib*/ld-linux*.so*"))), None)
    libraries = next(iter(sorted(rootfs.glob("usr/lib/*-linux-gnu*"))), None)
    if loader is None or libraries is None:
        raise SandboxError(f"{rootfs} holds no dynamic loader")
    return [str(loader), "--library-path", str(libraries), str(rootfs / "usr/bin/docker")]


def _remove_groups(name: str) -> None:
    """Remove the engine's control groups, which the kernel may need a moment to empty."""
    deadline = time.monotonic() + 5
    tops = [top for top in (_CGROUPS / name, *_CGROUPS.glob(f"*/{name}")) if top.is_dir()]
    for top in tops:
        while top.is_dir():
            for group, _, _ in os.walk(top, topdown=False):
                try:
                    os.rmdir(group)
                except OSError:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.02)


def _remove_tree(directory: Path) -> None:
    """Remove the data root once the mounts in the dead namespace have gone."""
    deadline = time.monotonic() + 10
    while True:
        try:
            shutil.rmtree(directory)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return
