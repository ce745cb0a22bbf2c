"""Counts for rate limits that several web processes share through Redis, which no request waits for."""

from __future__ import annotations

import threading
import time
from typing import Final

import redis
import structlog

from web.counts import ProcessCounts

_GATHERED_SECONDS: Final = 0.1
_RETRY_SECONDS: Final = 1.0
_LOG = structlog.get_logger("web.request")


class SharedCounts(ProcessCounts):
    """Counts here at once, and with the others a tenth of a second later.

    So a limit may be passed by what other processes let through in that time; without Redis, each process
    keeps to it by itself.
    """

    STORAGE_SCHEME = ["shared"]  # noqa: RUF012  the library reads a list

    def __init__(self, url: str) -> None:
        """Begin to share, through the Redis at `url`."""
        super().__init__()
        self._redis = redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2)
        self._untold: dict[str, tuple[int, float]] = {}  # by key: how many, and for how many seconds
        self._counted = threading.Event()
        self._closed = threading.Event()
        threading.Thread(target=self._share, name="counts", daemon=True).start()

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Add to a counter; return what it comes to as far as this process knows."""
        count = super().incr(key, expiry, amount)
        with self._lock:
            self._untold[key] = (self._untold.get(key, (0, 0.0))[0] + amount, expiry)
        self._counted.set()
        return count

    def close(self) -> None:
        """Share no more."""
        self._closed.set()
        self._counted.set()

    def _share(self) -> None:
        away = False
        while self._counted.wait() and not self._closed.wait(_GATHERED_SECONDS):
            self._counted.clear()
            with self._lock:
                told, self._untold = self._untold, {}
            try:
                self._tell(told)
            except redis.RedisError as error:
                self._keep(told)
                if not away:
                    _LOG.warning("rates are counted by each process for itself", error=str(error))
                away = True
                self._closed.wait(_RETRY_SECONDS)
            else:
                away = False
        self._redis.close()

    def _tell(self, told: dict[str, tuple[int, float]]) -> None:
        """Add to the common counters, and learn what they come to."""
        pipeline = self._redis.pipeline(transaction=False)
        for key, (amount, _) in told.items():
            pipeline.incrby(key, amount)
            pipeline.pttl(key)
        replies = pipeline.execute()
        for (key, (_, expiry)), total, rest in zip(told.items(), replies[::2], replies[1::2], strict=True):
            if rest < 0:  # it has just begun, or whoever began it died before saying when it ends
                pipeline.expire(key, int(expiry))
            self._learn(key, total, rest / 1000 if rest >= 0 else expiry)
        pipeline.execute()

    def _learn(self, key: str, total: int, rest: float) -> None:
        now = time.time()
        with self._lock:
            total += self._untold.get(key, (0, 0.0))[0]
            count, end = self._counts.get(key, (0, 0.0))
            if end > now:  # what Redis has forgotten meanwhile, we have not
                self._counts[key] = (max(count, total), min(end, now + rest))
            else:
                self._counts[key] = (total, now + rest)

    def _keep(self, told: dict[str, tuple[int, float]]) -> None:
        """Tell it another time, unless that time is over."""
        with self._lock:
            for key, (amount, expiry) in told.items():
                if self.get(key):
                    self._untold[key] = (self._untold.get(key, (0, 0.0))[0] + amount, expiry)
        self._counted.set()
