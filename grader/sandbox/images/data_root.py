"""Makes the golden data root: what every disposable engine finds loaded when it starts."""

from __future__ import annotations

import http.client
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import msgspec

from grader.errors import SandboxError
from grader.sandbox import kernel
from grader.sandbox.identity import IDS

# Containerd's image store, below the engine's data root; all else is made afresh by each engine.
_STORE = Path("containerd/daemon")
_KEPT = {
    "io.containerd.content.v1.content",
    "io.containerd.metadata.v1.bolt",
    "io.containerd.snapshotter.v1.overlayfs",
}

# Runs an engine: called with its root file system and its data root, yields the path of its socket,
# and stops it cleanly at the end.
Engine = Callable[[Path, Path], AbstractContextManager[Path]]

_FIRST_ID = 0x6FFF_0000  # below the ranges that sandboxes are given
_READY_SECONDS = 60
_STOP_SECONDS = 30
_LOAD_SECONDS = 300
_ERROR_LINES = 15


def make(engine: Engine, root: Path, data: Path, archives: Sequence[Path]) -> str:
    """Load `archives` into an engine on the empty directory `data` and return the engine's version.

    Args:
        engine: How an engine is run.
        root: The engine's root file system.
        data: Its data root; afterwards it holds the image store and nothing else.
        archives: OCI image archives.

    Raises:
        SandboxError: The engine does not start, stop or accept an archive.
    """
    with engine(root, data) as address:
        for archive in archives:
            _load(address, archive)
        version = msgspec.json.decode(_request(address, "GET", "/version"), type=dict[str, object])
    _keep_store(data)
    return str(version["Version"])


def _load(address: Path, archive: Path) -> None:
    # The answer is a stream of JSON objects: progress, or what went wrong (Engine API, ImageLoad).
    with open(archive, "rb") as body:
        answer = _request(address, "POST", "/images/load?quiet=1", body.fileno())
    for line in answer.splitlines():
        message = msgspec.json.decode(line, type=dict[str, object])
        if "error" in message:
            raise SandboxError(f"the engine did not load {archive}: {message['error']}")


class _Connection(http.client.HTTPConnection):
    """HTTP over the engine's socket."""

    def __init__(self, address: Path) -> None:
        super().__init__("localhost", timeout=_LOAD_SECONDS)
        self._address = address

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._address))


def _request(address: Path, method: str, path: str, body: int | None = None) -> bytes:
    headers = {} if body is None else {"Content-Type": "application/x-tar"}
    connection = _Connection(address)
    try:
        if body is None:
            connection.request(method, path)
        else:
            headers["Content-Length"] = str(os.fstat(body).st_size)
            with open(body, "rb", closefd=False) as file:
                connection.request(method, path, file, headers)
        response = connection.getresponse()
        content = response.read()
    except (OSError, http.client.HTTPException) as error:
        raise SandboxError(f"the engine did not answer {method} {path}: {error}") from error
    finally:
        connection.close()
    if response.status != http.client.OK:
        raise SandboxError(f"the engine answered {method} {path}: {content.decode(errors='replace')}")
    return content


def _keep_store(data: Path) -> None:
    store = data / _STORE
    for path in store.iterdir():
        if path.name not in _KEPT:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for folder, kept in ((data, _STORE.parts[0]), (data / _STORE.parts[0], _STORE.parts[1])):
        for path in folder.iterdir():
            if path.name != kept:
                shutil.rmtree(path) if path.is_dir() else path.unlink()


# Mounts what an engine writes to, starts it, and stops it cleanly once standard input ends. Runs in the
# engine's root file system, by paths relative to it: those above it may be closed to everybody but us.
_START = r"""
set -e
mount -c -t proc proc proc
mount -c -t sysfs sysfs sys
mount -c --rbind /dev dev
for directory in run tmp root etc/docker var/log; do mount -c -t tmpfs tmpfs "$directory"; done
mount -c --bind "$1" var/lib/docker
mount -c --bind "$2" golden
echo '{"features": {"containerd-snapshotter": true}}' > etc/docker/daemon.json
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
chroot . dockerd --host unix:///golden/docker.sock --bridge none --iptables=false --ip6tables=false &
read -r end || kill -TERM $!
wait $!
"""


@contextmanager
def unshared_engine(root: Path, data: Path) -> Iterator[Path]:
    """Run an engine that loads images and runs no containers, in namespaces of its own.

    Its root is an unprivileged user of this machine, as in sandboxes, so that layers are stored just
    as the engines in sandboxes would store them; on disk they belong to ids from 0 on.
    """
    with tempfile.TemporaryDirectory(prefix="grader-golden-") as name:
        scratch = Path(name)
        scratch.chmod(0o711)
        mounted, sockets, log = scratch / "data", scratch / "sockets", scratch / "log"
        mounted.mkdir()
        sockets.mkdir()
        os.chown(sockets, _FIRST_ID, _FIRST_ID)
        with (
            kernel.idmapped(data, mounted, _FIRST_ID, IDS, read_only=False),
            kernel._user_namespace(_FIRST_ID, IDS) as namespace,
            open(log, "wb") as output,
            subprocess.Popen(
                [
                    *("nsenter", f"--user=/proc/self/fd/{namespace}", "--setuid=0", "--setgid=0"),
                    *("unshare", "--mount", "--net", "--pid", "--ipc", "--uts", "--fork", "--kill-child"),
                    *("sh", "-c", _START, "start", str(mounted), str(sockets)),
                ],
                cwd=root,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                pass_fds=(namespace,),
                start_new_session=True,
            ) as process,
        ):
            try:
                yield _ready(process, sockets / "docker.sock", log)
            finally:
                _stop(process, log)


def _ready(process: subprocess.Popen[bytes], address: Path, log: Path) -> Path:
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if address.exists():
            _request(address, "GET", "/_ping")
            return address
        time.sleep(0.02)
    raise SandboxError(f"the engine did not start:\n{_tail(log)}")


def _stop(process: subprocess.Popen[bytes], log: Path) -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        status = process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired as error:
        process.kill()
        raise SandboxError(f"the engine did not stop:\n{_tail(log)}") from error
    if status != 0:
        raise SandboxError(f"the engine ended with {status}:\n{_tail(log)}")


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-_ERROR_LINES:])
