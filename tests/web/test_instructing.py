"""What instructors change in a workshop, and who may not."""

from __future__ import annotations

import re
from collections.abc import Callable

from flask.testing import FlaskClient

from tests.web.conftest import Browser
from tests.web.test_pages import SLUG, grade
from web.services import Services

Browsers = Callable[[], Browser]


def submit(browser: Browser, services: Services, text: str) -> None:
    reply = browser.send(f"/exercises/{SLUG}", **{"text:answer.sh": text})
    assert reply.status_code == 303, reply.text
    grade(services)


def ranked(page: str) -> list[str]:
    """Return who is on a scoreboard."""
    return re.findall(r'<tr id="p\d+".*?<bdi>(.*?)</bdi>', page)


def test_a_frozen_scoreboard_stands_still_until_it_may_move(
    browser: Browsers, services: Services, client: FlaskClient, token: Callable[[str], dict[str, str]]
) -> None:
    ada, eve, teacher = browser(), browser(), browser()
    ada.join("Ada")
    eve.join("Eve")
    teacher.sign_in()
    submit(ada, services, "exit 1")
    teacher.send("/workshops/1/scoreboard", page="/overview", frozen="1")
    frozen_at = services.store.workshops.open()[0].frozen_at
    assert frozen_at is not None
    teacher.send("/workshops/1/scoreboard", page="/overview", frozen="1")
    assert services.store.workshops.open()[0].frozen_at == frozen_at, "a second click changes nothing"
    submit(eve, services, "exit 2")
    for who in (ada, eve, teacher):
        page = who.get("/scoreboard")
        assert "frozen" in page
        assert ranked(page) == ["Ada"]
    assert ranked(teacher.get("/scoreboard?now=1")) == ["Ada", "Eve"]
    assert ranked(ada.get("/scoreboard?now=1")) == ["Ada"], "participants do not look behind it"
    names = client.get("/api/v1/scoreboard", headers=token("Nobody")).json["participants"]  # type: ignore[index]
    assert [row["name"] for row in names] == ["Ada"]
    assert "1 of 4" in eve.get("/").replace("\n", " "), "her own points she sees"
    teacher.send("/workshops/1/scoreboard", page="/overview", frozen="0")
    assert ranked(ada.get("/scoreboard")) == ["Ada", "Eve"]


def test_instructors_read_tasks_without_joining(browser: Browsers, services: Services) -> None:
    nobody, teacher = browser(), browser()
    path = f"/exercises/{SLUG}"
    assert nobody.client.get(path).headers["Location"].startswith("/join?next=")
    teacher.sign_in()
    assert re.search(
        "Join at <strong>http://localhost/join</strong>.*open-sesame", teacher.get("/scoreboard"), re.S
    )
    page = teacher.get(path)
    exercise = services.exercises[SLUG]
    assert all(check.title in page for check in exercise.checks)
    assert "Hint 2 of 2" in page
    assert "values drawn for instructor" in page
    assert "Submit" not in page
    assert "Join with your code" not in teacher.get("/")
    reply = teacher.send(f"/join?next={path}", name="me", join_code="open-sesame")
    assert reply.headers["Location"] == path
    assert "Submit" in teacher.get(path)
    teacher.get("/overview")


def test_a_deadline_is_set_and_lifted(browser: Browsers, services: Services) -> None:
    ada, teacher = browser(), browser()
    ada.join("Ada")
    teacher.sign_in()
    reply = teacher.send("/workshops/1/deadline", page="/overview", deadline="2001-02-03T04:05")
    assert reply.status_code == 303
    assert services.store.workshops.open()[0].deadline == 981173100.0
    assert 'value="2001-02-03T04:05"' in teacher.get("/overview")
    assert ada.send(f"/exercises/{SLUG}", **{"text:answer.sh": "exit 1"}).status_code == 403
    for wrong in ("tomorrow", "9999-99-99T00:00", "2001"):
        reply = teacher.send("/workshops/1/deadline", page="/overview", deadline=wrong)
        assert (reply.status_code, "looks like" in reply.text) == (422, True), wrong
    teacher.send("/workshops/1/deadline", page="/overview", deadline="")
    assert services.store.workshops.open()[0].deadline is None
    submit(ada, services, "exit 1")


def test_only_instructors_change_settings(browser: Browsers, services: Services) -> None:
    ada, helper = browser(), browser()
    ada.join("Ada")
    services.store.people.add_account("helper", "assistant", "a long password")
    assert helper.send("/sign-in", name="helper", password="a long password").status_code == 302
    assert "open-sesame" in helper.get("/overview"), "assistants see everything"
    for who in (ada, helper):
        for path, field in (("scoreboard", {"frozen": "1"}), ("deadline", {"deadline": "2001-02-03T04:05"})):
            assert who.send(f"/workshops/1/{path}", page="/", **field).status_code == 403
    workshop = services.store.workshops.open()[0]
    assert (workshop.frozen_at, workshop.deadline) == (None, None)


def test_a_scoreboard_without_names(
    browser: Browsers, services: Services, client: FlaskClient, token: Callable[[str], dict[str, str]]
) -> None:
    ada, teacher, helper = browser(), browser(), browser()
    ada.join("Ada")
    teacher.sign_in()
    services.store.people.add_account("helper", "assistant", "a long password")
    helper.send("/sign-in", name="helper", password="a long password")
    submit(ada, services, "exit 1")
    assert helper.send("/workshops/1/names", page="/", anonymous="1").status_code == 403
    teacher.send("/workshops/1/names", page="/overview", anonymous="1")
    (shown,) = ranked(ada.get("/scoreboard"))
    assert re.fullmatch(r"[A-Z][a-z]+ \d{3}", shown)
    assert 'class="me"' in ada.get("/scoreboard"), "everybody finds their own"
    assert ranked(ada.get("/scoreboard?names=1")) == [shown]
    assert ranked(teacher.get("/scoreboard")) == [shown], "what the projector shows"
    assert ranked(teacher.get("/scoreboard?names=1")) == ["Ada"]
    names = client.get("/api/v1/scoreboard", headers=token("Nobody")).json["participants"]  # type: ignore[index]
    assert [row["name"] for row in names] == [shown]
    over_time = ada.get("/scoreboard/time?names=1").partition("<main")[2]
    assert shown in over_time
    assert "Ada" not in over_time
    assert "Ada" in teacher.get("/scoreboard/time?names=1")
    teacher.send("/workshops/1/names", page="/overview", anonymous="0")
    assert ranked(ada.get("/scoreboard")) == ["Ada"]


def test_points_over_time_stand_still_as_the_scoreboard_does(browser: Browsers, services: Services) -> None:
    nobody, ada, eve, teacher = browser(), browser(), browser(), browser()
    nobody.get("/scoreboard/time", 302)
    ada.join("Ada")
    eve.join("Eve")
    teacher.sign_in()
    assert "Nobody has a point yet" in ada.get("/scoreboard/time")
    submit(ada, services, "exit 1")
    teacher.send("/workshops/1/scoreboard", page="/overview", frozen="1")
    submit(eve, services, "exit 2")
    assert "Eve" not in teacher.get("/scoreboard/time")
    assert "Eve" in teacher.get("/scoreboard/time?now=1")
    assert "Eve" not in ada.get("/scoreboard/time?now=1")
