"""Engines that are ready before they are needed; each serves one answer and is then thrown away."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from grader.errors import SandboxError
from grader.model import Limits
from grader.sandbox.disposer import Disposer
from grader.sandbox.engine import Engine
from grader.sandbox.sandbox import Host

_LIFETIME_SECONDS = 3600.0
_FRESH_SECONDS = 1800.0
_RETRY_SECONDS = 2.0
_HELD_SECONDS = 3.0
_log = logging.getLogger(__name__)


class EnginePool:
    """Keeps `size` engines with `limits` ready; use it as a context manager.

    A single thread refills, behind everything else, and while an answer is at work and another engine waits
    it holds back: that answer would have to share the processors with it. Where answers come faster, one
    of them waits for the engine that is being started, and that one is hurried; the others start their own.
    """

    def __init__(self, host: Host, limits: Limits, size: int) -> None:
        self._host = host
        self._limits = limits
        self._size = size
        self._ready: deque[tuple[Engine, float]] = deque()
        self._disposer = Disposer("engine-ends")
        self._lent = 0
        self._held_since = 0.0
        self._starting: Engine | None = None
        self._awaited = False
        self._failures = 0
        self._changed = threading.Condition()
        self._closed = False
        self._refiller = threading.Thread(target=self._refill, name="engine-pool", daemon=True)
        if size:
            self._refiller.start()

    def __enter__(self) -> EnginePool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def ready(self) -> int:
        """Return how many engines wait."""
        return len(self._ready)

    @contextmanager
    def lend(self, limits: Limits) -> Iterator[Engine]:
        """Yield a started engine, which is thrown away afterwards, in the background.

        Args:
            limits: Served from the pool where they are the pool's, by a new engine otherwise.

        Raises:
            SandboxError: None could be started.
        """
        engine = self._take() if self._size and _same_size(limits, self._limits) else None
        engine = engine or self._start(limits, limits.wall_seconds + 120)
        with self._changed:
            self._lent += 1
        try:
            yield engine
        finally:
            self._disposer.take(engine, self._returned)

    def _take(self) -> Engine | None:
        """Return an engine of the pool, or ``None`` where the next is somebody else's, or does not start."""
        with self._changed:
            failures = self._failures
            while not self._closed:
                promised = int(self._awaited)
                if len(self._ready) > promised and (engine := self._pop()) is not None:
                    return engine
                if promised or self._failures != failures:
                    return None
                self._await_next()
        raise SandboxError("the pool of engines has been closed")

    def _pop(self) -> Engine | None:
        while self._ready:
            engine, born = self._ready.popleft()
            self._held_since = time.monotonic()
            self._changed.notify_all()
            if engine.sandbox.alive() and time.monotonic() - born < _FRESH_SECONDS:
                return engine
            self._lent += 1
            self._disposer.take(engine, self._returned)
        return None

    def _await_next(self) -> None:
        self._awaited = True
        if self._starting is not None:
            self._starting.hurry()
        try:
            self._changed.wait()
        finally:
            self._awaited = False

    def close(self) -> None:
        """Stop refilling and throw all engines away."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._refiller.is_alive():
            self._refiller.join()
        while self._ready:
            self._disposer.take(self._ready.popleft()[0])
        self._disposer.close()

    def _refill(self) -> None:
        while self._await_want():
            try:
                engine = self._start_next()
            except SandboxError as error:
                _log.warning("no engine for the pool: %s", error)
                with self._changed:
                    self._starting = None
                    self._failures += 1
                    self._changed.notify_all()
                    self._changed.wait_for(lambda: self._closed, _RETRY_SECONDS)
            else:
                with self._changed:
                    self._starting = None
                    self._ready.append((engine, time.monotonic()))
                    self._changed.notify_all()

    def _start_next(self) -> Engine:
        engine = Engine(self._host, self._limits, lifetime=_LIFETIME_SECONDS)
        with self._changed:
            self._starting = engine
            if self._awaited:
                engine.hurry()
        _start(engine, background=True)
        return engine

    def _await_want(self) -> bool:
        """Wait until an engine is to be started; return whether there will be any."""
        with self._changed:
            while not self._closed:
                missing = self._size - len(self._ready)
                held = self._held_since + _HELD_SECONDS - time.monotonic()
                if missing and (not self._ready or not self._lent or held <= 0):
                    return True
                self._changed.wait(held if missing else None)
        return False

    def _returned(self) -> None:
        with self._changed:
            self._lent -= 1
            self._changed.notify_all()

    def _start(self, limits: Limits, lifetime: float) -> Engine:
        engine = Engine(self._host, limits, lifetime=lifetime)
        _start(engine)
        return engine


def _start(engine: Engine, *, background: bool = False) -> None:
    try:
        engine.start(background=background)
    except BaseException:
        engine.dispose()
        raise


def _same_size(one: Limits, other: Limits) -> bool:
    """Return whether a sandbox made for one can serve the other: times and output are counted outside."""
    return (one.memory_bytes, one.pids, one.cpus, one.disk_bytes) == (
        other.memory_bytes,
        other.pids,
        other.cpus,
        other.disk_bytes,
    )
