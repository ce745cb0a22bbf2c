"""Measures the service over HTTP: submit to verdict, throughput, storing, a class with a deadline."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.bench import Bench, milliseconds
from bench.figures import Measured, Row, Samples, ratio
from bench.parallel import rate
from bench.workshop import PLAIN, SCRIPT
from grader.errors import SandboxError

NAME = "service"
SHARE_OF_DOCKER = 0.08
P95_SHARE_OF_DOCKER = 0.15
TIMES_DOCKER = 8.0
SHARE_OF_BARE = 0.4
IDLE_SHARE = 0.01
MEMORY_GROWTH = 1.25

_CODE = "bench"
_CLASS = 300
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
class _Client:
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


class _Service:
    """`grader serve` as people start it."""

    def __init__(self, bench: Bench, folder: Path, redis_url: str) -> None:
        folder.mkdir(parents=True)
        self.port = _free_port()
        self._environment = os.environ | {
            "DATABASE_URL": f"sqlite:///{folder}/service.db",
            "REDIS_URL": redis_url,
            "GRADER_EXERCISES": str(bench.exercises),
            "GRADER_RUN_DIR": f"{bench.settings.run_dir}-{folder.name}",
            "GRADER_STATE_DIR": str(bench.settings.state_dir),
            "GRADER_ENGINES": "0",
            "GRADER_JOIN_CODE": _CODE,
            "GRADER_JOIN_RATE": "100000/minute",
            "GRADER_SUBMISSION_RATE": "1000000/minute",
            "GRADER_THREADS": "64",
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
                if _Client(self.port).call("GET", "/readyz")["status"] == "ready":
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


def measure(bench: Bench) -> Measured:
    """Measure with the embedded broker and, where it is installed, with Redis."""
    rows: list[Row] = []
    samples: dict[str, Samples] = {}
    for broker in ("embedded broker", *(["Redis"] if shutil.which("redis-server") else [])):
        bench.say(f"measuring the service with {broker}")
        with _redis(bench.folder, broker) as url:
            service = _Service(bench, bench.folder / broker.split()[0], url)
            try:
                service.ready()
                _measure(bench, service, broker, rows, samples)
            finally:
                service.stop()
    return Measured(NAME, tuple(rows), samples)


def _measure(
    bench: Bench, service: _Service, broker: str, rows: list[Row], samples: dict[str, Samples]
) -> None:
    client = _Client(service.port)
    client.join("bench")
    for _ in range(5):
        client.verdict(client.submit())
    docker, graded = [], []
    for _ in range(bench.times(60)):
        docker.append(milliseconds(lambda: bench.yardstick.run(SCRIPT)))
        graded.append(milliseconds(lambda: client.verdict(client.submit())))
    by_docker, by_service = Samples("ms", tuple(docker)), Samples("ms", tuple(graded))
    detail = f"{by_service.p50:.1f} ms of {by_docker.p50:.0f} ms"
    title = f"plain answer, HTTP submit to verdict, {broker}"
    share, tail = ratio(by_service, by_docker), by_service.p95 / by_docker.p50
    rows.append(Row(f"{title}, of `docker run`", share, "at most", SHARE_OF_DOCKER, "", detail))
    detail = f"p95 {by_service.p95:.1f} ms"
    rows.append(Row(f"{title}, p95 of `docker run`", tail, "at most", P95_SHARE_OF_DOCKER, "", detail))
    samples |= {f"docker run ({broker})": by_docker, title: by_service}
    _throughput(bench, service, broker, rows, samples)
    _storing(bench, service, broker, rows, samples)
    _idle(bench, service, broker, rows)
    _class_with_a_deadline(bench, service, broker, rows, samples)


def _throughput(
    bench: Bench, service: _Service, broker: str, rows: list[Row], samples: dict[str, Samples]
) -> None:
    """Submit from many at once, and compare with many `docker run` at once."""
    clients = [_Client(service.port) for _ in range(16)]
    for number, client in enumerate(clients):
        client.join(f"throughput {number}")
    ours, theirs = [], []
    for _ in range(bench.times(8) // 2 or 1):
        theirs.append(rate(lambda _: bench.yardstick.run(SCRIPT), range(bench.times(40)), 4))
        waiting = threading.local()
        spare = list(clients)

        def one(_: int, waiting: threading.local = waiting, spare: list[_Client] = spare) -> None:
            if not hasattr(waiting, "client"):
                waiting.client = spare.pop()
            waiting.client.verdict(waiting.client.submit())

        ours.append(rate(one, range(bench.times(400)), len(clients)))
    by_us, by_docker = Samples("1/s", tuple(ours)), Samples("1/s", tuple(theirs))
    rows.append(
        Row(
            f"sustained over HTTP, {broker}, times `docker run`",
            by_us.p50 / by_docker.p50,
            "at least",
            TIMES_DOCKER,
            "",
            f"{by_us.p50:.0f}/s and {by_docker.p50:.1f}/s",
        )
    )
    samples |= {f"sustained over HTTP, {broker}": by_us, f"sustained by docker run ({broker})": by_docker}


def _storing(
    bench: Bench, service: _Service, broker: str, rows: list[Row], samples: dict[str, Samples]
) -> None:
    """Compare POST of a submission, while a worker grades, with the least that Flask can do."""
    folder = bench.folder / f"bare-{broker.split()[0]}"
    folder.mkdir()
    (folder / "bare.py").write_text(f"PATH = {str(folder / 'bare.db')!r}\n{_BARE}")
    port = _free_port()
    bare = subprocess.Popen(
        [
            *(sys.executable, "-m", "gunicorn", "bare:app", "--bind", f"127.0.0.1:{port}"),
            *("--worker-class", "gthread", "--threads", "64", "--log-level", "error"),
        ],
        cwd=folder,
    )
    try:
        _await_port(port)
        clients = [_Client(service.port) for _ in range(8)]
        for number, client in enumerate(clients):
            client.join(f"storing {number}")
        body = {"exercise": PLAIN, "files": {"answer.sh": SCRIPT}}
        ours, theirs = [], []
        for _ in range(bench.times(8) // 2 or 1):
            theirs.append(_posts([_Client(port) for _ in range(8)], "/", body, bench.times(1600)))
            ours.append(_posts(clients, "/api/v1/submissions", body, bench.times(800)))
            _drain(service)
    finally:
        bare.terminate()
        bare.wait()
    by_us, by_bare = Samples("1/s", tuple(ours)), Samples("1/s", tuple(theirs))
    rows.append(
        Row(
            f"POST of a submission, {broker}, of a bare endpoint",
            by_us.p50 / by_bare.p50,
            "at least",
            SHARE_OF_BARE,
            "",
            f"{by_us.p50:.0f}/s and {by_bare.p50:.0f}/s",
        )
    )
    samples |= {f"POST, {broker}": by_us, f"bare POST ({broker})": by_bare}


def _posts(clients: list[_Client], path: str, body: object, count: int) -> float:
    spare = list(clients)
    mine = threading.local()

    def one(_: int) -> None:
        if not hasattr(mine, "client"):
            mine.client = spare.pop()
        mine.client.call("POST", path, body)

    return rate(one, range(count), len(clients))


def _idle(bench: Bench, service: _Service, broker: str, rows: list[Row]) -> None:
    seconds = 4.0 if bench.quick else 20.0
    time.sleep(2)
    before = service.processor_seconds()
    time.sleep(seconds)
    used = (service.processor_seconds() - before) / seconds
    rows.append(Row(f"idle service, {broker}, of a processor", used, "at most", IDLE_SHARE, "", ""))


def _class_with_a_deadline(
    bench: Bench, service: _Service, broker: str, rows: list[Row], samples: dict[str, Samples]
) -> None:
    """Three hundred submit at once, after one of them has sent a hundred."""
    count = bench.times(_CLASS)
    greedy = _Client(service.port)
    greedy.join("greedy")
    modest = [_Client(service.port) for _ in range(count)]
    for number, client in enumerate(modest):
        client.join(f"modest {number}")
        client.connection = None  # a class does not keep three hundred connections open
    before = service.memory_bytes()
    flood = [greedy.submit() for _ in range(count // 3)]
    waits: list[float] = []
    lock = threading.Lock()

    def one(client: _Client) -> None:
        began = time.perf_counter()
        identity = client.submit()
        found = client.verdict(identity)
        taken = time.perf_counter() - began
        with lock:
            waits.append(taken * 1000)
        client.connection = None
        if found["attempt"] != 1:
            raise SandboxError("a submission was graded twice")

    per_second = rate(one, modest, 40)
    for identity in flood:
        greedy.verdict(identity)
    after = service.memory_bytes()
    by_wait = Samples("ms", tuple(waits))
    rows.append(
        Row(
            f"memory after {count} submissions at once, {broker}, of before",
            after / before,
            "at most",
            MEMORY_GROWTH,
            "",
            f"{after >> 20} MiB; {per_second:.0f}/s; wait p50 {by_wait.p50:.0f}, p95 {by_wait.p95:.0f} ms",
        )
    )
    samples[f"wait of a class, {broker}"] = by_wait


def _drain(service: _Service) -> None:
    """Wait until nothing waits any more."""
    client = _Client(service.port)
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
def _redis(folder: Path, broker: str) -> Iterator[str]:
    if broker != "Redis":
        yield ""
        return
    port = _free_port()
    server = subprocess.Popen(
        ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", ""],
        cwd=folder,
        stdout=subprocess.DEVNULL,
    )
    try:
        _await_port(port)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.terminate()
        server.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await_port(port: int) -> None:
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise SandboxError(f"nobody listens on port {port}")
