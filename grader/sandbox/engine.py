"""The disposable Docker Engine: a sandbox that runs dockerd, and the only place that talks to one."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec
import requests

from grader.errors import SandboxError
from grader.model import Limits, Profile
from grader.observe.target import Target
from grader.sandbox import cgroup, images, kernel, loopback, transport
from grader.sandbox import disk as disks
from grader.sandbox.identity import IDS
from grader.sandbox.pump import Heard, Output, Tick
from grader.sandbox.sandbox import Host, Sandbox

_READY_SECONDS = 60.0
_BACKGROUND_SHARE = 0.25
_CALL_SECONDS = 10.0
_MAX_ANSWER = 8 << 20
_LOG_TAIL = 2_000
_EVENTS_SECONDS = 3600.0
_ENTRY = resources.files("grader.sandbox").joinpath("engine-entry.sh").read_text(encoding="utf-8")
# What a reply may contain is up to whoever owns the engine, and that is the participant.
_DECODER = msgspec.json.Decoder()


class EngineError(SandboxError):
    """The engine did not answer, or with an error.

    Attributes:
        status: HTTP status, or 0 where there was none.
    """

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of the engine's API.

    Attributes:
        status: HTTP status.
        body: What came of it.
        failure: Why that is not all, or empty.
    """

    status: int
    body: bytes
    failure: str


class Engine:
    """One engine for one answer; use it as a context manager.

    Its API is reached through a socket that the grader made and handed in: no path inside the sandbox,
    which its owner could exchange, is ever opened.
    """

    def __init__(self, host: Host, limits: Limits, *, lifetime: float = 0.0) -> None:
        """Reserve what it needs; `lifetime` in seconds if it may wait longer than its wall time."""
        self._host = host
        self.sandbox = Sandbox(host, Profile.DOCKER, limits, lifetime=lifetime)
        self._log = os.memfd_create("engine-log", os.MFD_CLOEXEC)
        self._socket = f"{self.sandbox.directory}/engine.sock"
        self._client: transport.Client | None = None
        self.version = ""

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.dispose()

    def start(self, *, background: bool = False) -> None:
        """Start dockerd and wait until it answers.

        Args:
            background: Let others go first until then: nobody waits for this engine yet.

        Raises:
            SandboxError: It does not; the message holds the end of its log.
        """
        settings = self._host.settings
        golden = images.golden(settings)
        root, data = self.sandbox.directory / "root", self.sandbox.directory / "data"
        root.mkdir()
        data.mkdir()
        # The golden data root is part of the root file system, not a mount of the bundle's: crun makes those
        # outside and moves them in, so that nothing locks their read-only flag, and here everything in
        # it belongs to the sandbox's own ids.
        with (
            socket.socket(socket.AF_UNIX) as listener,
            kernel.read_only(images.rootfs(settings, "engine"), root),
            kernel.idmapped(golden.path, root / "golden", self.sandbox.first_id, IDS),
            self._disk(data) as disk,
        ):
            self._listen(listener)
            self.sandbox.launch(
                str(root),
                ("/bin/bash", "-c", _ENTRY),
                descriptors=(listener.fileno(),),
                disk=disk,
                stdout=self._log,
                stderr=self._log,
            )
        if background:
            cgroup.weigh(self._host.hierarchy, self.sandbox.name, _BACKGROUND_SHARE)
        self._connect()
        if background:
            cgroup.weigh(self._host.hierarchy, self.sandbox.name, 1.0)

    @contextmanager
    def _disk(self, target: Path) -> Iterator[str]:
        """Yield where the data root lies, or nothing where tmpfs does for it."""
        if kernel.keeps_user_attributes():
            yield ""
            return
        sandbox = self.sandbox
        folder = self._host.settings.state_dir
        with disks.mounted(folder, target, sandbox.limits.disk_bytes, sandbox.first_id):
            yield str(target)

    def _listen(self, listener: socket.socket) -> None:
        try:
            listener.bind(self._socket)
        except OSError as error:  # a path of at most 107 bytes (unix(7))
            raise SandboxError(
                f"no socket at {self._socket}: {error}; set a shorter GRADER_RUN_DIR"
            ) from error
        os.chmod(self._socket, 0o600)
        listener.listen(64)

    def _connect(self) -> None:
        """Wait for the first answer: the request lies in the socket's queue until dockerd takes it."""
        self._client = transport.Client(self._socket)
        deadline = time.monotonic() + _READY_SECONDS
        while True:
            try:
                self.version = str(self.get("/version", seconds=deadline - time.monotonic())["Version"])
            except (SandboxError, KeyError, TypeError) as error:
                if not self.sandbox.alive() or time.monotonic() > deadline:
                    raise SandboxError(f"the engine did not start: {error}\n{self.log()}") from error
                time.sleep(0.02)
            else:
                return

    def log(self) -> str:
        """Return the end of dockerd's log."""
        size = os.fstat(self._log).st_size
        return os.pread(self._log, _LOG_TAIL, max(0, size - _LOG_TAIL)).decode(errors="replace")

    def get(self, path: str, *, seconds: float = _CALL_SECONDS, **query: Any) -> Any:
        """Ask the engine's API; see `call`."""
        return self.call("GET", path, seconds=seconds, query=query)

    def call(
        self,
        method: str,
        path: str,
        *,
        seconds: float = _CALL_SECONDS,
        query: dict[str, Any] | None = None,
        body: Any = None,
    ) -> Any:
        """Call the engine's API and return its JSON, or ``None`` where the answer is empty.

        Args:
            method: HTTP method.
            path: Without the version, as in the engine's API reference.
            seconds: Wall time for the whole call.
            query: Parameters of the URL.
            body: Sent as JSON.

        Raises:
            EngineError: No answer in time, too long a one, one that is no JSON, or an error.
        """
        raw = self.read(method, path, seconds=seconds, query=query, body=body)
        if not raw:
            return None
        try:
            return _DECODER.decode(raw)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise EngineError(f"{method} {path}: no JSON: {error}") from error

    def read(
        self,
        method: str,
        path: str,
        *,
        seconds: float = _CALL_SECONDS,
        query: dict[str, Any] | None = None,
        body: Any = None,
        limit: int = _MAX_ANSWER,
    ) -> bytes:
        """Call the engine's API and return the raw answer of at most `limit` bytes; see `call`."""
        reply = self.receive(method, path, seconds=seconds, query=query, body=body, limit=limit)
        if reply.failure:
            raise EngineError(f"{method} {path}: {reply.failure}")
        if reply.status >= 300:
            raise EngineError(f"{method} {path}: {_message(reply.body)}", reply.status)
        return reply.body

    def receive(
        self,
        method: str,
        path: str,
        *,
        seconds: float = _CALL_SECONDS,
        query: dict[str, Any] | None = None,
        body: Any = None,
        limit: int = _MAX_ANSWER,
    ) -> Reply:
        """Call the engine's API and return as much of its answer as comes; see `call`.

        Raises:
            EngineError: Nothing came.
        """
        deadline = time.monotonic() + seconds
        chunks: list[bytes] = []
        size = 0
        failure = ""
        response = None
        try:
            with self._request(method, path, seconds, query, body) as response:
                for chunk in transport.available(response):
                    chunks.append(chunk)
                    size += len(chunk)
                    if size > limit:
                        failure = f"more than {limit} bytes"
                    elif time.monotonic() > deadline:
                        failure = f"no end after {seconds:.0f} s"
                    if failure:
                        break
        except transport.ERRORS as error:
            ended = "" if self.sandbox.alive() else f"; the engine has ended\n{self.log()}"
            failure = f"{error}{ended}"
        if response is None:
            raise EngineError(f"{method} {path}: {failure}")
        return Reply(response.status_code, b"".join(chunks)[:limit], failure)

    def _request(
        self, method: str, path: str, seconds: float, query: dict[str, Any] | None, body: Any
    ) -> requests.Response:
        if self._client is None:
            raise EngineError("the engine was not started")
        return self._client.request(method, path, seconds, query, body)

    def stream_events(self, feed: Callable[[bytes], None]) -> None:
        """Pass the engine's events to `feed` as they come, until the engine ends."""
        with (
            suppress(*transport.ERRORS, EngineError),
            self._request("GET", "/events", _EVENTS_SECONDS, None, None) as response,
        ):
            for chunk in transport.available(response):
                feed(chunk)

    def offer(self, content: bytes) -> AbstractContextManager[str]:
        """Offer `content` under a URL that can be read beside dockerd, while the context lasts."""
        return loopback.offer(self.sandbox.exited, content)

    def execute(
        self,
        args: tuple[str, ...],
        *,
        wall_seconds: float,
        output_bytes: int,
        stdin: bytes | int = b"",
        env: dict[str, str] | None = None,
        tick: Tick | None = None,
        heard: Heard | None = None,
    ) -> tuple[Output, int | None]:
        """Run a command beside dockerd; see `Sandbox.execute`.

        Raises:
            EngineError: The engine is gone, or an answer has used up the processes that it may have.
            SandboxError: The runtime could not start it for another reason.
        """
        try:
            return self.sandbox.execute(
                args,
                wall_seconds=wall_seconds,
                output_bytes=output_bytes,
                stdin=stdin,
                env=env,
                tick=tick,
                heard=heard,
            )
        except SandboxError as error:
            if not self.sandbox.alive():
                raise EngineError(f"the engine has ended: {error}\n{self.log()}") from error
            if self.sandbox.refused_forks():
                raise EngineError("every process that the sandbox may have is in use") from error
            raise

    def target(self, started: float) -> Target:
        """Return what observers need; see `Sandbox.target`."""
        return self.sandbox.target(started)

    def dispose(self) -> None:
        """End the engine and everything in it; safe to repeat."""
        if self._client is not None:
            self._client.close()
            self._client = None
        try:
            self.sandbox.dispose()
        finally:
            if self._log >= 0:
                os.close(self._log)
                self._log = -1


def _message(answer: bytes) -> str:
    try:
        return str(_DECODER.decode(answer)["message"])[:2_000]
    except (msgspec.MsgspecError, RecursionError, KeyError, TypeError):
        return answer[:200].decode(errors="replace")
