"""Several workshops side by side: opened, put away, fetched back, deleted."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import func, select

from grader.judge import graded
from grader.model import CheckResult, Exercise, Outcome, Timing
from worker.audit import Action
from worker.people import Participant, WrongJoinCodeError
from worker.settings import ServiceSettings
from worker.store import Store
from worker.tables import metadata
from worker.workshops import BadWorkshopError


def submit(store: Store, participant: Participant, exercise: Exercise, evidence: str) -> str:
    """Hand in an answer and have it graded, by evidence with this digest."""
    identity, _ = store.submissions.submit(participant, exercise, {"answer.sh": b"exit 1"})
    claimed = store.claims.claim("w", 30, 60)
    assert claimed is not None
    results = (CheckResult("one", "One", Outcome.PASSED, 4.0, 4.0),)
    report = graded(exercise, claimed.participant, results, Timing(), evidence)
    assert store.claims.finish(claimed, report, b"{}")
    return identity


def counts(store: Store) -> dict[str, int]:
    with store.database.read() as connection:
        return {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in metadata.sorted_tables
            if table.name != "audit"
        }


def test_each_has_its_own_code_and_secret(store: Store) -> None:
    one = store.workshops.add("  Linux   containers, spring ", "Spring-2031", "instructor")
    other = store.workshops.add("Übungen", "", "instructor")
    first, second = store.workshops.find(one), store.workshops.find(other)
    assert first
    assert second
    assert (first.name, first.join_code) == ("Linux containers, spring", "spring-2031")
    assert first.slug.startswith("linux-containers-spring-")
    assert second.slug.startswith("ubungen-")
    assert len({first.secret, second.secret, store.workshops.open()[0].secret}) == 3
    ada, _ = store.people.join("SPRING-2031", "Ada")
    same, _ = store.people.join(second.join_code, "Ada")
    assert (ada.workshop_id, same.workshop_id) == (one, other)
    (opened, _) = store.audit.entries(action=Action.WORKSHOP_OPENED)
    assert (opened.deed.account, opened.deed.after) == ("instructor", "Übungen")


@pytest.mark.parametrize(
    ("name", "code", "reason"),
    [
        ("", "", "needs a name"),
        ("x" * 201, "", "needs a name"),
        ("a\u202eb", "", "cannot be seen"),
        ("A", "abc", "4 to 64"),
        ("A", "no blanks", "4 to 64"),
        ("A", "spring", "another workshop"),
    ],
)
def test_what_is_no_workshop(store: Store, name: str, code: str, reason: str) -> None:
    store.workshops.add("Spring", "spring", "instructor")
    with pytest.raises(BadWorkshopError, match=reason):
        store.workshops.add(name, code, "instructor")
    assert len(store.workshops.all()) == 2


def test_nobody_joins_one_that_is_archived(store: Store, service_settings: ServiceSettings) -> None:
    (first,) = store.workshops.open()
    ada, token = store.people.join(first.join_code, "Ada")
    for _ in range(2):
        store.workshops.archive(first.id, archived=True, account="instructor")
    with pytest.raises(WrongJoinCodeError):
        store.people.join(first.join_code, "Eve")
    assert store.people.by_token(token) == ada, "who was there comes back and reads"
    assert store.workshops.open() == []
    store.first_start(service_settings)
    assert len(store.workshops.all()) == 1, "another start makes no second one"
    store.workshops.archive(first.id, archived=False, account="instructor")
    assert store.workshops.open() == [first]
    done = [entry.deed.action for entry in store.audit.entries(workshop_id=first.id)]
    assert done == [Action.WORKSHOP_RESTORED, Action.WORKSHOP_ARCHIVED]


def test_nothing_of_a_deleted_one_stays_but_the_trail(
    store: Store, join: Callable[[str], Participant], exercise: Exercise
) -> None:
    ada = join("Ada")
    submit(store, ada, exercise, "sha256:" + "1" * 64)
    submit(store, ada, exercise, "sha256:" + "2" * 64)
    before = counts(store)
    other = store.workshops.add("Spring", "spring", "instructor")
    eve, _ = store.people.join("spring", "Eve")
    identity = submit(store, eve, exercise, "sha256:" + "2" * 64)
    submit(store, eve, exercise, "sha256:" + "3" * 64)
    store.overrides.set(eve, exercise.slug, 1.0, 4.0, comment="late", account="instructor", graded="none")
    store.regrades.wish(other, "instructor")
    with pytest.raises(BadWorkshopError, match="only an archived"):
        store.workshops.delete(other, "Spring", "instructor")
    store.workshops.archive(other, archived=True, account="instructor")
    with pytest.raises(BadWorkshopError, match="not its name"):
        store.workshops.delete(other, "Workshop", "instructor")
    assert store.submissions.get(identity) is not None
    store.workshops.delete(other, " Spring ", "instructor")
    assert store.workshops.find(other) is None
    assert counts(store) == before, "and the evidence that two rest on is kept"
    (deleted,) = store.audit.entries(action=Action.WORKSHOP_DELETED)
    assert (deleted.deed.before, deleted.deed.workshop_id) == ("Spring", None)


def test_a_verdict_on_what_was_deleted_goes_nowhere(
    store: Store, join: Callable[[str], Participant], exercise: Exercise
) -> None:
    (first,) = store.workshops.open()
    store.submissions.submit(join("Ada"), exercise, {"answer.sh": b"exit 1"})
    claimed = store.claims.claim("w", 30, 60)
    assert claimed is not None
    store.workshops.archive(first.id, archived=True, account="instructor")
    store.workshops.delete(first.id, first.name, "instructor")
    report = graded(exercise, "Ada", (), Timing(), "sha256:" + "1" * 64)
    assert not store.claims.finish(claimed, report, b"{}")
    assert counts(store)["evidence"] == 0
