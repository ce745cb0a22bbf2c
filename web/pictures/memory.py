"""Draws memory over time: each limited control group against its cap, with its OOM kills."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from grader.evidence import Cgroup, Evidence, OomKill, Sample
from web.pictures.scale import WIDTH, Scale, Tick, bounded, moments, sizes, thinned
from web.pictures.words import moment, number, short, short_path, size

_MOST_GROUPS: Final = 4
_MOST_POINTS: Final = 240
_MOST_ROWS: Final = 24
_MOST_KILLS: Final = 24
_FEW_POINTS: Final = 40  # so few are shown as dots, too
_LETTER: Final = 6.4  # width of a small letter, about
_LEFT: Final = 70.0
_RIGHT: Final = WIDTH - 16.0
_TOP: Final = 36.0
_BOTTOM: Final = 196.0
_FAR_CAP: Final = 5  # a cap so many times above the peak would press the line to the ground


@dataclass(frozen=True, slots=True)
class Kill:
    """One OOM kill.

    Attributes:
        x: When its victim was last seen, or ``None`` where it never was; `at` says it in words.
        label: The victim's name where there is room for it, else empty.
    """

    x: float | None
    at: str
    label: str
    victim: str
    pid: int


@dataclass(frozen=True, slots=True)
class Level:
    """A value as a line across the picture."""

    y: float
    label: str


@dataclass(frozen=True, slots=True)
class Row:
    """One sample in words."""

    at: str
    size: str


@dataclass(frozen=True, slots=True)
class Chart:
    """One control group's memory over time.

    Attributes:
        line: Points of a polyline.
        area: The same, closed along the ground.
        dots: Places of the single samples, where they are few.
        cap: ``None`` where there is none, or where it lies above the picture.
        peak: ``None`` where the line reaches it.
        timeless: How many kills have no known moment.
        facts: What else is to be known, in words.
    """

    name: str
    summary: str
    line: str
    area: str
    dots: tuple[tuple[float, float], ...]
    cap: Level | None
    peak: Level | None
    kills: tuple[Kill, ...]
    timeless: int
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    rows: tuple[Row, ...]
    facts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Memory:
    """Charts of the groups that have a cap."""

    charts: tuple[Chart, ...]
    left_out: int


def draw_memory(evidence: Evidence) -> Memory | None:
    """Draw the memory of the groups with a cap, those with kills first, or nothing where none was watched."""
    groups = evidence.sections.cgroups or ()
    kills = _kills(evidence)
    shown = [
        group
        for group in groups
        if kills.get(group.path)
        or group.oom_kills
        or (len(group.samples) > 1 and (group.memory_limit is not None or group.path == "/"))
    ]
    shown.sort(
        key=lambda group: (
            -len(kills.get(group.path, ())),
            -group.oom_kills,
            group.path == "/",
            -group.memory_peak,
        )
    )
    charts = tuple(_chart(evidence, group, kills.get(group.path, [])) for group in shown[:_MOST_GROUPS])
    return Memory(charts, len(shown) - len(charts)) if charts else None


def _kills(evidence: Evidence) -> dict[str, list[OomKill]]:
    found: dict[str, list[OomKill]] = {}
    for kill in evidence.sections.oom.kills if evidence.sections.oom else ():
        found.setdefault(kill.group or kill.victim_group or "/", []).append(kill)
    return found


def _chart(evidence: Evidence, group: Cgroup, kills: list[OomKill]) -> Chart:
    samples = sorted(group.samples, key=lambda sample: sample.at_ms)
    moments_of = _last_seen(evidence, group, kills)
    wall = evidence.sections.run.wall_ms if evidence.sections.run else 0.0
    latest = max([1.0, wall, *(sample.at_ms for sample in samples), *moments_of.values()])
    across = Scale(0.0, bounded(latest), _LEFT, _RIGHT)
    highest = max([4096, group.memory_peak, *(sample.bytes for sample in samples)])
    cap = group.memory_limit
    far = cap is not None and cap > highest * _FAR_CAP
    top = highest if cap is None or far else max(highest, cap)
    up = Scale(0.0, bounded(top) * 1.08, _BOTTOM, _TOP)
    points = [(across.at(sample.at_ms), up.at(sample.bytes)) for sample in _thin(samples)]
    reached = max((sample.bytes for sample in samples), default=0)
    name = _name(evidence, group.path)
    rows = tuple(
        Row(moment(samples[place].at_ms), size(samples[place].bytes))
        for place in thinned(len(samples), _MOST_ROWS)
    )
    line = " ".join(f"{x:g},{y:g}" for x, y in points)
    return Chart(
        name=name,
        summary=_summary(name, group, kills),
        line=line if len(points) > 1 else "",
        area=f"{points[0][0]:g},{_BOTTOM:g} {line} {points[-1][0]:g},{_BOTTOM:g}" if len(points) > 1 else "",
        dots=tuple(points) if len(points) <= _FEW_POINTS else (),
        cap=None if cap is None or far else Level(up.at(cap), f"cap {size(cap)}"),
        peak=_peak(group, reached, up),
        kills=_marks(kills[:_MOST_KILLS], moments_of, across),
        timeless=sum(1 for place in range(len(kills)) if place not in moments_of),
        across=moments(across),
        up=tuple(tick for tick in sizes(up) if tick.at < _BOTTOM - 1),
        rows=rows,
        facts=_facts(group, kills, len(samples), len(rows), far=far),
    )


def _name(evidence: Evidence, path: str) -> str:
    if path == "/":
        return "the whole sandbox"
    engine = evidence.sections.engine
    for container in engine.containers if engine else ():
        if container.id and path == f"/docker/{container.id}":
            return f"container {short(container.name, 40)}"
    return short_path(path, 48)


def _last_seen(evidence: Evidence, group: Cgroup, kills: Sequence[OomKill]) -> dict[int, float]:
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


def _thin(samples: list[Sample]) -> list[Sample]:
    """Return at most so many samples: the lowest and the highest of every stretch."""
    if len(samples) <= _MOST_POINTS:
        return samples
    edges = thinned(len(samples) + 1, _MOST_POINTS // 2 + 1)
    kept: list[Sample] = []
    for start, end in pairwise(edges):
        stretch = sorted(samples[start:end], key=lambda sample: sample.bytes)
        kept += sorted({stretch[0], stretch[-1]}, key=lambda sample: sample.at_ms)
    return kept


def _peak(group: Cgroup, reached: int, up: Scale) -> Level | None:
    if group.memory_peak <= reached * 1.03 or group.memory_peak <= 0:
        return None
    return Level(up.at(group.memory_peak), f"peak {size(group.memory_peak)}")


def _marks(kills: Sequence[OomKill], moments_of: Mapping[int, float], across: Scale) -> tuple[Kill, ...]:
    """Return the kills with the names of those victims that have room for one."""
    found: list[Kill] = []
    free = _LEFT
    for place, kill in sorted(enumerate(kills), key=lambda pair: moments_of.get(pair[0], 0.0)):
        seen = moments_of.get(place)
        x = None if seen is None else across.at(seen)
        victim = short(kill.comm, 16)
        half = len(victim) * _LETTER / 2 + 10  # with the cross before it
        room = x is not None and x - half >= free and x + half <= WIDTH
        if room and x is not None:
            free = x + half
        at = "not seen" if seen is None else moment(seen)
        found.append(Kill(x, at, victim if room else "", victim, kill.pid))
    return tuple(found)


def _summary(name: str, group: Cgroup, kills: Sequence[OomKill]) -> str:
    cap = "without a cap" if group.memory_limit is None else f"under a cap of {size(group.memory_limit)}"
    killed = number(max(len(kills), group.oom_kills), "OOM kill")
    return f"Memory of {name}: {cap}, at most {size(group.memory_peak)}, {killed}."


def _facts(group: Cgroup, kills: Sequence[OomKill], samples: int, rows: int, *, far: bool) -> tuple[str, ...]:
    found = []
    if far and group.memory_limit is not None:
        found.append(f"The cap of {size(group.memory_limit)} lies far above the picture.")
    if group.oom_kills > len(kills):
        found.append(f"The group's own counter says {number(group.oom_kills, 'kill')}.")
    if len(kills) > _MOST_KILLS:
        found.append(f"{number(len(kills) - _MOST_KILLS, 'further kill')} left out.")
    if samples > _MOST_POINTS:
        found.append(f"{number(samples, 'sample')}, thinned out.")
    if rows < samples:
        found.append(f"The table has {rows} of {number(samples, 'sample')}.")
    return tuple(found)
