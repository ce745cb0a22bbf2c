"""Sections that are paused, have ended, or allow so many attempts: on pages and through the API."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.web.conftest import Browser
from tests.web.test_pages import SLUG, grade
from tests.web.test_regrading import words
from web.services import Services
from worker.rules import Rule
from worker.submission import State

Browsers = Callable[[], Browser]
Token = Callable[[str], dict[str, str]]
PAGE = "/workshops/1/rules"


def send(client: FlaskClient, headers: dict[str, str], key: str = "", text: str = "exit 1") -> int:
    more = {"Idempotency-Key": key} if key else {}
    body = {"exercise": SLUG, "files": {"answer.sh": text}}
    return client.post("/api/v1/submissions", json=body, headers=headers | more).status_code


def test_a_section_is_paused_and_goes_on(
    teacher: Browser, browser: Browsers, client: FlaskClient, token: Token
) -> None:
    ada = token("Ada")
    eve = browser()
    eve.join("Eve")
    assert teacher.send(PAGE, section="A", paused="1").status_code == 303
    assert send(client, ada) == 403
    assert "this section is paused" in eve.send(f"/exercises/{SLUG}", **{"text:answer.sh": "exit 1"}).text
    assert "Paused: no answers are taken" in eve.get("/")
    teacher.send(PAGE, section="A")
    assert send(client, ada) == 202
    assert "Paused" not in eve.get("/")
    assert "changed the rules of a section none paused section A" in words(teacher.get("/workshops/1/audit"))


def test_late_answers_are_taken_for_fewer_points(
    teacher: Browser, services: Services, client: FlaskClient, token: Token
) -> None:
    ada = token("Ada")
    teacher.send(PAGE, section="A", deadline="2001-02-03T04:05")
    assert send(client, ada) == 403
    teacher.send(PAGE, section="A", deadline="2001-02-03T04:05", late_percent="50")
    assert send(client, ada) == 202
    grade(services)
    row = client.get("/api/v1/scoreboard", headers=ada).json["participants"][0]  # type: ignore[index]
    assert row["score"] == 0.5
    assert ",0.5,4,1," in teacher.get("/workshops/1/exports/results.csv")


def test_the_last_answer_counts(
    teacher: Browser, browser: Browsers, services: Services, client: FlaskClient, token: Token
) -> None:
    """Where instructors say so: on the scoreboard, in the plot and in what is exported."""
    ada = token("Ada")
    for points in (3.0, 1.0):
        assert send(client, ada, text=f"exit {points}") == 202
        grade(services, points=points)
    assert ",3,4,3,2," in teacher.get("/workshops/1/exports/results.csv")
    assert teacher.send(PAGE, section="A", counts="last").status_code == 303
    assert '<option value="last" selected>' in teacher.get(PAGE)
    assert ",1,4,1,2," in teacher.get("/workshops/1/exports/results.csv")
    row = client.get("/api/v1/scoreboard", headers=ada).json["participants"][0]  # type: ignore[index]
    assert row["score"] == 1
    assert ">1<" in teacher.get("/scoreboard/time").partition("<tbody>")[2]
    eve = browser()
    eve.join("Eve")
    assert "Your last answer to an exercise counts" in eve.get("/")
    assert "in sections A, the last one" in eve.get("/scoreboard")
    teacher.send(PAGE, section="A", counts="last", most_attempts="2")
    page = " ".join(eve.get(f"/exercises/{SLUG}").split())
    assert "2 attempts for each exercise. Your last answer to an exercise counts" in page
    assert "0 of 2 attempts are used up." in page
    assert "as often as you like" not in page


def test_attempts_run_out(teacher: Browser, client: FlaskClient, token: Token, services: Services) -> None:
    ada = token("Ada")
    teacher.send(PAGE, section="A", most_attempts="2")
    assert send(client, ada, "first") == 202
    assert send(client, ada, "second") == 202
    assert send(client, ada, "third") == 403
    assert send(client, ada, "second") == 202, "the same one again is no attempt"
    assert send(client, token("Eve")) == 202, "everybody has their own"
    waiting = services.store.submissions.of(1)[0]
    services.store.submissions.cancel(waiting.id)
    assert send(client, ada, "fourth") == 202, "what was cancelled is none"


def test_many_at_once_do_not_get_more(
    app: Flask, services: Services, token: Token, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = token("Ada")
    services.store.rules.set(1, "A", Rule(most_attempts=2), "teacher")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: send(app.test_client(), ada, text=f"exit {number}"), range(16)))
    kept = [one for one in services.store.submissions.of(1) if one.state is not State.CANCELLED]
    assert len(kept) <= 2


@pytest.mark.parametrize(
    "fields",
    [
        {"deadline": "tomorrow"},
        {"deadline": "9999-99-99T00:00"},
        {"late_percent": "101"},
        {"late_percent": "-1"},
        {"most_attempts": "0"},
        {"most_attempts": "\u0663"},
        {"most_attempts": "many"},
    ],
)
def test_what_is_no_rule_is_refused(teacher: Browser, services: Services, fields: dict[str, str]) -> None:
    reply = teacher.send(PAGE, section="A", **fields)
    assert (reply.status_code, "A deadline looks like" in reply.text) == (422, True)
    assert teacher.send(PAGE, section="Z").status_code == 404
    assert services.store.rules.of(1) == {}
