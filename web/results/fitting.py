"""Keeps a page small whatever is on it: texts share its room, and what does not fit is cut."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import escape

from grader.visible import visible


@dataclass(frozen=True, slots=True)
class Fitted:
    """A text as a page shows it.

    Attributes:
        left_out: Characters that there was no room for.
    """

    text: str
    left_out: int


class Room:
    """Room for so many bytes of a page, which texts take up one after another."""

    def __init__(self, size: int) -> None:
        self._free = size

    def fit(self, text: str, most: int, *, least: int = 0) -> Fitted:
        """Return the beginning of a text that fits, with what cannot be seen written as escapes.

        Args:
            text: Of any length.
            most: Characters that one text takes, however much room there is.
            least: Characters that it takes even where there is no room any more.
        """
        kept = text[:most]
        shown = visible(kept, 8 * most)
        while len(kept) > least and _size(shown) > self._free:
            # Half of it, until it fits: the exact end does not matter.
            kept = kept[: max(least, len(kept) // 2)]
            shown = visible(kept, 8 * most)
        self._free -= min(self._free, _size(shown))
        return Fitted(shown, len(text) - len(kept))


def _size(text: str) -> int:
    return len(str(escape(text)).encode("utf-8", "surrogatepass"))
