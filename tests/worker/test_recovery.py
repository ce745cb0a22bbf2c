"""What happens when parts of the service are killed: nothing is lost, nothing is graded twice."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.exercise.catalogue import Catalogue
from grader.model import Exercise
from tests.leftovers import used_in
from tests.servers import RedisServer
from tests.worker.conftest import Service
from worker.regrade import RegradeState
from worker.submission import State

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]

RECOVERY_SECONDS = 15.0
Make = Callable[..., Service]
brokers = pytest.mark.parametrize(
    ("redis", "postgres"),
    [pytest.param(True, True, id="redis and postgresql"), pytest.param(False, False, id="embedded")],
)


def running(service: Service, identity: str) -> None:
    """Wait until an answer runs in its sandbox."""
    service.wait(identity, lambda found: found.state is State.RUNNING, 15)
    end = time.monotonic() + 10
    while not used_in(service.settings.grader.run_dir) and time.monotonic() < end:
        time.sleep(0.01)


@brokers
def test_an_answer_gets_its_verdict(
    make_service: Make, exercise: Exercise, redis: bool, postgres: bool
) -> None:
    service = make_service(redis=redis, postgres=postgres)
    service.start_worker()
    found = service.verdict(service.submit(exercise, "echo hi\n"))
    assert (found.state, found.score, found.attempt) == (State.GRADED, 0.0, 1)
    assert service.store.submissions.evidence(str(found.evidence))
    assert service.left_behind() == []


@brokers
def test_a_worker_is_killed_in_the_middle(
    make_service: Make, exercise: Exercise, redis: bool, postgres: bool
) -> None:
    """Another one takes over what it had, and clears its sandbox away."""
    service = make_service(redis=redis, postgres=postgres)
    victim = service.start_worker()
    identity = service.submit(exercise, "sleep 2\n")
    running(service, identity)
    victim.kill()
    victim.wait()
    service.start_worker()
    found = service.verdict(identity, RECOVERY_SECONDS)
    assert (found.state, found.attempt) == (State.GRADED, 2)
    assert service.left_behind() == []


@brokers
def test_a_worker_is_killed_while_it_runs_something_again(
    make_service: Make, exercise: Exercise, redis: bool, postgres: bool
) -> None:
    """Another one goes on, the sweeper's tickets suffice, and nobody's verdict changes meanwhile."""
    service = make_service(redis=redis, postgres=postgres)
    victim = service.start_worker(GRADER_JOBS="1")
    identities = [service.submit(exercise, "sleep 2\n") for _ in range(2)]
    before = [service.verdict(identity) for identity in identities]
    regrade = service.store.regrades.wish_runs(1, "teacher", [exercise.slug])
    end = time.monotonic() + 15
    while service.store.claims.runs().waiting == 2 or not used_in(service.settings.grader.run_dir):
        assert time.monotonic() < end, service.logs()
        time.sleep(0.02)
    victim.kill()
    victim.wait()
    service.start_worker(GRADER_JOBS="1")
    killed = time.monotonic()
    while (found := service.store.regrades.get(regrade.id)) is None or found.state.busy:
        assert time.monotonic() < killed + 2 * RECOVERY_SECONDS, f"{found}\n{service.logs()}"
        time.sleep(0.05)
    assert (found.state, found.judged) == (RegradeState.READY, 2)
    assert [service.get(identity) for identity in identities] == before
    assert service.store.regrades.apply(regrade.id, "teacher") == 0
    for one in before:
        now = service.get(one.id)
        assert (now.score, now.attempt) == (one.score, one.attempt)
        assert now.evidence != one.evidence
        assert service.store.submissions.evidence(str(now.evidence))
    assert service.left_behind() == []


def test_redis_is_killed_and_forgets_everything(
    make_service: Make, exercise: Exercise, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = RedisServer(tmp_path)
    server.start()
    monkeypatch.setenv("REDIS_URL", server.url)
    service = make_service(redis=False, postgres=True)
    service.start_worker(REDIS_URL=server.url)
    before = service.submit(exercise, "sleep 1\n")
    running(service, before)
    waiting = [service.submit(exercise, "echo hi\n") for _ in range(5)]
    server.kill()
    meanwhile = service.submit(exercise, "echo hi\n")
    assert service.get(meanwhile).state in (State.QUEUED, State.RUNNING, State.GRADED)
    time.sleep(1)
    server.start()
    back = time.monotonic()
    for identity in (before, *waiting, meanwhile):
        assert service.verdict(identity).state is State.GRADED
    assert time.monotonic() - back < RECOVERY_SECONDS
    assert {service.get(identity).attempt for identity in (before, *waiting, meanwhile)} == {1}
    assert service.left_behind() == []
    service.end()
    server.kill()


def test_two_of_three_workers_are_killed(make_service: Make, exercise: Exercise) -> None:
    service = make_service(redis=True, postgres=True)
    workers = [service.start_worker() for _ in range(3)]
    identities = [service.submit(exercise, "sleep 1\n") for _ in range(12)]
    running(service, identities[0])
    for worker in workers[:2]:
        worker.kill()
        worker.wait()
    killed = time.monotonic()
    found = [service.verdict(identity, 40) for identity in identities]
    assert {one.state for one in found} == {State.GRADED}
    # What the dead had is graded by the third, once each; everything else at the first attempt.
    assert sum(one.attempt - 1 for one in found) <= 4
    assert time.monotonic() - killed < RECOVERY_SECONDS
    verdicts = service.store.submissions.count()[State.GRADED]
    assert verdicts == len(identities)
    assert service.left_behind() == []


@pytest.mark.engine
def test_an_engine_is_killed(make_service: Make, catalogue: Catalogue) -> None:
    """The answer in it is graded in another one."""
    service = make_service(redis=True, postgres=False)
    service.start_worker()
    identity = service.submit(catalogue.get("b2-long-running"), "sleep 5\n")
    service.wait(identity, lambda found: found.state is State.RUNNING, 15)
    end = time.monotonic() + 30
    while not (engines := _dockerds(service)):
        assert time.monotonic() < end, service.logs()
        time.sleep(0.1)
    time.sleep(2)  # until the answer runs in it
    for pid in engines:
        os.kill(pid, signal.SIGKILL)
    found = service.verdict(identity, 60)
    assert found.state is State.GRADED
    assert service.left_behind() == []


def _dockerds(service: Service) -> list[int]:
    """Return every dockerd below the worker."""
    parents = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                fields = Path(entry.path, "stat").read_text().rpartition(")")[2].split()
                name = Path(entry.path, "comm").read_text().strip()
            except OSError:
                continue
            parents[int(entry.name)] = (int(fields[1]), name)
    found = []
    for pid, (_, name) in parents.items():
        above = pid
        while above in parents and above != service.workers[0].pid:
            above = parents[above][0]
        if name == "dockerd" and above == service.workers[0].pid:
            found.append(pid)
    return found


def test_a_doubled_ticket_grades_nothing_twice(make_service: Make, exercise: Exercise) -> None:
    service = make_service(redis=True, postgres=True)
    service.start_worker()
    identity = service.submit(exercise, "sleep 1\n")
    for _ in range(20):
        service.tickets.add(identity)
    found = service.verdict(identity)
    assert (found.state, found.attempt) == (State.GRADED, 1)
    time.sleep(1)
    assert service.get(identity) == found
    assert service.tickets.depth() == 0


@brokers
def test_a_lost_ticket_is_replaced(
    make_service: Make, exercise: Exercise, redis: bool, postgres: bool
) -> None:
    service = make_service(redis=redis, postgres=postgres)
    service.start_worker()
    files = {exercise.files[0].name: b"echo hi\n"}
    identity, _ = service.store.submissions.submit(service.participant, exercise, files)
    assert service.verdict(identity, 8).state is State.GRADED


@brokers
def test_a_worker_that_is_told_to_stop_finishes(
    make_service: Make, exercise: Exercise, redis: bool, postgres: bool
) -> None:
    service = make_service(redis=redis, postgres=postgres)
    worker = service.start_worker()
    identity = service.submit(exercise, "sleep 2\n")
    running(service, identity)
    later = [service.submit(exercise, "sleep 1\n") for _ in range(6)]
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(30) == 0, service.logs()
    found = service.get(identity)
    assert (found.state, found.attempt) == (State.GRADED, 1)
    assert service.left_behind() == []
    assert any(service.get(one).state is State.QUEUED for one in later)
    (seen,) = [seen for seen in service.store.staff.all() if seen.heartbeat.pid == worker.pid]
    assert seen.heartbeat.state == "stopped"
    service.start_worker()
    for one in later:
        assert service.verdict(one, 20).state is State.GRADED


def test_a_worker_that_cannot_grade_pauses_and_says_why(
    make_service: Make, exercise: Exercise, tmp_path: Path
) -> None:
    """Others go on: its failures cost nobody a verdict."""
    service = make_service(redis=True, postgres=True)
    broken = tmp_path / "bin"
    broken.mkdir()
    script = broken / "crun"
    script.write_text(
        '#!/bin/sh\ncase "$*" in *--version*) echo "crun version 1.14";; *) echo broken on purpose >&2;'
        " exit 1;; esac\n"
    )
    script.chmod(0o755)
    (broken / "runc").symlink_to(script)
    service.start_worker(PATH=f"{broken}:{os.environ['PATH']}")
    identities = [service.submit(exercise, "echo hi\n") for _ in range(2)]
    end = time.monotonic() + 30
    while not any(seen.heartbeat.state == "paused" for seen in service.store.staff.all()):
        assert time.monotonic() < end, service.logs()
        time.sleep(0.1)
    (paused,) = [seen for seen in service.store.staff.all() if seen.heartbeat.state == "paused"]
    assert f"{broken}/crun failed" in paused.heartbeat.reason
    service.start_worker()
    fresh = service.submit(exercise, "echo hi\n")
    assert service.verdict(fresh, 20).state is State.GRADED
    for identity in identities:
        assert service.verdict(identity, 20).state in (State.GRADED, State.UNGRADABLE)
