"""A Docker Engine as hosts have it, current and with compose, that a test starts itself and ends again."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from grader.sandbox import cgroup, images
from grader.settings import Settings

_READY_SECONDS = 60.0
_END_SECONDS = 30.0
_CGROUPS = Path("/sys/fs/cgroup")
_CONTAINER = re.compile("[0-9a-f]{64}")

# Root on the machine, with its control groups and its process ids, as a host's engine is. Mounts and network
# are its own, so that the machine keeps its interfaces and rules and its /run. The kernel refuses user
# namespaces to whoever was put into a root directory by chroot: therefore pivot_root.
_ENTRY = r"""
set -eu
root=$1 data=$2 shown=$3 group=$4
join() {
  mkdir -p "$1/$group/engine"
  if test -e "$1/cgroup.subtree_control"; then
    sed 's/ / +/g; s/^/+/' "$1/$group/cgroup.controllers" >"$1/$group/cgroup.subtree_control"
  elif test -e "$1/cpuset.cpus"; then
    for file in cpuset.cpus cpuset.mems; do
      cat "$1/$file" >"$1/$group/$file"
      cat "$1/$file" >"$1/$group/engine/$file"
    done
  fi
  echo $$ >"$1/$group/engine/cgroup.procs"
}
if test -e /sys/fs/cgroup/cgroup.procs; then
  join /sys/fs/cgroup
else
  for hierarchy in /sys/fs/cgroup/*/; do
    case $hierarchy in */unified/) ;; *) join "${hierarchy%/}" ;; esac
  done
fi
mount -t tmpfs tmpfs "$data/top"
mkdir "$data/top/upper" "$data/top/work" "$data/top/root"
mount -t overlay -o "lowerdir=$root,upperdir=$data/top/upper,workdir=$data/top/work" engine "$data/top/root"
top=$data/top/root
mount -t proc proc "$top/proc"
mount --rbind /sys "$top/sys"
mount --rbind /dev "$top/dev"
mount -t tmpfs tmpfs "$top/run"
mount -t tmpfs tmpfs "$top/tmp"
mkdir -p "$top/$data" "$top/$shown"
mount --bind "$shown" "$top/$shown"
mount -o remount,bind,ro "$top/$shown"
mount --bind "$data" "$top/$data"
mkdir -p "$data/docker"
mount --bind "$data/docker" "$top/var/lib/docker"
ip link set lo up
echo nameserver 10.0.2.3 >"$top/etc/resolv.conf"
cd "$top"
pivot_root . .
umount -l .
cd /
read -r connected
# By itself dockerd waits 15 seconds for containerd, too few for an emulated machine.
printf 'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n' >/run/containerd.toml
containerd --config /run/containerd.toml --log-level warn &
until test -S /run/containerd/containerd.sock; do sleep 0.1; done
exec dockerd --host "unix://$data/docker.sock" --containerd /run/containerd/containerd.sock \
    --storage-driver overlay2 --log-level warn \
    --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent "/$group/containers"
"""


class HostEngine:
    """A dockerd; use it as a context manager. Images and build cache stay in `data` for the next one."""

    def __init__(self, settings: Settings, data: Path, shown: Path) -> None:
        """Say where it keeps its things, and which folder of the machine its clients and mounts need."""
        self.data = data
        self.group = f"grader-deployment-{os.getpid()}"
        self._shown = shown
        self._rootfs = images.rootfs(settings, "engine")
        self._process: subprocess.Popen[bytes] | None = None
        self._network: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> HostEngine:
        self._remove_sockets()
        (self.data / "top").mkdir(parents=True, exist_ok=True)
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
        log = self.data / "log"
        with log.open("wb") as sink:
            self._process = subprocess.Popen(
                [
                    *("setpriv", "--pdeathsig", "TERM", "unshare", "--mount", "--net", "--ipc", "--uts"),
                    *("bash", "-c", _ENTRY, "engine"),
                    *map(str, (self._rootfs, self.data, self._shown, self.group)),
                ],
                stdin=subprocess.PIPE,
                stdout=sink,
                stderr=sink,
                start_new_session=True,
            )
            pid = self._process.pid
            self._until(lambda: _namespace(pid) != _namespace(os.getpid()), log)
            self._network = subprocess.Popen(
                [
                    *("setpriv", "--pdeathsig", "TERM", "slirp4netns", "--configure", "--mtu=65520"),
                    *("--disable-host-loopback", "--api-socket", str(self.data / "network.sock")),
                    *(str(pid), "tap0"),
                ],
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                start_new_session=True,
            )
        self._until((self.data / "network.sock").exists, log)
        assert self._process.stdin is not None
        with suppress(BrokenPipeError), self._process.stdin as connected:  # why it ended is in its log
            connected.write(b"\n")
        self._until(lambda: self.run("docker", "version", check=False).returncode == 0, log)

    def _until(self, there: Callable[[], bool], log: Path) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while not there():
            assert self._process is not None
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the engine did not start: {log.read_text()[-3000:]}")
            time.sleep(0.1)

    def run(
        self,
        *command: str,
        env: Mapping[str, str] | None = None,
        stdin: int | None = subprocess.DEVNULL,
        check: bool = True,
        seconds: float = 120.0,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command where the engine runs, in the folder that it was shown."""
        assert self._process is not None
        done = subprocess.run(
            [
                *("nsenter", "--target", str(self._process.pid), "--mount", "--net"),
                *("sh", "-c", 'cd "$0" && exec "$@"', str(self._shown), *command),
            ],
            env={
                "PATH": os.defpath + ":/usr/sbin:/sbin",
                "HOME": "/tmp",
                "DOCKER_HOST": f"unix://{self.data}/docker.sock",
                **(env or {}),
            },
            stdin=stdin,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=seconds,
        )
        if check and done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stdout[-3000:]}\n{done.stderr[-3000:]}")
        return done

    def publish(self, host_port: int, port: int) -> None:
        """Make a port that the engine has published reachable on the machine's loopback."""
        arguments = {"proto": "tcp", "host_addr": "127.0.0.1", "host_port": host_port, "guest_port": port}
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(self.data / "network.sock"))
            connection.sendall(json.dumps({"execute": "add_hostfwd", "arguments": arguments}).encode())
            connection.shutdown(socket.SHUT_WR)
            answer = connection.recv(4096).decode()
        if "error" in answer:
            raise RuntimeError(answer)

    def groups(self) -> list[Path]:
        """Return the control groups that containers have at the moment."""
        tops = [_CGROUPS / self.group, *_CGROUPS.glob(f"*/{self.group}")]
        found = [path for top in tops for path in (top / "containers").glob("*/")]
        return [path for path in found if _CONTAINER.fullmatch(path.name)]

    def close(self) -> None:
        """End the engine and everything that it started."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._network is not None:
            self._network.terminate()
            self._network.wait()
        _remove_groups(self.group)
        self._remove_sockets()

    def _remove_sockets(self) -> None:
        for name in ("docker.sock", "network.sock"):
            (self.data / name).unlink(missing_ok=True)


def _namespace(pid: int) -> str:
    with suppress(FileNotFoundError):
        return os.readlink(f"/proc/{pid}/ns/net")
    return ""


def _remove_groups(name: str) -> None:
    """Kill what is left in the engine's control groups, and remove them."""
    deadline = time.monotonic() + _END_SECONDS
    tops = [top for top in (_CGROUPS / name, *_CGROUPS.glob(f"*/{name}")) if top.is_dir()]
    while tops:
        for top in tops:
            for pid in cgroup.members(str(top)):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            for folder, _, _ in os.walk(top, topdown=False):
                with suppress(OSError):
                    os.rmdir(folder)
        tops = [top for top in tops if top.is_dir()]
        if tops and time.monotonic() > deadline:
            raise RuntimeError(f"{tops} do not empty")
        time.sleep(0.05)


def free_port() -> int:
    """Return a port of the loopback that nobody has."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def make_base(target: Path) -> None:
    """Make an archive of a small Debian from this machine's mirror, unless a recent one is there."""
    from grader.sandbox.images import mirror

    if target.exists() and time.time() - target.stat().st_mtime < 7 * 86_400:
        return
    found = mirror.find()
    draft = target.with_suffix(".draft.tar")
    options = [f"--aptopt={option}" for option in found.options]
    command = ["mmdebstrap", "--quiet", "--variant=minbase", *options, "trixie", str(draft), found.source()]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, timeout=600)
    draft.replace(target)


def fetch_wheels(folder: Path, python: str, requirements: list[str]) -> None:
    """Fetch Python packages for a version of Python, as this machine's pip is configured to find them."""
    if folder.is_dir():
        return
    draft = folder.with_suffix(".draft")
    shutil.rmtree(draft, ignore_errors=True)
    options = ("--quiet", "--only-binary=:all:", "--implementation", "cp", "--python-version", python)
    subprocess.run(
        [sys.executable, "-m", "pip", "download", *options, "--dest", str(draft), *requirements],
        check=True,
        stdin=subprocess.DEVNULL,
        timeout=900,
    )
    draft.rename(folder)
