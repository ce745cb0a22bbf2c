"""Tickets on both brokers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.servers import RedisServer, free_port
from worker.queue import Tickets, make_app
from worker.settings import ServiceSettings


@pytest.fixture(params=["embedded", "redis"])
def tickets(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tickets:
    """An empty queue of each kind."""
    monkeypatch.setenv("GRADER_RUN_DIR", str(tmp_path))
    monkeypatch.setenv("GRADER_STATE_DIR", str(tmp_path))
    url = ""
    if request.param == "redis":
        server: RedisServer = request.getfixturevalue("redis_server")
        url = server.url.removesuffix("0") + "5"
    settings = ServiceSettings.from_environment(REDIS_URL=url)
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
