"""Real Redis and PostgreSQL servers for tests, on ports of their own, ended with the tests."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

_PATIENCE = 30.0


def bury_adopted(seconds: float = 3.0) -> None:
    """Bury what servers left behind when they were killed.

    Tests of sandboxes make this process adopt orphans (prctl(2), PR_SET_CHILD_SUBREAPER).
    """
    end = time.monotonic() + seconds
    quiet_since = time.monotonic()
    while time.monotonic() < end and time.monotonic() - quiet_since < 0.3:
        for children in Path("/proc/self/task").glob("*/children"):
            for pid in children.read_text().split():
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                if fields[0] == "Z":
                    os.waitpid(int(pid), 0)
                    quiet_since = time.monotonic()
        time.sleep(0.02)


def free_port() -> int:
    """Return a port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_port(port: int) -> None:
    """Wait until somebody listens on a port."""
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise TimeoutError(f"nobody listens on port {port}")


class RedisServer:
    """A Redis server without anything on disk: what it knew is gone when it is killed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, on the same port each time."""
        self._process = subprocess.Popen(
            [
                "redis-server",
                "--port",
                str(self.port),
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--appendonly",
                "no",
            ],
            cwd=self._folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for_port(self.port)

    def kill(self) -> None:
        """End it without a warning."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


class PostgresServer:
    """A PostgreSQL server; it runs as the user `postgres`, for it refuses root."""

    def __init__(self) -> None:
        # Not below pytest's own folder, which is closed to other users.
        self._folder = Path(tempfile.mkdtemp(prefix="grader-postgres-"))
        self._folder.chmod(0o711)
        self.port = free_port()
        self._bin = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Make a cluster and start it."""
        data = self._folder / "data"
        data.mkdir()
        shutil.chown(data, "postgres", "postgres")
        self._run("initdb", "--pgdata", str(data), "--auth", "trust", "--no-sync", "--encoding", "UTF8")
        self.start_again()

    def start_again(self) -> None:
        """Start it on the cluster that is there."""
        data = self._folder / "data"
        self._process = subprocess.Popen(
            [
                str(self._bin / "postgres"),
                *("-D", str(data), "-p", str(self.port), "-k", str(data), "-h", "127.0.0.1"),
                *("-c", "fsync=off", "-c", "max_connections=200", "-c", "shared_buffers=16MB"),
            ],
            user="postgres",
            cwd="/",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for_port(self.port)
        end = time.monotonic() + _PATIENCE
        while self._psql("SELECT 1").returncode and time.monotonic() < end:
            time.sleep(0.05)

    def database(self, name: str, template: str = "template1") -> str:
        """Make a database, a copy of another, and return its address."""
        self._psql(f"CREATE DATABASE {name} TEMPLATE {template}").check_returncode()
        return f"postgresql://postgres@127.0.0.1:{self.port}/{name}"

    def kill(self) -> None:
        """End it without a word to whoever is connected."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """End it and forget what it knew."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait()
        shutil.rmtree(self._folder)

    def _psql(self, statement: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            ["psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "-c", statement],
            capture_output=True,
            check=False,
        )

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(self._bin / program), *arguments],
            user="postgres",
            cwd="/",
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
            check=True,
            capture_output=True,
        )
