"""The life of a submission on both databases: each change happens once, and only forward."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from grader.judge import ungradable
from grader.model import CheckResult, Exercise, Outcome, Report, Timing
from worker.leased import AGAIN_SECONDS
from worker.people import Participant
from worker.store import Store
from worker.submission import ATTEMPTS, ConflictError, State, Submitted

FILES = {"answer.sh": b"echo hi\n"}
Join = Callable[[str], Participant]


def report(exercise: Exercise, score: float = 1.0, *, passed: bool = False) -> Report:
    outcome = Outcome.PASSED if passed else Outcome.FAILED
    check = CheckResult("one", "One", outcome, score, exercise.max_score)
    digest = "sha256:" + "0" * 64
    return Report(exercise.slug, "ada", "graded", score, exercise.max_score, (check,), Timing(), digest)


def get(store: Store, identity: str) -> Submitted:
    found = store.submissions.get(identity)
    assert found is not None
    return found


def test_a_whole_life(store: Store, join: Join, exercise: Exercise) -> None:
    ada = join("ada")
    identity, new = store.submissions.submit(ada, exercise, FILES)
    assert new
    assert get(store, identity).state is State.QUEUED
    assert store.submissions.position(identity) == 0
    claimed = store.claims.claim("w1", 5, 60)
    assert claimed is not None
    assert (claimed.id, claimed.attempt, claimed.participant) == (identity, 1, "ada")
    assert claimed.files == FILES
    assert get(store, identity).state is State.RUNNING
    assert store.submissions.position(identity) is None
    assert store.claims.finish(claimed, report(exercise, passed=True), b'{"a":1}')
    found = get(store, identity)
    assert (found.state, found.score, found.passed) == (State.GRADED, 1.0, True)
    assert found.created_at <= (found.started_at or 0) <= (found.finished_at or 0)
    assert store.submissions.evidence(str(found.evidence)) == b'{"a":1}'
    assert store.claims.claim("w1", 5, 60) is None


def test_unknown_ids_are_unknown(store: Store) -> None:
    assert store.submissions.get("0" * 32) is None
    assert not store.submissions.cancel("0" * 32)
    assert store.submissions.evidence("sha256:none") is None


def test_a_verdict_is_given_once(store: Store, join: Join, exercise: Exercise) -> None:
    """Whoever lost the submission meanwhile comes too late."""
    identity, _ = store.submissions.submit(join("ada"), exercise, FILES)
    first = store.claims.claim("w1", 0.0, 60)
    time.sleep(0.02)
    second = store.claims.claim("w2", 5, 60)
    assert first is not None
    assert second is not None
    assert (second.id, second.attempt) == (identity, 2)
    assert not store.claims.finish(first, report(exercise, 0.0), None)
    assert store.claims.finish(second, report(exercise, 2.0), None)
    assert not store.claims.finish(second, report(exercise, 0.0), None)
    assert get(store, identity).score == 2.0


def test_after_three_attempts_it_is_ungradable(store: Store, join: Join, exercise: Exercise) -> None:
    identity, _ = store.submissions.submit(join("ada"), exercise, FILES)
    states = []
    for _ in range(ATTEMPTS):
        claimed = store.claims.claim("w1", 0.0, 60)
        assert claimed is not None
        states.append(get(store, identity).state)
        time.sleep(0.02)
    assert states == [State.RUNNING] * ATTEMPTS
    assert store.claims.claim("w1", 5, 60) is None
    (lost,) = store.claims.exhausted()
    given_up = ungradable(exercise.slug, "ada", exercise.max_score, "lost", Timing())
    assert store.claims.give_up(lost, given_up)
    assert get(store, identity).state is State.UNGRADABLE
    assert store.claims.exhausted() == []


def test_what_the_machine_fails_is_tried_again(store: Store, join: Join, exercise: Exercise) -> None:
    identity, _ = store.submissions.submit(join("ada"), exercise, FILES)
    failed = ungradable(exercise.slug, "ada", exercise.max_score, "no space", Timing())
    for attempt in range(1, ATTEMPTS + 1):
        claimed = store.claims.claim(f"w{attempt}", 5, 60)
        assert claimed is not None
        assert store.claims.release(claimed, failed) == (attempt < ATTEMPTS)
    found = get(store, identity)
    assert (found.state, found.error) == (State.UNGRADABLE, "no space")


def test_a_lease_that_is_renewed_holds(store: Store, join: Join, exercise: Exercise) -> None:
    store.submissions.submit(join("ada"), exercise, FILES)
    claimed = store.claims.claim("w1", 0.05, 60)
    assert claimed is not None
    assert store.claims.renew("w1", 5, [claimed]) == 1
    time.sleep(0.1)
    assert store.claims.claim("w2", 5, 60) is None


def test_a_deadline_ends_every_lease(store: Store, join: Join, exercise: Exercise) -> None:
    """A worker that lives and grades forever does not keep the submission."""
    store.submissions.submit(join("ada"), exercise, FILES)
    claimed = store.claims.claim("w1", 0.02, 0.02)
    assert claimed is not None
    time.sleep(0.05)
    assert store.claims.renew("w1", 5, [claimed]) == 0
    assert store.claims.claim("w2", 5, 60)


def test_what_is_handed_back_costs_no_attempt(store: Store, join: Join, exercise: Exercise) -> None:
    store.submissions.submit(join("ada"), exercise, FILES)
    assert store.claims.claim("w1", 5, 60)
    assert store.claims.give_back("w1") == 1
    claimed = store.claims.claim("w2", 5, 60)
    assert claimed is not None
    assert claimed.attempt == 1


def test_who_handed_it_back_decides_nothing_any_more(store: Store, join: Join, exercise: Exercise) -> None:
    """The next worker has the same attempt, and it is that worker's alone."""
    identity, _ = store.submissions.submit(join("ada"), exercise, FILES)
    former = store.claims.claim("w1", 5, 60)
    store.claims.give_back("w1")
    present = store.claims.claim("w2", 5, 60)
    assert former is not None
    assert present is not None
    assert former.attempt == present.attempt
    failed = ungradable(exercise.slug, "ada", exercise.max_score, "ended", Timing())
    assert not store.claims.release(former, failed)
    assert not store.claims.finish(former, report(exercise, 0.0), None)
    assert store.claims.claim("w3", 5, 60) is None
    assert store.claims.finish(present, report(exercise, 2.0), None)
    assert get(store, identity).score == 2.0


def test_only_what_a_worker_still_grades_is_kept(store: Store, join: Join, exercise: Exercise) -> None:
    """A verdict that could not be stored leaves a row that its worker has forgotten."""
    ada = join("ada")
    for _ in range(2):
        store.submissions.submit(ada, exercise, FILES)
    forgotten, graded = (store.claims.claim("w1", 0.05, 60) for _ in range(2))
    assert forgotten is not None
    assert graded is not None
    assert store.claims.renew("w1", 5, [graded]) == 1
    time.sleep(0.1)
    taken = store.claims.claim("w2", 5, 60)
    assert taken is not None
    assert taken.id == forgotten.id
    assert store.claims.claim("w2", 5, 60) is None


def test_whoever_failed_lets_others_try_first(
    store: Store, join: Join, exercise: Exercise, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broken machine is the fastest of all; it must not use up all attempts."""
    store.submissions.submit(join("ada"), exercise, FILES)
    claimed = store.claims.claim("w1", 5, 60)
    assert claimed is not None
    failed = ungradable(exercise.slug, "ada", exercise.max_score, "no space", Timing())
    assert store.claims.release(claimed, failed)
    assert store.claims.renew("w1", 5, [claimed]) == 0
    assert store.claims.claim("w1", 5, 60) is None
    second = store.claims.claim("w2", 5, 60)
    assert second is not None
    assert store.claims.release(second, failed)
    time.sleep(AGAIN_SECONDS + 0.1)
    assert store.claims.claim("w2", 5, 60)


def test_what_is_renewed_at_the_last_moment_is_not_given_up(
    store: Store, join: Join, exercise: Exercise
) -> None:
    identity, _ = store.submissions.submit(join("ada"), exercise, FILES)
    for _ in range(ATTEMPTS):
        claimed = store.claims.claim("w1", 0.0, 60)
        assert claimed is not None
        time.sleep(0.02)
    (lost,) = store.claims.exhausted()
    assert store.claims.renew("w1", 5, [claimed]) == 1
    given_up = ungradable(exercise.slug, "ada", exercise.max_score, "lost", Timing())
    assert not store.claims.give_up(lost, given_up)
    assert get(store, identity).state is State.RUNNING


def test_a_repeated_request_makes_one_submission(store: Store, join: Join, exercise: Exercise) -> None:
    ada, bob = join("ada"), join("bob")
    first = store.submissions.submit(ada, exercise, FILES, idempotency_key="k")
    again = store.submissions.submit(ada, exercise, FILES, idempotency_key="k")
    assert first[1]
    assert again == (first[0], False)
    with pytest.raises(ConflictError):
        store.submissions.submit(ada, exercise, {"answer.sh": b"other"}, idempotency_key="k")
    assert store.submissions.submit(bob, exercise, FILES, idempotency_key="k")[1]
    assert len(store.submissions.of(ada.id)) == 1


def test_a_repeated_request_at_the_same_time_makes_one_too(
    store: Store, join: Join, exercise: Exercise
) -> None:
    ada = join("ada")
    found: list[tuple[str, bool]] = []
    threads = [
        threading.Thread(
            target=lambda: found.append(store.submissions.submit(ada, exercise, FILES, idempotency_key="k"))
        )
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({identity for identity, _ in found}) == 1
    assert sum(new for _, new in found) == 1


def test_many_workers_take_each_submission_once(store: Store, join: Join, exercise: Exercise) -> None:
    ada = join("ada")
    made = {store.submissions.submit(ada, exercise, FILES)[0] for _ in range(60)}
    taken: list[str] = []

    def work(name: str) -> None:
        while (claimed := store.claims.claim(name, 30, 60)) is not None:
            taken.append(claimed.id)

    threads = [threading.Thread(target=work, args=(f"w{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == sorted(made)


def test_nobody_holds_up_the_others(store: Store, join: Join, exercise: Exercise) -> None:
    """One who sends fifty answers is served in turn with those who send one."""
    greedy = join("greedy")
    for _ in range(50):
        store.submissions.submit(greedy, exercise, FILES)
    for _ in range(5):
        assert store.claims.claim("w", 30, 60)
    for number in range(10):
        store.submissions.submit(join(f"modest {number}"), exercise, FILES)
    order = []
    for _ in range(12):
        claimed = store.claims.claim("w", 30, 60)
        assert claimed is not None
        order.append(claimed.participant)
    assert sum(name != "greedy" for name in order) == 10
    assert order.count("greedy") == 2


def test_cancelled_is_final(store: Store, join: Join, exercise: Exercise) -> None:
    ada = join("ada")
    waiting, _ = store.submissions.submit(ada, exercise, FILES)
    assert store.submissions.cancel(waiting)
    assert not store.submissions.cancel(waiting)
    assert store.claims.claim("w", 5, 60) is None
    running, _ = store.submissions.submit(ada, exercise, FILES)
    claimed = store.claims.claim("w", 5, 60)
    assert claimed is not None
    assert store.submissions.cancel(running)
    assert not store.claims.finish(claimed, report(exercise), None)
    assert get(store, running).state is State.CANCELLED


def test_the_queue_is_counted(store: Store, join: Join, exercise: Exercise) -> None:
    ada = join("ada")
    for _ in range(3):
        store.submissions.submit(ada, exercise, FILES)
    store.claims.claim("w", 30, 60)
    queue = store.submissions.queue()
    assert (queue.waiting, queue.running) == (2, 1)
    assert 0 <= queue.oldest_seconds < 30
    assert store.submissions.count()[State.QUEUED] == 2


def test_standings_give_the_best_attempt(store: Store, join: Join, exercise: Exercise) -> None:
    ada = join("ada")
    for score in (1.0, 3.0, 2.0):
        store.submissions.submit(ada, exercise, FILES)
        claimed = store.claims.claim("w", 30, 60)
        assert claimed is not None
        store.claims.finish(claimed, report(exercise, score), None)
    (standing,) = store.submissions.standings(ada.workshop_id)
    assert (standing.score, standing.attempts, standing.passed) == (3.0, 3, False)
