"""Engines that are ready before they are needed; each serves one answer and is then thrown away."""

from __future__ import annotations

import logging
import queue
import threading
import time
from types import TracebackType

from grader.errors import SandboxError
from grader.model import Limits
from grader.sandbox.engine import Engine
from grader.sandbox.sandbox import Host

_LIFETIME_SECONDS = 3600.0
_FRESH_SECONDS = 1800.0
_PATIENCE_SECONDS = 120.0
_RETRY_SECONDS = 2.0
_log = logging.getLogger(__name__)


class EnginePool:
    """Keeps `size` engines with `limits` ready; use it as a context manager.

    Creating several engines at once makes each of them slower, so a single thread refills: on two
    processors it delivers as many per minute as four threads do.
    """

    def __init__(self, host: Host, limits: Limits, size: int) -> None:
        self._host = host
        self._limits = limits
        self._ready: queue.Queue[tuple[Engine, float]] = queue.Queue()
        self._wanted = threading.Semaphore(size)
        self._closing = threading.Event()
        self._failure: SandboxError | None = None
        self._thread = threading.Thread(target=self._refill, name="engine-pool", daemon=True)
        if size:
            self._thread.start()

    def __enter__(self) -> EnginePool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def ready(self) -> int:
        """Return how many engines wait."""
        return self._ready.qsize()

    def take(self, limits: Limits) -> Engine:
        """Return a started engine, the caller's to dispose of.

        Args:
            limits: Served from the pool where they are the pool's, by a new engine otherwise.

        Raises:
            SandboxError: None could be started.
        """
        if not self._thread.is_alive() or not _same_size(limits, self._limits):
            return self._start(limits, limits.wall_seconds + 120)
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline:
            try:
                engine, born = self._ready.get(timeout=0.5)
            except queue.Empty:
                if self._failure:
                    raise SandboxError(str(self._failure)) from self._failure
                continue
            self._wanted.release()
            if engine.sandbox.alive() and time.monotonic() - born < _FRESH_SECONDS:
                return engine
            engine.dispose()
        raise SandboxError(f"no engine within {_PATIENCE_SECONDS:.0f} s")

    def close(self) -> None:
        """Stop refilling and throw the waiting engines away."""
        self._closing.set()
        self._wanted.release()
        if self._thread.is_alive():
            self._thread.join()
        while not self._ready.empty():
            self._ready.get()[0].dispose()

    def _refill(self) -> None:
        while True:
            self._wanted.acquire()
            if self._closing.is_set():
                return
            try:
                engine = self._start(self._limits, _LIFETIME_SECONDS, background=True)
            except SandboxError as error:
                self._failure = error
                _log.warning("no engine for the pool: %s", error)
                self._wanted.release()
                self._closing.wait(_RETRY_SECONDS)
            else:
                self._failure = None
                self._ready.put((engine, time.monotonic()))

    def _start(self, limits: Limits, lifetime: float, *, background: bool = False) -> Engine:
        engine = Engine(self._host, limits, lifetime=lifetime)
        try:
            engine.start(background=background)
        except BaseException:
            engine.dispose()
            raise
        return engine


def _same_size(one: Limits, other: Limits) -> bool:
    """Return whether a sandbox made for one can serve the other: times and output are counted outside."""
    return (one.memory_bytes, one.pids, one.cpus, one.disk_bytes) == (
        other.memory_bytes,
        other.pids,
        other.cpus,
        other.disk_bytes,
    )
