"""What it costs to take the results of a full class away, measured in a process of its own."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.full_class import fill
from web.app import create_app
from web.staff.exports import FORMATS
from worker.settings import ServiceSettings


@dataclass(frozen=True)
class Cost:
    """What something took: KiB of memory at most beyond what was there, and seconds of the processor."""

    memory: int
    seconds: float


def costs_of_exports(people: int) -> dict[str, Cost]:
    """Return the cost of each export, and of *reading* and *keeping* all reports, by name."""
    app = create_app(ServiceSettings.from_environment())
    services = app.extensions["grader"]
    fill(services.store, list(services.exercises.values()), people)
    account, client = services.store.people.account(1), app.test_client()
    with client.session_transaction() as session:
        session.update(account=account.id, account_version=account.session_version)

    def export(name: str) -> None:
        reply = client.get(f"/workshops/1/exports/{name}", buffered=False)
        assert reply.status_code == 200
        assert sum(map(len, reply.iter_encoded())) > 1_000
        reply.close()

    def read() -> None:
        assert sum(1 for _ in services.store.gradebook.grades(1, rules={})) == people * len(
            services.exercises
        )

    def keep() -> None:
        assert list(services.store.gradebook.grades(1, rules={}))

    found = {"reading": _cost(read)}
    found |= {name: _cost(partial(export, name)) for name in FORMATS}
    # Last: what is free again afterwards is used by whoever comes next, and is not seen to grow.
    found["keeping"] = _cost(keep)
    services.close()
    return found


def _cost(work: Callable[[], None]) -> Cost:
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak is what there is: proc(5)
    before, began = _kibibytes("VmRSS"), time.thread_time()
    work()
    seconds = time.thread_time() - began
    return Cost(_kibibytes("VmHWM") - before, seconds)


def _kibibytes(name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1])
