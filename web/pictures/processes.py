"""Draws the tree of processes, with the id that each has at every level of PID namespace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from grader.evidence import Evidence, Process
from web.pictures.words import moment, number, short

_MOST: Final = 40
_MOST_LEVELS: Final = 6
_DEEPEST: Final = 10  # steps of indentation
_ROW: Final = 26
_HEAD: Final = 34
_STEP: Final = 14
_FIRST_COLUMN: Final = 290
_COLUMN: Final = 60


@dataclass(frozen=True, slots=True)
class Cell:
    """An id at one level; level 0 is the host."""

    x: int
    level: int
    pid: int


@dataclass(frozen=True, slots=True)
class Node:
    """One process.

    Attributes:
        x: Where its name begins.
        y: The middle of its row.
        rise: Where the line to its parent's row begins, or ``None`` where the parent is not shown.
        pids: Ids from the sandbox's own level inwards, in words.
    """

    x: int
    y: int
    rise: int | None
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
    height: int
    columns: tuple[tuple[int, str], ...]
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
    depth = min(_MOST_LEVELS, max(len(everything[place].nspid) for place in chosen))
    deepest = max(len(process.nspid) for process in everything)
    nodes: list[Node] = []
    rows: dict[int, int] = {}
    for place, indent in _in_order(chosen, parents):
        process = everything[place]
        y = _HEAD + _ROW // 2 + _ROW * len(nodes)
        above = rows.get(parents[place]) if parents[place] is not None else None  # type: ignore[arg-type]
        rows[place] = y
        nodes.append(
            _node(process, indent, y, above, alive=process.pid in alive, killed=process.pid in killed)
        )
    levels = number(deepest, "level")
    return Tree(
        summary=f"{number(len(everything), 'process', 'processes')}, "
        f"{len(alive)} of them there at the end, over {levels} of PID namespaces.",
        height=_HEAD + _ROW * len(nodes) + 6,
        columns=tuple(
            (_column(level), "host" if level == 0 else f"level {level}") for level in range(depth + 1)
        ),
        nodes=tuple(nodes),
        left_out=len(everything) - len(nodes),
        levels_left_out=max(0, deepest - _MOST_LEVELS),
    )


def _column(level: int) -> int:
    return _FIRST_COLUMN + _COLUMN * level


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


def _node(process: Process, indent: int, y: int, above: int | None, *, alive: bool, killed: bool) -> Node:
    x = 18 + _STEP * min(indent, _DEEPEST)
    room = (_FIRST_COLUMN - x - 34) // 8
    first, last = process.seen_ms
    ids = process.nspid[:_MOST_LEVELS]
    name = short(process.comm, 16) or "(nameless)"
    arguments = " ".join(short(word, 40) for word in process.argv[1:6])
    return Node(
        x=x,
        y=y,
        rise=None if above is None else above + 7,
        name=short(f"{name} {arguments}".strip(), max(room, 8)),
        command=short(" ".join(short(word, 60) for word in process.argv[:8]), 80) or name,
        cells=(
            Cell(_column(0), 0, process.pid),
            *(Cell(_column(level), level, pid) for level, pid in enumerate(ids, start=1)),
        ),
        alive=alive,
        killed=killed,
        host=process.pid,
        pids=" → ".join(str(pid) for pid in ids) + (" → …" if len(process.nspid) > len(ids) else ""),
        parent=process.parent,
        seen=f"{moment(first)} to {moment(last)}",
    )
