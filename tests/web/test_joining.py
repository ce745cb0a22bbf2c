"""Joining and coming back by OpenID Connect, with a real provider in a process of its own."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
from flask import Flask
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, expect
from werkzeug.test import TestResponse

from tests.web.browsing import LAPTOP, PHONE, join, no_wider_than_the_screen
from tests.web.conftest import Browser
from tests.web.providers import SETTINGS, Liar, come_back, give_up, sign_in
from tests.web.serving import JOIN_CODE, Serving
from tests.web.test_accessibility import faults
from tests.web.test_openid import refusals
from tests.web.test_pages import SLUG
from worker.people import Participant
from worker.store import Store

CLASS = {"GRADER_OPENID_PARTICIPANTS": "group:class"}
JOIN, ARRIVED = "/join/openid", "/join/openid/arrived"


@pytest.fixture
def app(make: Callable[..., Flask], issuer: str) -> Flask:
    """An application that a class joins by a provider."""
    return make(issuer, **CLASS)


@pytest.fixture
def store(app: Flask) -> Store:
    """Its store."""
    found: Store = app.extensions["grader"].store
    return found


def people(store: Store, workshop: int = 1) -> list[tuple[int, str]]:
    return [(member.id, member.name) for member in store.roster.members(workshop)]


def arrive(visitor: Browser, sub: str, path: str = JOIN) -> TestResponse:
    """Come by the provider; return the page that one gets, or the way to where one is let in."""
    reply = sign_in(visitor, sub, path)
    assert reply.headers["Location"] == ARRIVED, reply.text
    return visitor.client.get(ARRIVED)


def finish(visitor: Browser, page: str, **fields: str) -> TestResponse:
    """Send the form that asks for what is missing."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found is not None
    return visitor.client.post(ARRIVED, data={"csrf_token": found[1], **fields})


def test_nobody_joins_by_it_unless_the_settings_say_who(make: Callable[..., Flask], issuer: str) -> None:
    visitor = Browser(make(issuer))
    assert "Example" not in visitor.get("/join")
    visitor.get(JOIN, 404)


def test_whoever_comes_back_on_another_device_keeps_their_work(app: Flask, store: Store) -> None:
    laptop, phone = Browser(app), Browser(app)
    page = laptop.get("/join?code=open-sesame&next=/scoreboard")
    assert "Join with Example" in page
    (path,) = re.findall(r'href="(/join/openid[^"]*)"', page)
    reply = arrive(laptop, "7", path.replace("&amp;", "&"))
    assert (reply.status_code, reply.headers["Location"]) == (302, "/scoreboard")
    assert people(store) == [(1, "Grace Hopper")]
    assert "Welcome, \u2068Grace Hopper\u2069" in laptop.get("/")
    assert "Copy your personal link" in laptop.get("/me"), "a script and other devices can use it, too"
    place = laptop.send(f"/exercises/{SLUG}", **{"text:answer.sh": "exit 7"}).headers["Location"]
    assert arrive(phone, "7").status_code == 302
    assert "Welcome back, \u2068Grace Hopper\u2069" in phone.get("/")
    assert "exit 7" in phone.get(f"/exercises/{SLUG}")
    phone.get(place)
    laptop.get(place)
    assert people(store) == [(1, "Grace Hopper")]
    assert phone.client.get(JOIN).headers["Location"] == "/", "who is in needs no provider"


def test_who_is_not_listed_does_not_join(app: Flask, store: Store) -> None:
    visitor = Browser(app)
    reply = sign_in(visitor, "6", JOIN)
    assert reply.status_code == 403
    assert "you are not on the list" in reply.text
    assert "Join code" in reply.text
    assert refusals(app) == [("somebody@example.org", "may not join")]
    reply = give_up(visitor, JOIN)
    assert (reply.status_code, "was given up" in reply.text, "Join code" in reply.text) == (403, True, True)
    assert refusals(app)[0] == ("", "given up, or not verified: OAuthError")
    assert people(store) == []


def test_everybody_may_be_listed(make: Callable[..., Flask], issuer: str) -> None:
    app = make(issuer, GRADER_OPENID_PARTICIPANTS="*")
    reply = arrive(visitor := Browser(app), "6")
    assert "Example knows who you are. One thing is missing." in reply.text, "a name"
    assert finish(visitor, reply.text, name="Somebody").status_code == 302
    assert people(app.extensions["grader"].store) == [(1, "Somebody")]


def test_participants_are_no_instructors_and_the_other_way_round(app: Flask, store: Store) -> None:
    visitor = Browser(app)
    assert sign_in(visitor, "7").status_code == 403
    assert sign_in(visitor, "1", JOIN).status_code == 403
    arrive(visitor, "7")
    assert visitor.client.get("/overview").status_code == 302
    assert people(store) == [(1, "Grace Hopper")]


def test_a_name_that_somebody_else_has(app: Flask, store: Store) -> None:
    Browser(app).join("GRACE HOPPER")
    visitor = Browser(app)
    page = arrive(visitor, "7", f"{JOIN}?next=/scoreboard")
    assert page.status_code == 200
    assert "Somebody is called Grace Hopper already." in page.text
    reply = finish(visitor, page.text, name="grace hopper")
    assert (reply.status_code, "Somebody is called grace hopper already." in reply.text) == (409, True)
    reply = finish(visitor, page.text, name="\u202e")
    assert (reply.status_code, "cannot be seen" in reply.text) == (422, True)
    reply = finish(visitor, page.text, name="Amazing Grace")
    assert reply.headers["Location"] == "/scoreboard"
    again = Browser(app)
    assert arrive(again, "7").status_code == 302, "the name is hers, whatever the provider calls her"
    assert people(store) == [(2, "Amazing Grace"), (1, "GRACE HOPPER")]
    eve = Browser(app)
    assert finish(eve, eve.get("/join"), name="Eve").headers["Location"] == "/join", "nobody has shown her"
    assert len(people(store)) == 2


def test_names_that_cannot_be_names(app: Flask, store: Store) -> None:
    """The provider's other name counts then, and where there is none, one is asked for."""
    assert arrive(Browser(app), "9").status_code == 302
    assert people(store) == [(1, "linus")]
    visitor = Browser(app)
    page = arrive(visitor, "10")
    assert "A name is needed." in page.text
    assert "A name is needed." in visitor.get(ARRIVED), "it can be loaded again"
    assert finish(visitor, page.text, name="Ken").status_code == 302
    assert visitor.client.get(ARRIVED).headers["Location"] == "/join", "and then sends on"


def test_a_form_that_was_left_open_for_long(app: Flask, store: Store) -> None:
    visitor = Browser(app)
    page = arrive(visitor, "10").text
    with visitor.client.session_transaction() as session:
        session["joining_shown"] |= {"until": 0.0}
    assert finish(visitor, page, name="Ken").headers["Location"] == "/join"
    assert visitor.client.get(ARRIVED).headers["Location"] == "/join"
    assert people(store) == []


def test_several_workshops(app: Flask, store: Store) -> None:
    arrive(Browser(app), "7")
    store.workshops.add("Spring", "spring", "instructor")
    visitor = Browser(app)
    assert arrive(visitor, "7").status_code == 302, "she takes part in one of them"
    assert arrive(Browser(app), "7", f"{JOIN}?code=SPRING").status_code == 302
    assert (people(store), people(store, 2)) == ([(1, "Grace Hopper")], [(2, "Grace Hopper")])
    page = arrive(visitor := Browser(app), "7").text
    assert "Several workshops are open: the join code says which one." in page
    reply = finish(visitor, page, name="Grace Hopper", join_code="summer")
    assert (reply.status_code, "No workshop has this join code." in reply.text) == (422, True)
    assert finish(visitor, page, name="another", join_code="spring").status_code == 302
    assert "Spring" in visitor.get("/")
    assert people(store, 2) == [(2, "Grace Hopper")]
    page = arrive(visitor := Browser(app), "8", f"{JOIN}?code=spring").text
    assert "Somebody is called grace hopper already." in page
    assert 'value="spring"' in page
    assert finish(visitor, page, name="Other", join_code="spring").status_code == 302
    assert people(store, 2)[1:] == [(3, "Other")]


def test_a_workshop_that_is_over_lets_nobody_in_but_those_who_were(app: Flask, store: Store) -> None:
    arrive(Browser(app), "7")
    store.workshops.archive(1, archived=True, account="instructor")
    visitor = Browser(app)
    assert "No workshop is open." in arrive(visitor, "9").text
    assert "No workshop has this join code." in arrive(visitor, "9", f"{JOIN}?code=open-sesame").text
    assert arrive(Browser(app), "7").status_code == 302
    store.workshops.add("Spring", "spring", "instructor")
    assert arrive(Browser(app), "7", f"{JOIN}?code=open-sesame").status_code == 302
    assert people(store, 2) == []
    assert arrive(Browser(app), "7").status_code == 302
    assert people(store, 2) == [(2, "Grace Hopper")]


CONNECT, CONNECTED = "/me/openid", "/me/openid/arrived"


def connect(visitor: Browser, sub: str) -> TestResponse:
    """Go to the provider and confirm whom it has shown; return the page that one gets."""
    assert sign_in(visitor, sub, CONNECT).headers["Location"] == CONNECTED
    return visitor.send(CONNECTED)


def test_whoever_joined_by_code_comes_back_by_the_provider(app: Flask, store: Store) -> None:
    ada, phone = Browser(app), Browser(app)
    ada.join("Ada")
    assert "Connect Example" in ada.get("/me")
    place = ada.send(f"/exercises/{SLUG}", **{"text:answer.sh": "exit 7"}).headers["Location"]
    assert sign_in(ada, "7", CONNECT).headers["Location"] == CONNECTED
    page = ada.get(CONNECTED)
    assert re.search(r"Example knows you as <bdi>7</bdi>.*<bdi>Ada</bdi> here", page)
    assert store.elsewhere.participants(f"{issuer_of(app)} 7") == [], "nothing before it is confirmed"
    assert ada.send(CONNECTED).headers["Location"] == "/me"
    page = ada.get("/me")
    assert "Example brings you back from now on" in page
    assert "Copy your personal link" in page, "it stays"
    assert arrive(phone, "7").status_code == 302
    phone.get(place)
    assert people(store) == [(1, "Ada")]
    phone.get(CONNECTED, 302)

    ada.send("/me/openid/end", page="/me")
    assert "no longer brings you back" in ada.get("/me")
    assert "Copy your personal link" in ada.get("/me")
    phone.get("/me", 302)
    assert arrive(phone, "7").status_code == 302
    assert people(store) == [(1, "Ada"), (2, "Grace Hopper")]


def issuer_of(app: Flask) -> str:
    issuer: str = app.extensions["grader"].settings.openid_issuer
    return issuer


def test_nobody_is_connected_who_is_not_meant(app: Flask, store: Store) -> None:
    nobody, ada = Browser(app), Browser(app)
    assert nobody.client.get(CONNECT).headers["Location"].startswith("/join")
    ada.join("Ada")
    assert sign_in(ada, "6", CONNECT).status_code == 403, "not on the list"
    assert "you are not on the list" in sign_in(ada, "6", CONNECT).text
    assert "was given up" in give_up(ada, CONNECT).text
    assert refusals(app)[1:] == [("somebody@example.org", "may not join")] * 2
    arrive(Browser(app), "7")
    reply = connect(ada, "7")
    assert (reply.status_code, "shows somebody else of this workshop" in reply.text) == (409, True)
    assert [store.elsewhere.shows(found) for found in (one(store, 1), one(store, 2))] == [False, True]

    assert sign_in(ada, "8", CONNECT).headers["Location"] == CONNECTED
    page = ada.get(CONNECTED)
    ada.send("/sign-out", page="/")
    ada.join("Mallory")
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found is not None
    ada.client.post(CONNECTED, data={"csrf_token": found[1]})
    assert store.elsewhere.participants(f"{issuer_of(app)} 8") == [], "another participant had begun"


def one(store: Store, identity: int) -> Participant:
    found = store.people.participant(identity)
    assert found is not None
    return found


def let_in(app: Flask, liar: Liar) -> Browser:
    """Return the browser of somebody whom a provider that lies has shown."""
    found = Browser(app)
    assert come_back(found, liar, JOIN) == 302
    return found


def test_windows_that_come_back_at_once_are_one_person(make: Callable[..., Flask], liar: Liar) -> None:
    app = make(liar.url, GRADER_OPENID_PARTICIPANTS="*")
    for number in range(1, 6):
        told = {"sub": str(number), "name": f"Ada {number}"}
        liar.claims = lambda claims, told=told: claims | told  # type: ignore[misc]
        windows = [let_in(app, liar) for _ in range(4)]
        with ThreadPoolExecutor(len(windows)) as pool:
            replies = list(pool.map(lambda window: window.client.get(ARRIVED), windows))
        assert [reply.headers["Location"] for reply in replies] == ["/"] * 4
        assert len(people(app.extensions["grader"].store)) == number


def test_names_that_are_told_beside_the_token(make: Callable[..., Flask], liar: Liar) -> None:
    app = make(liar.url, GRADER_OPENID_PARTICIPANTS="sub:1")
    liar.info = {"sub": "1", "name": "Ada"}
    liar.more = {"userinfo_endpoint": f"{liar.url}/userinfo"}
    let_in(app, liar).get(ARRIVED, 302)
    assert people(app.extensions["grader"].store) == [(1, "Ada")]


def test_a_class_may_share_an_address(make: Callable[..., Flask], liar: Liar) -> None:
    """More of them join in a minute than may try a password."""
    app = make(liar.url, GRADER_OPENID_PARTICIPANTS="*")
    for number in range(15):
        told = {"sub": str(number), "name": f"Ada {number}"}
        liar.claims = lambda claims, told=told: claims | told  # type: ignore[misc]
        let_in(app, liar).get(ARRIVED, 302)
    assert len(people(app.extensions["grader"].store)) == 15


def in_light_and_dark(page: Page) -> list[str]:
    """Return what axe-core finds on the page that is open, on a laptop and on a phone."""
    found = []
    for size in (LAPTOP, PHONE):
        page.set_viewport_size(size)
        no_wider_than_the_screen(page)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            found += faults(page)
    return found


@pytest.mark.slow
def test_in_a_browser(tmp_path_factory: pytest.TempPathFactory, issuer: str, chromium: Chromium) -> None:
    """From the button to the provider's own page and back, under our policy, without JavaScript, too."""
    folder = tmp_path_factory.mktemp("joining")
    serving = Serving(folder, GRADER_OPENID_ISSUER=issuer, **SETTINGS, **CLASS)
    serving.start()
    try:
        for script in (True, False):
            page = chromium.new_context(base_url=serving.url, java_script_enabled=script).new_page()
            page.goto(f"/join?code={JOIN_CODE}")
            page.get_by_role("link", name="Join with Example").click()
            assert page.url.startswith(issuer)
            page.get_by_role("button", name="8", exact=True).click()
            expect(page.get_by_role("status")).to_contain_text("\u2068grace hopper\u2069")
        page = chromium.new_context(base_url=serving.url).new_page()
        page.goto("/join")
        page.get_by_role("link", name="Join with Example").click()
        page.get_by_role("button", name="7", exact=True).click()
        expect(page.get_by_role("alert")).to_have_text("Somebody is called Grace Hopper already.")
        assert in_light_and_dark(page) == []
        page.get_by_label("Your name").fill("Amazing Grace")
        page.get_by_role("button", name="Join").click()
        expect(page.get_by_role("status")).to_contain_text("Welcome, \u2068Amazing Grace\u2069")
        assert urlsplit(page.url).path == "/"
        for number, code in ((9, "wrong"), (10, JOIN_CODE)):  # what is missing: the code; a name
            page = chromium.new_context(base_url=serving.url).new_page()
            page.goto(f"/join?code={code}")
            assert in_light_and_dark(page) == []
            page.get_by_role("link", name="Join with Example").click()
            page.get_by_role("button", name=str(number), exact=True).click()
            missing = page.get_by_label("Join code" if code == "wrong" else "Your name")
            expect(missing).to_be_focused()
            expect(missing).to_have_attribute("aria-describedby", "problem")
            assert in_light_and_dark(page) == []
        page = chromium.new_context(base_url=serving.url).new_page()
        join(page, "Linus")
        page.goto("/me")
        page.get_by_role("link", name="Connect Example").click()
        page.get_by_role("button", name="9", exact=True).click()
        expect(page.get_by_role("heading", name="Connect Example")).to_be_visible()
        assert in_light_and_dark(page) == []
        page.get_by_role("button", name="Connect Example").click()
        expect(page.get_by_role("status").first).to_contain_text("Example brings you back from now on")
        assert in_light_and_dark(page) == []
    finally:
        serving.end()
