"""Gives work to several threads: as fast as they can, or at a steady rate."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from bench.figures import Samples

_Work = TypeVar("_Work")
_Tool = TypeVar("_Tool")
_LEAD_SECONDS = 0.1


def rate(action: Callable[[_Work], object], work: Iterable[_Work], workers: int) -> float:
    """Do all the work with so many threads and return how much of it was done per second.

    Raises:
        Exception: What `action` raised first.
    """
    waiting: queue.SimpleQueue[_Work] = queue.SimpleQueue()
    count = 0
    for piece in work:
        waiting.put(piece)
        count += 1
    tools = [None] * workers

    def run(_: None, failed: Callable[[], bool]) -> None:
        while not failed():
            try:
                piece = waiting.get_nowait()
            except queue.Empty:
                return
            action(piece)

    started = time.perf_counter()
    _together(run, tools)
    return count / (time.perf_counter() - started)


def paced(
    action: Callable[[_Tool], object], workers: Sequence[_Tool], count: int, per_second: float
) -> Samples:
    """Do something at a steady rate, whatever became of earlier ones; return how long each took.

    That is in milliseconds from when it was due: that it could not begin in time counts.

    Args:
        action: Given one of `workers`, each of which does one thing at a time, in turn.
        workers: One for each thread.
        count: How often all of them together do it.
        per_second: The same.

    Raises:
        Exception: What `action` raised first.
    """
    taken: list[float] = []
    begin = time.perf_counter() + _LEAD_SECONDS
    shares = list(enumerate(workers))

    def run(share: tuple[int, _Tool], failed: Callable[[], bool]) -> None:
        first, worker = share
        for number in range(first, count, len(shares)):
            due = begin + number / per_second
            time.sleep(max(0.0, due - time.perf_counter()))
            if failed():
                return
            action(worker)
            taken.append((time.perf_counter() - due) * 1000)

    _together(run, shares)
    return Samples("ms", tuple(taken))


def _together(run: Callable[[_Tool, Callable[[], bool]], None], tools: Sequence[_Tool]) -> None:
    """Run a thread for each tool; they are told once one of them has failed."""
    failures: list[Exception] = []

    def guarded(tool: _Tool) -> None:
        try:
            run(tool, lambda: bool(failures))
        except Exception as error:  # noqa: BLE001  raised again below
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(tool,)) for tool in tools]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
