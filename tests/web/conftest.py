"""What tests of the web share: an application on a real store, browsers' and scripts' clients."""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jinja2 import BytecodeCache
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import BrowserContext, Page, sync_playwright
from werkzeug.serving import make_server
from werkzeug.test import TestResponse

from tests.prepared import compiled_templates, migrated_file, usual_hasher  # noqa: F401
from tests.web.browsing import FLAGS, LAPTOP
from tests.web.providers import SETTINGS, Liar, real_provider
from tests.web.serving import Serving
from web.app import create_app
from web.services import Services
from worker.settings import ServiceSettings

PASSWORD = "of the tests"


@pytest.fixture
def service_settings(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    migrated_file: Path,  # noqa: F811
) -> ServiceSettings:
    """A service of its own: nothing shared with anybody."""
    monkeypatch.setenv("GRADER_STATE_DIR", str(tmp_path / "state"))
    (tmp_path / "state").mkdir()
    shutil.copy(migrated_file, tmp_path / "state" / "service.db")
    monkeypatch.setenv("GRADER_RUN_DIR", str(tmp_path / "run"))
    for name in ("DATABASE_URL", "REDIS_URL", "GRADER_EXERCISES"):
        monkeypatch.delenv(name, raising=False)
    return ServiceSettings.from_environment(
        GRADER_JOIN_CODE="open-sesame", GRADER_INSTRUCTOR_PASSWORD=PASSWORD
    )


@pytest.fixture
def app(
    service_settings: ServiceSettings,
    compiled_templates: BytecodeCache,  # noqa: F811
) -> Iterator[Flask]:
    """The application."""
    found = create_app(service_settings)
    found.jinja_env.bytecode_cache = compiled_templates
    yield found
    found.extensions["grader"].close()


@pytest.fixture
def services(app: Flask) -> Services:
    """Its services."""
    return app.extensions["grader"]  # type: ignore[no-any-return]


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A script's client."""
    return app.test_client()


@pytest.fixture
def token(client: FlaskClient) -> Callable[[str], dict[str, str]]:
    """Let somebody join and return the headers that say who they are."""

    def run(name: str) -> dict[str, str]:
        reply = client.post("/api/v1/participants", json={"name": name, "join_code": "open-sesame"})
        assert reply.status_code == 201, reply.text
        return {"Authorization": f"Bearer {reply.get_json()['token']}"}

    return run


class Browser:
    """A browser without JavaScript: it keeps cookies and sends forms as they stand."""

    def __init__(self, app: Flask) -> None:
        self.client = app.test_client()

    def get(self, path: str, status: int = 200) -> str:
        """Open a page."""
        reply = self.client.get(path)
        text = reply.data.decode(errors="replace")  # it may be a file to download
        assert reply.status_code == status, (path, reply.status_code, text[:500])
        return text

    def send(self, path: str, page: str | None = None, **fields: object) -> TestResponse:
        """Send the form of a page."""
        found = re.search(r'name="csrf_token" value="([^"]+)"', self.get(page or path))
        assert found is not None
        data = {"csrf_token": found[1], **fields}
        return self.client.post(path, data=data, content_type="multipart/form-data")

    def join(self, name: str) -> None:
        """Take part."""
        reply = self.send("/join", name=name, join_code="open-sesame")
        assert reply.status_code == 302, reply.text

    def sign_in(self) -> None:
        """Become an instructor."""
        reply = self.send("/sign-in", name="instructor", password=PASSWORD)
        assert reply.status_code == 302, reply.text


@pytest.fixture
def browser(app: Flask) -> Callable[[], Browser]:
    """Give browsers, each with cookies of its own."""
    return lambda: Browser(app)


@pytest.fixture
def teacher(browser: Callable[[], Browser]) -> Browser:
    """An instructor who has signed in."""
    found = browser()
    found.sign_in()
    return found


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    """A provider of OpenID Connect that knows some people."""
    with real_provider() as found:
        yield found


@pytest.fixture
def liar() -> Iterator[Liar]:
    """A provider whose tokens say what a test likes."""
    found = Liar()
    yield found
    found.close()


@pytest.fixture
def make(
    service_settings: ServiceSettings,
    compiled_templates: BytecodeCache,  # noqa: F811
) -> Iterator[Callable[..., Flask]]:
    """Make an application that trusts a provider."""
    del service_settings  # it has prepared the environment
    made: list[Flask] = []

    def run(issuer: str, **more: str) -> Flask:
        settings = {
            **SETTINGS,
            "GRADER_JOIN_CODE": "open-sesame",
            "GRADER_INSTRUCTOR_PASSWORD": PASSWORD,
            **more,
        }
        made.append(create_app(ServiceSettings.from_environment(GRADER_OPENID_ISSUER=issuer, **settings)))
        made[-1].jinja_env.bytecode_cache = compiled_templates
        return made[-1]

    yield run
    for app in made:
        app.extensions["grader"].close()


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A whole service."""
    found = Serving(tmp_path_factory.mktemp("serving"))
    found.start()
    yield found
    found.end()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    """Debian's browser."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Chromium, serving: Serving) -> Iterator[Callable[..., Page]]:
    """Open a page with cookies of its own; nothing of it may go elsewhere or break the policy."""
    contexts: list[BrowserContext] = []
    troubles: list[str] = []

    def run(
        size: dict[str, int] = LAPTOP, *, script: bool = True, scheme: str = "light", zone: str = "UTC"
    ) -> Page:
        context = chromium.new_context(
            base_url=serving.url,
            viewport=size,
            java_script_enabled=script,
            color_scheme=scheme,
            timezone_id=zone,
        )
        context.set_default_timeout(60_000)
        contexts.append(context)
        page = context.new_page()
        page.on(
            "request", lambda request: request.url.startswith(serving.url) or troubles.append(request.url)
        )
        page.on("console", lambda message: message.type != "error" or troubles.append(message.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        return page

    yield run
    for context in contexts:
        context.close()
    # A form that is sent back with 422 shows as an error of loading, and is none; a test may go off line.
    meant = ("422", "ERR_INTERNET_DISCONNECTED")
    assert [text for text in troubles if not any(word in text for word in meant)] == []


@pytest.fixture
def served(app: Flask) -> Iterator[str]:
    """The application on a port of its own."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
