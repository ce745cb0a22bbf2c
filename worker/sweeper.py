"""Puts right what went wrong elsewhere: lost tickets, lost submissions, sandboxes of dead workers."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Final

from grader.judge import ungradable
from grader.model import Timing
from grader.sandbox import attempt, cgroup
from grader.sandbox.reaper import reap
from worker.notices import Notices
from worker.settings import ServiceSettings
from worker.store import Store
from worker.submission import ATTEMPTS
from worker.tickets import Tickets

DUTY: Final = "sweeper"
DUTY_SECONDS: Final = 4.0
_WAITED_SECONDS: Final = 1.5  # a ticket may be on its way
_LOG = logging.getLogger(__name__)


class Sweeper:
    """Sweeps; any number of workers may call it, one of them does it at a time."""

    def __init__(
        self, name: str, settings: ServiceSettings, store: Store, tickets: Tickets, notices: Notices
    ) -> None:
        self._name = name
        self._settings = settings
        self._store = store
        self._tickets = tickets
        self._notices = notices

    def sweep(self) -> None:
        """Look once, if it is this worker's duty."""
        if not self._store.staff.acquire(DUTY, self._name, DUTY_SECONDS):
            return
        self._give_up()
        queue = self._store.submissions.queue()
        waiting = queue.waiting if queue.oldest_seconds >= _WAITED_SECONDS else 0
        # A ticket too many for these does no harm: whoever takes it finds nothing.
        waiting += self._store.claims.runs().waiting
        if waiting == 0:
            return
        try:
            missing = waiting - self._tickets.depth()
        except (ConnectionError, OSError) as error:
            _LOG.warning("%d submissions wait and the queue is away: %s", waiting, error)
            return
        for _ in range(missing):
            if not self._tickets.add("sweeper"):
                return

    def _give_up(self) -> None:
        for lost in self._store.claims.exhausted():
            reason = lost.error or f"the worker was lost {ATTEMPTS} times while it graded this"
            report = ungradable(lost.exercise, lost.participant, lost.max_score, reason, Timing())
            if self._store.claims.give_up(lost, report):
                if lost.run is None:
                    self._notices.tell(lost.id, report.status)
                _LOG.error("%s is ungradable: %s", lost.id, reason)

    def end_own_sandboxes(self) -> None:
        """Kill what runs in the sandboxes of this process; the threads that wait for them clear them away."""
        hierarchy = cgroup.detect()
        folder, _ = attempt.layout(self._settings.grader.run_dir)
        for directory in Path(folder).iterdir():
            owner = attempt.read_owner(directory)
            if owner is not None and owner.pid == os.getpid():
                cgroup.kill(hierarchy, directory.name)

    def clear_machine(self) -> None:
        """Remove what workers of this machine have left behind when they died."""
        reaped = reap(self._settings.grader)
        if reaped.removed:
            _LOG.warning("removed %d sandboxes of workers that died", len(reaped.removed))
        for name, reason in reaped.failed:
            _LOG.error("the sandbox %s cannot be removed: %s", name, reason)
