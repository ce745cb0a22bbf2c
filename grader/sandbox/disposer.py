"""Throws away what has been used, in the background: nobody has to wait for that."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from typing import Protocol

from grader.errors import SandboxError

_PAUSE_SECONDS = 0.005
_log = logging.getLogger(__name__)


class Disposable(Protocol):
    """What leaves something behind on the machine until it is disposed of."""

    def dispose(self) -> None:
        """Leave nothing; safe to repeat.

        Raises:
            SandboxError: Something does not end.
        """


class Disposer:
    """One thread that disposes of things in turn; safe to use from many threads."""

    def __init__(self, name: str, *, backlog: int = 0) -> None:
        """Say how many things may wait; whoever brings one more disposes of it on the spot. 0: any number.

        Args:
            name: Of the thread.
            backlog: So that the machine does not fill up where things come faster than they go.
        """
        self._name = name
        self._backlog = backlog
        self._used: queue.SimpleQueue[tuple[Disposable, Callable[[], None] | None] | None] = (
            queue.SimpleQueue()
        )
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = False

    def take(self, used: Disposable, then: Callable[[], None] | None = None) -> None:
        """Dispose of something soon, at once after `close`.

        Args:
            used: Nobody else uses it any more.
            then: Called afterwards, whether it went well or not.
        """
        with self._lock:
            at_once = self._closed or 0 < self._backlog <= self.waiting()
            if not at_once:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
                    self._thread.start()
                self._used.put((used, then))
        if at_once:
            _dispose(used, then)

    def waiting(self) -> int:
        """Return how many things nobody has begun with."""
        return self._used.qsize()

    def close(self) -> None:
        """Wait until everything has been disposed of; safe to repeat."""
        with self._lock:
            self._closed = True
            thread = self._thread
            if thread is not None and thread.is_alive():
                self._used.put(None)
        if thread is not None:
            thread.join()

    def _work(self) -> None:
        while (entry := self._used.get()) is not None:
            if not self.waiting():
                time.sleep(_PAUSE_SECONDS)  # whoever brought it is in a hurry, with a verdict
            _dispose(*entry)


def _dispose(used: Disposable, then: Callable[[], None] | None) -> None:
    try:
        used.dispose()
    except (SandboxError, OSError) as error:
        _log.warning("something is left to the reaper: %s", error)
    if then is not None:
        then()
