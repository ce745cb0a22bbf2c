"""Running again: behind whoever waits, while verdicts stay; looked at, then applied or discarded."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable

from sqlalchemy import delete, select, update

from grader.judge import graded as make_report
from grader.judge import ungradable
from grader.model import CheckResult, Exercise, Feedback, Outcome, Report, Timing
from grader.report import json
from worker.audit import Action
from worker.people import Participant
from worker.regrade import Kind, RegradeState
from worker.rules import Rule
from worker.store import Store
from worker.submission import ATTEMPTS, Claimed, Runs, State, Submitted
from worker.tables import evidence, regrade_runs, submission_files, submissions

Join = Callable[[str], Participant]
GradedAs = Callable[..., str]
FILES = {"answer.sh": b"exit\n"}


def get(store: Store, identity: str) -> Submitted:
    found = store.submissions.get(identity)
    assert found is not None
    return found


def claim(store: Store, worker: str = "w", seconds: float = 30) -> Claimed:
    found = store.claims.claim(worker, seconds, 60)
    assert found is not None
    return found


def verdict(exercise: Exercise, points: float, data: bytes, *, says: str = "no-kill") -> Report:
    """Return what a worker makes of an answer: one check, for all points."""
    most = exercise.max_score
    outcome = Outcome.PASSED if points >= most else Outcome.FAILED
    feedback = None if points >= most else Feedback(says, "It was not killed.")
    result = CheckResult("all", "Everything", outcome, points, most, feedback)
    timing = Timing(observe_ms=10.0, total_ms=10.0)
    return make_report(exercise, "ada", (result,), timing, "sha256:" + hashlib.sha256(data).hexdigest())


def finish(store: Store, claimed: Claimed, exercise: Exercise, points: float, data: bytes) -> str:
    """End a run and return the address of its evidence."""
    report = verdict(exercise, points, data)
    assert store.claims.finish(claimed, report, data)
    assert report.evidence is not None
    return report.evidence


def state(store: Store, identity: int) -> tuple[RegradeState, int, int, int]:
    found = store.regrades.get(identity)
    assert found is not None
    return found.state, found.total, found.judged, found.left_alone


def kept(store: Store) -> int:
    with store.database.read() as connection:
        return len(connection.execute(select(evidence.c.digest)).all())


def test_verdicts_stay_until_the_new_ones_are_applied(
    store: Store, join: Join, exercise: Exercise, graded: GradedAs
) -> None:
    ada, eve = join("ada"), join("eve")
    better = graded(ada, exercise, points=1.0, evidence=b"1")
    same = graded(eve, exercise, points=4.0, evidence=b"2")
    before = {identity: get(store, identity) for identity in (better, same)}
    regrade = store.regrades.wish_runs(1, "teacher", [exercise.slug])
    assert (regrade.kind, regrade.state, regrade.total) == (Kind.RUN, RegradeState.RUNNING, 2)
    assert store.claims.runs() == Runs(waiting=2, running=0)
    assert store.submissions.queue().waiting == 0, "nobody waits for these"
    assert store.regrade_claims.claim("w") is None, "there is nothing to judge"
    first = claim(store)
    assert (first.id, first.files, first.attempt, first.waited_ms) == (better, FILES, 1, 0.0)
    assert first.run is not None
    addresses = [finish(store, first, exercise, 4.0, b"new 1")]
    assert state(store, regrade.id) == (RegradeState.RUNNING, 2, 1, 0)
    (change,) = store.regrades.changes(regrade.id)
    assert (change.participant, change.old_score, change.score) == ("ada", 1.0, 4.0)
    assert [(check.title, check.before, check.after) for check in change.checks] == [
        ("Everything", Outcome.FAILED, Outcome.PASSED)
    ]
    assert store.regrades.apply(regrade.id, "teacher") is None, "not all have run"
    addresses.append(finish(store, claim(store), exercise, 4.0, b"new 2"))
    assert state(store, regrade.id) == (RegradeState.READY, 2, 2, 0)
    assert store.claims.claim("w", 30, 60) is None
    assert {identity: get(store, identity) for identity in (better, same)} == before, (
        "nothing changes by looking"
    )
    assert [(one.rescored, one.turned, bool(one.checks)) for one in store.regrades.changes(regrade.id)] == [
        (True, True, True),
        (False, False, False),
    ]
    assert store.regrades.apply(regrade.id, "teacher") == 1
    assert store.regrades.apply(regrade.id, "teacher") is None, "a second click changes nothing"
    for identity, address in zip((better, same), addresses, strict=True):
        after = get(store, identity)
        assert (after.state, after.score, after.passed, after.evidence) == (State.GRADED, 4.0, True, address)
        assert json.from_json(after.report or b"").evidence == address
        assert (after.created_at, after.finished_at) == (
            before[identity].created_at,
            before[identity].finished_at,
        )
        assert store.submissions.evidence(address)
    trail = [entry.deed for entry in store.audit.entries()]
    assert [deed.action for deed in trail] == [Action.REGRADE_APPLIED, Action.SCORE, Action.REGRADE_RUN]
    assert trail[0].after == "1 scores, evidence of 2 verdicts"
    old, new = before[better].evidence, addresses[0]
    assert (trail[1].participant, trail[1].account) == ("ada", "teacher")
    assert (trail[1].before, trail[1].after) == (f"1 of 4, evidence {old}", f"4 of 4, evidence {new}")
    assert store.submissions.evidence(str(old)), "and what it rested on can still be read"


def test_whoever_waits_goes_first(store: Store, join: Join, exercise: Exercise, graded: GradedAs) -> None:
    ada = join("ada")
    old = graded(ada, exercise, points=1.0)
    store.regrades.wish_runs(1, "teacher", [exercise.slug])
    fresh = [store.submissions.submit(ada, exercise, FILES)[0] for _ in range(3)]
    lost = store.claims.claim("dead", 0.0, 60)
    assert lost is not None
    time.sleep(0.02)
    assert [claim(store).id for _ in range(4)] == [*fresh, old]
    assert get(store, old).state is State.GRADED, "and its own moment is what counts"


def test_what_is_discarded_leaves_everything_as_it_was(
    store: Store, join: Join, exercise: Exercise, graded: GradedAs
) -> None:
    ada = join("ada")
    identities = [graded(ada, exercise, points=1.0, evidence=b"%d" % number) for number in range(4)]
    before = [get(store, identity) for identity in identities]
    regrade = store.regrades.wish_runs(1, "teacher", [exercise.slug])
    finish(store, claim(store), exercise, 4.0, b"new")
    running = claim(store)
    assert kept(store) == 5
    assert store.regrades.discard(regrade.id, "teacher"), "before all have run"
    assert not store.regrades.discard(regrade.id, "teacher")
    assert store.claims.claim("w", 30, 60) is None, "nothing of it runs any more"
    assert not store.claims.finish(running, verdict(exercise, 4.0, b"late"), b"late")
    assert store.regrades.apply(regrade.id, "teacher") is None
    assert [get(store, identity) for identity in identities] == before
    assert kept(store) == 4, "nothing rests on the new evidence"
    assert [change.score for change in store.regrades.changes(regrade.id)] == [4.0], "it can be looked at"
    assert store.audit.entries()[0].deed.action is Action.REGRADE_DISCARDED


def test_one_some_and_what_cannot_be_run(
    store: Store, join: Join, exercise: Exercise, graded: GradedAs
) -> None:
    ada = join("ada")
    one, other, elsewhere = (graded(ada, exercise, points=1.0) for _ in range(3))
    waiting, _ = store.submissions.submit(ada, exercise, FILES)
    with store.database.write() as connection:
        connection.execute(delete(submission_files).where(submission_files.c.submission_id == elsewhere))
    single = store.regrades.wish_runs(1, "t", [exercise.slug], exercise=exercise.slug, submission_id=one)
    assert state(store, single.id) == (RegradeState.RUNNING, 1, 0, 0)
    some = store.regrades.wish_runs(1, "t", [exercise.slug], exercise=exercise.slug)
    assert state(store, some.id) == (RegradeState.RUNNING, 2, 0, 1), "its files were not kept"
    unknown = store.regrades.wish_runs(1, "t", ["another"])
    assert state(store, unknown.id) == (RegradeState.READY, 0, 0, 3), "no worker knows the exercise"
    assert store.regrades.apply(unknown.id, "t") == 0
    assert [claim(store).id for _ in range(4)] == [waiting, one, one, other]


def test_ungradable_at_the_second_run_keeps_its_verdict(
    store: Store, join: Join, exercise: Exercise, graded: GradedAs
) -> None:
    identity = graded(join("ada"), exercise, points=3.0)
    before = get(store, identity)
    regrade = store.regrades.wish_runs(1, "teacher", [exercise.slug])
    failed = ungradable(exercise.slug, "ada", exercise.max_score, "the disk was full", Timing())
    for number in range(1, ATTEMPTS + 1):
        claimed = claim(store, f"w{number}")
        assert claimed.attempt == number
        assert store.claims.release(claimed, failed) == (number < ATTEMPTS)
    assert state(store, regrade.id) == (RegradeState.READY, 1, 1, 0)
    (told,) = store.regrades.ungradable(regrade.id)
    assert (told.id, told.participant, told.error) == (identity, "ada", "the disk was full")
    assert store.regrades.changes(regrade.id) == []
    assert store.regrades.apply(regrade.id, "teacher") == 0
    assert get(store, identity) == before
    assert store.reruns.ungradable(1) == [], "it has a verdict"


def test_a_worker_that_dies_loses_what_it_ran(
    store: Store, join: Join, exercise: Exercise, graded: GradedAs
) -> None:
    graded(join("ada"), exercise, points=1.0)
    regrade = store.regrades.wish_runs(1, "teacher", [exercise.slug])
    dead = claim(store, "dead", 0.05)
    assert store.claims.renew("dead", 0.2, [dead]) == 1
    assert store.claims.runs() == Runs(waiting=0, running=1)
    time.sleep(0.1)
    assert store.claims.claim("other", 30, 60) is None, "it is kept"
    time.sleep(0.15)
    assert store.claims.runs() == Runs(waiting=1, running=0)
    taken = claim(store, "other")
    assert (taken.id, taken.attempt) == (dead.id, 2)
    assert not store.claims.finish(dead, verdict(exercise, 4.0, b"dead"), b"dead"), "it comes too late"
    assert store.claims.renew("dead", 5, [dead]) == 0
    assert store.claims.give_back("other") == 1
    again = claim(store, "third")
    assert again.attempt == 2, "what is handed back costs no attempt"
    finish(store, again, exercise, 2.0, b"third")
    assert [change.score for change in store.regrades.changes(regrade.id)] == [2.0]
    assert kept(store) == 2


def test_what_ends_its_worker_each_time_is_given_up(
    store: Store, join: Join, exercise: Exercise, graded: GradedAs
) -> None:
    identity = graded(join("ada"), exercise, points=1.0)
    regrade = store.regrades.wish_runs(1, "teacher", [exercise.slug])
    for _ in range(ATTEMPTS):
        claim(store, seconds=0.0)
        time.sleep(0.02)
    assert store.claims.claim("w", 30, 60) is None
    (lost,) = store.claims.exhausted()
    assert (lost.id, lost.participant, lost.exercise) == (identity, "ada", exercise.slug)
    given_up = ungradable(exercise.slug, "ada", exercise.max_score, "lost", Timing())
    assert store.claims.give_up(lost, given_up)
    assert not store.claims.give_up(lost, given_up)
    assert store.claims.exhausted() == []
    assert state(store, regrade.id) == (RegradeState.READY, 1, 1, 0)
    assert get(store, identity).state is State.GRADED


def test_the_last_ones_may_end_at_the_same_moment(
    store: Store, join: Join, exercise: Exercise, graded: GradedAs
) -> None:
    ada = join("ada")
    for _ in range(8):
        graded(ada, exercise, points=1.0)
    regrade = store.regrades.wish_runs(1, "teacher", [exercise.slug])
    claimed = [claim(store, f"w{number}") for number in range(8)]
    began = threading.Barrier(8)
    failures: list[BaseException] = []

    def end(number: int) -> None:
        began.wait()
        try:
            finish(store, claimed[number], exercise, 4.0, b"new %d" % number)
        except BaseException as error:  # noqa: BLE001  looked at below
            failures.append(error)

    threads = [threading.Thread(target=end, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert state(store, regrade.id) == (RegradeState.READY, 8, 8, 0)
    assert store.regrades.apply(regrade.id, "teacher") == 8


def test_of_two_regrades_the_first_to_be_applied_counts(
    store: Store, join: Join, exercise: Exercise, graded: GradedAs
) -> None:
    identity = graded(join("ada"), exercise, points=1.0)
    first, second = (store.regrades.wish_runs(1, "teacher", [exercise.slug]) for _ in range(2))
    taken = [claim(store) for _ in range(2)]
    assert [one.id for one in taken] == [identity] * 2
    assert store.claims.renew("w", 30, taken) == 2
    for number, one in enumerate(taken):
        finish(store, one, exercise, 2.0 + number, b"new %d" % number)
    assert store.regrades.apply(second.id, "teacher") == 1
    (change,) = store.regrades.changes(first.id)
    assert (change.score, change.overtaken) == (2.0, True)
    assert store.regrades.apply(first.id, "teacher") == 0
    assert get(store, identity).score == 3.0
    assert store.audit.entries()[0].deed.after == "0 scores, evidence of 0 verdicts"


def test_scores_by_hand_late_answers_and_limits_stay_as_they_are(
    store: Store, join: Join, exercise: Exercise, graded: GradedAs
) -> None:
    ada = join("ada")
    identity = graded(ada, exercise, points=2.0)
    with store.database.write() as connection:
        connection.execute(update(submissions).values(created_at=1000.0))
    late = {exercise.slug: Rule(deadline=500.0, late_percent=50)}
    used = store.rules.used(ada.id, exercise.slug)
    regrade = store.regrades.wish_runs(1, "teacher", [exercise.slug])
    claimed = claim(store)
    assert store.rules.used(ada.id, exercise.slug) == used == 1, "no attempt of theirs"
    fresh, _ = store.submissions.submit(ada, exercise, FILES)
    store.overrides.set(ada, exercise.slug, 1.5, 4.0, comment="why", account="teacher", graded="2 of 4")
    finish(store, claimed, exercise, 4.0, b"new")
    assert store.regrades.apply(regrade.id, "teacher") == 1
    assert get(store, identity).created_at == 1000.0
    (by_hand,) = store.gradebook.standings(1, rules=late)
    assert (by_hand.score, by_hand.by_hand) == (1.5, True)
    store.overrides.revoke(ada, exercise.slug, account="teacher", graded="2 of 4")
    (standing,) = store.gradebook.standings(1, rules=late)
    assert (standing.score, standing.at) == (2.0, 1000.0), "it is as late as it was"
    assert get(store, fresh).state is State.QUEUED


def test_how_long_somebody_waited_is_told_of_the_first_verdict(
    store: Store, join: Join, exercise: Exercise
) -> None:
    identity, _ = store.submissions.submit(join("ada"), exercise, FILES)
    first = verdict(exercise, 1.0, b"1")
    timing = Timing(queued_ms=1500.0, observe_ms=20.0, total_ms=1520.0)
    report = make_report(exercise, "ada", first.checks, timing, first.evidence)
    assert store.claims.finish(claim(store), report, b"1")
    regrade = store.regrades.wish_runs(1, "teacher", [exercise.slug])
    finish(store, claim(store), exercise, 4.0, b"new")
    store.regrades.apply(regrade.id, "teacher")
    assert json.from_json(get(store, identity).report or b"").timing == Timing(1500.0, 10.0, 0.0, 1510.0)


def test_what_could_not_be_read_may_become_an_answer(store: Store, join: Join, exercise: Exercise) -> None:
    identity, _ = store.submissions.submit(join("ada"), exercise, FILES)
    malformed = Report(exercise.slug, "ada", "graded", 0.0, 4.0, (), Timing(), None, "no text", True)
    assert store.claims.finish(claim(store), malformed, None)
    assert (get(store, identity).error, get(store, identity).evidence) == ("no text", None)
    regrade = store.regrades.wish_runs(1, "teacher", [exercise.slug])
    address = finish(store, claim(store), exercise, 4.0, b"new")
    assert store.regrades.apply(regrade.id, "teacher") == 1
    found = get(store, identity)
    assert (found.score, found.error, found.evidence) == (4.0, None, address)


def test_an_archived_workshop_runs_again_and_a_deleted_one_leaves_nothing(
    store: Store, join: Join, exercise: Exercise, graded: GradedAs
) -> None:
    ada = join("ada")
    for number in range(3):
        graded(ada, exercise, points=1.0, evidence=b"%d" % number)
    (first,) = store.workshops.open()
    store.workshops.archive(1, archived=True, account="teacher")
    applied = store.regrades.wish_runs(1, "teacher", [exercise.slug])
    for number in range(3):
        finish(store, claim(store), exercise, 4.0, b"first %d" % number)
    assert store.regrades.apply(applied.id, "teacher") == 3
    store.regrades.wish_runs(1, "teacher", [exercise.slug])
    finish(store, claim(store), exercise, 4.0, b"second")
    running = claim(store)
    assert kept(store) == 7
    store.workshops.delete(1, first.name, "teacher")
    assert not store.claims.finish(running, verdict(exercise, 4.0, b"late"), b"late")
    assert store.claims.claim("w", 30, 60) is None
    assert kept(store) == 0
    with store.database.read() as connection:
        assert connection.execute(select(regrade_runs)).all() == []
