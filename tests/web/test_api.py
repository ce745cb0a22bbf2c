"""The HTTP API: what it promises, and that nobody sees what is somebody else's."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from openapi_spec_validator import validate

from grader.judge import ungradable
from grader.model import CheckResult, Feedback, Outcome, Report, Timing
from web.openapi import document
from web.services import Services
from worker.submission import State

Token = Callable[[str], dict[str, str]]
SLUG = "a4-oom-kill"
ANSWER = {"exercise": SLUG, "files": {"answer.sh": "echo hi\n"}}


def submit(client: FlaskClient, headers: dict[str, str], **more: str) -> str:
    reply = client.post("/api/v1/submissions", json=ANSWER, headers=headers | more)
    assert reply.status_code == 202, reply.text
    return str(reply.get_json()["id"])


def grade(services: Services, score: float = 1.0) -> str:
    """Give the submission whose turn it is a verdict, as a worker does."""
    claimed = services.store.claims.claim("w", 30, 60)
    assert claimed is not None
    failed = Feedback("name", "<b>message</b>", "expected", "actual", "why")
    check = CheckResult("one", "One", Outcome.FAILED, score, 4.0, failed)
    report = Report(SLUG, claimed.participant, "graded", score, 4.0, (check,), Timing(), "sha256:" + "1" * 64)
    assert services.store.claims.finish(claimed, report, b'{"schema":1}')
    services.notices.tell(claimed.id, "graded")
    return claimed.id


def test_from_submission_to_verdict(client: FlaskClient, token: Token, services: Services) -> None:
    ada = token("ada")
    reply = client.post("/api/v1/submissions", json=ANSWER, headers=ada)
    assert reply.status_code == 202
    identity = reply.get_json()["id"]
    assert reply.headers["Location"] == f"/api/v1/submissions/{identity}"
    waiting = client.get(f"/api/v1/submissions/{identity}", headers=ada).get_json()
    assert (waiting["state"], waiting["position"], waiting["report"]) == ("queued", 0, None)
    assert services.tickets.depth() == 1
    grade(services)
    done = client.get(f"/api/v1/submissions/{identity}?wait=5", headers=ada).get_json()
    assert (done["state"], done["score"], done["report"]["score"]) == ("graded", 1.0, 1.0)
    assert client.get(f"/api/v1/submissions/{identity}/evidence", headers=ada).get_json() == {"schema": 1}
    junit = client.get(f"/api/v1/submissions/{identity}/junit.xml", headers=ada)
    assert junit.mimetype == "application/xml"
    assert b"<testsuite" in junit.data
    (own,) = client.get("/api/v1/submissions", headers=ada).get_json()["submissions"]
    assert own["id"] == identity


def test_a_waiting_request_is_answered_at_once(client: FlaskClient, token: Token, services: Services) -> None:
    ada = token("ada")
    identity = submit(client, ada)
    timer = threading.Timer(0.3, grade, (services,))
    began = time.monotonic()
    timer.start()
    reply = client.get(f"/api/v1/submissions/{identity}?wait=20", headers=ada)
    took = time.monotonic() - began
    timer.join()
    assert reply.get_json()["state"] == "graded"
    assert 0.25 < took < 1.5


def test_waiting_ends(client: FlaskClient, token: Token) -> None:
    ada = token("ada")
    identity = submit(client, ada)
    began = time.monotonic()
    reply = client.get(f"/api/v1/submissions/{identity}?wait=0.3", headers=ada)
    assert reply.get_json()["state"] == "queued"
    assert 0.25 < time.monotonic() - began < 2


def test_uploads(client: FlaskClient, token: Token, services: Services) -> None:
    """A single file may be called anything."""
    ada = token("ada")
    data = {"exercise": SLUG, "files": (io.BytesIO(b"echo hi\n"), "mine.txt")}
    reply = client.post("/api/v1/submissions", data=data, headers=ada)
    assert reply.status_code == 202, reply.text
    assert services.store.submissions.files(reply.get_json()["id"]) == {"answer.sh": b"echo hi\n"}


def test_a_repeated_request(client: FlaskClient, token: Token, services: Services) -> None:
    ada = token("ada")
    first = submit(client, ada, **{"Idempotency-Key": "one"})
    assert submit(client, ada, **{"Idempotency-Key": "one"}) == first
    assert services.tickets.depth() == 1
    other = ANSWER | {"files": {"answer.sh": "other"}}
    reply = client.post("/api/v1/submissions", json=other, headers=ada | {"Idempotency-Key": "one"})
    assert reply.status_code == 409
    reply = client.post("/api/v1/submissions", json=ANSWER, headers=ada | {"Idempotency-Key": "a b"})
    assert reply.status_code == 400


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, {"exercise": "none", "files": {}}),
        (404, {"exercise": "../../etc", "files": {}}),
        (422, {"exercise": SLUG, "files": {}}),
        (422, {"exercise": SLUG, "files": {"answer.sh": "a\0b"}}),
        (422, {"exercise": SLUG, "files": {"answer.sh": "x", "more.sh": "x"}}),
        (422, {"exercise": SLUG, "files": {"../answer.sh": "x"}}),
        (422, {"exercise": SLUG, "files": {"/etc/passwd": "x"}}),
        (422, {"exercise": SLUG, "files": {"answer.sh": "x" * (1 << 20) + "x"}}),
        (400, {"exercise": 1, "files": {}}),
        (400, {"exercise": SLUG, "files": {"answer.sh": 5}}),
        (400, []),
    ],
)
def test_what_is_no_answer(client: FlaskClient, token: Token, status: int, body: object) -> None:
    reply = client.post("/api/v1/submissions", json=body, headers=token("ada"))
    assert reply.status_code == status, reply.text
    assert reply.mimetype == "application/problem+json"
    problem = reply.get_json()
    assert problem["status"] == status
    assert problem["detail"]


def test_bodies_of_other_kinds(client: FlaskClient, token: Token) -> None:
    ada = token("ada")
    assert client.post("/api/v1/submissions", data=b"\xff{", headers=ada).status_code == 415
    for raw in (b"\xff{", b"[" * 100_000, b""):
        reply = client.post("/api/v1/submissions", data=raw, headers=ada, content_type="application/json")
        assert reply.status_code == 400
    large = b'{"exercise":"' + b"x" * (3 << 20) + b'"}'
    reply = client.post("/api/v1/submissions", data=large, headers=ada, content_type="application/json")
    assert reply.status_code == 413
    two = {"exercise": SLUG, "files": [(io.BytesIO(b"a"), "answer.sh"), (io.BytesIO(b"b"), "answer.sh")]}
    assert client.post("/api/v1/submissions", data=two, headers=ada).status_code == 422


def test_no_token_no_answer(client: FlaskClient, app: Flask) -> None:
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("api.") and rule.endpoint not in {"api.join", "api.exercises"}:
            path = rule.rule.replace("<identity>", "0" * 32).replace("<slug>", SLUG)
            for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
                for headers in ({}, {"Authorization": "Bearer nobody"}, {"Authorization": "Basic x"}):
                    assert client.open(path, method=method, headers=headers).status_code == 401, path


def test_others_submissions_do_not_exist(
    client: FlaskClient, app: Flask, token: Token, services: Services
) -> None:
    ada, eve = token("ada"), token("eve")
    identity = submit(client, ada)
    grade(services)
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("api.") and "<identity>" in rule.rule:
            path = rule.rule.replace("<identity>", identity)
            for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
                reply = client.open(path, method=method, headers=eve)
                assert reply.status_code == 404, path
                assert "echo hi" not in reply.text
    assert client.get("/api/v1/submissions", headers=eve).get_json() == {"submissions": []}


def test_everybody_has_values_of_their_own(client: FlaskClient, token: Token) -> None:
    texts = {
        client.get(f"/api/v1/exercises/{SLUG}", headers=token(name)).get_json()["text"]
        for name in ("ada", "bob", "cleo", "dan", "eve")
    }
    assert len(texts) > 1
    assert not any("{{" in text for text in texts)


def test_cancelling(client: FlaskClient, token: Token, services: Services) -> None:
    ada = token("ada")
    identity = submit(client, ada)
    assert client.delete(f"/api/v1/submissions/{identity}", headers=ada).get_json()["state"] == "cancelled"
    assert client.delete(f"/api/v1/submissions/{identity}", headers=ada).status_code == 409
    assert services.store.claims.claim("w", 5, 60) is None


def test_joining(client: FlaskClient) -> None:
    def join(name: object, code: object = "open-sesame") -> int:
        return client.post("/api/v1/participants", json={"name": name, "join_code": code}).status_code

    assert join("ada", "wrong") == 403
    assert join("ada") == 201
    assert join("ADA") == 409
    assert join("") == 422
    assert join(5) == 400


def test_the_scoreboard(client: FlaskClient, token: Token, services: Services) -> None:
    headers = {name: token(name) for name in ("ada", "bob", "cleo")}
    for name, score in (("ada", 2.0), ("bob", 4.0), ("cleo", 2.0)):
        submit(client, headers[name])
        grade(services, score)
    board = client.get("/api/v1/scoreboard", headers=headers["ada"]).get_json()
    assert [(row["place"], row["name"], row["score"]) for row in board["participants"]] == [
        (1, "bob", 4.0),
        (2, "ada", 2.0),
        (2, "cleo", 2.0),
    ]


def test_our_fault_shows_as_such(client: FlaskClient, token: Token, services: Services) -> None:
    ada = token("ada")
    identity = submit(client, ada)
    for attempt in range(3):
        claimed = services.store.claims.claim(f"w{attempt}", 30, 60)
        assert claimed is not None
        services.store.claims.release(claimed, ungradable(SLUG, "ada", 4.0, "no disk", Timing()))
    found = client.get(f"/api/v1/submissions/{identity}", headers=ada).get_json()
    assert (found["state"], found["error"]) == ("ungradable", "no disk")
    assert services.store.submissions.count()[State.UNGRADABLE] == 1


def test_a_deadline_ends_submissions(client: FlaskClient, token: Token, services: Services) -> None:
    from sqlalchemy import update

    from worker.tables import workshops

    ada = token("ada")
    with services.store.database.write() as connection:
        connection.execute(update(workshops).values(deadline=time.time() - 1))
    assert client.post("/api/v1/submissions", json=ANSWER, headers=ada).status_code == 403


def test_whoever_submits_too_often_is_told_when_to_go_on(client: FlaskClient, token: Token) -> None:
    ada = token("ada")
    for _ in range(60):
        submit(client, ada)
    reply = client.post("/api/v1/submissions", json=ANSWER, headers=ada)
    assert reply.status_code == 429
    assert int(reply.headers["Retry-After"]) > 0
    submit(client, token("bob"))


def test_health(client: FlaskClient, services: Services) -> None:
    assert client.get("/healthz").get_json() == {"status": "ok"}
    reply = client.get("/readyz")
    assert reply.status_code == 503
    assert reply.get_json()["workers"] == "no worker is heard of"
    assert reply.get_json()["database"] == "ok"


def test_the_description_is_valid_and_complete(client: FlaskClient, app: Flask) -> None:
    validate(document())
    assert client.get("/openapi.json").get_json()["openapi"].startswith("3.1")
    described = {
        (method.upper(), path.replace("{", "<").replace("}", ">"))
        for path, item in document()["paths"].items()
        for method in item
    }
    routes = {
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("api.")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert described == routes


def test_errors_name_the_request(client: FlaskClient) -> None:
    reply = client.get("/api/v1/submissions/1", headers={"X-Request-Id": "abcdefgh-1"})
    assert reply.headers["X-Request-Id"] == "abcdefgh-1"
    assert reply.get_json()["instance"] == "urn:request:abcdefgh-1"
    assert client.get("/healthz", headers={"X-Request-Id": "<script>"}).headers["X-Request-Id"] != "<script>"
