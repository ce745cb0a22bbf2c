"""Submissions that could not be graded and are run again: back in the queue, behind whoever waits."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import update

from grader.judge import ungradable
from grader.model import Exercise, Timing
from worker.audit import Action
from worker.people import Participant
from worker.store import Store
from worker.submission import ATTEMPTS, State
from worker.tables import submissions

Join = Callable[[str], Participant]
FILES = {"answer.sh": b"exit\n"}


def give_up(store: Store, whose: Participant, exercise: Exercise) -> str:
    """Store a submission that nobody could grade."""
    identity, _ = store.submissions.submit(whose, exercise, FILES)
    for number in range(ATTEMPTS):
        claimed = store.claims.claim(f"w{number}", 30, 60)
        assert claimed is not None
        report = ungradable(exercise.slug, whose.name, exercise.max_score, "the disk was full", Timing())
        store.claims.release(claimed, report)
    return identity


def test_what_was_ungradable_is_run_again(store: Store, join: Join, exercise: Exercise) -> None:
    ada, eve = join("ada"), join("eve")
    identity = give_up(store, ada, exercise)
    (listed,) = store.reruns.ungradable(1)
    assert (listed.id, listed.participant, listed.error) == (identity, "ada", "the disk was full")
    with store.database.write() as connection:
        connection.execute(update(submissions).values(created_at=1.0))
    waiting, _ = store.submissions.submit(eve, exercise, FILES)
    assert store.reruns.run_again(1, "teacher") == [identity]
    assert store.reruns.run_again(1, "teacher") == []
    assert store.submissions.queue().oldest_seconds < 60, "it waits since now"
    order = [store.claims.claim("w", 30, 60) for _ in range(2)]
    assert [claimed and claimed.id for claimed in order] == [waiting, identity]
    again = order[1]
    assert again is not None
    assert (again.attempt, again.files, again.waited_ms < 60_000) == (1, FILES, True)
    deed = store.audit.entries(action=Action.RUN_AGAIN)[0].deed
    assert (deed.participant, deed.before, deed.after) == ("ada", "ungradable", "queued")


def test_what_has_a_verdict_keeps_it(
    store: Store, join: Join, exercise: Exercise, graded: Callable[..., str]
) -> None:
    identity = graded(join("ada"), exercise, points=2.0)
    assert store.reruns.run_again(1, "teacher") == []
    assert store.reruns.run_again(1, "teacher", submission_id=identity) == []
    found = store.submissions.get(identity)
    assert found is not None
    assert (found.state, found.score) == (State.GRADED, 2.0)
    assert store.audit.entries(action=Action.RUN_AGAIN) == []
