"""One worker process: Celery takes tickets, threads grade, and others keep the worker known."""

from __future__ import annotations

import logging
import os
import secrets
import signal
import socket
import warnings
from collections.abc import Iterable
from types import FrameType
from typing import Any

from celery import Celery
from celery.platforms import SecurityWarning
from celery.signals import worker_ready
from celery.worker import state
from sqlalchemy.exc import DBAPIError

from grader.exercise.catalogue import Broken, Catalogue, folders
from grader.grading import Grader
from grader.judging import Judges
from grader.observe.observer import Observer
from worker import logs
from worker.life import Life
from worker.notices import Notices, make_notices
from worker.queue import QUEUE, TASK, make_app
from worker.rejudging import Rejudging
from worker.settings import ServiceSettings
from worker.store import Store
from worker.sweeper import Sweeper
from worker.tickets import Tickets
from worker.work import Work

_NICENESS = 5
"""Whoever opens a page or submits goes first; answers are graded with what processors have left."""

_LOG = logging.getLogger(__name__)


def worker_name() -> str:
    """Return a name that no other worker has."""
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"


def run(settings: ServiceSettings, more_exercises: Iterable[Any] = ()) -> int:
    """Work until a signal says to stop: SIGTERM and SIGINT finish what runs, in the time that a drain has.

    What is not finished then is handed back; SIGQUIT, or a second SIGINT, hands it back at once.

    Args:
        settings: Of the service.
        more_exercises: Folders of exercises besides the bundled ones and those of the settings.

    Returns:
        The exit code.
    """
    logs.set_up(settings.log_format)
    os.nice(_NICENESS)
    # Celery warns whoever runs as root; sandboxes need it, and messages hold nothing but ids in JSON.
    warnings.filterwarnings("ignore", category=SecurityWarning)
    catalogue = Catalogue(folders(settings.grader, more_exercises))
    exercises = catalogue.usable()
    for slug in catalogue.slugs:
        if isinstance(catalogue.look_up(slug), Broken):
            _LOG.error("the exercise %s is broken: `grader list` says why", slug)
    name = worker_name()
    with (
        Observer(settings.grader, exercises) as observer,
        Judges(exercises, size=os.cpu_count() or 1) as judges,
    ):
        judges.warm()
        store = Store.open(settings)
        store.first_start(settings)
        notices = make_notices(settings)
        rejudging = Rejudging(name, settings, store, more_exercises)
        try:
            return _work(name, settings, store, notices, catalogue, observer, judges, rejudging)
        finally:
            notices.close()
            store.close()


def _work(
    name: str,
    settings: ServiceSettings,
    store: Store,
    notices: Notices,
    catalogue: Catalogue,
    observer: Observer,
    judges: Judges,
    rejudging: Rejudging,
) -> int:
    app = make_app(settings)
    tickets = Tickets(app, settings)
    work = Work(name, settings, store, catalogue, Grader(observer, judges, attempts=1), notices)
    sweeper = Sweeper(name, settings, store, tickets, notices)
    sweeper.clear_machine()
    life = Life(settings, store, work, sweeper, tickets, observer, rejudging)
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

    def begin(**_: Any) -> None:
        _obey_signals(life, settings.drain_seconds)
        life.begin(celery)

    worker_ready.connect(begin, weak=False)
    _LOG.info("worker %s: %d exercises, %d jobs", name, len(catalogue.slugs), settings.jobs)
    try:
        celery.start()
    finally:
        life.hand_back()
        life.end()
    return int(celery.exitcode or 0)


def _obey_signals(life: Life, drain_seconds: float) -> None:
    """Stop by our own rules: Celery would cancel what runs, which it cannot with a pool of threads."""

    def stop(number: int, _: FrameType | None) -> None:
        at_once = number == signal.SIGQUIT or (number == signal.SIGINT and life.draining)
        life.drain(0.0 if at_once else drain_seconds)
        state.should_stop = 0  # the exit code

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, stop)


def _register(app: Celery, work: Work) -> None:
    @app.task(name=TASK)  # type: ignore[untyped-decorator]
    def grade(identity: str) -> None:  # noqa: ARG001  whose turn it is decides what is graded
        try:
            work.take()
        except DBAPIError as error:
            # The sweeper adds a ticket for what waits once the database is back.
            _LOG.warning("the database is away: %s", error.orig)
