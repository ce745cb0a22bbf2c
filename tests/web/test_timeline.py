"""Points over time, as a picture and as numbers."""

from __future__ import annotations

from itertools import pairwise

import pytest

from web.standings.timeline import MOST, draw
from web.wording import utc
from worker.overrides import Override
from worker.rules import Rule
from worker.statistics import Attempt
from worker.submission import State

COUNTS: dict[str, object] = {"one": None, "two": None}


def attempt(who: int, at: float, score: float, exercise: str = "one") -> Attempt:
    return Attempt(f"{who}-{at}", who, exercise, State.GRADED, score, False, at)


def test_the_best_of_each_exercise_adds_up() -> None:
    plot = draw(
        [
            attempt(1, 0, 2),
            attempt(1, 50, 1),
            attempt(2, 50, 1),
            attempt(1, 100, 4),
            attempt(1, 100, 3, "two"),
            attempt(3, 100, 9, "gone"),
            attempt(4, 100, 0),
        ],
        COUNTS,
        None,
    )
    assert plot is not None
    assert [line.participant_id for line in plot.lines] == [1, 2], "who has no points is not shown"
    assert plot.lines[0].points == (2.0, 2.0, 2.0, 2.0, 2.0, 7.0)
    assert plot.lines[1].points == (0.0, 0.0, 0.0, 1.0, 1.0, 1.0)
    assert plot.lines[0].steps.startswith("44.0,288.0 44.0,288.0 44.0,210.3")
    assert plot.lines[0].steps.endswith("560.0,16.0")
    assert [level.points for level in plot.levels] == [0.0, 2.0, 4.0, 6.0]


@pytest.mark.parametrize(
    ("seconds", "unit"), [(1, "seconds"), (299, "seconds"), (300, "minutes"), (36 * 3600 + 1, "days")]
)
def test_moments_are_told_apart(seconds: float, unit: str) -> None:
    plot = draw([attempt(1, 0, 1), attempt(1, seconds, 4)], COUNTS, None)
    assert plot is not None
    assert plot.unit == unit
    assert len({utc(moment.at, plot.unit) for moment in plot.moments}) > 1


def test_only_those_who_lead_and_only_until_then() -> None:
    attempts = [attempt(who, who, who) for who in range(1, 20)]
    plot = draw(attempts, COUNTS, 15.0)
    assert plot is not None
    assert [line.participant_id for line in plot.lines] == list(range(15, 15 - MOST, -1))
    labels = [line.label_y for line in plot.lines]
    assert all(below - above >= 20 for above, below in pairwise(labels))
    assert draw(attempts, COUNTS, 0.5) is None
    assert draw([], COUNTS, None) is None


def test_the_plot_follows_the_rules() -> None:
    """Lateness costs, the last answer replaces the best one, and from then on what was set by hand counts."""
    attempts = [attempt(1, 0, 4), attempt(1, 100, 2), attempt(2, 0, 1)]
    late = draw(attempts, COUNTS, None, rules={"one": Rule(deadline=-1.0, late_percent=50)})
    assert late is not None
    assert [line.points[-1] for line in late.lines] == [2.0, 0.5]
    last = draw(attempts, COUNTS, None, rules={"one": Rule(last_counts=True)})
    assert last is not None
    assert last.lines[0].points == (4.0, 4.0, 4.0, 4.0, 4.0, 2.0)
    assert last.levels[-1].points == 4.0, "the picture is as high as anybody has been"
    by_hand = Override(2, "one", 9.0, 9.0, "", "teacher", 50.0)
    plot = draw([*attempts, attempt(2, 80, 5)], COUNTS, None, overrides=[by_hand])
    assert plot is not None
    assert [(line.participant_id, line.points[-1]) for line in plot.lines] == [(2, 9.0), (1, 4.0)]
    assert draw(attempts, COUNTS, 40.0, overrides=[by_hand]) == draw(attempts, COUNTS, 40.0)
