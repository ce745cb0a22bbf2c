"""A browser that shows the scoreboard to everybody, while scores change and rows change places."""

from __future__ import annotations

import random
import shutil
import threading

from playwright.sync_api import Page, sync_playwright
from sqlalchemy import select, update

from bench.served import Client
from grader.errors import SandboxError
from worker.store import Store
from worker.tables import submissions

SCORES_A_SECOND = 20
"""More than a class of 300 gets at its deadline."""

_SIZE = {"width": 1920, "height": 1080}
_FRAMES = """() => {
  window.frames_ms = [];
  let last = performance.now();
  const tick = (now) => { window.frames_ms.push(now - last); last = now; requestAnimationFrame(tick); };
  requestAnimationFrame(tick);
}"""


def frames(client: Client, store: Store, seconds: int) -> list[float]:
    """Return how long each frame was shown, in milliseconds."""
    program = shutil.which("chromium")
    if program is None:
        raise SandboxError("chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page(base_url=f"http://127.0.0.1:{client.port}", viewport=_SIZE)
        _come_back(page, client.token)
        page.goto("/scoreboard")
        before = page.locator("#board").inner_text()
        page.evaluate(_FRAMES)
        over = threading.Event()
        changing = threading.Thread(target=_change, args=(store, over))
        changing.start()
        page.wait_for_timeout(seconds * 1000)
        over.set()
        changing.join()
        found: list[float] = page.evaluate("window.frames_ms")
        if page.locator("#board").inner_text() == before:
            raise SandboxError("a scoreboard that does not follow the scores")
        browser.close()
    return found


def _come_back(page: Page, token: str) -> None:
    page.goto("/back")
    page.locator("[name=token]").fill(token)
    page.locator("[name=token]").press("Enter")
    page.wait_for_url("**/")


def _change(store: Store, over: threading.Event) -> None:
    """Change scores, the same in each run, until it is over."""
    choice = random.Random(1)
    with store.database.read() as connection:
        known = sorted(connection.scalars(select(submissions.c.id)))
    while not over.wait(1.0):
        with store.database.write() as connection:
            for identity in choice.sample(known, SCORES_A_SECOND):
                score = submissions.c.max_score * choice.random()
                connection.execute(
                    update(submissions).where(submissions.c.id == identity).values(score=score)
                )
