"""Draws the engine's events on a time line, a lane for each container, network or volume."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from grader.evidence import Event, Evidence
from web.language import grouped, ngettext
from web.pictures.scale import WIDTH, Scale, Tick, bounded, moments, thinned
from web.pictures.words import moment, short

_MOST_EVENTS: Final = 80
_MOST_LANES: Final = 14
_MOST_SPANS: Final = 20  # in a lane
_HEAD: Final = 8
_LETTER: Final = 6.4  # width of a small letter, about
_SUFFIX: Final = 4 * _LETTER  # room for how many more there are
_LIFE: Final = frozenset({"create", "start", "die", "kill", "oom", "stop", "destroy", "pause", "unpause"})
_TELLING: Final = ("exitCode", "signal", "container", "image")
_BEGINNING: Final = frozenset({"start", "restart", "unpause", "exec_start"})
_ENDING: Final = frozenset({"die", "oom", "kill", "stop", "destroy", "exec_die"})


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything stands in a drawing of this width.

    Attributes:
        left: Where the lines begin; they end at `right`.
        first: Where labels may begin.
        lane: Height of a lane; the other heights count from its top.
        rows: Where labels stand: the row beside the line first.
        name: Where the name stands; `kind_x` and `kind` say where the kind does.
        line: Where the line is.
        most_moments: Below the picture.
    """

    width: int
    left: int
    right: int
    first: int
    lane: int
    rows: tuple[int, ...]
    name: int
    kind_x: int
    kind: int
    line: int
    most_moments: int


WIDE: Final = Layout(
    WIDTH, left=150, right=WIDTH - 30, first=130, lane=52, rows=(28, 14), name=24, kind_x=8, kind=40, line=38,
    most_moments=6,
)  # fmt: skip
NARROW: Final = Layout(
    358, left=18, right=340, first=4, lane=72, rows=(46, 32), name=14, kind_x=350, kind=14, line=57,
    most_moments=4,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mark:
    """One event.

    Attributes:
        label: Empty where there is no room for it; the label before it then ends in how many are left out.
        label_x: The label's middle; `label_y` counts from the top of the lane.
    """

    x: float
    looks: str
    label: str
    label_x: float
    label_y: int
    at: str
    action: str
    told: str


@dataclass(frozen=True, slots=True)
class Span:
    """A while during which a container ran."""

    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Lane:
    """Everything about one object of the engine."""

    y: int
    kind: str
    name: str
    full: str
    spans: tuple[Span, ...]
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Drawing:
    """The lanes as they stand in a layout."""

    layout: Layout
    height: int
    bottom: int
    lanes: tuple[Lane, ...]
    across: tuple[Tick, ...]
    unlabelled: int


@dataclass(frozen=True, slots=True)
class TimeLine:
    """The lanes in the order in which their objects were first heard of, for large and for small screens."""

    summary: str
    wide: Drawing
    narrow: Drawing
    events_left_out: int
    lanes_left_out: int


def draw_events(evidence: Evidence) -> TimeLine | None:
    """Draw the events, those of a container's life before all others, or nothing where there were none."""
    told = evidence.sections.events
    if not told:
        return None
    by_object: dict[tuple[str, str], list[Event]] = {}
    for event in sorted(told, key=lambda event: event.at_ms):
        by_object.setdefault((event.kind, event.id), []).append(event)
    # Containers come first, then what is busiest; the lanes stay in the order of their first event.
    ranked = sorted(by_object, key=lambda key: (key[0] != "container", -len(by_object[key])))[:_MOST_LANES]
    keys = [key for key in by_object if key in set(ranked)]
    keys.sort(key=lambda key: key[0] != "container")
    drawn = _chosen([event for key in keys for event in by_object[key]])
    lanes = {key: by_object[key] for key in keys}
    ends = min(0.0, min(event.at_ms for event in told)), max(*(event.at_ms for event in told), 1.0)
    return TimeLine(
        summary=_summary(len(told), len(by_object)),
        wide=_drawing(WIDE, lanes, drawn, ends),
        narrow=_drawing(NARROW, lanes, drawn, ends),
        events_left_out=len(told) - len(drawn),
        lanes_left_out=len(by_object) - len(lanes),
    )


def _drawing(
    layout: Layout,
    told: Mapping[tuple[str, str], Sequence[Event]],
    drawn: Collection[int],
    ends: tuple[float, float],
) -> Drawing:
    low, high = map(bounded, ends)
    scale = Scale(low, high, float(layout.left), float(layout.right))
    lanes = tuple(
        _lane(key, events, [event for event in events if id(event) in drawn], scale, layout, row)
        for row, (key, events) in enumerate(told.items())
    )
    bottom = _HEAD + layout.lane * len(lanes)
    return Drawing(
        layout=layout,
        height=bottom + 24,
        bottom=bottom,
        lanes=lanes,
        across=moments(scale, layout.most_moments),
        unlabelled=sum(1 for lane in lanes for mark in lane.marks if not mark.label),
    )


def _summary(told: int, objects: int) -> str:
    return ngettext(
        "%(num)s event of the engine. Objects that it is about: %(objects)s.",
        "%(num)s events of the engine. Objects that they are about: %(objects)s.",
        told,
        objects=grouped(objects),
    )


def _chosen(told: Sequence[Event]) -> frozenset[int]:
    """Return the identities of the events that are shown."""
    life = [event for event in told if _action(event) in _LIFE]
    other = [event for event in told if _action(event) not in _LIFE]
    kept = [life[place] for place in thinned(len(life), _MOST_EVENTS)]
    room = _MOST_EVENTS - len(kept)
    if room > 1 or len(other) <= room:
        kept += [other[place] for place in thinned(len(other), room)]
    return frozenset(id(event) for event in kept)


def _action(event: Event) -> str:
    """Return the bare action: what a program is started with follows a colon."""
    return event.action.partition(":")[0]


def _lane(
    key: tuple[str, str],
    told: Sequence[Event],
    shown: Sequence[Event],
    scale: Scale,
    layout: Layout,
    row: int,
) -> Lane:
    kind, identity = key
    # The last name counts: containers can be renamed.
    name = next((event.attributes["name"] for event in reversed(told) if event.attributes.get("name")), "")
    full = name or identity.removeprefix("sha256:")[:12] or "?"
    return Lane(
        y=_HEAD + layout.lane * row,
        kind=short(kind, 16),
        name=short(full, 18),
        full=short(full, 40),
        spans=_spans(told, scale) if kind == "container" else (),
        marks=_marks(shown, scale, layout),
    )


def _spans(told: Sequence[Event], scale: Scale) -> tuple[Span, ...]:
    found: list[Span] = []
    began: float | None = None
    known = any(event.action == "create" for event in told)
    for event in told:
        if event.action == "start":
            began = scale.at(event.at_ms)
            known = True
        elif event.action == "die":
            if not known:  # it ran before anybody listened
                began = scale.start
            if began is not None:
                found.append(Span(began, max(round(scale.at(event.at_ms) - began, 1), 1.0)))
            began, known = None, True
    if began is not None:
        found.append(Span(began, round(scale.end - began, 1)))
    return tuple(found[:_MOST_SPANS])


def _marks(shown: Sequence[Event], scale: Scale, layout: Layout) -> tuple[Mark, ...]:
    found: list[Mark] = []
    free = dict.fromkeys(layout.rows, float(layout.first))
    labelled: int | None = None
    more = 0
    for event in shown:
        x = scale.at(event.at_ms)
        text = _label(event)
        half = len(text) * _LETTER / 2
        middle = max(min(x, layout.width - half - 4), layout.first + half)
        row = next((row for row in layout.rows if middle - half >= free[row]), None)
        if row is None:
            more += 1
        else:
            _count(found, labelled, more, layout)
            labelled, more = len(found), 0
            free[row] = middle + half + _SUFFIX
        found.append(
            Mark(
                x=x,
                looks=_looks(event),
                label=text if row is not None else "",
                label_x=round(middle, 1),
                label_y=row or 0,
                at=moment(event.at_ms),
                action=short(event.action, 40),
                told=_told(event),
            )
        )
    _count(found, labelled, more, layout)
    return tuple(found)


def _count(found: list[Mark], labelled: int | None, more: int, layout: Layout) -> None:
    """Let the last label say how many events after it have none."""
    if labelled is not None and more:
        mark = found[labelled]
        label = f"{mark.label} +{more}"
        middle = min(mark.label_x + _SUFFIX / 2, layout.width - len(label) * _LETTER / 2 - 4)
        found[labelled] = replace(mark, label=label, label_x=round(middle, 1))


def _label(event: Event) -> str:
    said = event.attributes.get("exitCode" if event.action == "die" else "signal", "")
    return short(f"{_action(event)} {said}".strip(), 18)


def _looks(event: Event) -> str:
    action = _action(event)
    if action in _BEGINNING:
        return "begins"
    return "ends" if action in _ENDING else "happens"


def _told(event: Event) -> str:
    return ", ".join(
        f"{name} {short(event.attributes[name], 20)}" for name in _TELLING if event.attributes.get(name)
    )
