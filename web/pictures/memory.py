"""Draws memory over time: each limited control group against its cap, with its OOM kills."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from grader.evidence import Cgroup, Evidence, OomKill, Sample
from web.language import gettext, grouped, ngettext
from web.pictures.kills import MOST_KILLS, Kill, Mark, draw_marks, in_words, last_seen, unnamed
from web.pictures.scale import WIDTH, Scale, Tick, bounded, moments, sizes, thinned
from web.pictures.words import moment, short, short_path, size

_MOST_GROUPS: Final = 4
_MOST_POINTS: Final = 160
_MOST_ROWS: Final = 24
_FEW_POINTS: Final = 40  # so few are shown as dots, too
_LEFT: Final = 70.0
_RIGHT: Final = WIDTH - 16.0
_TOP: Final = 36.0  # with one row of labels above it
_HEIGHT: Final = 160.0
_BELOW: Final = 28.0
_LABEL: Final = 110.0  # a label is hardly wider
_FAR_CAP: Final = 5  # a cap so many times above the peak would press the line to the ground


@dataclass(frozen=True, slots=True)
class Level:
    """A value as a line across the picture.

    Attributes:
        y: Where it is.
        label: Stands at its left end,
        right: or at the right one, where the curve leaves more room.
    """

    y: float
    label: str
    right: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One sample in words."""

    at: str
    size: str


@dataclass(frozen=True, slots=True)
class Chart:
    """One control group's memory over time.

    Attributes:
        top: Of the plot; labels stand above it.
        bottom: The ground of the plot.
        line: Points of a polyline.
        area: The same, closed along the ground.
        dots: Places of the single samples, where they are few.
        cap: ``None`` where there is none, or where it lies above the picture.
        peak: ``None`` where the line reaches it.
        marks: Where something was killed; kills without a known moment share one at the last sample.
        facts: What else is to be known, in words.
    """

    name: str
    summary: str
    top: float
    bottom: float
    height: float
    line: str
    area: str
    dots: tuple[tuple[float, float], ...]
    cap: Level | None
    peak: Level | None
    kills: tuple[Kill, ...]
    marks: tuple[Mark, ...]
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    rows: tuple[Row, ...]
    facts: tuple[str, ...]

    @property
    def fits(self) -> bool:
        """Whether letters twice as large still have room, as on a phone that shows the whole picture."""
        return self.top <= _TOP and sum(bool(mark.label) for mark in self.marks) <= 1


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
    moments_of = last_seen(evidence, group, kills)
    wall = evidence.sections.run.wall_ms if evidence.sections.run else 0.0
    latest = max([1.0, wall, *(sample.at_ms for sample in samples), *moments_of.values()])
    across = Scale(0.0, bounded(latest), _LEFT, _RIGHT)
    marks = draw_marks(kills, moments_of, samples[-1].at_ms if samples else latest, across)
    top = max([_TOP, *(mark.label_y + 10 for mark in marks)])
    bottom = top + _HEIGHT
    highest = max([4096, group.memory_peak, *(sample.bytes for sample in samples)])
    cap = group.memory_limit
    far = cap is not None and cap > highest * _FAR_CAP
    up = Scale(0.0, bounded(highest if cap is None or far else max(highest, cap)) * 1.08, bottom, top)
    points = [(across.at(sample.at_ms), up.at(sample.bytes)) for sample in _thin(samples)]
    name = _name(evidence, group.path)
    rows = tuple(
        Row(moment(samples[place].at_ms), size(samples[place].bytes))
        for place in thinned(len(samples), _MOST_ROWS)
    )
    line = " ".join(f"{x:g},{y:g}" for x, y in points)
    return Chart(
        name=name,
        summary=_summary(name, group, kills),
        top=top,
        bottom=bottom,
        height=bottom + _BELOW,
        line=line if len(points) > 1 else "",
        area=f"{points[0][0]:g},{bottom:g} {line} {points[-1][0]:g},{bottom:g}" if len(points) > 1 else "",
        dots=tuple(points) if len(points) <= _FEW_POINTS else (),
        cap=None if cap is None or far else Level(up.at(cap), gettext("cap %(size)s", size=size(cap))),
        peak=_peak(group, max((sample.bytes for sample in samples), default=0), up, points),
        kills=in_words(kills, moments_of),
        marks=marks,
        across=moments(across),
        up=tuple(tick for tick in sizes(up) if tick.at < bottom - 1),
        rows=rows,
        facts=(*_facts(group, kills, len(samples), len(rows), far=far), *unnamed(marks)),
    )


def _name(evidence: Evidence, path: str) -> str:
    if path == "/":
        return gettext("the whole sandbox")
    engine = evidence.sections.engine
    for container in engine.containers if engine else ():
        if container.id and path == f"/docker/{container.id}":
            return gettext("container %(name)s", name=short(container.name, 40))
    return short_path(path, 48)


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


def _peak(group: Cgroup, reached: int, up: Scale, points: Sequence[tuple[float, float]]) -> Level | None:
    if group.memory_peak <= reached * 1.03 or group.memory_peak <= 0:
        return None
    label = gettext("peak %(size)s", size=size(group.memory_peak))
    below_left = min((y for x, y in points if x < _LEFT + _LABEL), default=math.inf)
    below_right = min((y for x, y in points if x > _RIGHT - _LABEL), default=math.inf)
    return Level(up.at(group.memory_peak), label, right=below_right > below_left)


def _summary(name: str, group: Cgroup, kills: Sequence[OomKill]) -> str:
    killed = max(len(kills), group.oom_kills)
    peak = size(group.memory_peak)
    if group.memory_limit is None:
        return ngettext(
            "Memory of %(name)s: without a cap, at most %(peak)s, %(num)s OOM kill.",
            "Memory of %(name)s: without a cap, at most %(peak)s, %(num)s OOM kills.",
            killed,
            name=name,
            peak=peak,
        )
    return ngettext(
        "Memory of %(name)s: under a cap of %(cap)s, at most %(peak)s, %(num)s OOM kill.",
        "Memory of %(name)s: under a cap of %(cap)s, at most %(peak)s, %(num)s OOM kills.",
        killed,
        name=name,
        cap=size(group.memory_limit),
        peak=peak,
    )


def _facts(group: Cgroup, kills: Sequence[OomKill], samples: int, rows: int, *, far: bool) -> tuple[str, ...]:
    found = []
    if far and group.memory_limit is not None:
        cap = size(group.memory_limit)
        found.append(gettext("The cap of %(size)s lies far above the picture.", size=cap))
    if group.oom_kills > len(kills):
        found.append(
            ngettext(
                "The group's own counter says %(num)s kill.",
                "The group's own counter says %(num)s kills.",
                group.oom_kills,
            )
        )
    if (more := len(kills) - MOST_KILLS) > 0:
        found.append(ngettext("%(num)s further kill left out.", "%(num)s further kills left out.", more))
    if samples == 0:
        found.append(
            gettext(
                "The run was too short for more: memory was looked at never. The peak is the kernel's own."
            )
        )
    elif samples == 1:
        found.append(
            gettext(
                "The run was too short for more: memory was looked at only once. "
                "The peak is the kernel's own."
            )
        )
    if samples > _MOST_POINTS:
        found.append(ngettext("%(num)s sample, thinned out.", "%(num)s samples, thinned out.", samples))
    if rows < samples:
        found.append(
            ngettext(
                "The table has %(rows)s of %(num)s sample.",
                "The table has %(rows)s of %(num)s samples.",
                samples,
                rows=grouped(rows),
            )
        )
    return tuple(found)
