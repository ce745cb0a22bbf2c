"""One worker process: Celery takes tickets, threads grade, and one thread keeps the worker known."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import socket
import threading
import time
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from celery import Celery
from celery.apps.worker import Worker
from celery.platforms import SecurityWarning
from celery.signals import worker_ready, worker_shutting_down
from sqlalchemy.exc import DBAPIError

from grader import __version__
from grader.exercise.catalogue import Catalogue, folders
from grader.grading import Grader
from grader.judging import Judges
from grader.observe.observer import Observer
from worker import logs
from worker.notices import Notices, make_notices
from worker.queue import QUEUE, TASK, Tickets, make_app
from worker.settings import ServiceSettings
from worker.staff import Heartbeat
from worker.store import Store
from worker.sweeper import Sweeper
from worker.work import Work

BEAT_SECONDS: Final = 1.0
_REAP_SECONDS: Final = 10.0
_PAUSE_SECONDS: Final = 15.0
_LONGEST_PAUSE_SECONDS: Final = 300.0
_DEAF_BEATS: Final = 3
_LOG = logging.getLogger(__name__)


def worker_name() -> str:
    """Return a name that no other worker has."""
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"


class Life:
    """Heartbeat, leases, sweeping and pauses of one worker, in a thread beside the grading ones."""

    def __init__(
        self,
        settings: ServiceSettings,
        store: Store,
        work: Work,
        sweeper: Sweeper,
        tickets: Tickets,
        observer: Observer,
    ) -> None:
        self._settings = settings
        self._store = store
        self._work = work
        self._sweeper = sweeper
        self._observer = observer
        self._tickets = tickets
        self._taken = 0
        self._ignored = 0
        self._celery: Worker | None = None
        self._stop = threading.Event()
        self._draining = False
        self._paused_until = 0.0
        self._pause_seconds = _PAUSE_SECONDS
        self._reason = ""
        self._reaped = time.monotonic()
        self._thread = threading.Thread(target=self._live, name="life", daemon=True)

    def begin(self, celery: Worker) -> None:
        """Start; `celery` is told to pause and to go on."""
        self._celery = celery
        self._thread.start()

    def drain(self) -> None:
        """Say from now on that this worker finishes what it has."""
        self._draining = True

    def end(self) -> None:
        """Say goodbye."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(5)
        with contextlib.suppress(DBAPIError):
            self._beat("stopped")
            self._store.staff.resign(self._work.name)

    def _live(self) -> None:
        while not self._stop.wait(BEAT_SECONDS):
            try:
                self._turn()
            except DBAPIError as error:
                _LOG.warning("the database is away: %s", error.orig)
            except Exception:  # noqa: BLE001  whatever it was, the next beat must come
                _LOG.exception("a heartbeat failed")

    def _turn(self) -> None:
        if self._work.running:
            self._store.claims.renew(self._work.name, self._settings.lease_seconds)
        self._pause_or_go_on()
        state = "draining" if self._draining else "paused" if self._paused_until else "working"
        self._beat(state)
        if self._settings.alive_file:
            Path(self._settings.alive_file).touch()
        self._sweeper.sweep()
        if state == "working":
            self._reconnect_if_deaf()
        if time.monotonic() - self._reaped > _REAP_SECONDS:
            self._reaped = time.monotonic()
            self._sweeper.clear_machine()
            self._store.staff.forget()

    def _beat(self, state: Any) -> None:
        self._store.staff.beat(
            Heartbeat(
                name=self._work.name,
                host=socket.gethostname(),
                pid=os.getpid(),
                version=__version__,
                state=state,
                reason=self._reason,
                running=self._work.running,
                ready_engines=self._observer.ready(),
                counters=self._work.counting.to_json(),
            )
        )

    def _pause_or_go_on(self) -> None:
        """Take no more tickets where nothing succeeds; try again later, each time a little later."""
        now = time.monotonic()
        failing = self._work.failing
        if failing and not self._paused_until:
            self._reason = failing
            self._paused_until = now + self._pause_seconds
            self._pause_seconds = min(2 * self._pause_seconds, _LONGEST_PAUSE_SECONDS)
            _LOG.error("pausing, because nothing can be graded here: %s", failing)
            self._consume(on=False)
        elif self._paused_until and now > self._paused_until:
            self._paused_until = 0.0
            self._reason = ""
            self._work.forgive()
            _LOG.warning("going on after a pause")
            self._consume(on=True)

    def _consume(self, *, on: bool) -> None:
        consumer = self._celery.consumer if self._celery is not None else None
        if consumer is not None:
            consumer.call_soon(consumer.add_task_queue if on else consumer.cancel_task_queue, QUEUE)

    def _reconnect_if_deaf(self) -> None:
        """Make Celery connect again where tickets lie and an idle worker takes none.

        A thread that acknowledges while the broker goes away can close the connection on which the main
        thread listens; it then waits forever for a connection that is no more (celery issue 8030).
        """
        taken = self._work.taken
        idle = taken == self._taken and not self._work.running
        self._taken = taken
        with contextlib.suppress(ConnectionError, OSError):
            self._ignored = self._ignored + 1 if idle and self._tickets.depth() else 0
        if self._ignored < _DEAF_BEATS:
            return
        self._ignored = 0
        consumer = self._celery.consumer if self._celery is not None else None
        if consumer is not None:
            _LOG.warning("tickets lie in the queue and none arrives: connecting again")
            consumer.call_soon(_lose_connection)


def _lose_connection() -> None:
    raise ConnectionError("the connection to the broker was given up")


def run(settings: ServiceSettings, more_exercises: Iterable[Any] = ()) -> int:
    """Work until a signal says to stop: SIGTERM and SIGINT finish what runs, SIGQUIT hands it back.

    Args:
        settings: Of the service.
        more_exercises: Folders of exercises besides the bundled ones and those of the settings.

    Returns:
        The exit code.
    """
    logs.set_up(settings.log_format)
    # Celery warns whoever runs as root; sandboxes need it, and messages hold nothing but ids in JSON.
    warnings.filterwarnings("ignore", category=SecurityWarning)
    catalogue = Catalogue(folders(settings.grader, more_exercises))
    exercises = catalogue.usable()
    for slug in catalogue.slugs:
        if slug not in {exercise.slug for exercise in exercises}:
            _LOG.error("the exercise %s is broken: `grader list` says why", slug)
    with (
        Observer(settings.grader, exercises) as observer,
        Judges(exercises, size=os.cpu_count() or 1) as judges,
    ):
        judges.warm()
        store = Store.open(settings)
        store.first_start(settings)
        notices = make_notices(settings)
        try:
            return _work(settings, store, notices, catalogue, observer, judges)
        finally:
            notices.close()
            store.close()


def _work(
    settings: ServiceSettings,
    store: Store,
    notices: Notices,
    catalogue: Catalogue,
    observer: Observer,
    judges: Judges,
) -> int:
    name = worker_name()
    app = make_app(settings)
    tickets = Tickets(app, settings)
    work = Work(name, settings, store, catalogue, Grader(observer, judges, attempts=1), notices)
    sweeper = Sweeper(name, settings, store, tickets, notices)
    sweeper.clear_machine()
    life = Life(settings, store, work, sweeper, tickets, observer)
    _register(app, work)
    celery = app.Worker(
        hostname=name,
        pool="threads",
        concurrency=settings.jobs,
        queues=[QUEUE],
        loglevel="WARNING",
        quiet=True,
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        optimization="fair",
    )
    worker_ready.connect(lambda **_: life.begin(celery), weak=False)
    worker_shutting_down.connect(lambda **_: life.drain(), weak=False)
    _LOG.info("worker %s: %d exercises, %d jobs", name, len(catalogue.slugs), settings.jobs)
    try:
        celery.start()
    finally:
        life.end()
        back = store.claims.give_back(name)
        if back:
            _LOG.warning("handed %d submissions back", back)
    return int(celery.exitcode or 0)


def _register(app: Celery, work: Work) -> None:
    @app.task(name=TASK)  # type: ignore[untyped-decorator]
    def grade(identity: str) -> None:  # noqa: ARG001  whose turn it is decides what is graded
        try:
            work.take()
        except DBAPIError as error:
            # The sweeper adds a ticket for what waits once the database is back.
            _LOG.warning("the database is away: %s", error.orig)
