"""Keeps several workers busy and says how many pieces of work a second they get done."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable
from typing import TypeVar

_Work = TypeVar("_Work")


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
    failures: list[Exception] = []

    def run() -> None:
        while not failures:
            try:
                piece = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                action(piece)
            except Exception as error:  # noqa: BLE001  raised again below
                failures.append(error)

    threads = [threading.Thread(target=run, name=f"bench-{number}") for number in range(workers)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    elapsed = time.perf_counter() - started
    if failures:
        raise failures[0]
    return count / elapsed
