"""What one worker does beside grading: says that it lives, keeps its leases, sweeps, pauses, drains."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from celery.apps.worker import Worker
from sqlalchemy.exc import DBAPIError

from grader import __version__
from grader.observe.observer import Observer
from worker.queue import QUEUE
from worker.rejudging import Rejudging
from worker.settings import ServiceSettings
from worker.staff import Heartbeat
from worker.store import Store
from worker.sweeper import Sweeper
from worker.tickets import Tickets
from worker.work import Work

BEAT_SECONDS: Final = 1.0
_REAP_SECONDS: Final = 10.0
_PAUSE_SECONDS: Final = 15.0
_LONGEST_PAUSE_SECONDS: Final = 300.0
_DEAF_BEATS: Final = 3
_LOG = logging.getLogger(__name__)


class Life:
    """Heartbeat, leases, sweeping and pauses of one worker, in threads beside the grading ones."""

    def __init__(
        self,
        settings: ServiceSettings,
        store: Store,
        work: Work,
        sweeper: Sweeper,
        tickets: Tickets,
        observer: Observer,
        rejudging: Rejudging,
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
        self._drained_by = float("inf")
        self._paused_until = 0.0
        self._pause_seconds = _PAUSE_SECONDS
        self._reason = ""
        # What dead workers left takes its time to go, as judging again does: no lease may run out over it.
        self._threads = [
            threading.Thread(target=self._repeat, args=(seconds, turn), name=name, daemon=True)
            for name, seconds, turn in (
                ("life", BEAT_SECONDS, self._turn),
                ("reaper", _REAP_SECONDS, self._clear),
                ("rejudging", BEAT_SECONDS, rejudging.turn),
            )
        ]

    def begin(self, celery: Worker) -> None:
        """Start; `celery` is told to pause and to go on."""
        self._celery = celery
        for thread in self._threads:
            thread.start()

    def drain(self, seconds: float) -> None:
        """Finish what this worker has, for so long at most, and hand the rest back."""
        self._drained_by = min(self._drained_by, time.monotonic() + seconds)

    @property
    def draining(self) -> bool:
        """Whether this worker is about to end."""
        return self._drained_by != float("inf")

    def hand_back(self) -> None:
        """Give up what is graded, at no attempt's cost, and end its sandboxes: nobody waits for them then."""
        self._work.stop()
        try:
            back = self._store.claims.give_back(self._work.name)
        except DBAPIError as error:
            _LOG.warning("the database is away, leases run out by themselves: %s", error.orig)
        else:
            if back:
                _LOG.warning("handed %d submissions back", back)
        if self._work.running:
            self._sweeper.end_own_sandboxes()

    def end(self) -> None:
        """Say goodbye."""
        self._stop.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(5)
        with contextlib.suppress(DBAPIError):
            self._beat("stopped")
            self._store.staff.resign(self._work.name)

    def _repeat(self, seconds: float, turn: Callable[[], object]) -> None:
        while not self._stop.wait(seconds):
            try:
                turn()
            except DBAPIError as error:
                _LOG.warning("the database is away: %s", error.orig)
            except Exception:  # noqa: BLE001  whatever it was, the next beat must come
                _LOG.exception("a heartbeat failed")

    def _turn(self) -> None:
        if time.monotonic() > self._drained_by:
            self.hand_back()
        elif graded := self._work.graded_now():
            self._store.claims.renew(self._work.name, self._settings.lease_seconds, graded)
        self._pause_or_go_on()
        state = "draining" if self.draining else "paused" if self._paused_until else "working"
        self._beat(state)
        if self._settings.alive_file:
            Path(self._settings.alive_file).touch()
        self._sweeper.sweep()
        if state == "working":
            self._reconnect_if_deaf()

    def _clear(self) -> None:
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
        if (consumer := self._consumer()) is not None:
            consumer.call_soon(consumer.add_task_queue if on else consumer.cancel_task_queue, QUEUE)

    def _consumer(self) -> Any:
        """Return what takes tickets for Celery, or ``None`` while it connects."""
        return self._celery.consumer if self._celery is not None else None

    def _reconnect_if_deaf(self) -> None:
        """Make Celery connect again where tickets lie and an idle worker takes none.

        A thread that acknowledges while the broker goes away can close the connection on which the main
        thread listens; it then waits forever for a connection that is no more.
        """
        taken = self._work.taken
        idle = taken == self._taken and not self._work.running
        self._taken = taken
        with contextlib.suppress(ConnectionError, OSError):
            self._ignored = self._ignored + 1 if idle and self._tickets.depth() else 0
        if self._ignored < _DEAF_BEATS:
            return
        self._ignored = 0
        if (consumer := self._consumer()) is not None:
            _LOG.warning("tickets lie in the queue and none arrives: connecting again")
            consumer.call_soon(_lose_connection)


def _lose_connection() -> None:
    raise ConnectionError("the connection to the broker was given up")
