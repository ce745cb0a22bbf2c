"""Providers of OpenID Connect for tests: people of a real one, and one whose tokens say what a test likes."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import requests
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from werkzeug.test import TestResponse

from tests.servers import free_port

if TYPE_CHECKING:
    from tests.web.conftest import Browser

CLIENT = "grader"
PEOPLE = (
    {"sub": "1", "email": "Teacher@example.org", "email_verified": True},
    {"sub": "2", "email": "helper@example.org", "email_verified": True},
    {"sub": "3", "email": "teacher@example.org", "email_verified": False},
    {"sub": "4", "groups": ["staff"]},
    {"sub": "5", "email": "instructor", "email_verified": True},
    {"sub": "6", "email": "somebody@example.org", "email_verified": True},
    {"sub": "7", "name": "Grace  Hopper", "groups": ["class"]},
    {"sub": "8", "name": "grace hopper", "preferred_username": "amazing", "groups": ["class"]},
    {"sub": "9", "name": "turned\u202eround", "preferred_username": "linus", "groups": ["class"]},
    {"sub": "10", "groups": ["class"]},
)
SETTINGS = {
    "GRADER_OPENID_CLIENT_ID": CLIENT,
    "GRADER_OPENID_CLIENT_SECRET": "kept",
    "GRADER_OPENID_NAME": "Example",
    "GRADER_OPENID_INSTRUCTORS": "teacher@example.org, instructor",
    "GRADER_OPENID_ASSISTANTS": "helper@example.org group:staff",
}


@contextlib.contextmanager
def real_provider() -> Iterator[str]:
    """Run a provider that knows these people, in a process of its own; give its address."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    known = [word for person in PEOPLE for word in ("--user-claims", json.dumps(person))]
    command = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(port), *known]
    with subprocess.Popen([*command, "--require-nonce", "true"], stderr=subprocess.DEVNULL) as process:
        end = time.monotonic() + 60
        while True:
            try:
                requests.get(f"{url}/.well-known/openid-configuration", timeout=5).raise_for_status()
                break
            except requests.RequestException:
                assert process.poll() is None
                assert time.monotonic() < end
                time.sleep(0.1)
        yield url
        process.terminate()


def go(browser: Browser, path: str = "/sign-in/openid") -> str:
    """Begin to sign in; return where the provider's form is."""
    reply = browser.client.get(path)
    assert reply.status_code == 302, reply.text
    return reply.headers["Location"]


def sign_in(browser: Browser, sub: str, path: str = "/sign-in/openid", **form: str) -> TestResponse:
    """Sign in as one of the people; return the reply to their coming back."""
    there = requests.post(go(browser, path), {"sub": sub, **form}, allow_redirects=False, timeout=20)
    assert there.status_code in {302, 303}, there.text
    back = urlsplit(there.headers["Location"])
    assert back.path == "/sign-in/openid/back"
    return browser.client.get(f"{back.path}?{back.query}")


def give_up(browser: Browser, path: str = "/sign-in/openid") -> TestResponse:
    """Begin to sign in, and come back as somebody whom the provider has let go: RFC 6749, section 4.1.2.1."""
    (state,) = parse_qs(urlsplit(go(browser, path)).query)["state"]
    return browser.client.get(f"/sign-in/openid/back?error=access_denied&state={state}")


class Liar:
    """A provider whose tokens say what a test likes."""

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, parameters={"kid": "one"})
        self.signs = self.key
        self.claims: Callable[[dict[str, Any]], dict[str, Any]] = lambda claims: claims
        self.nonce = ""
        self.secrets: tuple[str | None, list[str] | None] = (None, None)  # in the head, in the form
        liar = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._send(liar.told(urlsplit(self.path).path))

            def do_POST(self) -> None:
                sent = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                assert sent["code_verifier"], "PKCE"
                liar.secrets = self.headers["Authorization"], sent.get("client_secret")
                self._send({"access_token": "x", "token_type": "Bearer", "id_token": liar.token()})

            def _send(self, document: object) -> None:
                body = json.dumps(document).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.issuer = self.url
        self.more: dict[str, Any] = {}
        self.info: object = {}
        Thread(target=self.server.serve_forever, daemon=True).start()

    def told(self, path: str) -> object:
        if path == "/jwks":
            return KeySet([self.key]).as_dict(private=False)
        if path == "/userinfo":
            return self.info
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/jwks",
            "id_token_signing_alg_values_supported": ["RS256"],
            **self.more,
        }

    def token(self) -> str:
        now = int(time.time())
        claims = {
            "iss": self.url,
            "sub": "1",
            "aud": CLIENT,
            "iat": now,
            "exp": now + 60,
            "nonce": self.nonce,
            "email": "teacher@example.org",
            "email_verified": True,
        }
        return jwt.encode({"alg": "RS256", "kid": self.signs.kid}, self.claims(claims), self.signs)

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def come_back(visitor: Browser, liar: Liar, path: str = "/sign-in/openid") -> int:
    """Go to a provider that lies and come back; return the status of the page that one gets."""
    sent = parse_qs(urlsplit(go(visitor, path)).query)
    assert sent["code_challenge_method"] == ["S256"]
    liar.nonce = sent["nonce"][0]
    return visitor.client.get(f"/sign-in/openid/back?code=c&state={sent['state'][0]}").status_code
