"""Workers' heartbeats, and duties that one of them has."""

from __future__ import annotations

import time

from worker.staff import Heartbeat
from worker.store import Store


def heartbeat(name: str, state: str = "working") -> Heartbeat:
    return Heartbeat(name, "host", 1, "0", state, "", 0, 0, "{}")  # type: ignore[arg-type]


def test_a_worker_is_heard_of(store: Store) -> None:
    store.staff.beat(heartbeat("w1"))
    store.staff.beat(heartbeat("w2"))
    store.staff.beat(heartbeat("w2", "stopped"))
    one, two = store.staff.all()
    assert one.alive
    assert one.silent_seconds < 5
    assert not two.alive


def test_a_duty_has_one_holder(store: Store) -> None:
    assert store.staff.acquire("sweep", "w1", 0.2)
    assert store.staff.acquire("sweep", "w1", 0.2)
    assert not store.staff.acquire("sweep", "w2", 0.2)
    time.sleep(0.25)
    assert store.staff.acquire("sweep", "w2", 5)
    assert not store.staff.acquire("sweep", "w1", 5)
    store.staff.resign("w2")
    assert store.staff.acquire("sweep", "w1", 5)
