"""Keeps what was looked up for a few seconds: a class asks the same many times a minute."""

from __future__ import annotations

import threading
import time
from collections.abc import Hashable
from typing import Final, Generic, TypeVar

_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")

_MOST: Final = 5_000


class Remembered(Generic[_Key, _Value]):
    """Values that may be out of date by so many seconds; safe to use from many threads."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._kept: dict[_Key, tuple[float, _Value]] = {}
        self._lock = threading.Lock()

    def get(self, key: _Key) -> _Value | None:
        """Return what is remembered."""
        found = self._kept.get(key)
        return found[1] if found is not None and found[0] > time.monotonic() else None

    def forget(self, key: _Key) -> None:
        """Look a value up anew when it is asked for next."""
        with self._lock:
            self._kept.pop(key, None)

    def put(self, key: _Key, value: _Value) -> _Value:
        """Remember a value and return it."""
        with self._lock:
            if len(self._kept) >= _MOST:
                self._kept.clear()
            self._kept[key] = (time.monotonic() + self._seconds, value)
        return value
