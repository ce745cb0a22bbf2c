"""Scores set by hand count instead of graded ones, are in the trail, and can be taken back."""

from __future__ import annotations

import time
from collections.abc import Callable

from grader.model import Exercise
from worker.audit import Action
from worker.people import Participant
from worker.store import Store

Join = Callable[[str], Participant]


def set_score(
    store: Store, whose: Participant, exercise: Exercise, score: float, comment: str = "why"
) -> None:
    store.overrides.set(
        whose,
        exercise.slug,
        score,
        exercise.max_score,
        comment=comment,
        account="teacher",
        graded="1 of 4",
    )


def test_a_score_by_hand_counts_until_it_is_taken_back(
    store: Store, join: Join, exercise: Exercise, graded: Callable[..., str]
) -> None:
    ada, eve = join("ada"), join("eve")
    graded(ada, exercise, points=1.0)
    before = time.time()
    time.sleep(0.01)
    set_score(store, ada, exercise, 4.0, "shown at the desk")
    set_score(store, eve, exercise, 2.0)

    def standings(until: float | None = None) -> dict[str, tuple[float, bool, int, bool]]:
        found = store.gradebook.standings(1, until=until, rules={})
        return {one.participant: (one.score, one.passed, one.attempts, one.by_hand) for one in found}

    assert standings() == {"ada": (4.0, True, 1, True), "eve": (2.0, False, 0, True)}
    assert standings(before) == {"ada": (1.0, False, 1, False)}, "a frozen scoreboard shows none of it"
    assert [one.score for one in store.gradebook.standings(1, ada.id, rules={})] == [4.0]
    grades = {grade.participant: grade for grade in store.gradebook.grades(1, rules={})}
    assert (grades["ada"].score, grades["ada"].report.score) == (4.0, 1.0)
    assert (grades["eve"].score, grades["eve"].submission_id) == (2.0, None)
    assert grades["ada"].override is not None
    assert grades["ada"].override.comment == "shown at the desk"
    set_score(store, ada, exercise, 3.0, "on second thoughts")
    assert standings()["ada"][0] == 3.0
    assert store.overrides.revoke(ada, exercise.slug, account="other", graded="1 of 4")
    assert not store.overrides.revoke(ada, exercise.slug, account="other", graded="1 of 4")
    assert standings()["ada"] == (1.0, False, 1, False)
    trail = [entry.deed for entry in store.audit.entries(participant="ada")]
    assert [(deed.action, deed.account, deed.before, deed.after) for deed in trail] == [
        (Action.OVERRIDE_REVOKED, "other", "3 of 4, by hand", "1 of 4"),
        (Action.OVERRIDE, "teacher", "4 of 4, by hand", "3 of 4"),
        (Action.OVERRIDE, "teacher", "1 of 4", "4 of 4"),
    ]
    assert [entry.deed.comment for entry in store.audit.entries(limit=1, before=3)] == ["why"]


def test_the_best_attempt_is_the_grade(
    store: Store, join: Join, exercise: Exercise, graded: Callable[..., str]
) -> None:
    ada = join("ada")
    graded(ada, exercise, points=1.0)
    best = graded(ada, exercise, points=3.0)
    graded(ada, exercise, points=2.0)
    (grade,) = store.gradebook.grades(1, rules={})
    assert (grade.submission_id, grade.score, grade.attempts) == (best, 3.0, 3)
    assert list(store.gradebook.grades(1, ada.id, rules={})) == [grade]
    assert list(store.gradebook.grades(2, rules={})) == []
