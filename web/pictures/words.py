"""Puts sizes, moments and whatever a participant named into words that fit into a picture."""

from __future__ import annotations

from typing import Final

_UNITS: Final = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")


def size(count: float) -> str:
    """Return a number of bytes in the largest unit that leaves a whole: ``60 MiB``."""
    place = 0
    while abs(count) >= (1024 if place == 0 else 1023.95) and place < len(_UNITS) - 1:
        count /= 1024
        place += 1
    return f"{count:.{min(place, 1)}f}".removesuffix(".0") + f" {_UNITS[place]}"


def moment(milliseconds: float) -> str:
    """Return a moment or a while: ``340 ms``, ``2.4 s``."""
    if abs(milliseconds) < 999.5:
        return f"{milliseconds:.0f} ms"
    return f"{milliseconds / 1000:.2f}".rstrip("0").removesuffix(".") + " s"


def short(text: str, most: int) -> str:
    """Return a text in at most so many characters, none of which is invisible or turns the others round."""
    cut = text if len(text) <= most else f"{text[: most - 1]}…"
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in cut)


def short_path(path: str, most: int) -> str:
    """Return a path in at most so many characters, of which the end says most."""
    return short(path, most) if len(path) <= most else "…" + short(path[1 - most :], most)
