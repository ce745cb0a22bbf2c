"""No page has a serious fault that axe-core (MPL-2.0) finds, in light or dark."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.web.browsing import LAPTOP, PHONE, SLUG, editor, join
from tests.web.serving import Serving

pytestmark = [pytest.mark.slow]

IMAGE_SLUG = "c3-layers"
SCHEMES = [("light", LAPTOP), ("dark", PHONE)]
SEVERE = {"serious", "critical"}


def faults(page: Page) -> list[str]:
    """Return what is wrong with the page that is open."""
    found = Axe().run(page).response["violations"]
    return [
        f"{page.url}: {fault['id']}: {fault['help']}: {node['html'][:300]} {node['failureSummary']}"
        for fault in found
        if fault["impact"] in SEVERE
        for node in fault["nodes"]
    ]


def everything_open(page: Page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")


@pytest.mark.parametrize(("scheme", "size"), SCHEMES)
def test_pages_for_everybody(open_page: Callable[..., Page], scheme: str, size: dict[str, int]) -> None:
    page = open_page(size, scheme=scheme)
    found = []
    for path in ("/", "/join", "/join?code=open-sesame", "/back", "/sign-in"):
        page.goto(path)
        found += faults(page)
    page.goto("/join")
    page.get_by_label("Join code").fill("wrong")
    page.get_by_label("Your name").fill("ada")
    page.get_by_role("button", name="Join").click()
    expect(page.get_by_role("alert")).to_be_visible()
    assert found + faults(page) == []


@pytest.mark.parametrize(("scheme", "size"), SCHEMES)
def test_pages_of_a_participant(open_page: Callable[..., Page], scheme: str, size: dict[str, int]) -> None:
    page = open_page(size, scheme=scheme)
    join(page, f"Axel {scheme}")
    found = faults(page)
    page.goto(f"/exercises/{SLUG}")
    everything_open(page)
    found += faults(page)
    editor(page, "answer.sh").fill('for i in 1 2; do\n  echo "$i" # why\ndone\nexit 1\n')
    found += faults(page)
    page.get_by_role("button", name="Submit", exact=True).click()
    expect(page.get_by_text("Look at this first.")).to_be_visible()
    everything_open(page)
    found += faults(page)
    place = page.url
    for path in (
        f"{place}/diff",
        f"/exercises/{SLUG}",
        "/exercises/e1-base-environment",
        "/scoreboard",
        "/me",
        "/",
    ):
        page.goto(path)
        everything_open(page)
        found += faults(page)
    page.goto(f"/exercises/{SLUG}")
    editor(page, "answer.sh").fill(" ")
    page.get_by_role("button", name="Submit", exact=True).click()
    expect(page.get_by_role("alert")).to_be_visible()
    assert found + faults(page) == []


@pytest.mark.engine
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("scheme", "size"), SCHEMES)
def test_every_kind_of_picture(open_page: Callable[..., Page], scheme: str, size: dict[str, int]) -> None:
    page = open_page(size, scheme=scheme)
    join(page, f"Pia {scheme}")
    found = []
    answers = [
        ("a6-nested-pids", "answer.sh", "unshare --pid --fork --mount-proc sleep 3\n"),
        (IMAGE_SLUG, "Dockerfile", "FROM nilcons/debian\nRUN echo 1 > /one\nRUN rm /one\nCMD sleep 1\n"),
        ("b2-long-running", "answer.sh", "docker run -d --name one nilcons/debian sleep 60\n"),
    ]
    for slug, file, text in answers:
        page.goto(f"/exercises/{slug}")
        editor(page, file).fill(text)
        page.get_by_role("button", name="Submit", exact=True).click()
        expect(page.get_by_role("link", name="JUnit XML")).to_be_visible(timeout=240_000)
        expect(page.locator("figure.picture").first).to_be_visible()
        everything_open(page)
        found += faults(page)
    assert found == []


@pytest.mark.parametrize(("scheme", "size"), SCHEMES)
def test_pages_of_instructors(
    open_page: Callable[..., Page], serving: Serving, scheme: str, size: dict[str, int]
) -> None:
    page = open_page(size, scheme=scheme)
    page.goto("/sign-in")
    page.get_by_label("Password").fill(serving.password() or "")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    everything_open(page)
    found = faults(page)
    for path in (
        "/scoreboard",
        f"/exercises/{SLUG}",
        "/workshops",
        "/workshops/1/join",
        "/workshops/1/participants",
        "/workshops/1/statistics",
        "/workshops/1/stuck",
        "/workshops/1/rules",
        "/workshops/1/exports",
        "/workshops/1/regrades",
        "/workshops/1/audit",
    ):
        page.goto(path)
        everything_open(page)
        found += faults(page)
    assert found == []
