"""The workers' side of a submission's life: take, keep, finish, hand back."""

from __future__ import annotations

import zlib
from collections.abc import Collection
from typing import Any, Final

from sqlalchemy import Connection, bindparam, func, select
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

from grader.model import Report
from grader.report import json
from worker.database import Database
from worker.leased import Leased
from worker.regrade_runs import RegradeRuns
from worker.submission import ATTEMPTS, JOINED, Claimed, Lost, Runs, State
from worker.tables import evidence, participants, submission_files, submissions

_VERDICT: Final = ("state", "score", "max_score", "passed", "report", "evidence", "error")


class Claims:
    """Submissions as workers take them; safe to use from many threads and processes at once.

    Those that wait for a verdict come first, then those that have one and are run anew for a regrade.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._rows = Leased(
            database,
            submissions,
            order=(submissions.c.turn, submissions.c.created_at),
            told=(
                submissions.c.id,
                submissions.c.attempt,
                submissions.c.workshop_id,
                submissions.c.participant_id,
                submissions.c.exercise,
                func.coalesce(submissions.c.queued_at, submissions.c.created_at).label("queued_at"),
                submissions.c.started_at,
            ),
            ends_with=_VERDICT,
        )
        self._runs = RegradeRuns(database)
        # Built once: to build a statement takes longer than to run it.
        self._answer = (
            select(participants.c.name, submission_files.c.name, submission_files.c.content)
            .select_from(participants)
            .outerjoin(submission_files, submission_files.c.submission_id == bindparam("submission_id"))
            .where(participants.c.id == bindparam("participant_id"))
        )
        self._exhausted = (
            select(
                submissions.c.id,
                submissions.c.attempt,
                participants.c.name,
                submissions.c.exercise,
                func.coalesce(submissions.c.max_score, 0.0),
                submissions.c.error,
            )
            .select_from(JOINED)
            .where(self._rows.exhausted)
        )
        insert_new: Any = insert_sqlite if database.is_sqlite else insert_postgresql
        self._keep = (
            insert_new(evidence)
            .values(digest=bindparam("digest"), data=bindparam("data"), stored_at=database.now())
            .on_conflict_do_nothing()
        )

    def claim(self, worker: str, lease_seconds: float, deadline_seconds: float) -> Claimed | None:
        """Take the submission whose turn it is; ``None`` where none waits.

        First come those that a worker has begun and lost, then new ones: by turn, so that everybody's
        first waiting answer comes before anybody's second. Where none waits, one is run anew for a regrade.

        Args:
            worker: Who takes it.
            lease_seconds: For how long, unless renewed.
            deadline_seconds: For how long at most.
        """
        with self._database.write() as connection:
            row = self._rows.take(connection, worker, lease_seconds, deadline_seconds)
            run = None
            if row is None:
                taken = self._runs.take(connection, worker, lease_seconds, deadline_seconds)
                if taken is None:
                    return None
                run, row = taken
            answer = {"submission_id": row.id, "participant_id": row.participant_id}
            found = connection.execute(self._answer, answer).all()
            return Claimed(
                row.id,
                worker,
                row.attempt,
                row.workshop_id,
                found[0][0],
                row.exercise,
                {name: content for _, name, content in found if name is not None},
                max(0.0, (row.started_at - row.queued_at) * 1000),
                run,
            )

    def renew(self, worker: str, lease_seconds: float, claimed: Collection[Claimed]) -> int:
        """Keep what a worker grades, until each one's deadline; return how many that are.

        Args:
            worker: Whose they are.
            lease_seconds: For how long, from now on.
            claimed: What it grades at this moment. Others of its own it has forgotten, by a fault, and
                their leases run out.
        """
        new = [one.id for one in claimed if one.run is None]
        runs = [one.run.id for one in claimed if one.run is not None]
        kept = 0
        with self._database.write() as connection:
            for rows, these in ((self._rows, new), (self._runs.rows, runs)):
                if these:
                    kept += rows.renew(connection, worker, lease_seconds, these)
        return kept

    def finish(self, claimed: Claimed, report: Report, found: bytes | None) -> bool:
        """Store a verdict with its evidence; return ``False`` where the submission was taken away."""
        packed = None if found is None else zlib.compress(found, 1)
        with self._database.write() as connection:
            if claimed.run is not None:
                ended = self._runs.end(connection, claimed, claimed.run, report)
            else:
                known = _verdict(report)
                ended = self._rows.end(connection, claimed.id, claimed.attempt, claimed.worker, known)
            if ended and packed is not None and report.evidence is not None:
                self.keep_evidence(connection, report.evidence, packed)
        return ended

    def keep_evidence(self, connection: Connection, digest: str, packed: bytes) -> None:
        """Keep compressed evidence under its digest, unless it is there."""
        connection.execute(self._keep, {"digest": digest, "data": packed})

    def release(self, claimed: Claimed, report: Report) -> bool:
        """Hand back what failed by the machine's fault; after the last attempt the report is the end.

        Returns:
            Whether it will be tried again.
        """
        if claimed.attempt >= ATTEMPTS:
            self.finish(claimed, report, None)
            return False
        rows, this = (self._rows, claimed.id) if claimed.run is None else (self._runs.rows, claimed.run.id)
        with self._database.write() as connection:
            return rows.release(connection, this, claimed.attempt, claimed.worker, report.error)

    def give_back(self, worker: str) -> int:
        """Hand back everything that a worker has begun and will not finish, at no attempt's cost."""
        with self._database.write() as connection:
            return sum(rows.give_back(connection, worker) for rows in (self._rows, self._runs.rows))

    def runs(self) -> Runs:
        """Return how many submissions wait to be run anew for regrades, and how many are run now."""
        with self._database.read() as connection:
            return self._runs.figures(connection)

    def exhausted(self) -> list[Lost]:
        """Return what was begun and lost as often as it may be."""
        with self._database.read() as connection:
            lost = [Lost(*row) for row in connection.execute(self._exhausted)]
            return lost + self._runs.exhausted(connection)

    def give_up(self, lost: Lost, report: Report) -> bool:
        """End what `exhausted` gave, unless its worker was heard of meanwhile."""
        with self._database.write() as connection:
            if lost.run is not None:
                return self._runs.give_up(connection, lost.run, lost.attempt, report)
            return self._rows.end_lost(connection, lost.id, lost.attempt, _verdict(report))


def _verdict(report: Report) -> dict[str, Any]:
    state = State.GRADED if report.status == "graded" else State.UNGRADABLE
    values = (
        state.value,
        report.score,
        report.max_score,
        report.passed,
        json.to_json(report),
        report.evidence,
        report.error,
    )
    return dict(zip(_VERDICT, values, strict=True))
