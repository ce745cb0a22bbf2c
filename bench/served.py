"""`grader serve` as a benchmark starts it, a client of it, and a Redis beside it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from bench.bench import Bench
from bench.workshop import PLAIN, SCRIPT
from grader.errors import SandboxError

_CODE = "bench"
_PATIENCE = 60.0
_KEPT_SECONDS = 2.0  # the server closes connections that nobody uses


# The least that a Flask application can do and still keep what was sent.
_BARE = """
import sqlite3, threading
from flask import Flask, request
app = Flask("bare")
local = threading.local()
def connection():
    if not hasattr(local, "connection"):
        local.connection = sqlite3.connect(PATH, timeout=15, isolation_level=None)
        local.connection.execute("PRAGMA journal_mode=WAL")
        local.connection.execute("PRAGMA synchronous=NORMAL")
        local.connection.execute("CREATE TABLE IF NOT EXISTS rows (id INTEGER PRIMARY KEY, content BLOB)")
    return local.connection
@app.post("/")
def add():
    connection().execute("INSERT INTO rows (content) VALUES (?)", (request.get_data(),))
    return {"ok": True}, 202
"""


@dataclass(slots=True)
class Client:
    """A connection that is kept open, and the token of a participant."""

    port: int
    token: str = ""
    connection: http.client.HTTPConnection | None = None
    used: float = 0.0

    def call(self, method: str, path: str, body: object = None) -> Any:
        """Send a request and return the JSON of the reply."""
        if self.connection is None or time.monotonic() - self.used > _KEPT_SECONDS:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
            self.connection.connect()
            self.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        self.connection.request(method, path, None if body is None else json.dumps(body), headers)
        reply = self.connection.getresponse()
        content = reply.read()
        self.used = time.monotonic()
        if reply.status >= 300:
            raise SandboxError(f"{method} {path}: {reply.status} {content[:300]!r}")
        return json.loads(content)

    def join(self, name: str) -> None:
        """Take part under a name."""
        self.token = self.call("POST", "/api/v1/participants", {"name": name, "join_code": _CODE})["token"]

    def submit(self) -> str:
        """Submit the right answer."""
        answer = {"exercise": PLAIN, "files": {"answer.sh": SCRIPT}}
        return str(self.call("POST", "/api/v1/submissions", answer)["id"])

    def verdict(self, identity: str) -> Mapping[str, Any]:
        """Wait for a verdict."""
        while True:
            found: Mapping[str, Any] = self.call("GET", f"/api/v1/submissions/{identity}?wait=30")
            if found["state"] not in ("queued", "running"):
                if not found["passed"]:
                    raise SandboxError(f"a right answer was not accepted: {found}")
                return found


class Browser:
    """A browser of a participant, as a server sees it: it keeps a connection and cookies."""

    def __init__(self, client: Client) -> None:
        """Come back with a participant's token."""
        self._connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=60)
        self._cookie = ""
        self._used = time.monotonic()
        _, page = self.ask("GET", "/back")
        form = {"csrf_token": only(r'name="csrf_token" value="([^"]+)"', page), "token": client.token}
        self.ask("POST", "/back", urlencode(form))

    def ask(self, method: str, path: str, form: str | None = None) -> tuple[int, str]:
        """Send a request; return status and text."""
        if time.monotonic() - self._used > _KEPT_SECONDS:
            self._connection.close()  # the next request opens it again
        headers = {"Cookie": self._cookie} if self._cookie else {}
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        self._connection.request(method, path, form, headers)
        reply = self._connection.getresponse()
        text = reply.read().decode()
        self._used = time.monotonic()
        if reply.status >= 400:
            raise SandboxError(f"{method} {path}: {reply.status} {text[:300]}")
        if cookie := reply.headers["Set-Cookie"]:
            self._cookie = cookie.partition(";")[0]
        return reply.status, text


def only(pattern: str, text: str) -> str:
    """Return what a pattern's group finds on a page."""
    found = re.search(pattern, text)
    if found is None:
        raise SandboxError(f"a page without {pattern}")
    return found[1]


class Service:
    """`grader serve` as people start it."""

    def __init__(self, bench: Bench, folder: Path, redis_url: str) -> None:
        folder.mkdir(parents=True)
        self.port = free_port()
        self.database = f"sqlite:///{folder}/service.db"
        self._environment = os.environ | {
            "DATABASE_URL": self.database,
            "REDIS_URL": redis_url,
            "GRADER_EXERCISES": str(bench.exercises),
            "GRADER_RUN_DIR": f"{bench.settings.run_dir}-{folder.name}",
            "GRADER_STATE_DIR": str(bench.settings.state_dir),
            "GRADER_ENGINES": "0",
            "GRADER_JOIN_CODE": _CODE,
            "GRADER_JOIN_RATE": "100000/minute",
            "GRADER_SUBMISSION_RATE": "1000000/minute",
        }
        self._log = (folder / "log").open("wb")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "grader", "serve", "--port", str(self.port)],
            env=self._environment,
            stdout=self._log,
            stderr=self._log,
        )

    def ready(self) -> None:
        """Wait until answers are graded."""
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            with contextlib.suppress(OSError, SandboxError):
                if Client(self.port).call("GET", "/readyz")["status"] == "ready":
                    return
            time.sleep(0.1)
        raise SandboxError("the service did not become ready")

    def processes(self) -> list[int]:
        """Return the process ids of the service."""
        children: dict[int, list[int]] = {}
        for entry in os.scandir("/proc"):
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    fields = Path(entry.path, "stat").read_text().rpartition(")")[2].split()
                    children.setdefault(int(fields[1]), []).append(int(entry.name))
        found = [self._process.pid]
        for pid in found:
            found += children.get(pid, [])
        return found

    def processor_seconds(self) -> float:
        """Return the processor time that the service has used."""
        ticks = 0
        for pid in self.processes():
            with contextlib.suppress(OSError):
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def memory_bytes(self) -> int:
        """Return the memory of the service's processes."""
        total = 0
        for pid in self.processes():
            with contextlib.suppress(OSError, StopIteration):
                lines = Path(f"/proc/{pid}/status").read_text().splitlines()
                total += 1024 * int(next(line.split()[1] for line in lines if line.startswith("RssAnon")))
        return total

    @contextlib.contextmanager
    def worker_stopped(self) -> Iterator[None]:
        """Let the worker stand still, to see what the web server alone can do."""
        workers = [pid for pid in self.processes() if b"\0-m\0worker\0" in _command_line(pid)]
        for pid in workers:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in workers:
                os.kill(pid, signal.SIGCONT)

    def stop(self) -> None:
        """Stop it in good order."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()
        shutil.rmtree(self._environment["GRADER_RUN_DIR"], ignore_errors=True)


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


@contextlib.contextmanager
def bare_application(folder: Path) -> Iterator[int]:
    """Serve the least that keeps what is sent, and give its port."""
    folder.mkdir()
    (folder / "bare.py").write_text(f"PATH = {str(folder / 'bare.db')!r}\n{_BARE}")
    port = free_port()
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "gunicorn", "bare:app", "--bind", f"127.0.0.1:{port}"),
            *("--worker-class", "gthread", "--threads", "64", "--log-level", "error"),
        ],
        cwd=folder,
    )
    try:
        await_port(port)
        yield port
    finally:
        server.terminate()
        server.wait()


def drain(service: Service) -> None:
    """Wait until nothing waits any more."""
    client = Client(service.port)
    end = time.monotonic() + 120
    while time.monotonic() < end:
        connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=10)
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        connection.close()
        if "grader_queue_waiting 0.0" in text and "grader_queue_running 0.0" in text:
            return
        time.sleep(0.2)
    raise SandboxError("the queue does not become empty")


@contextlib.contextmanager
def redis(folder: Path, broker: str) -> Iterator[str]:
    """Give the address of a Redis of its own, or an empty text where the broker is the embedded one."""
    if broker != "Redis":
        yield ""
        return
    port = free_port()
    server = subprocess.Popen(
        ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", ""],
        cwd=folder,
        stdout=subprocess.DEVNULL,
    )
    try:
        await_port(port)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.terminate()
        server.wait()


def free_port() -> int:
    """Return a port of the loopback that nobody has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def await_port(port: int) -> None:
    """Wait until somebody listens on a port of the loopback.

    Raises:
        SandboxError: Nobody does.
    """
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise SandboxError(f"nobody listens on port {port}")
