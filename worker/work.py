"""Grades the submission whose turn it is: claim, observe, judge, store, tell."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from msgspec import structs

from grader.errors import GraderError
from grader.exercise.catalogue import Broken, Catalogue, UnknownExerciseError
from grader.grading import Graded, Grader
from grader.judge import ungradable
from grader.model import Report, Submission, Timing
from grader.parameters import draw
from grader.progress import SILENT, Progress
from grader.visible import one_line
from worker import logs
from worker.counters import Counting
from worker.database import BROKEN
from worker.live_output import LiveOutput
from worker.notices import Notices
from worker.settings import ServiceSettings
from worker.store import Store
from worker.submission import Claimed
from worker.workshops import Workshop

STRIKES: Final = 3
"""So many failures of the machine one after the other, and the worker pauses."""

_OUTAGE_SECONDS: Final = 60.0  # so long a verdict waits for a database that is away
_RETRY_SECONDS: Final = 0.25
_LOG = logging.getLogger(__name__)


class Work:
    """What one worker does with tickets; used from many threads."""

    def __init__(
        self,
        name: str,
        settings: ServiceSettings,
        store: Store,
        catalogue: Catalogue,
        grader: Grader,
        notices: Notices,
    ) -> None:
        """Say what it works with.

        Args:
            name: Of the worker, in the whole service.
            settings: Leases and deadlines.
            store: Where submissions come from and go to.
            catalogue: Every exercise of which was read already.
            grader: Makes one attempt.
            notices: Tells who waits.
        """
        self.name = name
        self.counting = Counting()
        self.taken = 0  # tickets, whether there was work or not
        self._settings = settings
        self._store = store
        self._catalogue = catalogue
        self._grader = grader
        self._notices = notices
        self._output = LiveOutput(notices.show)
        self._workshops: dict[int, Workshop] = {}
        self._lock = threading.Lock()
        self._running: set[Claimed] = set()
        self._strikes = 0
        self._reason = ""
        self._stopped = threading.Event()

    @property
    def running(self) -> int:
        """How many submissions are graded at this moment."""
        with self._lock:
            return len(self._running)

    def graded_now(self) -> list[Claimed]:
        """Return what is graded at this moment."""
        with self._lock:
            return list(self._running)

    @property
    def failing(self) -> str:
        """Why this machine seems to be unable to grade, or an empty text."""
        with self._lock:
            return self._reason if self._strikes >= STRIKES else ""

    def forgive(self) -> None:
        """Try the machine again; its next failure is one too many."""
        with self._lock:
            self._strikes = STRIKES - 1

    def stop(self) -> None:
        """Take nothing more, and let verdicts of what is still graded go."""
        self._stopped.set()
        self._output.close()

    def take(self) -> bool:
        """Grade one submission; return ``False`` where none waits, or this machine had better not."""
        with self._lock:
            self.taken += 1
        if self.failing or self._stopped.is_set():
            return False
        claimed = self._store.claims.claim(
            self.name, self._settings.lease_seconds, self._settings.deadline_seconds
        )
        if claimed is None:
            return False
        with self._lock:
            self._running.add(claimed)
        logs.bound(submission_id=claimed.id)
        try:
            self._tell(claimed, "running")
            self._end(claimed, self._grade(claimed))
        finally:
            if claimed.run is None:
                self._output.forget(claimed.id)
            logs.unbound()
            with self._lock:
                self._running.discard(claimed)
        return True

    def _tell(self, claimed: Claimed, what: str) -> None:
        """Tell whoever waits; for what is run anew for a regrade, nobody does."""
        if claimed.run is None:
            self._notices.tell(claimed.id, what)

    def _end(self, claimed: Claimed, graded: Graded) -> None:
        report = graded.report
        if self._stopped.is_set():
            _LOG.info("attempt %d was handed back", claimed.attempt)
            return
        if report.status == "ungradable":
            self._failed(report)
            if self._stored(lambda: self._store.claims.release(claimed, report)):
                self.counting.retried()
                self._tell(claimed, f"attempt {claimed.attempt} failed by our fault")
                return
        elif self._stored(lambda: self._store.claims.finish(claimed, report, graded.evidence)):
            with self._lock:
                self._strikes = 0
        else:
            self.counting.late()
            _LOG.warning("the verdict on attempt %d came too late", claimed.attempt)
            return
        if claimed.run is None:
            self.counting.verdict(report)
        self._tell(claimed, report.status)
        _LOG.info(
            "%s%s: %s, %g of %g points in %.0f ms",
            f"regrade {claimed.run.regrade_id}, " if claimed.run else "",
            claimed.exercise,
            report.status,
            report.score,
            report.max_score,
            report.timing.total_ms,
        )

    def _stored(self, store: Callable[[], bool]) -> bool:
        """Store what came out; where the database is away, once it is back: the work is done already."""
        end = time.monotonic() + _OUTAGE_SECONDS
        while True:
            try:
                return store()
            except BROKEN as error:
                if time.monotonic() > end or self._stopped.wait(_RETRY_SECONDS):
                    raise
                _LOG.warning("a verdict waits for the database: %s", error.orig)

    def _failed(self, report: Report) -> None:
        with self._lock:
            self._strikes += 1
            self._reason = report.error or ""
        _LOG.warning("%s was not graded: %s", report.exercise, report.error)

    def _grade(self, claimed: Claimed) -> Graded:
        try:
            exercise = self._catalogue.look_up(claimed.exercise)
        except UnknownExerciseError as error:
            return _no_verdict(claimed, str(error))
        if isinstance(exercise, Broken):
            return _no_verdict(claimed, exercise.reason)
        try:
            secret = self._workshop(claimed.workshop_id).secret
            parameters = draw(exercise, claimed.participant, lambda: secret)
        except (GraderError, LookupError) as error:
            return _no_verdict(claimed, str(error))
        graded = self._grader.grade(
            exercise,
            Submission(exercise.slug, claimed.participant, claimed.files, parameters),
            queued_ms=claimed.waited_ms,
            progress=SILENT if claimed.run else _Telling(claimed.id, self._notices, self._output),
        )
        if graded.report.max_score:
            return graded
        return replace(graded, report=structs.replace(graded.report, max_score=exercise.max_score))

    def _workshop(self, identity: int) -> Workshop:
        found = self._workshops.get(identity)
        if found is None:
            found = self._store.workshops.find(identity)
            if found is None:
                raise LookupError(f"workshop {identity} is gone")
            self._workshops[identity] = found
        return found


class _Telling(Progress):
    """Tells whoever waits for one submission."""

    def __init__(self, identity: str, notices: Notices, output: LiveOutput) -> None:
        self._identity = identity
        self._notices = notices
        self._output = output

    def say(self, what: str) -> None:
        """Tell at once."""
        self._notices.tell(self._identity, one_line(what, 120))

    def show(self, output: bytes) -> None:
        """Tell soon."""
        self._output.add(self._identity, output)


def _no_verdict(claimed: Claimed, reason: str) -> Graded:
    timing = Timing(queued_ms=claimed.waited_ms)
    return Graded(ungradable(claimed.exercise, claimed.participant, 0.0, reason, timing), None)
