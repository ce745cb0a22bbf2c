"""Submissions that are run anew for a regrade, as workers take them: their verdicts stay meanwhile."""

from __future__ import annotations

from typing import Any

from msgspec import structs
from sqlalchemy import Connection, bindparam, case, func, insert, select, update

from grader.model import Report
from grader.report import json
from worker.database import Database
from worker.leased import Leased
from worker.regrade import Before, RegradeState, to_result
from worker.submission import JOINED, Claimed, Lost, Run, Runs, State
from worker.tables import participants, regrade_results, regrade_runs, regrades, submissions


class RegradeRuns:
    """What regrades have to run, in transactions that are open already.

    Whoever changes both a regrade and its runs begins with the regrade, so that no two wait for each other.
    """

    def __init__(self, database: Database) -> None:
        self.rows = Leased(
            database,
            regrade_runs,
            order=(regrade_runs.c.id,),
            told=(
                regrade_runs.c.id,
                regrade_runs.c.regrade_id,
                regrade_runs.c.submission_id,
                regrade_runs.c.attempt,
                regrade_runs.c.started_at,
            ),
            ends_with=("state", "error"),
        )
        # They wait behind everybody: that is nobody's delay, and no figure of the service.
        self._taken = (
            select(
                submissions.c.id,
                submissions.c.workshop_id,
                submissions.c.participant_id,
                submissions.c.exercise,
                regrade_runs.c.attempt,
                regrade_runs.c.started_at,
                regrade_runs.c.started_at.label("queued_at"),
            )
            .select_from(regrade_runs.join(submissions, submissions.c.id == regrade_runs.c.submission_id))
            .where(regrade_runs.c.id == bindparam("this"))
        )
        self._before = select(
            submissions.c.score, submissions.c.max_score, submissions.c.report, submissions.c.evidence
        ).where(
            submissions.c.id == bindparam("this"),
            submissions.c.state == State.GRADED.value,
            submissions.c.report.is_not(None),
        )
        self._running = (
            select(regrades.c.id)
            .where(regrades.c.id == bindparam("this"), regrades.c.state == RegradeState.RUNNING.value)
            .with_for_update()
        )
        last = regrades.c.judged + 1 >= regrades.c.total
        self._count = (
            update(regrades)
            .where(regrades.c.id == bindparam("this"))
            .values(
                judged=regrades.c.judged + 1,
                state=case((last, RegradeState.READY.value), else_=regrades.c.state),
                finished_at=case((last, database.now()), else_=regrades.c.finished_at),
            )
        )
        self._figures = select(
            func.count().filter(self.rows.waiting), func.count().filter(self.rows.running)
        ).where(regrade_runs.c.state.in_((State.QUEUED.value, State.RUNNING.value)))
        self._exhausted = (
            select(
                submissions.c.id,
                regrade_runs.c.attempt,
                participants.c.name,
                submissions.c.exercise,
                func.coalesce(submissions.c.max_score, 0.0),
                regrade_runs.c.error,
                regrade_runs.c.id,
                regrade_runs.c.regrade_id,
            )
            .select_from(JOINED.join(regrade_runs, regrade_runs.c.submission_id == submissions.c.id))
            .where(self.rows.exhausted)
        )

    def take(
        self, connection: Connection, worker: str, lease_seconds: float, deadline_seconds: float
    ) -> tuple[Run, Any] | None:
        """Take what was begun and lost, or else the first that waits, with its submission."""
        taken = self.rows.take(connection, worker, lease_seconds, deadline_seconds)
        if taken is None:
            return None
        return Run(taken.id, taken.regrade_id), connection.execute(self._taken, {"this": taken.id}).one()

    def end(self, connection: Connection, claimed: Claimed, run: Run, report: Report) -> bool:
        """Keep what came out beside the verdict that there is; return ``False`` where nobody wants it now."""
        if not self._wanted(connection, run):
            return False
        if not self.rows.end(connection, run.id, claimed.attempt, claimed.worker, _known(report)):
            return False
        before = connection.execute(self._before, {"this": claimed.id}).first()
        if report.status == "graded" and before is not None:
            values = to_result(
                run.regrade_id, claimed.id, Before(*before), _as_late_as(report, before.report)
            )
            connection.execute(insert(regrade_results), [values])
        connection.execute(self._count, {"this": run.regrade_id})
        return True

    def figures(self, connection: Connection) -> Runs:
        """Return how many wait, and how many are run now."""
        waiting, running = connection.execute(self._figures).one()
        return Runs(waiting, running)

    def exhausted(self, connection: Connection) -> list[Lost]:
        """Return what was begun and lost as often as it may be."""
        return [Lost(*row[:6], Run(*row[6:])) for row in connection.execute(self._exhausted)]

    def give_up(self, connection: Connection, run: Run, attempt: int, report: Report) -> bool:
        """End what `exhausted` gave, unless its worker was heard of meanwhile."""
        if not self._wanted(connection, run):
            return False
        if not self.rows.end_lost(connection, run.id, attempt, _known(report)):
            return False
        connection.execute(self._count, {"this": run.regrade_id})
        return True

    def _wanted(self, connection: Connection, run: Run) -> bool:
        return connection.execute(self._running, {"this": run.regrade_id}).first() is not None


def _known(report: Report) -> dict[str, str | None]:
    state = State.GRADED if report.status == "graded" else State.UNGRADABLE
    return {"state": state.value, "error": report.error}


def _as_late_as(report: Report, before: bytes) -> Report:
    """Return a report that tells how long the participant has waited, once, for the first verdict."""
    waited = json.from_json(before).timing.queued_ms
    timing = structs.replace(
        report.timing, queued_ms=waited, total_ms=round(report.timing.total_ms + waited, 3)
    )
    return structs.replace(report, timing=timing)
