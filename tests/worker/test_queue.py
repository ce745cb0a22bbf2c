"""Tickets on both brokers."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.servers import RedisServer, free_port
from worker.queue import make_app
from worker.settings import ServiceSettings
from worker.tickets import Tickets


@pytest.fixture(params=["embedded", "redis"])
def redis_url(request: pytest.FixtureRequest) -> str:
    """Where the queue is: a Redis server, or nowhere."""
    if request.param == "embedded":
        return ""
    server: RedisServer = request.getfixturevalue("redis_server")
    return server.url.removesuffix("0") + "5"


@pytest.fixture
def tickets(redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tickets:
    """A queue of each kind."""
    monkeypatch.setenv("GRADER_RUN_DIR", str(tmp_path))
    monkeypatch.setenv("GRADER_STATE_DIR", str(tmp_path))
    settings = ServiceSettings.from_environment(REDIS_URL=redis_url)
    return Tickets(make_app(settings), settings)


def test_tickets_wait(tickets: Tickets) -> None:
    before = tickets.depth()
    for number in range(5):
        assert tickets.add(str(number))
    assert tickets.depth() == before + 5
    assert tickets.reachable() == ""


def test_a_queue_that_is_away_harms_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The submission is stored already; the sweeper adds the ticket later."""
    monkeypatch.setenv("GRADER_RUN_DIR", str(tmp_path))
    settings = ServiceSettings.from_environment(REDIS_URL=f"redis://127.0.0.1:{free_port()}/0")
    tickets = Tickets(make_app(settings), settings)
    assert not tickets.add("a")
    assert tickets.reachable()
    with pytest.raises(ConnectionError):
        tickets.depth()


_WORKER = """
import os
from worker.queue import QUEUE, TASK, make_app
from worker.settings import ServiceSettings

app = make_app(ServiceSettings.from_environment())

@app.task(name=TASK)
def take(identity):
    os.write(1, f"{identity}\\n".encode())

options = {"without_gossip": True, "without_mingle": True, "without_heartbeat": True, "loglevel": "ERROR"}
app.Worker(pool="threads", concurrency=2, queues=[QUEUE], quiet=True, **options).start()
"""


def test_a_queue_that_only_becomes_shorter_is_worked_off_without_pauses(
    tickets: Tickets, redis_url: str
) -> None:
    """Nobody rings for tickets that wait while all threads are busy: ending one has to."""
    count = 40
    before = tickets.depth()
    for number in range(count):
        assert tickets.add(str(number))
    environment = os.environ | {"REDIS_URL": redis_url}
    with subprocess.Popen(
        [sys.executable, "-c", _WORKER], stdout=subprocess.PIPE, text=True, env=environment
    ) as worker:
        try:
            assert worker.stdout is not None
            taken = [worker.stdout.readline().strip()]
            began = time.monotonic()
            taken += [worker.stdout.readline().strip() for _ in range(before + count - 1)]
            seconds = time.monotonic() - began
        finally:
            worker.kill()
    assert set(taken) == {str(number) for number in range(count)}
    assert seconds < 5  # a pause of a second for each two of them would be 20
