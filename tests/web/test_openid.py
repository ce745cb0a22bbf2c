"""Sign-in by OpenID Connect, with a real provider in a process of its own, and with providers that lie."""

from __future__ import annotations

import logging
import time
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from threading import Event
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from flask import Flask
from joserfc.jwk import RSAKey
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import expect

from tests.servers import free_port
from tests.web.conftest import Browser
from tests.web.providers import PEOPLE, SETTINGS, Liar, come_back, give_up, go, sign_in
from tests.web.serving import Serving
from worker.audit import Action


def test_nothing_of_it_is_there_without_a_provider(browser: Callable[[], Browser]) -> None:
    visitor = browser()
    assert "openid" not in visitor.get("/sign-in")
    visitor.get("/sign-in/openid", 404)
    visitor.get("/sign-in/openid/back?code=a&state=b", 404)


@pytest.mark.parametrize(("sub", "role"), [("1", "instructor"), ("2", "assistant"), ("4", "assistant")])
def test_who_is_listed_signs_in(
    make: Callable[..., Flask], issuer: str, sub: str, role: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    app = make(issuer)
    visitor = Browser(app)
    assert "Sign in with Example" in visitor.get("/sign-in")
    visitor.client.set_cookie("other", "kept")
    reply = sign_in(visitor, sub, "/sign-in/openid?next=/statistics")
    assert (reply.status_code, reply.headers["Location"]) == (302, "/statistics")
    people = app.extensions["grader"].store.people
    assert people.account(2).role == role
    assert visitor.client.get("/overview").status_code == 200
    allowed = visitor.send("/workshops/1/rules", "/workshops/1/rules", section="A").status_code
    assert allowed == (303 if role == "instructor" else 403)
    trail = app.extensions["grader"].store.audit.entries(action=Action.SIGN_IN)
    assert [entry.deed.account for entry in trail] == [people.account(2).name]
    assert "eyJ" not in caplog.text, "tokens reach no log"
    sign_in(Browser(app), sub)
    assert people.account(3) is None, "the same account at the next time"


@pytest.mark.parametrize("sub", ["3", "6"])
def test_who_is_not_listed_is_refused(make: Callable[..., Flask], issuer: str, sub: str) -> None:
    """Among them somebody whose address is an instructor's, but was never verified."""
    app = make(issuer)
    visitor = Browser(app)
    reply = sign_in(visitor, sub)
    assert reply.status_code == 403
    assert "you are no instructor here" in reply.text
    assert visitor.client.get("/overview").status_code == 302
    name = PEOPLE[int(sub) - 1]["email" if sub == "6" else "sub"]
    assert refusals(app) == [(name, "no instructor and no assistant")]


def test_an_account_with_a_password_is_not_taken_over(make: Callable[..., Flask], issuer: str) -> None:
    app = make(issuer)
    reply = sign_in(Browser(app), "5")  # whose verified address is `instructor`
    assert reply.status_code == 403
    assert "Another account has your name" in reply.text
    assert refusals(app) == [("instructor", "another account has this name")]


def test_no_password_opens_an_account_that_has_none(make: Callable[..., Flask], issuer: str) -> None:
    app = make(issuer)
    sign_in(Browser(app), "1")
    for password in ("!", "", "None"):
        assert app.extensions["grader"].store.people.sign_in("Teacher@example.org", password) is None


def test_the_role_is_what_the_settings_say_today(make: Callable[..., Flask], issuer: str) -> None:
    """Whoever has another one, or none any more, loses the sessions of the former one."""
    before = Browser(make(issuer))
    sign_in(before, "1")
    demoted = make(issuer, GRADER_OPENID_INSTRUCTORS="", GRADER_OPENID_ASSISTANTS="teacher@example.org")
    sign_in(Browser(demoted), "1")
    assert demoted.extensions["grader"].store.people.account(2).role == "assistant"
    assert before.client.get("/overview").status_code == 302
    again = Browser(demoted)
    sign_in(again, "1")
    assert sign_in(Browser(make(issuer, GRADER_OPENID_INSTRUCTORS="")), "1").status_code == 403
    assert again.client.get("/overview").status_code == 302


def test_giving_up_and_coming_back_without_having_gone(make: Callable[..., Flask], issuer: str) -> None:
    app = make(issuer)
    visitor = Browser(app)
    assert "was given up" in sign_in(visitor, "1", action="deny").text, "a provider that sends no state"
    assert "was given up" in give_up(visitor).text
    assert refusals(app) == [("", "given up, or not verified: OAuthError")]
    for query in ("", "?code=a", "?code=a&state=b", "?error=x&error_description=<b>y"):
        page = visitor.get(f"/sign-in/openid/back{query}", 403)
        assert "could not be verified" in page
        assert "<b>y" not in page
    assert len(refusals(app)) == 1, "whoever has begun nothing here writes nothing into the trail"


def test_an_answer_is_for_one_browser_once(make: Callable[..., Flask], issuer: str) -> None:
    app = make(issuer)
    thief, victim = Browser(app), Browser(app)
    there = requests.post(go(thief), {"sub": "1"}, allow_redirects=False, timeout=20)
    back = urlsplit(there.headers["Location"])
    victim.get(f"{back.path}?{back.query}", 403)
    assert thief.client.get(f"{back.path}?{back.query}").status_code == 302
    thief.get(f"{back.path}?{back.query}", 403)


def test_one_goes_on_to_pages_of_ours_only(make: Callable[..., Flask], issuer: str) -> None:
    reply = sign_in(Browser(make(issuer)), "1", "/sign-in/openid?next=//evil.example/")
    assert reply.headers["Location"] == "/"


def test_a_provider_that_is_away(make: Callable[..., Flask]) -> None:
    visitor = Browser(make(f"http://127.0.0.1:{free_port()}"))
    assert "Example cannot be reached just now" in visitor.get("/sign-in/openid", 502)


def refusals(app: Flask) -> list[tuple[str, str]]:
    """Return who was refused and why, the latest first."""
    trail = app.extensions["grader"].store.audit.entries(action=Action.SIGN_IN_FAILED)
    return [(entry.deed.account, entry.deed.comment.removeprefix("OpenID Connect: ")) for entry in trail]


def test_the_provider_of_these_tests_can_tell_the_truth(make: Callable[..., Flask], liar: Liar) -> None:
    assert come_back(Browser(make(liar.url)), liar) == 302


@pytest.mark.parametrize(
    "changed",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "another"},
        {"aud": ["another"]},
        {"iss": "https://another.example"},
        {"exp": 1_000_000_000},
        {"exp": None},
        {"sub": None},
        {"sub": 5},
        {"sub": "x" * 256},
        {"sub": "a\0b"},
        {"sub": "\N{LATIN SMALL LETTER E WITH ACUTE}"},
    ],
    ids=str,
)
def test_a_token_that_is_not_for_this_sign_in(
    make: Callable[..., Flask], liar: Liar, changed: dict[str, Any]
) -> None:
    liar.claims = lambda claims: {
        name: value for name, value in {**claims, **changed}.items() if value is not None
    }
    app = make(liar.url)
    assert come_back(Browser(app), liar) == 403
    assert app.extensions["grader"].store.people.account(2) is None


def test_a_token_that_somebody_else_has_signed(make: Callable[..., Flask], liar: Liar) -> None:
    liar.signs = RSAKey.generate_key(2048, parameters={"kid": "one"})
    app = make(liar.url)
    assert come_back(Browser(app), liar) == 403
    assert refusals(app) == [("", "given up, or not verified: BadSignatureError")]


def test_a_token_that_nobody_has_signed(make: Callable[..., Flask], liar: Liar) -> None:
    """Not even where the provider says that it gives such tokens."""
    liar.more = {"id_token_signing_alg_values_supported": ["RS256", "none"]}
    signed = liar.token

    def unsigned() -> str:
        header = urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
        return f"{header}.{signed().split('.')[1]}."

    app = make(liar.url)
    assert come_back(Browser(app), liar) == 302
    liar.token = unsigned  # type: ignore[method-assign]
    assert come_back(Browser(app), liar) == 403


_IN_HEAD = "Basic " + b64encode(b"grader:kept").decode()


@pytest.mark.parametrize(
    ("offered", "shown"),
    [
        (None, (_IN_HEAD, None)),
        (["client_secret_post", "client_secret_basic"], (_IN_HEAD, None)),
        (["private_key_jwt", "client_secret_post"], (None, ["kept"])),
        (["private_key_jwt"], (_IN_HEAD, None)),
    ],
)
def test_the_secret_is_shown_as_the_provider_takes_it(
    make: Callable[..., Flask], liar: Liar, offered: list[str] | None, shown: object
) -> None:
    if offered:
        liar.more = {"token_endpoint_auth_methods_supported": offered}
    assert come_back(Browser(make(liar.url)), liar) == 302
    assert liar.secrets == shown


def without_email(claims: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in claims.items() if not name.startswith("email")}


@pytest.mark.parametrize(
    ("info", "status"),
    [
        ({"sub": "1", "email": "teacher@example.org", "email_verified": True}, 302),
        ({"sub": "1", "groups": ["staff"]}, 302),
        ({"sub": "1", "email": "teacher@example.org", "email_verified": False}, 403),
        ({"sub": "1", "email": "teacher@example.org"}, 403),
        ({"sub": "2", "email": "teacher@example.org", "email_verified": True}, 403),
        ({"email": "teacher@example.org", "email_verified": True}, 403),
        ({}, 403),
        ([], 403),
    ],
    ids=str,
)
def test_what_is_told_beside_the_token(
    make: Callable[..., Flask], liar: Liar, info: object, status: int
) -> None:
    """Many providers tell addresses only there; it counts where it is about the same person."""
    liar.claims, liar.info = without_email, info
    liar.more = {"userinfo_endpoint": f"{liar.url}/userinfo"}
    assert come_back(Browser(make(liar.url)), liar) == status


def test_a_verified_address_does_not_vouch_for_another_one(make: Callable[..., Flask], liar: Liar) -> None:
    liar.claims = lambda claims: {**claims, "email": "somebody@example.org"}
    liar.info = {"sub": "1", "email": "teacher@example.org"}
    liar.more = {"userinfo_endpoint": f"{liar.url}/userinfo"}
    assert come_back(Browser(make(liar.url)), liar) == 403


def test_a_slash_behind_the_issuer_makes_nobody_somebody_else(make: Callable[..., Flask], liar: Liar) -> None:
    assert come_back(Browser(make(liar.url)), liar) == 302
    app = make(f"{liar.url}/")
    assert come_back(Browser(app), liar) == 302
    assert app.extensions["grader"].store.people.account(3) is None


def test_keys_may_change(make: Callable[..., Flask], liar: Liar) -> None:
    app = make(liar.url)
    assert come_back(Browser(app), liar) == 302
    liar.key = liar.signs = RSAKey.generate_key(2048, parameters={"kid": "two"})
    assert come_back(Browser(app), liar) == 302


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/jwks", "/userinfo"])
def test_a_provider_that_says_nothing(make: Callable[..., Flask], liar: Liar, path: str) -> None:
    """It holds up nobody for long."""
    told, over = liar.told, Event()

    def silent(asked: str) -> object:
        if asked == path:
            over.wait(30)
        return told(asked)

    liar.more = {"userinfo_endpoint": f"{liar.url}/userinfo"}
    liar.told = silent  # type: ignore[method-assign]
    visitor, began = Browser(make(liar.url)), time.monotonic()
    if path == "/.well-known/openid-configuration":
        visitor.get("/sign-in/openid", 502)
    else:
        assert come_back(visitor, liar) == 502
    assert time.monotonic() - began < 20
    over.set()


def test_a_provider_that_calls_itself_another_one(make: Callable[..., Flask], liar: Liar) -> None:
    liar.issuer = "https://another.example"
    assert come_back(Browser(make(liar.url)), liar) == 403


@pytest.mark.slow
def test_in_a_browser(tmp_path_factory: pytest.TempPathFactory, issuer: str, chromium: Chromium) -> None:
    """From the button to the provider's own page and back, under our policy."""
    serving = Serving(tmp_path_factory.mktemp("openid"), GRADER_OPENID_ISSUER=issuer, **SETTINGS)
    serving.start()
    try:
        page = chromium.new_context(base_url=serving.url).new_page()
        page.goto("/overview")
        page.get_by_role("link", name="Sign in with Example").click()
        assert page.url.startswith(issuer)
        page.get_by_role("button", name="1", exact=True).click()
        expect(page.get_by_role("heading", name="Queue")).to_be_visible()
        assert urlsplit(page.url).path == "/overview"
    finally:
        serving.end()
