"""The disposable Docker Engine: a sandbox that runs dockerd, and the only place that talks to one."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib import resources
from pathlib import Path
from types import TracebackType
from typing import Any

from grader.errors import SandboxError
from grader.model import Limits, Profile
from grader.observe.target import Target
from grader.sandbox import cgroup, images, kernel, loopback, transport
from grader.sandbox import disk as disks
from grader.sandbox.engine_api import Api, EngineError
from grader.sandbox.engine_log import EngineLog
from grader.sandbox.identity import IDS
from grader.sandbox.pump import Heard, Output, Tick
from grader.sandbox.sandbox import Host, Sandbox

_READY_SECONDS = 60.0
_BACKGROUND_SHARE = 0.25
_ENTRY = resources.files("grader.sandbox").joinpath("engine-entry.sh").read_text(encoding="utf-8")
_listing = threading.Lock()
_listed: dict[Path, tuple[dict[str, Any], ...]] = {}


class Engine(Api):
    """One engine for one answer; use it as a context manager.

    Its API is reached through a socket that the grader made and handed in: no path inside the sandbox,
    which its owner could exchange, is ever opened.

    Attributes:
        log: What it writes down.
        version: Of the engine, once it answers.
        images: The images that it started with, as the API lists them.
    """

    def __init__(self, host: Host, limits: Limits, *, lifetime: float = 0.0) -> None:
        """Reserve what it needs; `lifetime` in seconds if it may wait longer than its wall time."""
        self._host = host
        self.sandbox = Sandbox(host, Profile.DOCKER, limits, lifetime=lifetime)
        self.log = EngineLog()
        self._socket = f"{self.sandbox.directory}/engine.sock"
        self._hurried = False
        self.version = ""
        self.images: tuple[dict[str, Any], ...] = ()

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.dispose()

    def start(self, *, background: bool = False) -> None:
        """Start dockerd and wait until it answers.

        Args:
            background: Let others go first until then, or until somebody waits for it; see `hurry`.

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
                stdout=self.log.descriptor,
                stderr=self.log.descriptor,
            )
        if background and not self._hurried:
            cgroup.weigh(self._host.hierarchy, self.sandbox.name, _BACKGROUND_SHARE)
        self._connect()
        self.images = self._images(golden)
        if background:
            self.hurry()

    def hurry(self) -> None:
        """Let it start as fast as anything else: somebody waits for it. Safe to call at any time."""
        self._hurried = True
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
        deadline = time.monotonic() + _READY_SECONDS * self._host.settings.patience
        while True:
            try:
                self.version = str(self.get("/version", seconds=deadline - time.monotonic())["Version"])
            except (SandboxError, KeyError, TypeError) as error:
                if not self.sandbox.alive() or time.monotonic() > deadline:
                    raise SandboxError(f"the engine did not start: {error}\n{self.log.tail()}") from error
                time.sleep(0.02)
            else:
                return

    def _images(self, golden: images.Golden) -> tuple[dict[str, Any], ...]:
        """Return how an engine describes the images that it starts with, which all of them do alike."""
        with _listing:
            if golden.path not in _listed:
                _listed[golden.path] = tuple(self.get("/images/json"))
            return _listed[golden.path]

    def _epitaph(self) -> str:
        return "" if self.sandbox.alive() else f"; the engine has ended\n{self.log.tail()}"

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
        printed: Heard | None = None,
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
                printed=printed,
            )
        except SandboxError as error:
            if not self.sandbox.alive():
                raise EngineError(f"the engine has ended: {error}\n{self.log.tail()}") from error
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
            self.log.close()
