"""Counts for rate limits within one process, for servers without Redis: the library's own starts threads."""

from __future__ import annotations

import threading
import time
from typing import Any, Final

from limits.storage import Storage

_LOOK_AT: Final = 10_000  # so many counts, and those that have ended are removed


class ProcessCounts(Storage):
    """Counters that end after a while; registered with the library under its scheme."""

    STORAGE_SCHEME = ["process"]  # noqa: RUF012  the library reads a list

    def __init__(self, uri: str | None = None, wrap_exceptions: bool = False, **options: Any) -> None:
        super().__init__(uri, wrap_exceptions=wrap_exceptions, **options)
        self._lock = threading.Lock()
        self._counts: dict[str, tuple[int, float]] = {}

    @property
    def base_exceptions(self) -> type[Exception]:
        """Nothing of this fails."""
        return ValueError

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Add to a counter, which ends `expiry` seconds after it began; return what it comes to."""
        now = time.time()
        with self._lock:
            count, end = self._counts.get(key, (0, 0.0))
            if end <= now:
                if len(self._counts) >= _LOOK_AT:
                    self._counts = {name: kept for name, kept in self._counts.items() if kept[1] > now}
                count, end = 0, now + expiry
            self._counts[key] = (count + amount, end)
            return count + amount

    def get(self, key: str) -> int:
        """Return a counter."""
        count, end = self._counts.get(key, (0, 0.0))
        return count if end > time.time() else 0

    def get_expiry(self, key: str) -> float:
        """Return when a counter ends, in seconds since 1970."""
        return self._counts.get(key, (0, time.time()))[1]

    def check(self) -> bool:
        """Return that it works."""
        return True

    def reset(self) -> int | None:
        """Forget every counter; return how many there were."""
        with self._lock:
            count = len(self._counts)
            self._counts.clear()
        return count

    def clear(self, key: str) -> None:
        """Forget a counter."""
        with self._lock:
            self._counts.pop(key, None)
