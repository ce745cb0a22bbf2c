"""Draws the tree of processes, with the id that each has at every level of PID namespace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from grader.evidence import Evidence, Process
from web.language import gettext, grouped, ngettext
from web.pictures.words import moment, short

_MOST: Final = 32
_MOST_LEVELS: Final = 6
_DEEPEST: Final = 10  # steps of indentation


@dataclass(frozen=True, slots=True)
class Cell:
    """An id at one level; level 0 is the host."""

    level: int
    pid: int


@dataclass(frozen=True, slots=True)
class Node:
    """One process.

    Attributes:
        depth: Steps below the first one that is shown.
        pids: Ids from the sandbox's own level inwards, in words.
    """

    depth: int
    name: str
    command: str
    cells: tuple[Cell, ...]
    alive: bool
    killed: bool
    host: int
    pids: str
    parent: int
    seen: str


@dataclass(frozen=True, slots=True)
class Tree:
    """The processes that are shown, parents before children."""

    summary: str
    nodes: tuple[Node, ...]
    left_out: int
    levels_left_out: int


def draw_tree(evidence: Evidence) -> Tree | None:
    """Draw the processes: the living, the killed and the deeply nested before all others."""
    found = evidence.sections.processes
    if found is None or not found.all:
        return None
    everything = found.all
    alive = frozenset(found.alive)
    killed = frozenset(kill.pid for kill in (evidence.sections.oom.kills if evidence.sections.oom else ()))
    parents = _parents(everything)
    chosen = _chosen(everything, parents, alive, killed)
    deepest = max(len(process.nspid) for process in everything)
    nodes = tuple(
        _node(process, depth, alive=process.pid in alive, killed=process.pid in killed)
        for process, depth in ((everything[place], depth) for place, depth in _in_order(chosen, parents))
    )
    return Tree(
        summary=ngettext(
            "%(num)s process, %(alive)s of them there at the end. Levels of PID namespaces: %(levels)s.",
            "%(num)s processes, %(alive)s of them there at the end. Levels of PID namespaces: %(levels)s.",
            len(everything),
            alive=grouped(len(alive)),
            levels=grouped(deepest),
        ),
        nodes=nodes,
        left_out=len(everything) - len(nodes),
        levels_left_out=max(0, deepest - _MOST_LEVELS),
    )


def _parents(everything: Sequence[Process]) -> list[int | None]:
    """Return the place of each one's parent; what would close a circle has none."""
    places = {process.pid: place for place, process in enumerate(everything)}
    parents = [places.get(process.parent) for process in everything]
    settled: set[int] = set()
    for start in range(len(everything)):
        way: list[int] = []
        on_way: set[int] = set()
        at: int | None = start
        while at is not None and at not in settled and at not in on_way:
            way.append(at)
            on_way.add(at)
            at = parents[at]
        if at in on_way:
            parents[way[-1]] = None
        settled.update(way)
    return parents


def _chosen(
    everything: Sequence[Process],
    parents: Sequence[int | None],
    alive: frozenset[int],
    killed: frozenset[int],
) -> list[int]:
    """Return which processes are shown, with as many of their ancestors as there is room for."""

    def weight(place: int) -> tuple[bool, bool, int, float, int]:
        process = everything[place]
        first, last = process.seen_ms
        return (process.pid not in alive, process.pid not in killed, -len(process.nspid), first - last, place)

    chosen: set[int] = set()
    for place in sorted(range(len(everything)), key=weight):
        at: int | None = place
        while at is not None and at not in chosen and len(chosen) < _MOST:
            chosen.add(at)
            at = parents[at]
        if len(chosen) >= _MOST:
            break
    return sorted(chosen)


def _in_order(chosen: Sequence[int], parents: Sequence[int | None]) -> list[tuple[int, int]]:
    """Return the chosen places, each followed by its descendants, with their depth."""
    shown = frozenset(chosen)
    children: dict[int | None, list[int]] = {}
    for place in chosen:
        above = parents[place]
        children.setdefault(above if above in shown else None, []).append(place)
    waiting = [(place, 0) for place in reversed(children.get(None, []))]
    ordered: list[tuple[int, int]] = []
    while waiting:
        place, depth = waiting.pop()
        ordered.append((place, depth))
        waiting += [(child, depth + 1) for child in reversed(children.get(place, []))]
    return ordered


def _node(process: Process, depth: int, *, alive: bool, killed: bool) -> Node:
    first, last = process.seen_ms
    ids = process.nspid[:_MOST_LEVELS]
    name = short(process.comm, 16) or gettext("(nameless)")
    arguments = " ".join(short(word, 40) for word in process.argv[1:6])
    return Node(
        depth=min(depth, _DEEPEST),
        name=short(f"{name} {arguments}".strip(), 48),
        command=short(" ".join(short(word, 60) for word in process.argv[:8]), 64) or name,
        cells=(Cell(0, process.pid), *(Cell(level, pid) for level, pid in enumerate(ids, start=1))),
        alive=alive,
        killed=killed,
        host=process.pid,
        pids=" → ".join(str(pid) for pid in ids) + (" → …" if len(process.nspid) > len(ids) else ""),
        parent=process.parent,
        seen=gettext("%(first)s to %(last)s", first=moment(first), last=moment(last)),
    )
