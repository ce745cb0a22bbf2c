"""What tests of the service share: both databases, both queues, an exercise and real workers."""

from __future__ import annotations

import hashlib
import itertools
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from grader.exercise.catalogue import Catalogue
from grader.judge import graded as make_report
from grader.model import CheckResult, Exercise, Feedback, Outcome, Timing
from tests.leftovers import used_in
from tests.prepared import migrate, migrated_file, usual_hasher  # noqa: F401
from tests.servers import PostgresServer, RedisServer, bury_adopted
from worker.people import Participant
from worker.queue import make_app
from worker.settings import ServiceSettings
from worker.store import Store
from worker.submission import Submitted
from worker.tickets import Tickets

EXERCISES = Path(__file__).parents[2] / "exercises"
_MIGRATED = "migrated"
_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis server for all tests of a session."""
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed")
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL server for all tests of a session."""
    if os.geteuid() != 0 or not Path("/usr/lib/postgresql").is_dir():
        pytest.skip("starts PostgreSQL as another user")
    server = PostgresServer()
    server.start()
    migrate(server.database(_MIGRATED))
    yield server
    server.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.db'}"
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.database(f"empty{next(_NUMBERS)}")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of each kind at the present schema."""
    if request.param == "sqlite":
        path = tmp_path / "service.db"
        shutil.copyfile(request.getfixturevalue("migrated_file"), path)
        return f"sqlite:///{path}"
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.database(f"test{next(_NUMBERS)}", _MIGRATED)


@pytest.fixture
def service_settings(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ServiceSettings:
    """Settings of a service that shares nothing but images with others."""
    monkeypatch.setenv("GRADER_SECRET", "of the tests")
    monkeypatch.setenv("GRADER_RUN_DIR", str(tmp_path / "run"))
    return ServiceSettings.from_environment(DATABASE_URL=database_url)


@pytest.fixture
def store(service_settings: ServiceSettings) -> Iterator[Store]:
    """A store with its first workshop."""
    found = Store.open(service_settings)
    found.first_start(service_settings)
    yield found
    found.close()


@pytest.fixture
def join(store: Store) -> Callable[[str], Participant]:
    """Let somebody join the first workshop."""

    def run(name: str) -> Participant:
        return store.people.join(store.workshops.open()[0].join_code, name)[0]

    return run


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    """The bundled exercises."""
    return Catalogue([EXERCISES])


@pytest.fixture(scope="session")
def exercise(catalogue: Catalogue) -> Exercise:
    """An exercise with one shell file and a plain sandbox."""
    return catalogue.get("a4-oom-kill")


class Service:
    """Real worker processes on one queue and one database."""

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        self._environment = environment
        self._folder = folder
        self.workers: list[subprocess.Popen[bytes]] = []
        self.settings = ServiceSettings.from_environment()
        self.store = Store.open(self.settings)
        self.store.first_start(self.settings)
        self.tickets = Tickets(make_app(self.settings), self.settings)
        self.participant = self.store.people.join(self.store.workshops.open()[0].join_code, "ada")[0]

    def start_worker(self, **more: str) -> subprocess.Popen[bytes]:
        """Start a worker and wait until it is heard of."""
        log = open(self._folder / f"worker-{len(self.workers)}.log", "wb")  # noqa: SIM115
        process = subprocess.Popen(
            [sys.executable, "-m", "worker"],
            env=os.environ | self._environment | more,
            stdout=log,
            stderr=log,
        )
        self.workers.append(process)
        end = time.monotonic() + 40
        while not any(seen.heartbeat.pid == process.pid and seen.alive for seen in self.store.staff.all()):
            assert process.poll() is None, self.logs()
            assert time.monotonic() < end, self.logs()
            time.sleep(0.05)
        return process

    def submit(self, exercise: Exercise, script: str) -> str:
        """Submit an answer and add its ticket, as the web server does."""
        files = {exercise.files[0].name: script.encode()}
        identity, _ = self.store.submissions.submit(self.participant, exercise, files)
        self.tickets.add(identity)
        return identity

    def get(self, identity: str) -> Submitted:
        """Return a submission."""
        found = self.store.submissions.get(identity)
        assert found is not None
        return found

    def wait(self, identity: str, condition: Callable[[Submitted], bool], seconds: float) -> Submitted:
        """Return the submission once it is as wished."""
        end = time.monotonic() + seconds
        while True:
            found = self.get(identity)
            if condition(found):
                return found
            assert time.monotonic() < end, f"{found}\n{self.logs()}"
            time.sleep(0.02)

    def verdict(self, identity: str, seconds: float = 15.0) -> Submitted:
        """Return the submission once it has ended."""
        return self.wait(identity, lambda found: found.state.final, seconds)

    def logs(self) -> str:
        """Return what the workers have written."""
        return "\n".join(path.read_text()[-4000:] for path in sorted(self._folder.glob("worker-*.log")))

    def left_behind(self, seconds: float = 15.0) -> list[Path]:
        """Return what is left of sandboxes once it has had time to go."""
        end = time.monotonic() + seconds
        while (left := used_in(self.settings.grader.run_dir)) and time.monotonic() < end:
            time.sleep(0.1)
        return left

    def end(self) -> None:
        """Stop every worker in good order."""
        for worker in self.workers:
            if worker.poll() is None:
                worker.send_signal(signal.SIGTERM)
        for worker in self.workers:
            try:
                worker.wait(30)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()
        bury_adopted()
        self.tickets.close()
        self.store.close()


@pytest.fixture
def make_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Callable[..., Service]]:
    """Make a service on a database and a queue; its workers end with the test."""
    made: list[Service] = []

    def make(*, redis: bool, postgres: bool | PostgresServer) -> Service:
        environment = {
            "GRADER_SECRET": "of the tests",
            "GRADER_JOBS": "2",
            "GRADER_ENGINES": "0",
            "GRADER_RUN_DIR": f"/run/grader-test-{os.getpid()}-{next(_NUMBERS)}",
            "DATABASE_URL": f"sqlite:///{tmp_path / 'service.db'}",
        }
        if redis:
            environment["REDIS_URL"] = request.getfixturevalue("redis_server").url
        if postgres:
            server: PostgresServer = (
                postgres
                if isinstance(postgres, PostgresServer)
                else request.getfixturevalue("postgres_server")
            )
            environment["DATABASE_URL"] = server.database(f"test{next(_NUMBERS)}")
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        service = Service(environment, tmp_path)
        made.append(service)
        return service

    yield make
    for service in made:
        service.end()
        shutil.rmtree(service.settings.grader.run_dir, ignore_errors=True)


@pytest.fixture
def graded(store: Store) -> Callable[..., str]:
    """Store a submission with a verdict of one check, as a worker does; return its id."""

    def run(
        participant: Participant,
        exercise: Exercise,
        *,
        points: float = 0.0,
        evidence: bytes | None = b"{}",
        feedback: str = "no-kill",
    ) -> str:
        identity, _ = store.submissions.submit(participant, exercise, {"answer.sh": b"exit\n"})
        claimed = store.claims.claim("w", 30, 60)
        assert claimed is not None
        assert claimed.id == identity
        most = exercise.max_score
        passed = points >= most
        result = CheckResult(
            "all",
            "Everything",
            Outcome.PASSED if passed else Outcome.FAILED,
            points,
            most,
            None if passed else Feedback(feedback, "It was not killed."),
        )
        address = "sha256:" + hashlib.sha256(evidence or b"").hexdigest()
        report = make_report(exercise, participant.name, (result,), Timing(), address)
        if evidence is None:
            report = replace(report, evidence=None)
        assert store.claims.finish(claimed, report, evidence)
        return identity

    return run
