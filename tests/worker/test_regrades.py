"""Judging again: by the checks as they are now, previewed, applied at once, and never by surprise."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import update

from grader.evidence import digest, to_json
from grader.exercise import load
from grader.judge import graded as make_report
from grader.judge import judge
from grader.model import Exercise, Timing
from tests.literals import CHECKS, evidence_of, write_exercise
from worker.audit import Action
from worker.people import Participant
from worker.regrade import RegradeState
from worker.regrade_claims import ATTEMPTS
from worker.rejudging import Rejudging
from worker.settings import ServiceSettings
from worker.store import Store
from worker.submission import State
from worker.tables import regrades

Join = Callable[[str], Participant]
EndedWith = Callable[[Participant, int], str]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of exercises with one that takes status 7."""
    found = tmp_path / "more"
    found.mkdir()
    write_exercise(found)
    return found


@pytest.fixture
def rejudging(service_settings: ServiceSettings, store: Store, folder: Path) -> Rejudging:
    return Rejudging("w", service_settings, store, [folder])


@pytest.fixture
def ended_with(store: Store, folder: Path) -> EndedWith:
    """Store a submission that ended with a status, judged by the checks as they were at first."""
    exercise = load(folder / "status")

    def run(participant: Participant, status: int) -> str:
        identity, _ = store.submissions.submit(participant, exercise, {"answer.sh": b"exit\n"})
        claimed = store.claims.claim("w", 30, 60)
        assert claimed is not None
        found = evidence_of(exercise, exit_code=status)
        data = to_json(found)
        results = judge(exercise, found)
        report = make_report(exercise, participant.name, results, Timing(), digest(data))
        assert store.claims.finish(claimed, report, data)
        return identity

    return run


def mend(folder: Path, right: int) -> None:
    """Let another status be the right one."""
    changed = CHECKS.replace("exit_code == 7", f"exit_code == {right}")
    (folder / "status" / "checks.py").write_text(changed)


def score(store: Store, identity: str) -> tuple[float | None, bool | None]:
    found = store.submissions.get(identity)
    assert found is not None
    return found.score, found.passed


def test_what_would_change_is_shown_before_it_does(
    store: Store,
    join: Join,
    rejudging: Rejudging,
    ended_with: EndedWith,
    folder: Path,
) -> None:
    ada, eve = join("ada"), join("eve")
    right, wrong = ended_with(ada, 7), ended_with(eve, 8)
    mend(folder, 8)
    identity = store.regrades.wish(1, "teacher", exercise="status")
    assert rejudging.turn()
    assert not rejudging.turn(), "it is done once"
    found = store.regrades.get(identity)
    assert found is not None
    assert (found.state, found.total, found.judged, found.error) == (RegradeState.READY, 2, 2, None)
    changes = store.regrades.changes(identity)
    assert [(one.participant, one.old_score, one.score) for one in changes] == [
        ("ada", 3.0, 1.0),
        ("eve", 1.0, 3.0),
    ]
    assert score(store, right) == (3.0, True), "nothing changes by looking"
    assert store.regrades.apply(identity, "teacher") == 2
    assert (score(store, right), score(store, wrong)) == ((1.0, False), (3.0, True))
    submitted = store.submissions.get(wrong)
    assert submitted is not None
    assert b'"passed"' in (submitted.report or b"")
    assert store.regrades.apply(identity, "teacher") is None, "a second click changes nothing"
    trail = [entry.deed for entry in store.audit.entries(action=Action.SCORE)]
    assert {(deed.participant, deed.before, deed.after, deed.account) for deed in trail} == {
        ("ada", "3 of 3", "1 of 3", "teacher"),
        ("eve", "1 of 3", "3 of 3", "teacher"),
    }


def test_what_is_discarded_changes_nothing(
    store: Store,
    join: Join,
    rejudging: Rejudging,
    ended_with: EndedWith,
    folder: Path,
) -> None:
    right = ended_with(join("ada"), 7)
    mend(folder, 8)
    identity = store.regrades.wish(1, "teacher")
    assert rejudging.turn()
    assert store.regrades.discard(identity, "teacher")
    assert not store.regrades.discard(identity, "teacher")
    assert store.regrades.apply(identity, "teacher") is None
    assert score(store, right) == (3.0, True)


def test_one_submission_and_those_that_come_out_the_same(
    store: Store,
    join: Join,
    rejudging: Rejudging,
    ended_with: EndedWith,
    folder: Path,
) -> None:
    ada = join("ada")
    one, other = ended_with(ada, 7), ended_with(ada, 8)
    identity = store.regrades.wish(1, "teacher")
    assert rejudging.turn()
    assert store.regrades.changes(identity) == [], "the checks are the same"
    mend(folder, 9)
    identity = store.regrades.wish(1, "teacher", submission_id=one)
    assert rejudging.turn()
    assert [change.submission_id for change in store.regrades.changes(identity)] == [one]
    store.regrades.apply(identity, "teacher")
    assert (score(store, one), score(store, other)) == ((1.0, False), (1.0, False))


def test_checks_that_raise_are_told_before_they_count(
    store: Store,
    join: Join,
    rejudging: Rejudging,
    ended_with: EndedWith,
    folder: Path,
) -> None:
    ended_with(join("ada"), 7)
    broken = CHECKS.replace("exit_code == 7", "no_such_thing")
    (folder / "status" / "checks.py").write_text(broken)
    identity = store.regrades.wish(1, "teacher")
    assert rejudging.turn()
    assert [change.errors for change in store.regrades.changes(identity)] == [1]


def test_what_cannot_be_judged_stays(
    store: Store,
    join: Join,
    rejudging: Rejudging,
    ended_with: EndedWith,
    graded: Callable[..., str],
    folder: Path,
    exercise: Exercise,
) -> None:
    ada = join("ada")
    kept = ended_with(ada, 7)
    graded(ada, exercise, evidence=None)
    (folder / "status" / "checks.py").write_text("this is no Python")
    identity = store.regrades.wish(1, "teacher")
    assert rejudging.turn()
    found = store.regrades.get(identity)
    assert found is not None
    assert (found.state, found.total, found.left_alone) == (RegradeState.READY, 1, 2)
    assert "status" in (found.error or "")
    store.regrades.apply(identity, "teacher")
    assert score(store, kept) == (3.0, True)


def test_what_ran_again_meanwhile_is_not_touched(
    store: Store,
    join: Join,
    rejudging: Rejudging,
    ended_with: EndedWith,
    folder: Path,
) -> None:
    one = ended_with(join("ada"), 7)
    mend(folder, 8)
    identity = store.regrades.wish(1, "teacher")
    assert rejudging.turn()
    ran = store.regrades.wish_runs(1, "teacher", ["status"], submission_id=one)
    claimed = store.claims.claim("w", 30, 60)
    assert claimed is not None
    exercise = load(folder / "status")
    data = to_json(evidence_of(exercise, exit_code=8))
    results = judge(exercise, evidence_of(exercise, exit_code=8))
    assert store.claims.finish(claimed, make_report(exercise, "ada", results, Timing(), digest(data)), data)
    assert [change.overtaken for change in store.regrades.changes(identity)] == [False]
    assert store.regrades.apply(ran.id, "teacher") == 0
    assert [change.overtaken for change in store.regrades.changes(identity)] == [True]
    assert store.regrades.apply(identity, "teacher") == 0
    found = store.submissions.get(one)
    assert found is not None
    assert (found.state, found.score, found.evidence) == (State.GRADED, 3.0, digest(data))


def test_a_worker_that_dies_loses_its_regrade(
    store: Store,
    join: Join,
    rejudging: Rejudging,
    ended_with: EndedWith,
    folder: Path,
) -> None:
    ended_with(join("ada"), 7)
    mend(folder, 8)
    identity = store.regrades.wish(1, "teacher")
    lost = store.regrade_claims.claim("dead")
    assert lost is not None
    assert store.regrade_claims.claim("other") is None, "it is taken"
    run_out(store)
    assert rejudging.turn()
    assert not store.regrade_claims.store(lost, "dead", 1, []), "the dead one comes too late"
    assert not store.regrade_claims.finish(lost, "dead", unjudged=0, error="", failed=True)
    assert len(store.regrades.changes(identity)) == 1
    again = store.regrades.wish(1, "teacher")
    for _ in range(ATTEMPTS):
        assert store.regrade_claims.claim("dead") is not None
        run_out(store)
    assert store.regrade_claims.claim("dead") is None
    found = store.regrades.get(again)
    assert found is not None
    assert (found.state, "lost 3 times" in (found.error or "")) == (RegradeState.FAILED, True)


def run_out(store: Store) -> None:
    with store.database.write() as connection:
        connection.execute(update(regrades).values(lease_until=time.time() - 1))
