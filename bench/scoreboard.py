"""Measures the scoreboard of a full class, on the server and in the browser that shows it to everybody."""

from __future__ import annotations

import time

from bench.bench import Bench, milliseconds, rest
from bench.figures import Measured, Row, Samples
from bench.full_class import fill
from bench.projector import SCORES_A_SECOND, frames
from bench.served import Browser, Client, Service
from grader.errors import SandboxError
from grader.exercise.catalogue import Catalogue, folders
from worker.settings import ServiceSettings
from worker.store import Store

NAME = "scoreboard"
AT_MOST_MS = 200.0
FRAME_AT_MOST_MS = 34.0
"""Two frames of sixty a second."""

STANDSTILL_AT_MOST_MS = 500.0
_PEOPLE = 300
_LOOKS = 20
_KEPT_SECONDS = 1.1  # for so long, all who look are given the same one
_WATCHED_SECONDS = 45


def measure(bench: Bench) -> Measured:
    """Fill a workshop with the answers of a class, and look at its scoreboard, made anew each time."""
    service = Service(bench, bench.folder / NAME, "")
    try:
        service.ready()
        exercises = Catalogue(folders(bench.settings)).usable()
        store = Store.open(ServiceSettings.from_environment(DATABASE_URL=service.database))
        fill(store, exercises, _PEOPLE)
        client = Client(service.port)
        client.join("bench")
        browser = Browser(client)
        rest()
        looks = Samples("ms", tuple(_look(browser) for _ in range(bench.times(_LOOKS))))
        shown = Samples("ms", tuple(frames(client, store, _WATCHED_SECONDS)))
        store.close()
    finally:
        service.stop()
    title = f"scoreboard of {_PEOPLE} by {len(exercises)}"
    detail = f"{len(shown.values)} frames, {SCORES_A_SECOND} scores a second"
    rows = (
        Row(f"{title}, over HTTP, p95", looks.p95, "at most", AT_MOST_MS, "ms", f"p50 {looks.p50:.0f} ms"),
        Row(f"{title}, frames of a browser, p95", shown.p95, "at most", FRAME_AT_MOST_MS, "ms", detail),
        Row(f"{title}, longest frame", max(shown.values), "at most", STANDSTILL_AT_MOST_MS, "ms", detail),
    )
    return Measured(NAME, rows, {"scoreboard": looks, "scoreboard: frames": shown})


def _look(browser: Browser) -> float:
    time.sleep(_KEPT_SECONDS)

    def look() -> None:
        _, page = browser.ask("GET", "/scoreboard")
        if page.count("<tr") < _PEOPLE:
            raise SandboxError("a scoreboard that does not show everybody")

    return milliseconds(look)
