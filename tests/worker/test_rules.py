"""Rules of sections: what they refuse, what lateness costs, and that it follows the rules as they are."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext

import pytest
from sqlalchemy import update

from grader.model import Exercise
from worker.audit import Action
from worker.people import Participant
from worker.rules import NONE, Rule, SectionClosedError
from worker.store import Store
from worker.tables import submissions


@pytest.mark.parametrize(
    ("rule", "at", "refused", "points"),
    [
        (NONE, 10.0, False, 4.0),
        (Rule(paused=True), 10.0, True, 4.0),
        (Rule(deadline=10.0), 10.0, False, 4.0),
        (Rule(deadline=10.0), 10.1, True, 4.0),
        (Rule(deadline=10.0, late_percent=25), 10.1, False, 3.0),
        (Rule(deadline=10.0, late_percent=0), 10.1, False, 4.0),
        (Rule(deadline=10.0, late_percent=100), 10.1, False, 0.0),
        (Rule(late_percent=50), 99.0, False, 4.0),
    ],
)
def test_what_a_rule_says(rule: Rule, at: float, refused: bool, points: float) -> None:
    with pytest.raises(SectionClosedError) if refused else nullcontext():
        rule.require_open(at)
    assert rule.counted(4.0, at) == points


def date(store: Store, times: dict[str, float]) -> None:
    """Let submissions have come at other times, in seconds since 1970."""
    with store.database.write() as connection:
        for identity, at in times.items():
            connection.execute(update(submissions).where(submissions.c.id == identity).values(created_at=at))


def test_rules_are_kept_and_told(store: Store) -> None:
    assert store.rules.of(1) == {}
    rule = Rule(True, 981173100.0, 20, 3, last_counts=True)
    store.rules.set(1, "A", rule, "teacher")
    store.rules.set(1, "A", rule, "teacher")
    assert store.rules.of(1) == {"A": rule}
    store.rules.set(1, "A", NONE, "teacher")
    assert store.rules.of(1) == {}
    said = "paused, until 2001-02-03 04:05 UTC, late answers lose 20 %, 3 attempts, the last answer counts"
    trail = [entry.deed for entry in store.audit.entries(action=Action.RULES)]
    assert [(deed.before, deed.after) for deed in trail] == [
        (said, "none"),
        ("none", said),
    ]


def test_a_late_answer_counts_less_than_one_in_time(
    store: Store,
    join: Callable[[str], Participant],
    exercise: Exercise,
    graded: Callable[..., str],
) -> None:
    ada = join("ada")
    early, late = graded(ada, exercise, points=3.0), graded(ada, exercise, points=4.0)
    date(store, {early: 100.0, late: 200.0})

    def best(rule: Rule) -> tuple[float, str | None, bool, float]:
        rules = {exercise.slug: rule}
        (grade,) = store.gradebook.grades(1, rules=rules)
        (standing,) = store.gradebook.standings(1, rules=rules)
        assert standing.score == grade.score
        return grade.score, grade.submission_id, grade.late, standing.at

    assert best(NONE) == (4.0, late, False, 200.0)
    assert best(Rule(deadline=150.0, late_percent=50)) == (3.0, early, False, 100.0)
    assert best(Rule(deadline=150.0, late_percent=20)) == (3.2, late, True, 200.0)
    assert best(Rule(deadline=50.0, late_percent=100))[0] == 0.0


def test_the_last_answer_counts_where_the_rule_says_so(
    store: Store,
    join: Callable[[str], Participant],
    exercise: Exercise,
    graded: Callable[..., str],
) -> None:
    ada, eve = join("ada"), join("eve")
    first, last = graded(ada, exercise, points=4.0), graded(ada, exercise, points=1.0)
    graded(eve, exercise, points=2.0)
    store.submissions.submit(eve, exercise, {"answer.sh": b"exit"})  # has no verdict yet
    date(store, {first: 100.0, last: 200.0})
    for rule, expected in (
        (NONE, {"ada": (4.0, first), "eve": 2.0}),
        (Rule(last_counts=True), {"ada": (1.0, last), "eve": 2.0}),
        (Rule(last_counts=True, deadline=150.0, late_percent=50), {"ada": (0.5, last), "eve": 1.0}),
    ):
        rules = {exercise.slug: rule}
        grades = {grade.participant: grade for grade in store.gradebook.grades(1, rules=rules)}
        assert (grades["ada"].score, grades["ada"].submission_id) == expected["ada"]
        assert grades["eve"].score == expected["eve"]
        standings = {one.participant: one.score for one in store.gradebook.standings(1, rules=rules)}
        assert standings == {name: grade.score for name, grade in grades.items()}


def test_only_answers_that_came_to_something_are_attempts(
    store: Store,
    join: Callable[[str], Participant],
    exercise: Exercise,
    graded: Callable[..., str],
) -> None:
    ada = join("ada")
    graded(ada, exercise)
    waiting, _ = store.submissions.submit(ada, exercise, {"answer.sh": b"exit\n"})
    assert store.rules.used(ada.id, exercise.slug) == 2
    store.submissions.cancel(waiting)
    assert store.rules.used(ada.id, exercise.slug) == 1
