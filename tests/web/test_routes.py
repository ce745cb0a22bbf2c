"""No route there is gives a participant another one's files, tokens, values or output, or changes them."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from flask import Flask
from werkzeug.routing import Rule as Route

from grader.evidence import Run, to_json
from grader.judge import graded
from grader.model import Timing
from grader.parameters import draw
from tests.web import made_evidence as made
from tests.web.conftest import Browser
from tests.web.test_language import checks
from web.services import Services

pytestmark = [pytest.mark.slow]

SLUG, FILE = "f1-compose-two-services", "compose.yaml"
ANSWER, PRINTED = "# written by Ada", "printed for Ada"


@dataclass(frozen=True)
class Ada:
    """Somebody with a verdict, an answer that waits, and secrets."""

    secrets: frozenset[str]
    verdict: str
    waits: str


def prepare(services: Services, ada: Browser) -> Ada:
    """Let Ada join, and answer twice."""
    ada.join("Ada")
    token = re.search(r"/back#([\w-]+)", ada.get("/me"))
    assert token is not None
    places = []
    for text in (ANSWER, f"{ANSWER}, again"):
        reply = ada.send(f"/exercises/{SLUG}", **{f"text:{FILE}": text})
        places.append(reply.headers["Location"].rpartition("/")[2])
    claimed = services.store.claims.claim("w", 30, 60)
    assert claimed is not None
    assert claimed.id == places[0]
    report = graded(services.exercises[SLUG], "Ada", checks(), Timing(), "sha256:" + "4" * 64)
    seen = made.evidence(run=Run("output", 0, PRINTED, "", False, 1.0))
    assert services.store.claims.finish(claimed, report, to_json(seen))
    values = draw(services.exercises[SLUG], "Ada", lambda: services.workshop(1).secret).values()
    drawn = {str(value) for value in values if len(str(value)) > 8}
    assert drawn, "a value that nobody else has"
    assert all(one in ada.get(f"/submissions/{places[0]}") for one in (ANSWER, PRINTED))
    assert all(one in ada.get(f"/exercises/{SLUG}") for one in drawn)
    return Ada(frozenset({ANSWER, PRINTED, token[1], *drawn}), *places)


def paths(route: Route, ada: Ada) -> Iterator[str]:
    """Give the addresses of a route that are about Ada, with whatever else may lead to what is hers."""
    for identity in (ada.verdict, ada.waits) if "<identity>" in route.rule else (ada.verdict,):
        path = route.rule.replace("<identity>", identity).replace("<int:identity>", "1")
        path = path.replace("<slug>", SLUG).replace("<path:name>", FILE).replace("<name>", "results.csv")
        path = path.replace("<path:filename>", "style.css")
        assert "<" not in path
        yield f"{path}?from={identity}&with={identity}&shown=&workshop=1&participant=1&now=1&names=1"


def kept(services: Services, ada: Ada) -> object:
    """Return all that there is of hers."""
    store = services.store
    return [
        (found, store.submissions.files(found.id)) for found in store.submissions.of(1)
    ], store.people.participant(1)


def test_no_route_gives_away_or_changes_what_is_anothers(
    app: Flask, browser: Callable[[], Browser], services: Services
) -> None:
    ada = prepare(services, browser())
    eve, token = services.store.people.join("open-sesame", "Eve")
    before = kept(services, ada)
    asked = 0
    for route in app.url_map.iter_rules():
        for method in (route.methods or set()) - {"HEAD", "OPTIONS"}:
            for path in paths(route, ada):
                for known in (True, False):
                    asked += 1
                    text = ask(app, services, method, path, token if known else "", eve.id if known else 0)
                    assert not [one for one in ada.secrets if one in text], (method, path, known)
                    if route.endpoint == "account.new_token" and known:
                        token = services.store.people.new_token(eve)
    assert asked > 180
    assert kept(services, ada) == before
    assert services.store.submissions.get(ada.waits) is not None


def ask(app: Flask, services: Services, method: str, path: str, token: str, identity: int) -> str:
    """Ask as somebody with a session and a token, or as nobody; return all that comes back."""
    visitor = Browser(app)
    found = services.store.people.participant(identity)
    if found is not None:
        with visitor.client.session_transaction() as session:
            session.update(participant=found.id, version=found.session_version)
    if path.startswith("/api/"):
        reply = visitor.client.open(path, method=method, headers={"Authorization": f"Bearer {token}"})
        return reply.get_data(as_text=True) + str(reply.headers)
    if method == "POST":
        again = {"again_of": re.findall(r"from=(\w+)", path)[0], "again": FILE}
        reply = visitor.send(path, page="/", **again, name="Mallory", join_code="x", sure="1")
    else:
        reply = visitor.client.open(path, method=method)
    data = reply.data
    if reply.mimetype == "application/zip":
        archive = zipfile.ZipFile(io.BytesIO(data))
        data = b"".join(map(archive.read, archive.namelist()))
    return data.decode(errors="replace") + str(reply.headers)
