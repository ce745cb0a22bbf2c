"""What happens to a submission while it is observed, for those who wait for its verdict."""

from __future__ import annotations

from collections.abc import Callable


class Progress:
    """Told what is going on, in the thread that observes; this one keeps it to itself."""

    def say(self, what: str) -> None:
        """Hear in a few words what happens now."""

    def show(self, output: bytes) -> None:
        """Hear what the answer has just printed, or its build."""


class Said(Progress):
    """Passes on what is said."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say

    def say(self, what: str) -> None:
        """Pass it on."""
        self._say(what)


SILENT = Progress()
