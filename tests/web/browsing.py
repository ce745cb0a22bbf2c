"""How tests go about the pages in a real browser."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from tests.web.serving import JOIN_CODE

expect.set_options(timeout=30_000)  # the machine may be busy

SLUG = "a4-oom-kill"
PHONE = {"width": 360, "height": 740}
LAPTOP = {"width": 1366, "height": 800}
PROJECTOR = {"width": 1920, "height": 1080}
FLAGS = (
    "--no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync "
    "--no-first-run --disable-dev-shm-usage"
).split()


def join(page: Page, name: str) -> None:
    page.goto("/")
    page.get_by_role("link", name="Join with your code").click()
    page.get_by_label("Join code").fill(JOIN_CODE)
    page.get_by_label("Your name").fill(name)
    page.get_by_role("button", name="Join").click()
    expect(page.get_by_role("status")).to_contain_text(f"Welcome, \u2068{name}\u2069")


def right_answer(page: Page) -> str:
    """Return the right answer for whoever looks at the task."""
    victim = re.search(r"whose name is\s+(\w+)", page.locator(".text").inner_text())
    assert victim is not None
    return f'cp "$(command -v tail)" /work/{victim[1]}\n/work/{victim[1]} -n1 /dev/zero\nexit 0\n'


def no_wider_than_the_screen(page: Page) -> None:
    page.wait_for_load_state("domcontentloaded")  # after a click, there may be no document yet
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), page.url


def editor(page: Page, name: str) -> Locator:
    """Return the editor of a file of the answer."""
    return page.locator(f'[data-editor="text:{name}"] .cm-content')


def text_of(page: Page, name: str) -> str:
    """Return the text that the form would send for a file."""
    return page.locator(f'textarea[name="text:{name}"]').input_value()
