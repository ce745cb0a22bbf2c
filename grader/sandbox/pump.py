"""Collects a program's output under a cap, against a deadline, while observers get their turns."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

_CHUNK = 65_536

Ended = Literal["exit", "deadline", "output", "settled"]
Tick = Callable[[float], float | None]
Heard = Callable[[bytes], None]


@dataclass(frozen=True, slots=True)
class Output:
    """What was collected, and why collecting ended."""

    ended: Ended
    stdout: bytes
    stderr: bytes
    truncated: bool
    wall_ms: float


class Pump:
    """Reads standard output and standard error of one program.

    Args:
        stdout: Readable descriptor; stays the caller's to close.
        stderr: Likewise.
        cap: Bytes of both together.
        heard: Told what comes on standard output, as it comes.
        printed: Told what comes on either.
    """

    def __init__(
        self,
        stdout: int,
        stderr: int,
        cap: int,
        heard: Heard | None = None,
        printed: Heard | None = None,
    ) -> None:
        self._chunks: dict[int, list[bytes]] = {stdout: [], stderr: []}
        self._streams = (stdout, stderr)
        self._heard = heard
        self._printed = printed
        self._left = cap
        self._truncated = False
        self._open = {stdout, stderr}
        for stream in self._streams:
            os.set_blocking(stream, False)

    def run(self, until: int, started: float, wall_seconds: float, tick: Tick | None = None) -> Output:
        """Collect until the program has ended or must be ended.

        Args:
            until: Descriptor that becomes readable when it has ended (a pidfd or a pipe).
            started: `time.monotonic()` of its start.
            wall_seconds: Its deadline from there.
            tick: Called with the milliseconds since the start; returns in how many milliseconds it wants
                its next turn, or ``None`` to end the run because everything has settled.
        """
        poll = select.poll()
        poll.register(until, select.POLLIN)
        for stream in self._open:
            poll.register(stream, select.POLLIN)
        deadline = started + wall_seconds
        next_tick = started if tick else deadline
        ended: Ended | None = None
        while ended is None:
            now = time.monotonic()
            if now >= deadline:
                ended = "deadline"
                break
            if tick and now >= next_tick:
                pause = tick((now - started) * 1000)
                if pause is None:
                    ended = "settled"
                    break
                now = time.monotonic()
                next_tick = now + pause / 1000
            wait = min(deadline, next_tick) - now
            ended = self._handle(poll, until, poll.poll(max(0.0, wait * 1000)))
        self.drain()
        return self.output(ended, (time.monotonic() - started) * 1000)

    def _handle(self, poll: select.poll, until: int, ready: Iterable[tuple[int, int]]) -> Ended | None:
        ended: Ended | None = None
        for descriptor, _ in ready:
            if descriptor == until:
                ended = "exit"
            elif not self._read(descriptor):
                poll.unregister(descriptor)
        return "output" if self._truncated else ended

    def drain(self) -> None:
        """Take what lies ready in the pipes."""
        for stream in tuple(self._open):
            while not self._truncated and self._read(stream, once=True):
                pass

    def output(self, ended: Ended, wall_ms: float) -> Output:
        """Return what was collected so far."""
        stdout, stderr = (b"".join(self._chunks[stream]) for stream in self._streams)
        return Output("output" if self._truncated else ended, stdout, stderr, self._truncated, wall_ms)

    def _read(self, stream: int, *, once: bool = False) -> bool:
        """Read one chunk; return whether there may be more (with `once`: more without waiting)."""
        try:
            chunk = os.read(stream, _CHUNK)
        except BlockingIOError:
            return not once
        if not chunk:
            self._open.discard(stream)
            return False
        if len(chunk) > self._left:
            chunk = chunk[: self._left]
            self._truncated = True
        self._left -= len(chunk)
        self._chunks[stream].append(chunk)
        if self._heard is not None and stream == self._streams[0]:
            self._heard(chunk)
        if self._printed is not None:
            self._printed(chunk)
        return True
