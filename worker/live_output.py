"""Passes on what answers print while they run: a few times a second, and only the end of it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

PAUSE_SECONDS: Final = 0.15
KEPT_BYTES: Final = 4_000
"""So much of what came since the last time is passed on; a verdict brings all of it anyway."""


@dataclass(slots=True)
class _Waiting:
    output: bytes = b""
    total: int = 0


class LiveOutput:
    """Collects output by submission; safe to use from many threads."""

    def __init__(self, pass_on: Callable[[str, str, int], None]) -> None:
        """Say who gets it: an id, a text, and how many bytes were printed since the last time."""
        self._pass_on = pass_on
        self._changed = threading.Condition()
        self._waiting: dict[str, _Waiting] = {}
        self._thread: threading.Thread | None = None
        self._closed = threading.Event()

    def add(self, identity: str, output: bytes) -> None:
        """Add what a submission has printed."""
        with self._changed:
            waiting = self._waiting.setdefault(identity, _Waiting())
            waiting.output = (waiting.output + output)[-KEPT_BYTES:]
            waiting.total += len(output)
            if self._thread is None and not self._closed.is_set():
                self._thread = threading.Thread(target=self._work, name="live-output", daemon=True)
                self._thread.start()
            self._changed.notify()

    def forget(self, identity: str) -> None:
        """Pass nothing on any more that a submission has printed: it has its verdict."""
        with self._changed:
            self._waiting.pop(identity, None)

    def close(self) -> None:
        """End the thread."""
        self._closed.set()
        with self._changed:
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closed.is_set())
            # Most answers have ended by then, and nobody has had to draw what they printed twice.
            if self._closed.wait(PAUSE_SECONDS):
                return
            with self._changed:
                waiting, self._waiting = self._waiting, {}
            for identity, printed in waiting.items():
                self._pass_on(identity, printed.output.decode(errors="replace"), printed.total)
