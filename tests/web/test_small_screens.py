"""Pictures on a phone: whole, in letters that can be read, without sideways scrolling."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page
from sqlalchemy import update

from grader.evidence import Event, Evidence
from tests.web import made_evidence as made
from tests.web.browsing import LAPTOP, PROJECTOR, no_wider_than_the_screen
from tests.web.conftest import PASSWORD, Browser
from tests.web.test_language import checks, finish, hand_in
from web.services import Services
from worker.tables import submissions

pytestmark = [pytest.mark.slow]

NARROW = {"width": 390, "height": 844}
LEAST = 9.5  # CSS pixels: smaller letters cannot be read
FAULTS = """
(least) => {
  const found = [];
  for (const svg of document.querySelectorAll("figure.picture svg[role=img]")) {
    if (!svg.checkVisibility()) continue;
    const frame = svg.parentElement.getBoundingClientRect();
    const texts = [...svg.querySelectorAll("text")].filter((text) => text.checkVisibility())
      .map((text) => ({ said: text.textContent, box: text.getBoundingClientRect(),
        size: parseFloat(getComputedStyle(text).fontSize) * svg.getScreenCTM().a }));
    for (const { said, box, size } of texts) {
      if (size < least) found.push(`${said}: ${size} px`);
      if (box.left < frame.left || box.right > frame.right) found.push(`${said}: beyond the frame`);
    }
    for (const [at, one] of texts.entries()) for (const other of texts.slice(at + 1)) {
      const beside = one.box.right <= other.box.left || other.box.right <= one.box.left;
      // Letters take some two thirds of the height of their line.
      const height = 0.62 * Math.min(one.box.height, other.box.height);
      const apart = Math.abs(one.box.bottom - other.box.bottom) >= height;
      if (!beside && !apart) found.push(`${one.said} over ${other.said}`);
    }
  }
  for (const box of document.querySelectorAll("figure.picture, figure.picture *")) {
    const can = box.checkVisibility() && ["auto", "scroll"].includes(getComputedStyle(box).overflowX);
    if (can && box.scrollWidth > box.clientWidth) found.push(`${box.className} scrolls`);
  }
  return found;
}
"""


@pytest.fixture
def look(served: str, chromium: Chromium) -> Iterator[Callable[..., Page]]:
    """Open a page as an instructor; without JavaScript on request."""
    contexts = []

    def run(path: str, size: dict[str, int], script: bool) -> Page:
        contexts.append(chromium.new_context(base_url=served, viewport=size, java_script_enabled=script))
        page = contexts[-1].new_page()
        page.goto("/sign-in")
        page.get_by_label("Account").fill("instructor")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.goto(path)
        return page

    yield run
    for context in contexts:
        context.close()


def busy() -> Evidence:
    """Return evidence of an engine with so much going on that labels have to make room."""
    told = [Event(9.0, "network", "create", "n", {"name": "shop_default"})]
    for number, name in enumerate(("web", "database", "a-long-name-for-a-cache")):
        at = 100.0 + 180 * number
        told += [
            Event(at, "container", "create", name, {"name": name}),
            Event(at + 30, "network", "connect", "n", {"name": "shop_default"}),
            Event(at + 55, "container", "start", name, {"name": name}),
            Event(at + 400, "container", "exec_create: sh", name, {"name": name}),
            Event(at + 410, "container", "exec_start: sh", name, {"name": name}),
            Event(at + 440, "container", "exec_die", name, {"name": name, "exitCode": "0"}),
            Event(2300.0, "container", "die", name, {"name": name, "exitCode": "137"}),
        ]
    return made.evidence(events=tuple(told))


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_the_time_line_of_events(
    browser: Callable[[], Browser], services: Services, look: Callable[..., Page], script: bool
) -> None:
    ada = browser()
    ada.join("Ada")
    place = hand_in(ada)
    finish(services, checks(), busy())
    widths = {}
    for size in (NARROW, LAPTOP, PROJECTOR):
        page = look(place, size, script)
        no_wider_than_the_screen(page)
        (picture,) = page.get_by_role("img", name="22 events of the engine").all()
        assert page.evaluate(FAULTS, LEAST) == []
        assert "die 137" in picture.inner_html()
        widths[size["width"]] = picture.evaluate("(svg) => svg.viewBox.baseVal.width")
    assert widths == {390: 358, 1366: 720, 1920: 720}


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_points_over_time(
    browser: Callable[[], Browser], services: Services, look: Callable[..., Page], script: bool
) -> None:
    names = [f"{number} {'Wilhelmina' * 3}" for number in range(1, 9)]
    for number, name in enumerate(names):
        who = browser()
        who.join(name)
        place = hand_in(who)
        finish(services, checks())
        with services.store.database.write() as connection:
            when = {"created_at": 1_700_000_000.0 + 600 * number}
            connection.execute(update(submissions).where(submissions.c.id == place[-32:]).values(when))
    for size in (NARROW, LAPTOP, PROJECTOR):
        page = look("/scoreboard/time", size, script)
        no_wider_than_the_screen(page)
        assert page.evaluate(FAULTS, LEAST) == []
        table = page.get_by_role("region", name="Points over time")
        assert table.evaluate("(box) => box.scrollWidth <= box.clientWidth"), "the legend is whole as well"
        assert page.locator("th .swatch").count() == 8
        for name in names:
            assert table.get_by_text(name).is_visible()
            assert page.locator(".race text", has_text=name[:12]).first.locator("tspan").is_visible() == (
                size != NARROW
            )
        moments = [text for text in page.locator(".race text[data-moment]").all() if text.is_visible()]
        assert len(moments) == (3 if size == NARROW else 6)
        assert len(moments) == sum(one.is_visible() for one in table.locator("th.figure").all())
