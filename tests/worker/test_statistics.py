"""Figures about a workshop: by exercise, by check, and who is stuck."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from grader.model import Exercise, Outcome
from worker.people import Participant
from worker.statistics import Attempt, by_exercise, stuck
from worker.store import Store
from worker.submission import State


def attempt(
    who: int, at: float, *, passed: bool = False, exercise: str = "one", score: float = 0.0
) -> Attempt:
    return Attempt(f"{who}-{at}", who, exercise, State.GRADED, 4.0 if passed else score, passed, at)


def test_how_an_exercise_fares() -> None:
    lost = Attempt("x", 4, "one", State.UNGRADABLE, 0.0, False, 9.0)
    figures = by_exercise(
        [
            attempt(1, 0),
            attempt(2, 10, passed=True),
            attempt(1, 60),
            attempt(1, 100, passed=True),
            attempt(1, 200),
            attempt(3, 5),
            lost,
            attempt(1, 7, exercise="two"),
        ]
    )
    one = figures["one"]
    assert (one.tried, one.solved, one.attempts, one.ungradable) == (3, 2, 6, 1)
    assert (one.attempts_to_solve, one.seconds_to_solve) == (2.0, 50.0)
    assert (figures["two"].solved, figures["two"].seconds_to_solve) == (0, None)


def test_who_is_stuck() -> None:
    found = stuck(
        [
            *(attempt(1, at, score=at) for at in (1, 2, 3)),
            *(attempt(2, at) for at in (1, 2)),
            *(attempt(3, at) for at in (1, 2, 3)),
            attempt(3, 4, passed=True),
            *(attempt(4, at) for at in (7, 8, 9, 10)),
        ]
    )
    assert [(one.participant_id, one.attempts, one.best) for one in found] == [(4, 4, 0.0), (1, 3, 3.0)]


def test_how_a_check_fares(
    store: Store,
    join: Callable[[str], Participant],
    exercise: Exercise,
    graded: Callable[..., str],
) -> None:
    ada, eve = join("ada"), join("eve")
    graded(ada, exercise, feedback="no-kill")
    graded(ada, exercise, feedback="no-kill")
    graded(ada, exercise, points=exercise.max_score)
    graded(eve, exercise, feedback="wrong-victim")
    (check,) = store.statistics.checks(1, exercise.slug)
    assert (check.outcomes[Outcome.PASSED], check.outcomes[Outcome.FAILED], check.failing) == (1, 3, 1)
    assert [(one.name, one.attempts, one.participants) for one in check.feedback] == [
        ("no-kill", 2, 1),
        ("wrong-victim", 1, 1),
    ]
    assert by_exercise(store.statistics.attempts(1))[exercise.slug].attempts_to_solve == pytest.approx(3.0)
    assert set(store.statistics.joined(1)) == {ada.id, eve.id}
