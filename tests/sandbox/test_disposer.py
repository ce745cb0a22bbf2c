"""What was used is disposed of in the background, but not without bounds, and all of it in the end."""

from __future__ import annotations

import threading

import pytest

from grader.errors import SandboxError
from grader.sandbox.disposer import Disposer


class Thing:
    """Notes who disposes of it; waits for `gate` before."""

    def __init__(self, gate: threading.Event | None = None, failure: Exception | None = None) -> None:
        self.by = ""
        self._gate = gate
        self._failure = failure

    def dispose(self) -> None:
        """Note the thread."""
        if self._gate is not None:
            assert self._gate.wait(10)
        self.by = threading.current_thread().name
        if self._failure is not None:
            raise self._failure


def test_nobody_waits_for_it() -> None:
    gate = threading.Event()
    disposer = Disposer("ends")
    things = [Thing(gate) for _ in range(20)]
    for thing in things:
        disposer.take(thing)
    assert not any(thing.by for thing in things)
    gate.set()
    disposer.close()
    assert {thing.by for thing in things} == {"ends"}


def test_whoever_brings_too_much_does_it() -> None:
    gate = threading.Event()
    disposer = Disposer("ends", backlog=2)
    held = [Thing(gate) for _ in range(3)]  # one is at work, two wait
    disposer.take(held[0])
    while disposer.waiting():
        threading.Event().wait(0.001)
    for thing in held[1:]:
        disposer.take(thing)
    mine = Thing()
    disposer.take(mine)
    assert mine.by == threading.current_thread().name
    gate.set()
    disposer.close()
    assert {thing.by for thing in held} == {"ends"}


def test_one_that_fails_is_reported_and_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    told: list[str] = []
    disposer = Disposer("ends")
    disposer.take(Thing(failure=SandboxError("it does not end")), lambda: told.append("first"))
    second = Thing()
    disposer.take(second, lambda: told.append("second"))
    disposer.close()
    assert told == ["first", "second"]
    assert second.by == "ends"
    assert "it does not end" in caplog.text


def test_after_the_end_it_is_done_on_the_spot() -> None:
    disposer = Disposer("ends")
    disposer.close()
    disposer.close()
    thing = Thing()
    disposer.take(thing)
    assert thing.by == threading.current_thread().name
