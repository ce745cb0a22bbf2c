"""Points over time, of those who lead: steps in a picture, and a table that says the same."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from web.pictures.scale import rounded
from web.wording import Unit
from worker.overrides import Override
from worker.rules import Rule, counted, order
from worker.statistics import Attempt
from worker.submission import State

MOST: Final = 8
"""Lines in one picture: more could not be told apart."""

WIDTH: Final = 720.0
HEIGHT: Final = 320.0
_LEFT: Final = 44.0
_RIGHT: Final = 560.0  # names stand to the right of it
_TOP: Final = 16.0
_BOTTOM: Final = 288.0
_LABEL: Final = 20.0  # height of a name, also in the larger letters of a phone
_MOMENTS: Final = 6
_LEVELS: Final = 5
_DAYS_SECONDS: Final = 36 * 3600
_MINUTES_SECONDS: Final = 60 * (_MOMENTS - 1)
_Scale = Callable[[float], float]


@dataclass(frozen=True, slots=True)
class Line:
    """One participant.

    Attributes:
        steps: Points of a polyline.
        end_y: Where the line ends.
        label_y: Where the name stands, clear of the others.
        points: At each moment of the plot.
    """

    participant_id: int
    steps: str
    end_y: float
    label_y: float
    points: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Level:
    """A number of points as a line across the picture."""

    y: float
    points: float


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment below the picture; `at` in seconds since 1970."""

    x: float
    at: float


@dataclass(frozen=True, slots=True)
class Plot:
    """The picture: who leads comes first."""

    lines: tuple[Line, ...]
    levels: tuple[Level, ...]
    moments: tuple[Moment, ...]

    @property
    def unit(self) -> Unit:
        """What tells its moments apart in the fewest signs."""
        seconds = self.moments[-1].at - self.moments[0].at
        return "days" if seconds > _DAYS_SECONDS else "minutes" if seconds >= _MINUTES_SECONDS else "seconds"


def draw(
    attempts: Iterable[Attempt],
    counts: Mapping[str, object],
    until: float | None,
    *,
    rules: Mapping[str, Rule] | None = None,
    overrides: Sequence[Override] = (),
) -> Plot | None:
    """Draw who has the most points, and since when.

    Args:
        attempts: Of everybody, the oldest first.
        counts: Exercises that count, by slug.
        until: What came later is not shown, in seconds since 1970.
        rules: Of exercises: what lateness costs, and whether the last one counts.
        overrides: Scores that were set by hand, which count from then on.

    Returns:
        ``None`` where nobody has a point yet.
    """
    graded = [attempt for attempt in attempts if attempt.state is State.GRADED]
    series = _series(
        (
            scored
            for scored in (*_scored(graded, rules or {}), *map(_by_hand, overrides))
            if scored.exercise in counts and (until is None or scored.at <= until)
        ),
    )
    if not series:
        return None
    leading = sorted(series.items(), key=lambda one: (-one[1][-1][1], one[1][-1][0]))[:MOST]
    first = min(steps[0][0] for _, steps in leading)
    last = max(steps[-1][0] for _, steps in leading)
    length = max(last - first, 60.0)
    most = max(points for _, steps in leading for _, points in steps)

    def across(at: float) -> float:
        return _LEFT + (at - first) / length * (_RIGHT - _LEFT)

    def up(points: float) -> float:
        return _BOTTOM - points / most * (_BOTTOM - _TOP)

    moments = tuple(first + length * place / (_MOMENTS - 1) for place in range(_MOMENTS))
    lines: list[Line] = []
    label = 0.0
    for participant_id, steps in leading:
        end = up(steps[-1][1])
        label = max(end, label + _LABEL)
        told = tuple(_points_at(steps, one) for one in moments)
        lines.append(Line(participant_id, _polyline(steps, across, up), round(end, 1), round(label, 1), told))
    return Plot(
        tuple(lines),
        tuple(Level(round(up(points), 1), points) for points in rounded(0.0, most, _LEVELS)),
        tuple(Moment(round(across(one), 1), one) for one in moments),
    )


@dataclass(frozen=True, slots=True)
class _Scored:
    """A score, from when it was reached or set by hand; `place` as `worker.rules.order` gives it."""

    at: float
    participant_id: int
    exercise: str
    score: float
    place: tuple[float, float]


def _scored(attempts: Iterable[Attempt], rules: Mapping[str, Rule]) -> Iterator[_Scored]:
    for attempt in attempts:
        score = counted(rules, attempt.exercise, attempt.score, attempt.at)
        place = order(rules, attempt.exercise, attempt.score, attempt.at)
        yield _Scored(attempt.at, attempt.participant_id, attempt.exercise, score, place)


def _by_hand(override: Override) -> _Scored:
    place = -math.inf, -override.set_at
    return _Scored(override.set_at, override.participant_id, override.exercise, override.score, place)


def _series(scores: Iterable[_Scored]) -> dict[int, list[tuple[float, float]]]:
    """Return when the sum of each participant's points changed, and to what; of those who ever had any."""
    counts: dict[tuple[int, str], _Scored] = {}
    found: dict[int, list[tuple[float, float]]] = defaultdict(list)
    for scored in sorted(scores, key=lambda scored: scored.at):
        key = scored.participant_id, scored.exercise
        before = counts.get(key)
        if before is not None and before.place <= scored.place:
            continue
        counts[key] = scored
        own = found[scored.participant_id]
        change = scored.score - (before.score if before else 0.0)
        if change:
            own.append((scored.at, round((own[-1][1] if own else 0.0) + change, 6)))
    return {who: steps for who, steps in found.items() if steps}


def _points_at(steps: list[tuple[float, float]], moment: float) -> float:
    """Return the points that somebody had at a moment."""
    return next((points for at, points in reversed(steps) if at <= moment), 0.0)


def _polyline(steps: list[tuple[float, float]], across: _Scale, up: _Scale) -> str:
    """Return the corners of steps, from no points at the first of them to the end of the picture."""
    corners = [(across(steps[0][0]), up(0.0))]
    for at, points in steps:
        corners += [(across(at), corners[-1][1]), (across(at), up(points))]
    corners.append((_RIGHT, corners[-1][1]))
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
