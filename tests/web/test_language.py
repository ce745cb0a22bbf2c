"""All that pages say comes from the catalogue, and reaches who reads another language than English."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from flask import Flask, Response, request
from lxml import html
from msgspec.structs import replace
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, expect

from grader.evidence import Engine, Event, Evidence, Oom, Run, to_json
from grader.exercise.path import SECTIONS
from grader.judge import graded, ungradable
from grader.model import CheckResult, Feedback, Outcome, Report, Timing
from tests.web import made_evidence as made
from tests.web.conftest import Browser
from tests.web.providers import CLIENT, Liar, come_back, give_up
from tests.web.pseudo import (
    OPEN,
    bracketed,
    broken,
    hostile,
    template,
    untranslated,
    write_catalogue,
)
from tests.web.test_browser_task import DROP
from web.app import create_app
from web.services import Services
from web.standings.pseudonyms import pseudonym
from worker.regrade import Rejudged
from worker.rules import Rule
from worker.settings import ServiceSettings
from worker.staff import Heartbeat

ROOT = Path(__file__).resolve().parents[2]
SLUG, FOLDER_SLUG = "a4-oom-kill", "e1-base-environment"
SAID = Feedback("said", "said by a check", "this", "that", "so it is")
"""What checks say is the exercise's own, and stays as it is."""

NAMES = {
    *("Container grader", "API", "JUnit XML", "CSV", "JSON", "Gradescope", "Moodle", "name,id"),
    *(
        "Ada Lovelace,1815",
        "Example",
        "Linux containers",
        "Spring",
        "open-sesame",
        "instructor",
        "helper",
        "Ada",
        "Bob",
        "Cyd",
        "Dan",
        "teacher@example.org",
        "UTC",
    ),
    *("answer.sh", "Dockerfile", "files/one.bin", "files/two.txt"),
    *("check one", "check two", "check three", "check four", SAID.message, "this", "that", "so it is"),
    *("sh", "victim", "container", "answer", "latest", "create", "start", "die", "oom", "exec_start"),
}
"""What is called the same in every language, and the names in this file and its evidence."""


@dataclass
class Seen:
    """Every page that was given, and which views gave one."""

    pages: list[tuple[str, str]] = field(default_factory=list)
    endpoints: set[str] = field(default_factory=set)


@pytest.fixture
def app(service_settings: ServiceSettings, tmp_path: Path, liar: Liar) -> Iterator[Flask]:
    """An application with a provider that speaks in brackets; to who reads Icelandic, in hostile words."""
    for locale in ("eo", "he"):
        write_catalogue(tmp_path / "translations", locale)
    write_catalogue(tmp_path / "translations", "is", hostile)
    provider = {"openid_issuer": liar.url, "openid_client_id": CLIENT, "openid_name": "Example"}
    settings = service_settings.model_copy(update=provider | {"openid_participants": "group:class"})
    found = create_app(settings, tmp_path / "translations")
    yield found
    found.extensions["grader"].close()


@pytest.fixture
def seen(app: Flask) -> Seen:
    """What browsers get to see."""
    found = Seen()

    @app.after_request
    def keep(response: Response) -> Response:
        if response.mimetype == "text/html" and response.location is None:
            found.endpoints.add(request.endpoint or "")
            found.pages.append((request.full_path, response.get_data(as_text=True)))
        return response

    return found


@pytest.fixture
def browser(app: Flask) -> Callable[[], Browser]:
    """Browsers of people who read Esperanto."""
    return lambda: reading(app, "eo")


def reading(app: Flask, language: str) -> Browser:
    """Return the browser of somebody who reads a language."""
    found = Browser(app)
    found.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = f"{language}, en;q=0.5"
    return found


@pytest.fixture
def data(services: Services) -> set[str]:
    """What stands on pages as it is: names, those of animals among them, and what exercises are called."""
    exercises = services.exercises.values()
    titles = {exercise.title for exercise in exercises}
    titles |= {check.title for exercise in exercises for check in exercise.checks}
    numbers = {exercise.slug.partition("-")[0].upper() for exercise in exercises}
    values = {name for exercise in exercises for name in exercise.parameters}
    names = {pseudonym(services.workshop(1), identity) for identity in (1, 2)}
    return NAMES | names | titles | numbers | set(SECTIONS) | set(SECTIONS.values()) | values


def checks() -> tuple[CheckResult, ...]:
    """Return a result of every kind."""
    return (
        CheckResult("c1", "check one", Outcome.PASSED, 1, 1),
        CheckResult("c2", "check two", Outcome.FAILED, 0, 1, SAID),
        CheckResult("c3", "check three", Outcome.SKIPPED, 0, 1),
        CheckResult("c4", "check four", Outcome.ERROR, 0, 1),
    )


def drawn() -> Evidence:
    """Return evidence that gives every picture, with something left out of each."""
    groups = tuple(replace(made.group(300, path=f"/{at}", kills=20), oom_kills=30) for at in range(6))
    short = made.group(1, path="/docker/once", kills=1)
    kills = (*(made.kill(at, path=f"/{at % 5}") for at in range(1, 200)), made.kill(7, path="/docker/once"))
    every = tuple(made.process(at, at - 1, *range(1, 9)) for at in range(1, 50))
    layers = (made.layer(0, base=True), *(made.layer(*[1 << 20] * 6, prefix=f"/{at}/") for at in range(20)))
    told = tuple(
        Event(float(at), "container", ("create", "start", "die")[at % 3], f"{at % 20:064}", {"name": "sh"})
        for at in range(300)
    )
    image = made.image(*layers, made.layer(1, prefix="/0/", removes=("/1/f0",)))
    engine = Engine(**(dict.fromkeys(Engine.__struct_fields__, ()) | {"images": (image,) * 4}))
    return made.evidence(
        run=Run("output", 0, "printed", "complained\n" * 5_000, True, 200.0),
        oom=Oom(kills, {}),
        processes=made.processes(*every, alive=(2, 3)),
        cgroups=(*groups, short),
        engine=engine,
        events=told,
    )


def hand_in(who: Browser, slug: str = SLUG, **fields: object) -> str:
    """Answer an exercise; return the page of the submission."""
    reply = who.send(f"/exercises/{slug}", **(fields or {"text:answer.sh": f"exit {time.time_ns()}"}))
    assert reply.status_code == 303, reply.text
    return reply.headers["Location"]


def finish(services: Services, results: tuple[CheckResult, ...], data: Evidence | None = None) -> Report:
    """Give what waits a verdict."""
    claimed = services.store.claims.claim("w", 30, 60)
    assert claimed is not None
    exercise = services.exercises[claimed.exercise]
    report = graded(exercise, claimed.participant, results, Timing(), "sha256:" + "4" * 64)
    assert services.store.claims.finish(claimed, report, to_json(data or made.evidence()))
    return report


def visit_as_participant(ada: Browser, services: Services) -> None:
    """Open every page of participants, in every state that it has."""
    for path in ("/", "/join", "/join?code=open-sesame", "/back", "/sign-in", "/scoreboard/time"):
        ada.get(path, 302 if path.startswith("/scoreboard") else 200)
    assert ada.send("/join", name="Ada", join_code="wrong").status_code == 422
    assert ada.send("/join", name="\u202e", join_code="open-sesame").status_code == 422
    assert ada.send("/back", token="wrong").status_code == 422
    assert ada.send("/sign-in", name="Ada", password="wrong").status_code == 422
    ada.get("/none", 404)
    ada.client.post("/join", data={})
    ada.client.delete("/join")
    ada.join("Ada")
    for path in ("/", "/me", "/scoreboard", "/scoreboard/time"):
        ada.get(path)
    ada.send("/me/token", page="/me")
    ada.get("/me")
    first = hand_in(ada)
    second = hand_in(ada)
    ada.get(first)
    ada.get(second)
    claimed = services.store.claims.claim("w", 30, 60)
    assert claimed is not None
    ada.get(first)
    report = ungradable(SLUG, "Ada", 4, "the disk was full", Timing())
    assert services.store.claims.finish(claimed, report, None)
    ada.get(first)
    finish(services, checks(), drawn())
    ada.get(second)
    ada.get(f"{second}/live?shown=")
    ada.get(f"{second}/diff")
    ada.get(f"{second}/diff?with=start")
    ada.send(f"{hand_in(ada)}/cancel", page="/")
    ada.get(services_last(services))
    for path in (f"/exercises/{SLUG}", f"/exercises/{SLUG}?from=start", f"/exercises/{FOLDER_SLUG}"):
        ada.get(path)
    one = [(io.BytesIO(b"\0"), "one.bin"), (io.BytesIO(b"x" * 300_000), "two.txt")]
    place = hand_in(ada, FOLDER_SLUG, **{"text:Dockerfile": "FROM a", "folder:files/": one})
    finish(services, checks()[:1], made.evidence(events=drawn().sections.events))  # too long beside the rest
    ada.get(place)
    ada.get(f"/exercises/{FOLDER_SLUG}?from={place.rpartition('/')[2]}")
    ada.get(f"{place}/diff")
    refuse(ada, services)
    ada.get("/scoreboard")
    ada.get("/scoreboard/time")


def services_last(services: Services) -> str:
    """Return the page of the last submission."""
    return f"/submissions/{services.store.submissions.of(1)[0].id}"


def refuse(ada: Browser, services: Services) -> None:
    """Have answers refused for every reason that there is."""
    workshop = services.workshop(1)

    def refused(status: int, **fields: object) -> None:
        given = fields or {"text:answer.sh": "x"}
        assert ada.send(f"/exercises/{SLUG}", **given).status_code == status
        services.changed(workshop)

    refused(422, **{"text:answer.sh": " "})
    refused(422, **{"text:answer.sh": "\0"})
    refused(422, files=(io.BytesIO(b"\xff"), "x.sh"))
    twice = [(io.BytesIO(b"1"), "a.sh"), (io.BytesIO(b"2"), "answer.sh")]
    refused(422, files=twice)
    many = [(io.BytesIO(b"1"), f"files/{at}") for at in range(201)]
    fields: dict[str, object] = {"text:Dockerfile": "FROM a", "folder:files/": many}
    assert ada.send(f"/exercises/{FOLDER_SLUG}", **fields).status_code == 422
    for rule, status in (
        (Rule(paused=True), 403),
        (Rule(deadline=1.0), 403),
        (Rule(deadline=9e9, late_percent=20, most_attempts=1), 403),
    ):
        services.store.rules.set(1, "A", rule, "instructor")
        services.changed(workshop)
        ada.get("/")
        refused(status)
    services.store.rules.set(1, "A", Rule(), "instructor")
    services.store.workshops.set_deadline(1, 1.0, "instructor")
    services.changed(workshop)
    ada.get("/")
    ada.get(f"/exercises/{SLUG}")
    refused(403)
    services.store.workshops.set_deadline(1, None, "instructor")
    services.store.workshops.archive(1, archived=True, account="instructor")
    services.changed(workshop)
    ada.get("/")
    refused(403)
    services.store.workshops.archive(1, archived=False, account="instructor")
    services.changed(workshop)


def visit_as_instructor(teacher: Browser, helper: Browser, services: Services) -> None:
    """Open every page of instructors and assistants, and do all that can be done there."""
    (board, rules, own) = ("/scoreboard", "/workshops/1/rules", f"/participants/1/exercises/{SLUG}")
    for state in ("working", "paused", "draining", "stopped"):
        beat = Heartbeat(state, "host", 1, "0", state, "no room" * (state == "paused"), 0, 0, "{}")  # type: ignore[arg-type]
        services.store.staff.beat(beat)
    staff_pages = [
        *("/", f"/exercises/{SLUG}", f"/exercises/{FOLDER_SLUG}", "/exercises/g1-containers-and-limits"),
        *("/overview", board, "/scoreboard/time", rules, own, "/workshops", "/workshops/1/participants"),
        *("/participants/1", "/participants/2", "/workshops/1/statistics", f"/workshops/1/statistics/{SLUG}"),
        *("/workshops/1/statistics/b2-long-running", "/workshops/1/stuck?minutes=1", "/workshops/1/regrades"),
        *("/workshops/1/exports", services_last(services), "/participants/2/exercises/b2-long-running"),
        "/workshops/1/join",
    ]
    for path in staff_pages:
        teacher.get(path)
        helper.get(path)
    helper.get("/workshops/1/audit", 403)
    teacher.get("/workshops/9/participants", 404)
    for path, fields in (
        ("/workshops/1/scoreboard", {"frozen": "1"}),
        ("/workshops/1/names", {"anonymous": "1"}),
        ("/workshops/1/deadline", {"deadline": "2040-01-01T10:00"}),
    ):
        assert teacher.send(path, page="/overview", **fields).status_code == 303
    assert teacher.send("/workshops/1/deadline", page="/overview", deadline="soon").status_code == 422
    for path in ("/overview", board, f"{board}?now=1", f"{board}?names=1", "/scoreboard/time"):
        teacher.get(path)
        helper.get(path)
    teacher.send("/workshops/1/scoreboard", page="/overview", frozen="0")
    for fields in ({"late_percent": "200"}, {"paused": "1", "late_percent": "5", "most_attempts": "2"}, {}):
        teacher.send(rules, section="A", **fields)
        teacher.get(rules)
        helper.get(rules)
    for score, comment in (("9", "x"), ("3", ""), ("3.5", "at the desk")):
        teacher.send(f"{own}/override", page=own, score=score, comment=comment)
    teacher.get(own)
    teacher.get(board)
    teacher.get(services_last(services))
    teacher.send(f"{own}/revoke", page=own)
    teacher.get(own)
    again(teacher, helper, services)
    open_and_close(teacher)
    teacher.get("/workshops/1/audit")
    teacher.get("/workshops/1/audit?participant=nobody")


def again(teacher: Browser, helper: Browser, services: Services) -> None:
    """Judge and run again."""
    page = "/workshops/1/regrades"
    claims = services.store.regrade_claims
    for ending in ("apply", "discard", "failed"):
        place = teacher.send(page, exercise=SLUG * (ending == "apply")).headers["Location"]
        teacher.get(place)
        claimed = claims.claim("w")
        assert claimed is not None
        teacher.get(place)
        candidate, *_ = (one for many in claims.candidates(claimed) for one in many if one.exercise == SLUG)
        report = replace(finished_report(services), score=3.0)
        assert claims.store(claimed, "w", 1, [Rejudged(candidate, report)])
        assert claims.finish(claimed, "w", unjudged=1, error="no such check", failed=ending == "failed")
        for who in (teacher, helper):
            who.get(place)
            who.get(page)
        teacher.send(f"{place}/{ending}", page=page)
        teacher.get(place)
    for _ in range(2):
        teacher.send("/workshops/1/run-again", page=page)
        teacher.get(page)
    run(teacher, helper, services)
    teacher.send(f"{services_last(services)}/regrade", page=page)
    teacher.get(page)


def run(teacher: Browser, helper: Browser, services: Services) -> None:
    """Run again what has verdicts: some come out otherwise, some cannot be graded."""
    page = "/workshops/1/regrades"
    claims = services.store.claims
    while (waiting := claims.claim("w", 30, 60)) is not None:  # whoever waits goes first
        services.store.submissions.cancel(waiting.id)
    for ending in ("apply", "discard", "stopped"):
        place = teacher.send(page, kind="run", exercise=SLUG).headers["Location"]
        teacher.get(place)
        report = replace(finished_report(services), score=3.0)
        failed = ungradable(SLUG, "Ada", 4.0, "", Timing())
        number = 0
        while ending != "stopped" and (claimed := claims.claim(f"w{number}", 30, 60)) is not None:
            number += 1
            if claimed.attempt > 1 or number == 1:
                claims.release(claimed, failed)
            else:
                claims.finish(claimed, report, b"{}")
            for who in (teacher, helper):
                who.get(place)
                who.get("/overview")
        if ending == "apply":
            other = teacher.send(page, kind="run", exercise=SLUG).headers["Location"]
            teacher.send(f"{other}/discard", page=page)
        teacher.send(f"{place}/{'apply' if ending == 'apply' else 'discard'}", page=page)
        for path in (place, page):
            teacher.get(path)


def finished_report(services: Services) -> Report:
    return graded(services.exercises[SLUG], "Ada", checks(), Timing(), "sha256:" + "4" * 64)


def open_and_close(teacher: Browser) -> None:
    """Open a workshop, put it away, delete it; bring lists of participants."""
    lists = (
        "",
        "name\nBob\nbob\n",
        "name,id\n" + "\u202e\n" * 9,
        "name\n" + "\n".join(map(str, range(9_000))),
        '"',
    )
    for text in lists:
        assert (
            teacher.send("/workshops/1/participants", page="/workshops/1/exports", text=text).status_code
            == 422
        )
    for name, code in (("", ""), ("Spring", "!"), ("Spring", "open-sesame"), ("Spring", "spring-1")):
        teacher.send("/workshops", name=name, join_code=code)
    teacher.get("/workshops")
    teacher.get("/workshops/2/participants")
    for path in ("statistics", "stuck", "regrades", "rules", "audit"):
        teacher.get(f"/workshops/2/{path}")
    teacher.get("/scoreboard?workshop=2")
    teacher.send("/workshops/2/delete", page="/workshops", name="Spring")
    teacher.send("/workshops/2/archive", page="/workshops", archived="1")
    teacher.get("/workshops")
    teacher.get("/workshops/2/join")
    teacher.send("/workshops/2/delete", page="/workshops", name="Autumn")
    teacher.send("/workshops/2/delete", page="/workshops", name="Spring")
    teacher.get("/workshops")


def visit_by_provider(app: Flask, browser: Callable[[], Browser], liar: Liar) -> None:
    """Come by a provider in every way that there is, also where there is none."""
    visitor = browser()
    for path in ("/sign-in/openid", "/join/openid"):
        assert give_up(visitor, path).status_code == 403
        assert come_back(visitor, liar, path) == 403
    liar.claims = lambda claims: claims | {"groups": ["class"], "name": ""}
    arrived = "/join/openid/arrived"
    for code in ("", "wrong"):
        assert come_back(visitor, liar, f"/join/openid?code={code}") == 302
        visitor.get(arrived)
    assert visitor.send(arrived, page="/join", name="Cyd").status_code == 302
    visitor.get("/")
    visitor = browser()
    assert come_back(visitor, liar, "/join/openid") == 302
    visitor.get(arrived, 302)
    visitor.get("/")
    taken = browser()
    liar.claims = lambda claims: claims | {"sub": "2", "groups": ["class"], "name": "Bob"}
    assert come_back(taken, liar, "/join/openid?code=open-sesame") == 302
    taken.get(arrived)
    connect(browser, liar)
    app.extensions.pop("openid")
    for path in ("/sign-in/openid", "/sign-in/openid/back", "/join/openid"):
        browser().get(path, 404)
    visitor.get("/me/openid", 404)


def connect(browser: Callable[[], Browser], liar: Liar) -> None:
    """Let a provider bring somebody back who joined by a code, in every way that there is."""
    dan, arrived = browser(), "/me/openid/arrived"
    dan.join("Dan")
    dan.get("/me")
    assert give_up(dan, "/me/openid").status_code == 403
    for sub, status in (("1", 409), ("3", 302)):  # the first one is Cyd
        liar.claims = lambda claims, sub=sub: claims | {"sub": sub, "groups": ["class"]}  # type: ignore[misc]
        assert come_back(dan, liar, "/me/openid") == 302
        dan.get(arrived)
        assert dan.send(arrived).status_code == status
        dan.get("/me")
    dan.send("/me/openid/end", page="/me")
    dan.get("/me")
    liar.claims = lambda claims: claims
    assert come_back(dan, liar, "/me/openid") == 403


def visit_all(app: Flask, browser: Callable[[], Browser], services: Services, liar: Liar) -> None:
    """Open every page that there is."""
    ada, bob, teacher, helper = browser(), browser(), browser(), browser()
    visit_as_participant(ada, services)
    bob.join("Bob")
    for _ in range(4):
        hand_in(bob)
        finish(services, checks())
    services.store.people.add_account("helper", "assistant", "a long password")
    assert helper.send("/sign-in", name="helper", password="a long password").status_code == 302
    teacher.sign_in()
    visit_as_instructor(teacher, helper, services)
    visit_by_provider(app, browser, liar)


@pytest.mark.slow
def test_all_that_pages_say_is_in_the_catalogue(
    app: Flask,
    seen: Seen,
    browser: Callable[[], Browser],
    services: Services,
    data: set[str],
    liar: Liar,
) -> None:
    visit_all(app, browser, services, liar)
    faults = {fault: path for path, page in seen.pages for fault in untranslated(page, data)}
    assert faults == {}, "\n".join(f"{fault!r} on {path}" for fault, path in faults.items())
    views = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and not rule.endpoint.startswith(("api.", "operations.", "static"))
    }
    files = {"pages.start_archive", "results.junit_xml", "results.evidence", "results.output"}
    files |= {"attempts.file", "attempts.archive", "exports.export", "exports.one"}
    assert views - files - seen.endpoints == set(), "pages that were not looked at"


@pytest.mark.slow
def test_words_of_a_language_are_words_and_nothing_else(
    app: Flask, seen: Seen, services: Services, liar: Liar
) -> None:
    """Quotes, apostrophes and all that means something in HTML end no attribute and begin no element."""
    visit_all(app, lambda: reading(app, "is"), services, liar)
    faults = {fault: path for path, page in seen.pages for fault in broken(page)}
    assert faults == {}, "\n".join(f"{fault!r} on {path}" for fault, path in faults.items())
    assert sum(OPEN in page for _, page in seen.pages) > 100
    sign_in = html.document_fromstring(reading(app, "is").get("/sign-in"))
    assert sign_in.xpath("//main//p/a/@href") == ["/join"], "tags of the sentence itself are tags"


def test_everything_waits_for_translators(tmp_path: Path) -> None:
    """The template in the repository holds what `make translations` finds, and nothing else."""
    fresh = tmp_path / "fresh.pot"
    done = subprocess.run(
        [sys.executable, "-m", "babel.messages.frontend", "-q", "extract", "-o", fresh, "."],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stderr == "", "a sentence that is put together in the source cannot be translated"
    with fresh.open("rb") as file:
        wanted = {message.id for message in read_po(file)}
    kept = {message.id for message in template()}
    assert len(kept) > 500
    assert kept == wanted, "type: make translations"


@pytest.mark.parametrize(
    ("reads", "tag", "direction"),
    [
        ("", "en", None),
        ("fr, de;q=0.8", "en", None),
        ("en-GB, eo;q=0.9", "en", None),
        ("fr, eo;q=0.8, en;q=0.5", "eo", None),
        ("he-IL, en;q=0.5", "he", "rtl"),
        ("*", "en", None),
        ("eo;q=0, fr", "en", None),
        ("../../etc, \x7f", "en", None),
    ],
)
def test_who_reads_another_language_gets_it(app: Flask, reads: str, tag: str, direction: str | None) -> None:
    page = app.test_client().get("/", headers={"Accept-Language": reads}).text
    (root,) = html.document_fromstring(page).xpath("/html")
    assert (root.get("lang"), root.get("dir")) == (tag, direction)
    assert (f"{OPEN}Join with your code" in page) == (tag != "en")


def test_what_programs_read_stays_english(app: Flask) -> None:
    headers = {"Accept-Language": "eo", "Authorization": "Bearer nothing"}
    reply = app.test_client().get("/api/v1/submissions", headers=headers)
    assert reply.get_json()["detail"] == "nobody has this token"


def test_what_is_kept_is_kept_for_each_language(
    app: Flask, browser: Callable[[], Browser], services: Services
) -> None:
    ada = browser()
    ada.join("Ada")
    place = hand_in(ada)
    finish(services, checks(), drawn())
    for path, words in ((place, "Memory over time"), ("/scoreboard", "Solved"), ("/scoreboard", "you")):
        assert f">{OPEN}{words}" in ada.get(path)
        ada.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
        english = ada.get(path)
        assert f">{words}<" in english
        assert OPEN not in english
        ada.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "eo"


@pytest.mark.slow
@pytest.mark.parametrize(("locale", "said"), [("eo", bracketed), ("is", hostile)])
def test_what_scripts_say_is_in_the_catalogue(
    served: str,
    chromium: Chromium,
    services: Services,
    data: set[str],
    locale: str,
    said: Callable[[str], str],
) -> None:
    context = chromium.new_context(base_url=served, locale=locale, permissions=["clipboard-write"])
    page = context.new_page()
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda message: message.type != "error" or troubles.append(message.text))

    def faults(page: Page) -> list[str]:
        return untranslated(page.content(), data) if said is bracketed else broken(page.content())

    page.goto("/join")
    page.locator("#join_code").fill("open-sesame")
    page.locator("#name").fill("Ada")
    page.locator("form .primary").click()
    expect(page.get_by_role("status")).to_contain_text(said("Welcome").partition("Welcome")[0])
    page.goto("/me")
    link = page.locator("a[data-copy]")
    expect(link).to_have_text(said("Copy your personal link"))
    link.click()
    expect(page.locator("#copied")).to_have_text(said("Copied."))
    found = faults(page)
    page.goto(f"/exercises/{FOLDER_SLUG}")
    editor = page.locator(".cm-content").first
    described = said("Tab indents. Escape, then Tab, leaves the editor.")
    expect(editor).to_have_attribute("aria-description", described)
    editor.press("Escape")
    expect(page.locator("#editor-says")).to_have_text(said("Tab leaves the editor now."))
    page.evaluate(DROP, ["#answer", [["Dockerfile", "FROM a"], *[[f"{at}.txt", "x"] for at in range(1, 8)]]])
    dropped = page.locator("#dropped")
    expect(dropped).to_contain_text(said("Dockerfile is in the text Dockerfile now."))
    expect(dropped).to_contain_text(said("1.txt will be uploaded."))
    expect(dropped).to_contain_text(said("More files follow: 3."))
    expect(page.locator("[data-chosen]:visible")).to_contain_text(said("1.txt (1 bytes)"))
    found += faults(page)
    page.goto(f"/exercises/{SLUG}")
    page.locator("form#answer .primary").click()
    expect(page).to_have_title(re.compile(f": {re.escape(said('queued'))} ·"))
    finish(services, checks())
    expect(page.get_by_text(said("Look at this first."))).to_be_visible()
    expect(page).to_have_title("Out of memory inside a container · Container grader")
    found += faults(page)
    context.close()
    assert found == []
    assert troubles == []


def test_no_script_says_anything_by_itself() -> None:
    """A sentence in a script would be the same in every language."""
    quoted = re.compile(r"""(["'`])((?:\\.|(?!\1).)*)\1""")
    comments = re.compile(r"^\s*//.*$|\s//\s.*$|/\*.*?\*/", re.MULTILINE)
    scripts = [*(ROOT / "web" / "static").glob("*.js"), ROOT / "web" / "editor" / "editor.mjs"]
    scripts = [path for path in scripts if path.name != "editor.js"]
    assert len(scripts) >= 6
    for path in scripts:
        code = comments.sub("", path.read_text(encoding="utf-8"))
        said = {found[1] for found in quoted.findall(code) if re.search(r"[A-Za-z]+ [a-z]+", found[1])}
        assert {words for words in said if "var(--" not in words} <= {"use strict"}, path.name


def test_no_template_says_anything_by_itself() -> None:
    """What stands in a template outside of its tags is in no catalogue, whether a test shows it or not."""
    trans, jinja = r"\{% trans\b.*?endtrans %\}", r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}"
    code, width = r"<(code|pre)\b.*?</\1>", r"\{% block width %\}\w*"
    left_out = re.compile("|".join((code, trans, width, jinja)), re.DOTALL)
    attribute = re.compile(r'\b(?:aria-label|title|placeholder|alt)="([^"]*)"')
    templates = sorted((ROOT / "web" / "templates").glob("*.html"))
    assert len(templates) >= 30
    for path in templates:
        source = left_out.sub(" 0 ", path.read_text(encoding="utf-8"))
        found = [*attribute.findall(source), *re.sub(r"<[^>]*>", "\n", source).split("\n")]
        said = [text.strip() for text in found if re.search("[A-Za-z]", _WITHOUT_NAMES.sub("", text))]
        assert said == [], path.name


_WITHOUT_NAMES = re.compile(r"\b(?:Container grader|API|JUnit XML|ms|s|name,id&#10;Ada Lovelace,1815)(?!\w)")
