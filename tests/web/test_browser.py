"""The pages in a real browser: on a laptop and a phone, with JavaScript and without it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime

import pytest
from playwright.sync_api import Page, expect

from tests.web.browsing import LAPTOP, PHONE, SLUG, join, no_wider_than_the_screen, right_answer
from tests.web.serving import JOIN_CODE, Serving

pytestmark = [pytest.mark.slow]


@pytest.mark.parametrize(("size", "name"), [(LAPTOP, "Ada"), (PHONE, "Grace with a rather long name שלום")])
def test_from_joining_to_the_scoreboard(
    open_page: Callable[..., Page], size: dict[str, int], name: str
) -> None:
    page = open_page(size, scheme="dark" if size is PHONE else "light")
    join(page, name)
    no_wider_than_the_screen(page)
    page.get_by_role("link", name="Out of memory inside a container").click()
    no_wider_than_the_screen(page)
    page.get_by_label("answer.sh").fill("echo wrong\n")
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_text("Look at this first.")).to_be_visible()
    expect(page.get_by_text("0 of 3 checks passed.")).to_be_visible()
    no_wider_than_the_screen(page)
    page.get_by_role("link", name="Try again").click()
    area = page.get_by_label("answer.sh")
    expect(area).to_have_text("echo wrong")
    area.fill(right_answer(page))
    area.press("Control+Enter")
    expect(page.get_by_text("Solved: every check passed.")).to_be_visible()
    expect(page).to_have_title("Out of memory inside a container · Container grader")
    kill = page.locator(".kill-text").bounding_box()
    assert kill is not None
    assert kill["x"] + kill["width"] <= size["width"], "the picture is whole, also on a phone"
    page.get_by_role("link", name="Scoreboard").click()
    row = page.get_by_role("row", name=name)
    expect(row).to_contain_text("✓")
    expect(row).to_contain_text("you")
    no_wider_than_the_screen(page)
    page.goto("/")
    expect(page.get_by_text("4 of", exact=False).first).to_be_visible()
    expect(page.get_by_text("solved, 4 points")).to_be_visible()


def test_without_javascript(open_page: Callable[..., Page]) -> None:
    page = open_page(PHONE, script=False)
    join(page, "Linus")
    page.get_by_role("link", name="Out of memory inside a container").click()
    page.get_by_label("answer.sh").fill(right_answer(page))
    page.get_by_role("button", name="Submit").click()
    # The page asks again by itself.
    expect(page.get_by_text("Solved: every check passed.")).to_be_visible()
    page.get_by_role("link", name="Scoreboard").click()
    expect(page.get_by_role("row", name="Linus")).to_contain_text("✓")


def test_output_is_seen_while_it_is_printed(open_page: Callable[..., Page]) -> None:
    """Before there is a verdict, without a reload, and as text whatever it is."""
    page = open_page()
    join(page, "Grete")
    page.goto(f"/exercises/{SLUG}")
    page.get_by_label("answer.sh").fill(
        "echo '<b>first</b>'; sleep 2; printf 'second\\e[31m\\n' >&2; sleep 3; echo third; sleep 3\n"
    )
    page.get_by_role("button", name="Submit").click()
    printed = page.get_by_role("group", name="What it has printed so far")
    expect(printed).to_have_text("<b>first</b>\n")
    expect(page.get_by_text("Grading: running in a sandbox")).to_be_visible()
    expect(printed).to_have_text("<b>first</b>\nsecond\\x1b[31m\n")
    no_wider_than_the_screen(page)
    expect(page.get_by_text("Look at this first.")).to_be_visible()
    expect(printed).to_be_hidden()


def test_hints_open_one_by_one(open_page: Callable[..., Page]) -> None:
    page = open_page()
    join(page, "Henri")
    page.goto(f"/exercises/{SLUG}")
    expect(page.get_by_text("Hint 2 of 2")).to_be_hidden()
    first = page.get_by_text("Hint 1 of 2")
    first.focus()
    first.press("Enter")
    expect(page.get_by_text("Hint 2 of 2")).to_be_visible()


def test_what_is_no_answer_stays_in_the_form(open_page: Callable[..., Page]) -> None:
    page = open_page()
    join(page, "Nora")
    page.goto(f"/exercises/{SLUG}")
    page.get_by_label("answer.sh").fill("   ")
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_label("answer.sh")).to_be_visible()


def test_a_personal_link_works_on_another_device(open_page: Callable[..., Page]) -> None:
    page, other = open_page(), open_page(PHONE)
    join(page, "Petra")
    page.get_by_role("link", name="Petra").click()
    link = page.locator("a[data-copy]").get_attribute("href")
    assert link is not None
    other.goto(link)
    expect(other.get_by_role("link", name="Petra")).to_be_visible()
    assert "#" not in other.url


def test_colours_can_be_chosen(open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.goto("/join")
    paper = "getComputedStyle(document.documentElement).backgroundColor"
    assert page.evaluate(paper) == "rgb(255, 255, 255)"
    page.get_by_role("button", name="dark").click()
    expect(page.get_by_role("button", name="dark")).to_have_attribute("aria-pressed", "true")
    assert page.evaluate(paper) == "rgb(17, 22, 28)"
    page.get_by_role("button", name="automatic").click()
    expect(page.get_by_role("button", name="automatic")).to_have_attribute("aria-pressed", "true")
    assert page.evaluate(paper) == "rgb(255, 255, 255)"


def test_instructors_see_the_queue_and_everybodys_answers(
    open_page: Callable[..., Page], serving: Serving
) -> None:
    page = open_page()
    page.goto("/sign-in")
    page.get_by_label("Password").fill(serving.password() or "")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text(JOIN_CODE, exact=True)).to_be_visible()
    expect(page.get_by_text("working")).to_be_visible()
    no_wider_than_the_screen(page)


def test_cancelling_what_prints_all_the_time(open_page: Callable[..., Page]) -> None:
    """The button stays where it is, with the keyboard's focus, however often the rest of the page changes."""
    page = open_page()
    join(page, "Hedy")
    page.goto(f"/exercises/{SLUG}")
    page.get_by_label("answer.sh").fill("while sleep 0.05; do date +%N; done\n")
    page.get_by_role("button", name="Submit").click()
    printed = page.get_by_role("group", name="What it has printed so far")
    expect(printed).to_contain_text("\n")
    button = page.get_by_role("button", name="Cancel")
    button.focus()
    for _ in range(3):
        before = printed.inner_text()
        expect(printed).not_to_have_text(before)
        expect(button).to_be_focused()
    page.context.set_offline(True)
    expect(page.get_by_text("The server cannot be reached just now.")).to_be_visible()
    page.context.set_offline(False)
    expect(page.get_by_text("The server cannot be reached just now.")).to_be_hidden()
    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Cancelled. It has no verdict")).to_be_visible()


def test_a_verdict_is_seen_at_once(open_page: Callable[..., Page]) -> None:
    """At most 300 ms after it was given, by the clock of this machine."""
    page = open_page()
    join(page, "Emmy")
    page.goto(f"/exercises/{SLUG}")
    page.get_by_label("answer.sh").fill("sleep 3\n")
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_text("Grading: running in a sandbox")).to_be_visible()
    seen_ms = page.evaluate(
        """() => new Promise((done) => {
            const there = () => document.querySelector(".verdict");
            const look = () => there() ? done(Date.now()) : requestAnimationFrame(look);
            look();
        })"""
    )
    expect(page.locator(".facts time")).not_to_contain_text(re.compile(r"\d{4}-\d\d"))  # local, as elsewhere
    given = page.locator(".facts time").get_attribute("datetime")
    assert given is not None
    assert seen_ms / 1000 - datetime.fromisoformat(given).timestamp() < 0.3
