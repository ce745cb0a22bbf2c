"""Compares the files of two answers line by line, in bounded time and at a bounded length."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final, Literal

from grader.visible import visible
from web.language import gettext, grouped, ngettext
from web.pictures.words import size

_MOST_BYTES: Final = 100_000  # of a file that is compared
_MOST_LINES: Final = 1_500
_MOST_SHOWN: Final = 600  # lines of all files together
_MOST_FILES: Final = 50
_WIDEST: Final = 400
_AROUND: Final = 3

Change = Literal["same", "added", "removed"]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of either answer; `old` and `new` are its numbers there, counted from one."""

    change: Change
    old: int | None
    new: int | None
    text: str


@dataclass(frozen=True, slots=True)
class Hunk:
    """Changed lines that lie close together, with a few around them."""

    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """What became of one file.

    Attributes:
        said: That in a few words.
        left_out: Lines of the hunks that there was no room for.
    """

    name: str
    said: str
    hunks: tuple[Hunk, ...] = ()
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Differences:
    """The files that differ, by name.

    Attributes:
        same: How many do not.
        left_out: How many more differ than are shown.
    """

    files: tuple[Difference, ...]
    same: int
    left_out: int


def compare(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> Differences:
    """Compare two answers, given by their files' names and contents."""
    names = sorted(old.keys() | new.keys())
    changed = [name for name in names if old.get(name) != new.get(name)]
    found: list[Difference] = []
    room = _MOST_SHOWN
    for name in changed[:_MOST_FILES]:
        difference = _difference(name, old.get(name), new.get(name), room)
        room -= sum(len(hunk.lines) for hunk in difference.hunks)
        found.append(difference)
    return Differences(tuple(found), len(names) - len(changed), len(changed) - len(found))


def _difference(name: str, old: bytes | None, new: bytes | None, room: int) -> Difference:
    before, after = _lines(old), _lines(new)
    name = visible(name, 200)
    if before is None or after is None:
        was = gettext("not there") if old is None else size(len(old))
        now = gettext("not there") if new is None else size(len(new))
        said = gettext("too long to compare, or no text: %(was)s before, %(now)s after", was=was, now=now)
        return Difference(name, said)
    hunks = _hunks(before, after)
    changes = [line.change for hunk in hunks for line in hunk.lines]
    added, removed = changes.count("added"), changes.count("removed")
    shown = _cut(hunks, room)
    said = _said(old, new, added, removed)
    return Difference(name, said, shown, len(changes) - sum(len(hunk.lines) for hunk in shown))


def _said(old: bytes | None, new: bytes | None, added: int, removed: int) -> str:
    lines = grouped(removed)
    if old is None:
        return ngettext(
            "new: %(num)s line added, %(removed)s removed",
            "new: %(num)s lines added, %(removed)s removed",
            added,
            removed=lines,
        )
    if new is None:
        return ngettext(
            "not there any more: %(num)s line added, %(removed)s removed",
            "not there any more: %(num)s lines added, %(removed)s removed",
            added,
            removed=lines,
        )
    if not added and not removed:
        return gettext("only line ends differ")
    return ngettext(
        "%(num)s line added, %(removed)s removed",
        "%(num)s lines added, %(removed)s removed",
        added,
        removed=lines,
    )


def _lines(content: bytes | None) -> list[str] | None:
    """Return a file's lines, or ``None`` where they cannot be compared."""
    if content is None:
        return []
    if len(content) > _MOST_BYTES or b"\0" in content:
        return None
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return None
    lines = text.replace("\r\n", "\n").removesuffix("\n").split("\n") if text else []
    return None if len(lines) > _MOST_LINES else lines


def _hunks(old: Sequence[str], new: Sequence[str]) -> list[Hunk]:
    found = []
    for group in SequenceMatcher(None, old, new).get_grouped_opcodes(_AROUND):
        lines: list[Line] = []
        for tag, old_start, old_end, new_start, new_end in group:
            if tag == "equal":
                lines += [
                    Line("same", old_start + place + 1, new_start + place + 1, visible(text, _WIDEST))
                    for place, text in enumerate(old[old_start:old_end])
                ]
                continue
            lines += [
                Line("removed", place + 1, None, visible(old[place], _WIDEST))
                for place in range(old_start, old_end)
            ]
            lines += [
                Line("added", None, place + 1, visible(new[place], _WIDEST))
                for place in range(new_start, new_end)
            ]
        found.append(Hunk(tuple(lines)))
    return found


def _cut(hunks: Sequence[Hunk], room: int) -> tuple[Hunk, ...]:
    found = []
    for hunk in hunks:
        if room <= 0:
            break
        found.append(Hunk(hunk.lines[:room]))
        room -= len(hunk.lines)
    return tuple(found)
