"""The page of all workshops, and what participants of an archived one still can do."""

from __future__ import annotations

from collections.abc import Callable

from flask.testing import FlaskClient

from tests.web.conftest import Browser
from tests.web.test_instructing import ranked, submit
from tests.web.test_pages import SLUG
from web.services import Services

Browsers = Callable[[], Browser]
PAGE = "/workshops"


def test_participants_of_two_workshops_never_meet(
    browser: Browsers, services: Services, teacher: Browser
) -> None:
    ada, eve = browser(), browser()
    ada.join("Ada")
    submit(ada, services, "exit 1")
    reply = teacher.send(PAGE, name="Spring <b>", join_code="spring")
    assert reply.status_code == 303
    page = teacher.get(PAGE)
    assert "Spring &lt;b&gt; is open. Its join code is spring." in page
    assert eve.send("/join", name="Ada", join_code="spring").status_code == 302, "the same name"
    submit(eve, services, "exit 2")
    assert ranked(ada.get("/scoreboard")) == ["Ada"]
    assert ranked(teacher.get("/scoreboard")) == ["Ada"]
    spring = teacher.get("/scoreboard?workshop=2")
    assert 'id="p2"' in spring
    assert 'id="p2"' in teacher.get("/scoreboard"), "the chosen one stays chosen"
    assert 'id="p1"' in teacher.get("/scoreboard?workshop=1")
    teacher.get("/scoreboard?workshop=77", 404)
    assert "spring" in teacher.get("/overview")


def test_a_workshop_that_cannot_be(teacher: Browser, services: Services) -> None:
    reply = teacher.send(PAGE, name="Spring", join_code="open-sesame")
    assert reply.status_code == 422
    assert "Another workshop has the join code open-sesame." in reply.text
    assert 'value="Spring"' in reply.text, "what was typed is still there"
    assert len(services.store.workshops.all()) == 1


def test_an_archived_workshop_is_read_and_no_more(
    browser: Browsers,
    services: Services,
    teacher: Browser,
    client: FlaskClient,
    token: Callable[[str], dict[str, str]],
) -> None:
    ada = browser()
    ada.join("Ada")
    headers = token("Eve")
    submit(ada, services, "exit 1")
    assert teacher.send("/workshops/1/archive", page=PAGE, archived="1").status_code == 303
    assert "archived since" in teacher.get(PAGE)
    assert "This workshop is over" in ada.get("/")
    assert ranked(ada.get("/scoreboard")) == ["Ada"]
    reply = ada.send(f"/exercises/{SLUG}", **{"text:answer.sh": "exit 2"})
    assert (reply.status_code, "takes no answers any more" in reply.text) == (403, True)
    answer = {"exercise": SLUG, "files": {"answer.sh": "exit 2"}}
    assert client.post("/api/v1/submissions", json=answer, headers=headers).status_code == 403
    assert browser().send("/join", name="Zoe", join_code="open-sesame").status_code == 422
    assert "Ada" in teacher.get("/workshops/1/participants")
    teacher.send("/workshops/1/archive", page=PAGE, archived="0")
    submit(ada, services, "exit 2")


def test_deleting_takes_its_name(
    browser: Browsers,
    services: Services,
    teacher: Browser,
    client: FlaskClient,
    token: Callable[[str], dict[str, str]],
) -> None:
    ada = browser()
    ada.join("Ada")
    headers = token("Eve")
    assert client.get("/api/v1/scoreboard", headers=headers).status_code == 200
    name = services.store.workshops.open()[0].name
    reply = teacher.send("/workshops/1/delete", page=PAGE, name=name)
    assert (reply.status_code, "only an archived workshop" in reply.text) == (422, True)
    teacher.send("/workshops/1/archive", page=PAGE, archived="1")
    reply = teacher.send("/workshops/1/delete", page=PAGE, name="another")
    assert (reply.status_code, "that is not its name" in reply.text) == (422, True)
    assert teacher.send("/workshops/1/delete", page=PAGE, name=name).status_code == 303
    page = teacher.get(PAGE)
    assert f"{name} is deleted." in page
    assert "There is no workshop." in page
    assert "Join with your code" in ada.get("/"), "nobody is signed in any more"
    assert client.get("/api/v1/scoreboard", headers=headers).status_code == 404
    teacher.get("/scoreboard", 404)
    teacher.get("/overview")
    assert teacher.send(PAGE, name="Anew", join_code="").status_code == 303
    log = teacher.get("/workshops/2/audit").partition("<tbody>")[2]
    assert "deleted a workshop" in log
    assert "archived the workshop" not in log, "no number is given away twice"
    (anew,) = services.store.workshops.open()
    assert browser().send("/join", name="Zoe", join_code=anew.join_code).status_code == 302
    assert "Join with your code" in ada.get("/"), "nor does anybody become somebody else"
