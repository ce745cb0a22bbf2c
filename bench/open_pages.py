"""Measures what others notice while a class looks at its result pages, each of which waits for a verdict."""

from __future__ import annotations

import threading
import time

from bench.bench import Bench
from bench.figures import Row, Samples
from bench.served import Client, Service, drain

P99_MS = 150.0
_PAGES = 300
_REQUESTS = 200
_REQUESTS_PER_SECOND = 20.0
# As the pages' script does: where the server lets nobody wait any more, come back later, and ever later.
_SOON = 1.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 4.0


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
        waiting = [
            threading.Thread(target=_look, args=(client, client.submit(), closed)) for client in clients
        ]
        for thread in waiting:
            thread.start()
        time.sleep(2)
        taken = _submit_beside(beside, bench.times(_REQUESTS))
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


def _look(client: Client, identity: str, closed: threading.Event) -> None:
    pause = _FIRST_PAUSE
    while not closed.is_set():
        began = time.monotonic()
        client.call("GET", f"/api/v1/submissions/{identity}?wait=5")
        if time.monotonic() - began < _SOON:
            closed.wait(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)


def _submit_beside(client: Client, count: int) -> Samples:
    begin = time.perf_counter()
    taken = []
    for number in range(count):
        due = begin + number / _REQUESTS_PER_SECOND
        time.sleep(max(0.0, due - time.perf_counter()))
        client.submit()
        taken.append((time.perf_counter() - due) * 1000)
    return Samples("ms", tuple(taken))
