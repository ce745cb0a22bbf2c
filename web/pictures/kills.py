"""Puts OOM kills into a picture of memory: a mark for each, with a name where there is room for it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from grader.evidence import Cgroup, Evidence, OomKill
from web.language import gettext, ngettext
from web.pictures.scale import WIDTH, Scale
from web.pictures.words import moment, short

MOST_KILLS: Final = 16
_MOST_LABEL_ROWS: Final = 3
_LABEL_ROW: Final = 15
_FIRST_LABEL: Final = 24.0
_LETTER: Final = 7.2  # width of a small bold letter, about


@dataclass(frozen=True, slots=True)
class Kill:
    """One OOM kill in words; `at` says when its victim was last seen."""

    at: str
    victim: str
    pid: int


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment of the picture at which something was killed.

    Attributes:
        label: Empty where there is no room for it.
        label_x: The label's middle.
        label_y: The ground that its letters stand on.
        seen: Whether that moment is known; else the mark stands at the last sample.
    """

    x: float
    label: str
    label_x: float
    label_y: float
    seen: bool


def last_seen(evidence: Evidence, group: Cgroup, kills: Sequence[OomKill]) -> dict[int, float]:
    """Return when each victim was last seen or, in an engine, when that spoke of it; by the kill's place."""
    wanted = {kill.pid for kill in kills}
    processes = evidence.sections.processes
    seen = {
        process.pid: process.seen_ms[1]
        for process in (processes.all if processes else ())
        if process.pid in wanted
    }
    told = [
        event.at_ms
        for event in evidence.sections.events or ()
        if event.action == "oom" and event.id and group.path == f"/docker/{event.id}"
    ]
    found: dict[int, float] = {}
    for place, kill in enumerate(kills):
        if kill.pid in seen:
            found[place] = seen[kill.pid]
        elif len(told) == len(kills):
            found[place] = told[place]
    return found


def in_words(kills: Sequence[OomKill], moments_of: Mapping[int, float]) -> tuple[Kill, ...]:
    """Return the kills in the order in which they are known to have happened."""
    places = sorted(range(len(kills)), key=lambda place: moments_of.get(place, math.inf))
    return tuple(
        Kill(
            moment(moments_of[place]) if place in moments_of else gettext("not seen"),
            short(kills[place].comm, 16),
            kills[place].pid,
        )
        for place in places[:MOST_KILLS]
    )


def draw_marks(
    kills: Sequence[OomKill], moments_of: Mapping[int, float], last: float, across: Scale
) -> tuple[Mark, ...]:
    """Return the marks from left to right, their labels in as many rows as they need to stay apart."""
    seen = sorted((moments_of[place], short(kills[place].comm, 16)) for place in moments_of)[:MOST_KILLS]
    wanted = [(across.at(at), victim, True) for at, victim in seen]
    timeless = [kill for place, kill in enumerate(kills) if place not in moments_of]
    if timeless:
        label = ngettext(
            "%(name)s, moment not seen: here is the last sample",
            "%(num)s kills, moment not seen: here is the last sample",
            len(timeless),
            name=short(timeless[0].comm, 16),
        )
        wanted.append((across.at(last), label, False))
    wanted.sort()
    found: list[Mark] = []
    free = [across.start] * _MOST_LABEL_ROWS
    for x, label, known in wanted:
        half = len(label) * _LETTER / 2 + 10  # with the cross before it
        middle = max(min(x, WIDTH - half), half)
        row = next((row for row in range(_MOST_LABEL_ROWS) if middle - half >= free[row]), None)
        if row is None and not known:
            row = _MOST_LABEL_ROWS  # this one is never left out: a row of its own
        if row is not None and row < _MOST_LABEL_ROWS:
            free[row] = middle + half
        y = _FIRST_LABEL + _LABEL_ROW * (row or 0)
        found.append(Mark(x, label if row is not None else "", round(middle, 1), y, known))
    return tuple(found)


def unnamed(marks: Sequence[Mark]) -> tuple[str, ...]:
    """Say how many marks have no name."""
    count = sum(1 for mark in marks if not mark.label)
    if not count:
        return ()
    sentence = ngettext(
        "%(num)s name did not fit above the picture; the table has it.",
        "%(num)s names did not fit above the picture; the table has them.",
        count,
    )
    return (sentence,)
