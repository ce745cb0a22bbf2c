"""What happens when the database goes away, or a worker has to stop before it is ready."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from grader.model import Exercise
from tests.leftovers import used_in
from tests.servers import PostgresServer
from tests.worker.conftest import Service
from worker.submission import State

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]

Make = Callable[..., Service]


def running(service: Service, identity: str) -> None:
    """Wait until an answer runs in its sandbox."""
    service.wait(identity, lambda found: found.state is State.RUNNING, 30)
    end = time.monotonic() + 10
    while not used_in(service.settings.grader.run_dir) and time.monotonic() < end:
        time.sleep(0.01)


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server that a test may stop."""
    if not Path("/usr/lib/postgresql").is_dir():
        pytest.skip("PostgreSQL is not installed")
    server = PostgresServer()
    server.start()
    yield server
    server.stop()


def test_a_verdict_waits_for_the_database(
    make_service: Make, exercise: Exercise, own_postgres: PostgresServer
) -> None:
    """What was graded while the database was away is stored when it is back, at the first attempt."""
    service = make_service(redis=True, postgres=own_postgres)
    service.start_worker()
    identity = service.submit(exercise, "sleep 2\n")
    running(service, identity)
    own_postgres.kill()
    time.sleep(4)
    own_postgres.start_again()
    found = service.verdict(identity)
    assert (found.state, found.attempt) == (State.GRADED, 1)
    assert service.verdict(service.submit(exercise, "echo hi\n")).state is State.GRADED
    assert service.left_behind() == []


@pytest.mark.parametrize(
    ("told", "drain"),
    [pytest.param(signal.SIGTERM, "1", id="drain is over"), pytest.param(signal.SIGQUIT, "60", id="at once")],
)
def test_a_worker_that_may_not_finish_hands_back(
    make_service: Make, exercise: Exercise, told: signal.Signals, drain: str
) -> None:
    """It lets go long before the answer ends, and leaves the attempt to somebody else."""
    service = make_service(redis=True, postgres=True)
    worker = service.start_worker(GRADER_DRAIN_SECONDS=drain)
    identity = service.submit(exercise, "sleep 8\n")
    running(service, identity)
    worker.send_signal(told)
    found = service.wait(identity, lambda found: found.attempt == 0, 6)
    assert found.state is State.RUNNING
    assert worker.wait(30) == 0, service.logs()
    assert service.get(identity) == found
    assert service.left_behind() == []
    service.start_worker()
    found = service.verdict(identity, 30)
    assert (found.state, found.attempt) == (State.GRADED, 1)
