"""Migrations, from nothing and from an older version's data."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import inspect, text

from worker import schema
from worker.database import Database
from worker.regrade import Kind
from worker.settings import ServiceSettings
from worker.store import Store
from worker.tables import metadata

_OLD = """
INSERT INTO workshops (id, slug, name, join_code, secret, created_at) VALUES (1, 'w', 'W', 'code', 's', 1);
INSERT INTO participants (id, workshop_id, name, name_key, token_digest, session_version, created_at)
  VALUES (1, 1, 'ada', 'ada', 'x', 1, 1);
INSERT INTO submissions (id, workshop_id, participant_id, exercise, state, attempt, turn, created_at, score,
  max_score) VALUES ('a', 1, 1, 'one', 'graded', 1, 0, 1, 4, 4);
INSERT INTO submissions (id, workshop_id, participant_id, exercise, state, attempt, turn, created_at, score,
  max_score) VALUES ('b', 1, 1, 'two', 'graded', 1, 0, 2, 1, 4);
INSERT INTO submissions (id, workshop_id, participant_id, exercise, state, attempt, turn, created_at)
  VALUES ('c', 1, 1, 'two', 'queued', 0, 0, 3)
"""


@pytest.fixture
def database_url(empty_database_url: str) -> str:
    """Where migrations begin."""
    return empty_database_url


def test_an_older_versions_data_live_on(service_settings: ServiceSettings) -> None:
    database = Database(service_settings.database)
    schema.upgrade(database, "0001")
    with database.write() as connection:
        for statement in _OLD.split(";"):
            connection.execute(text(statement))
    schema.upgrade(database)
    database.close()
    store = Store.open(service_settings)
    found = {submitted.id: submitted.passed for submitted in store.submissions.of(1)}
    assert found == {"a": True, "b": False, "c": None}
    claimed = store.claims.claim("w", 5, 60)
    assert claimed is not None
    assert claimed.id == "c"
    ada = store.people.by_name(1, "ada")
    assert ada is not None
    store.overrides.set(ada, "two", 4, 4, comment="why", account="teacher", graded="1 of 4")
    assert {one.exercise: one.score for one in store.gradebook.standings(1, rules={})} == {
        "one": 4.0,
        "two": 4.0,
    }
    store.close()


def test_participants_and_their_work_outlive_subjects(service_settings: ServiceSettings) -> None:
    """Answers belong to participants and would go with the table, were it made anew."""
    database = Database(service_settings.database)
    schema.upgrade(database, "0001")
    with database.write() as connection:
        for statement in _OLD.split(";"):
            connection.execute(text(statement))
    schema.upgrade(database, "0006")
    with database.write() as connection:
        connection.execute(
            text(
                "INSERT INTO participants (id, workshop_id, name, name_key, token_digest, session_version, "
                "imported, created_at) VALUES (2, 1, 'eve', 'eve', 'y', 1, :imported, 1)"
            ),
            {"imported": False},
        )
    schema.upgrade(database)
    database.close()
    store = Store.open(service_settings)
    assert len(store.submissions.of(1)) == 3
    assert {member.name for member in store.roster.members(1)} == {"ada", "eve"}, "both without a subject"
    with store.database.write() as connection:
        # SQLite counts on by itself; PostgreSQL's own count has not seen the rows above.
        if not store.database.is_sqlite:
            connection.execute(text("SELECT setval('participants_id_seq', 2)"))
    grace, _ = store.people.add_participant(1, "grace", subject="provider 1")
    assert store.elsewhere.participants("provider 1") == [grace]
    store.close()


def test_regrades_from_before_runs_live_on(service_settings: ServiceSettings) -> None:
    """What was judged again and waits to be looked at can be applied, and goes with its submission."""
    database = Database(service_settings.database)
    schema.upgrade(database, "0001")
    with database.write() as connection:
        for statement in _OLD.split(";"):
            connection.execute(text(statement))
    schema.upgrade(database, "0007")
    with database.write() as connection:
        connection.execute(text("UPDATE submissions SET evidence = 'sha256:1' WHERE id = 'b'"))
        connection.execute(
            text(
                "INSERT INTO regrades (id, workshop_id, state, account, created_at, attempt, total, judged, "
                "left_alone) VALUES (1, 1, 'ready', 'teacher', 1, 1, 1, 1, 0)"
            )
        )
        connection.execute(
            text(
                "INSERT INTO regrade_results (regrade_id, submission_id, evidence, old_score, old_max_score, "
                "score, max_score, passed, errors, report) "
                "VALUES (1, 'b', 'sha256:1', 1, 4, 4, 4, :passed, 0, :report)"
            ),
            {"passed": True, "report": b"{}"},
        )
    schema.upgrade(database)
    database.close()
    store = Store.open(service_settings)
    found = store.regrades.get(1)
    assert found is not None
    assert found.kind is Kind.JUDGE
    (change,) = store.regrades.changes(1)
    assert (change.rescored, change.checks, change.overtaken) == (True, (), False)
    assert store.regrades.apply(1, "teacher") == 1
    applied = store.submissions.get("b")
    assert applied is not None
    assert (applied.score, applied.evidence) == (4.0, "sha256:1")
    with store.database.write() as connection:
        connection.execute(text("DELETE FROM submissions WHERE id = 'b'"))
        assert connection.execute(text("SELECT count(*) FROM regrade_results")).scalar() == 0
    store.close()


def test_migrations_lead_to_the_tables(service_settings: ServiceSettings) -> None:
    database = Database(service_settings.database)
    schema.upgrade(database)
    found = inspect(database.engine)
    assert set(found.get_table_names()) == {*metadata.tables, "alembic_version"}
    for name, table in metadata.tables.items():
        columns = {column["name"]: column["nullable"] for column in found.get_columns(name)}
        assert columns == {column.name: column.nullable for column in table.columns}, name
        indexes = {index["name"] for index in found.get_indexes(name)}
        assert {index.name for index in table.indexes} <= indexes
    database.close()


def test_processes_that_start_together_migrate_once(service_settings: ServiceSettings) -> None:
    failures: list[BaseException] = []

    def start() -> None:
        try:
            Store.open(service_settings).close()
        except BaseException as error:  # noqa: BLE001  looked at below
            failures.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
