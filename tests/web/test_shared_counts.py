"""Rate limits that several web processes keep to together, and each by itself while Redis is away."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from tests.servers import RedisServer
from web.shared_counts import SharedCounts


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis that may be killed."""
    found = RedisServer(tmp_path)
    found.start()
    yield found
    found.kill()


@pytest.fixture
def counts(server: RedisServer) -> Iterator[Callable[[], SharedCounts]]:
    """Give counts as each web process has them."""
    made: list[SharedCounts] = []

    def make() -> SharedCounts:
        made.append(SharedCounts(server.url))
        return made[-1]

    yield make
    for one in made:
        one.close()


def told(server: RedisServer) -> int:
    """Return what Redis knows."""
    with redis.Redis.from_url(server.url) as client:
        return int(client.get("key") or 0)


def soon(condition: Callable[[], object]) -> bool:
    end = time.monotonic() + 10
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def test_what_one_process_counts_others_know(counts: Callable[[], SharedCounts], server: RedisServer) -> None:
    one, other = counts(), counts()
    assert [one.incr("key", 60) for _ in range(5)] == [1, 2, 3, 4, 5]
    assert soon(lambda: told(server) == 5)
    assert other.incr("key", 60) == 1  # it asks nobody
    assert soon(lambda: other.get("key") == 6)  # and is told then
    assert one.get("key") == 5
    one.incr("key", 60)
    assert soon(lambda: one.get("key") == 7)


@pytest.mark.slow
def test_both_forget_at_the_same_time(counts: Callable[[], SharedCounts], server: RedisServer) -> None:
    one, other = counts(), counts()
    one.incr("key", 6)
    assert soon(lambda: told(server) == 1)
    time.sleep(2)
    other.incr("key", 6)
    assert soon(lambda: other.get("key") == 2)
    assert other.get_expiry("key") == pytest.approx(one.get_expiry("key"), abs=1.5)
    assert soon(lambda: other.get("key") == 0)
    assert other.incr("key", 6) == 1


def test_nobody_waits_for_a_redis_that_is_away(
    counts: Callable[[], SharedCounts], server: RedisServer
) -> None:
    one = counts()
    one.incr("key", 60)
    assert soon(lambda: not one._untold)
    server.kill()
    began = time.monotonic()
    assert [one.incr("key", 60) for _ in range(1000)][-1] == 1001
    assert time.monotonic() - began < 0.5
    server.start()
    other = counts()
    # What was counted meanwhile is told once it is back.
    assert soon(lambda: other.incr("key", 60) > 1000)
