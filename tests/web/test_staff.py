"""Who may see and change what of the instructors' pages: route by route, from the application's own map."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from tests.web.conftest import Browser
from tests.web.test_pages import SLUG, grade
from web.services import Services

Browsers = Callable[[], Browser]
STAFF = {
    *"instructing inviting drilldown figures overriding regrading section_rules exports trail".split(),
    "workshops",
}
FOR_INSTRUCTORS = {"trail.audit"}


@pytest.fixture
def paths(app: Flask, browser: Browsers, services: Services) -> list[tuple[str, str, str]]:
    """Return method, endpoint and path of each of their routes, with something behind each."""
    ada = browser()
    ada.join("Ada")
    ada.send(f"/exercises/{SLUG}", **{"text:answer.sh": "exit 1"})
    grade(services)
    (submitted,) = services.store.submissions.of(1)
    regrade = services.store.regrades.wish(1, "instructor")
    found = []
    for rule in app.url_map.iter_rules():
        blueprint = rule.endpoint.partition(".")[0]
        if blueprint not in STAFF and rule.endpoint != "results.result":
            continue
        identity: object = 1
        if "<identity>" in rule.rule:
            identity = submitted.id
        elif rule.rule.startswith("/regrades"):
            identity = regrade
        path = rule.rule.replace("<int:identity>", str(identity)).replace("<identity>", str(identity))
        path = path.replace("<slug>", SLUG).replace("<name>", "results.csv")
        assert "<" not in path
        found += [(method, rule.endpoint, path) for method in rule.methods & {"GET", "POST"}]
    return found


def test_only_instructors_change_anything(
    browser: Browsers, services: Services, paths: list[tuple[str, str, str]]
) -> None:
    nobody, eve, helper = browser(), browser(), browser()
    eve.join("Eve")
    services.store.people.add_account("helper", "assistant", "a long password")
    assert helper.send("/sign-in", name="helper", password="a long password").status_code == 302
    changing = [path for method, _, path in paths if method == "POST"]
    assert len(changing) >= 11
    before = services.store.audit.entries(limit=1000)
    for path in changing:
        for who in (nobody, eve, helper):
            reply = who.send(path, page="/", score="4", comment="x", sure="1", text="name\nMallory\n")
            assert reply.status_code == 403, path
    assert services.store.audit.entries(limit=1000) == before, "nothing was done"
    assert services.store.people.by_name(1, "Mallory") is None


def test_staff_look_and_nobody_else_does(
    browser: Browsers, services: Services, paths: list[tuple[str, str, str]]
) -> None:
    nobody, eve, helper, teacher = browser(), browser(), browser(), browser()
    eve.join("Eve")
    teacher.sign_in()
    services.store.people.add_account("helper", "assistant", "a long password")
    assert helper.send("/sign-in", name="helper", password="a long password").status_code == 302
    looking = [(endpoint, path) for method, endpoint, path in paths if method == "GET"]
    assert len(looking) >= 12
    for endpoint, path in looking:
        closed = 404 if endpoint == "results.result" else 302
        for who in (nobody, eve):
            page = who.get(path, closed)
            assert "Ada" not in page
            assert "/sign-in" in page or closed == 404, path
        helper.get(path, 403 if endpoint in FOR_INSTRUCTORS else 200)
        teacher.get(path)


def test_assistants_see_no_button_that_they_may_not_press(
    browser: Browsers, services: Services, paths: list[tuple[str, str, str]]
) -> None:
    services.store.people.add_account("helper", "assistant", "a long password")
    helper = browser()
    assert helper.send("/sign-in", name="helper", password="a long password").status_code == 302
    changing = {path for method, _, path in paths if method == "POST"}
    for method, endpoint, path in paths:
        if method == "GET" and endpoint not in {*FOR_INSTRUCTORS, "exports.export", "exports.one"}:
            page = helper.get(path)
            assert not [form for form in changing if f'action="{form}"' in page], path


@pytest.mark.parametrize(
    "path",
    [
        "/workshops/9/participants",
        "/workshops/9/audit",
        "/participants/99",
        f"/participants/99/exercises/{SLUG}",
        "/participants/1/exercises/none",
        "/regrades/99",
        "/workshops/1/exports/passwd",
        "/workshops/1/statistics/none",
    ],
)
def test_what_is_not_there_is_404(browser: Browsers, path: str) -> None:
    teacher = browser()
    teacher.sign_in()
    teacher.get(path, 404)
