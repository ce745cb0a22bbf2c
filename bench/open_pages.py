"""Measures what others notice while a class looks at its result pages, each of which waits for a verdict."""

from __future__ import annotations

import random
import threading
import time
from urllib.parse import quote

from bench.bench import Bench
from bench.figures import Row, Samples
from bench.parallel import paced
from bench.served import Browser, Client, Service, drain, only
from grader.errors import SandboxError

P99_MS = 150.0
_SHOWN = r'data-shown="([^"]*)"'
_PAGES = 300
_REQUESTS = 200
_REQUESTS_PER_SECOND = 20.0
# As the pages' script does: where the server lets nobody wait any more, come back later, and ever later.
_SOON = 1.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 4.0


class _Page:
    """A browser that looks at one result page, as the page's script does."""

    def __init__(self, client: Client) -> None:
        """Come back with a participant's token, and submit."""
        self._browser = Browser(client)
        self._path = f"/submissions/{client.submit()}"
        self._shown = only(_SHOWN, self._browser.ask("GET", self._path)[1])

    def look(self, closed: threading.Event) -> None:
        """Ask for what has changed, again and again."""
        pause = _FIRST_PAUSE
        while not closed.is_set():
            began = time.monotonic()
            status, page = self._browser.ask("GET", f"{self._path}/live?shown={quote(self._shown)}")
            if status != 204:
                self._shown = only(_SHOWN, page)
            elif time.monotonic() - began < _SOON:
                closed.wait(pause * (0.5 + random.random()))
                pause = min(2 * pause, _LONGEST_PAUSE)


def measure(
    bench: Bench, service: Service, broker: str, rows: list[Row], samples: dict[str, Samples]
) -> None:
    """Let a class wait for verdicts that do not come, and submit beside it."""
    pages = bench.times(_PAGES)
    clients = [Client(service.port) for _ in range(pages)]
    for number, client in enumerate(clients):
        client.join(f"looks {number}")
    beside = Client(service.port)
    beside.join("beside")
    closed = threading.Event()
    with service.worker_stopped():
        waiting = [threading.Thread(target=_Page(client).look, args=(closed,)) for client in clients]
        for thread in waiting:
            thread.start()
        time.sleep(2)
        taken = paced(Client.submit, [beside], bench.times(_REQUESTS), _REQUESTS_PER_SECOND)
        if not all(thread.is_alive() for thread in waiting):
            raise SandboxError("a result page was given up")
        closed.set()
    for thread in waiting:
        thread.join()
    drain(service)
    rows.append(
        Row(
            f"POST beside {pages} open result pages, {broker}, p99",
            taken.p99,
            "at most",
            P99_MS,
            "ms",
            f"p50 {taken.p50:.1f} ms",
        )
    )
    samples[f"POST beside open result pages, {broker}"] = taken
