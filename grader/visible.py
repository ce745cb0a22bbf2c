"""Makes text from hostile hands safe to show on a terminal, in one line and of bounded length."""

from __future__ import annotations

from typing import Final

_KEPT: Final = frozenset("\n\t")


def visible(text: str, limit: int = 4_000) -> str:
    r"""Return `text` with control, bidirectional and unpaired characters written as escapes (``\x1b``).

    Args:
        text: Line breaks and tabs are kept.
        limit: In characters; what goes beyond is cut and marked with ``…``.
    """
    cut = text if len(text) <= limit else f"{text[: limit - 1]}…"
    if cut.isprintable():
        return cut
    return "".join(
        character if character.isprintable() or character in _KEPT else _escape(character)
        for character in cut
    )


def one_line(text: str, limit: int = 200) -> str:
    """Return `text` as `visible` gives it, with every run of white space as one blank."""
    return visible(" ".join(text[: 4 * limit].split()), limit)


def file_name(name: str | bytes) -> str:
    """Return a file's name for a message: readable, quoted, escaped where it is not plain text."""
    text = name.decode("utf-8", "backslashreplace") if isinstance(name, bytes) else name
    return f"'{one_line(text.encode('utf-8', 'backslashreplace').decode(), 120)}'"


def _escape(character: str) -> str:
    return (
        character.encode("ascii", "backslashreplace").decode()
        if ord(character) > 0x7F
        else (f"\\x{ord(character):02x}")
    )
