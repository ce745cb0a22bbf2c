"""Regrades as instructors meet them: wished for, looked at, applied or discarded."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, and_, delete, exists, func, insert, literal, not_, select, update

from worker import bundles
from worker.audit import Action, Deed, note
from worker.database import Database
from worker.regrade import (
    COLUMNS,
    RESULTS,
    UNTOUCHED,
    Change,
    Kind,
    Regrade,
    RegradeState,
    concerned,
    to_checks,
    to_regrade,
)
from worker.regrade_trail import of_all, of_scores
from worker.submission import JOINED, State, Ungradable
from worker.tables import (
    participants,
    regrade_results,
    regrade_runs,
    regrades,
    submission_files,
    submissions,
)


class Regrades:
    """Every regrade; safe to use from many threads and processes at once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def wish(
        self,
        workshop_id: int,
        account: str,
        *,
        exercise: str | None = None,
        submission_id: str | None = None,
    ) -> int:
        """Have verdicts judged again: of one submission, of one exercise, or all; return the regrade's id."""
        with self._database.write() as connection:
            return self._wish(connection, Kind.JUDGE, workshop_id, account, exercise, submission_id).id

    def wish_runs(
        self,
        workshop_id: int,
        account: str,
        usable: Collection[str],
        *,
        exercise: str | None = None,
        submission_id: str | None = None,
    ) -> Regrade:
        """Have submissions run anew: one, those of one exercise, or all; their verdicts stay meanwhile.

        Args:
            workshop_id: Whose submissions.
            account: Who wants it.
            usable: The exercises that workers can run; what belongs to others stays as it is.
            exercise: Only its submissions.
            submission_id: Only this one.
        """
        with self._database.write() as connection:
            regrade = self._wish(connection, Kind.RUN, workshop_id, account, exercise, submission_id)
            about = concerned(regrade)
            # What a batch has graded elsewhere left no files here.
            files = exists().where(submission_files.c.submission_id == submissions.c.id)
            chosen = (
                select(literal(regrade.id), submissions.c.id, literal(State.QUEUED.value), literal(0))
                .where(*about, submissions.c.exercise.in_(list(usable)), files)
                .order_by(submissions.c.created_at)
            )
            names = ["regrade_id", "submission_id", "state", "attempt"]
            connection.execute(insert(regrade_runs).from_select(names, chosen))
            own = select(func.count()).where(regrade_runs.c.regrade_id == regrade.id)
            total = connection.execute(own).scalar_one()
            verdicts = connection.execute(select(func.count(submissions.c.id)).where(*about)).scalar_one()
            values: dict[str, Any] = {"total": total, "left_alone": verdicts - total}
            if not total:
                values |= {"state": RegradeState.READY.value, "finished_at": self._database.now()}
            changed = connection.execute(
                update(regrades).where(regrades.c.id == regrade.id).values(values).returning(*COLUMNS)
            ).one()
        return to_regrade(changed)

    def _wish(
        self,
        connection: Connection,
        kind: Kind,
        workshop_id: int,
        account: str,
        exercise: str | None,
        submission_id: str | None,
    ) -> Regrade:
        runs = kind is Kind.RUN
        row = connection.execute(
            insert(regrades)
            .values(
                workshop_id=workshop_id,
                exercise=exercise,
                submission_id=submission_id,
                kind=kind.value,
                state=(RegradeState.RUNNING if runs else RegradeState.WAITING).value,
                account=account,
                created_at=self._database.now(),
            )
            .returning(*COLUMNS)
        ).one()
        regrade = to_regrade(row)
        deed = Deed(
            Action.REGRADE_RUN if runs else Action.REGRADE,
            account,
            workshop_id,
            exercise=exercise or "",
            submission_id=submission_id or "",
            after=f"regrade {regrade.id}",
        )
        note(self._database, connection, [deed])
        return regrade

    def get(self, identity: int) -> Regrade | None:
        """Return a regrade."""
        with self._database.read() as connection:
            row = connection.execute(select(*COLUMNS).where(regrades.c.id == identity)).first()
        return None if row is None else to_regrade(row)

    def recent(self, workshop_id: int, limit: int = 20) -> list[Regrade]:
        """Return the latest regrades of a workshop."""
        query = select(*COLUMNS).where(regrades.c.workshop_id == workshop_id)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(regrades.c.id.desc()).limit(limit))
            return [to_regrade(row) for row in rows]

    def changes(self, identity: int) -> list[Change]:
        """Return what comes out otherwise, by exercise and participant; of runs, all that came out."""
        query = (
            select(
                submissions.c.id,
                participants.c.name,
                submissions.c.exercise,
                submissions.c.created_at,
                regrade_results.c.old_score,
                regrade_results.c.old_max_score,
                regrade_results.c.score,
                regrade_results.c.max_score,
                regrade_results.c.errors,
                regrade_results.c.checks,
                not_(UNTOUCHED),
            )
            .select_from(RESULTS)
            .where(regrade_results.c.regrade_id == identity)
            .order_by(submissions.c.exercise, participants.c.name, submissions.c.created_at)
        )
        with self._database.read() as connection:
            return [Change(*row[:9], to_checks(row[9]), bool(row[10])) for row in connection.execute(query)]

    def ungradable(self, identity: int) -> list[Ungradable]:
        """Return what could not be graded when it ran anew, by exercise: its verdict stays."""
        query = (
            select(
                submissions.c.id,
                participants.c.id,
                participants.c.name,
                submissions.c.exercise,
                submissions.c.created_at,
                regrade_runs.c.error,
            )
            .select_from(JOINED.join(regrade_runs, regrade_runs.c.submission_id == submissions.c.id))
            .where(regrade_runs.c.regrade_id == identity, regrade_runs.c.state == State.UNGRADABLE.value)
            .order_by(submissions.c.exercise, participants.c.name, submissions.c.created_at)
        )
        with self._database.read() as connection:
            return [Ungradable(*row) for row in connection.execute(query)]

    def apply(self, identity: int, account: str) -> int | None:
        """Let what was previewed count, all at once; what was graded anew since then stays.

        Where submissions were run, the evidence of their new verdicts takes the place of the old one.

        Returns:
            How many scores changed, or ``None`` where there is nothing to apply.
        """
        same = and_(
            regrade_results.c.regrade_id == identity,
            regrade_results.c.submission_id == submissions.c.id,
            UNTOUCHED,
        )
        new: dict[str, Any] = {
            name: select(regrade_results.c[name]).where(same).scalar_subquery()
            for name in ("score", "max_score", "passed", "report", "evidence")
        }
        said = select(regrade_runs.c.error).where(
            regrade_runs.c.regrade_id == identity, regrade_runs.c.submission_id == submissions.c.id
        )
        with self._database.write() as connection:
            regrade = self._end(connection, identity, RegradeState.APPLIED, RegradeState.READY)
            if regrade is None:
                return None
            if regrade.kind is Kind.RUN:
                new["error"] = said.scalar_subquery()
            deeds = of_scores(connection, regrade, account)
            changed = connection.execute(update(submissions).where(exists().where(same)).values(new))
            told = f"{len(deeds)} scores"
            if regrade.kind is Kind.RUN:
                told += f", evidence of {changed.rowcount} verdicts"
            note(self._database, connection, [*deeds, of_all(regrade, account, Action.REGRADE_APPLIED, told)])
        return len(deeds)

    def discard(self, identity: int, account: str) -> bool:
        """Let everything be as it is; return ``False`` where there is nothing to discard.

        What still waits to be run is not run any more; what runs at this moment is not looked at.
        """
        own = regrade_results.c.regrade_id == identity
        with self._database.write() as connection:
            regrade = self._end(
                connection, identity, RegradeState.DISCARDED, RegradeState.READY, RegradeState.RUNNING
            )
            if regrade is None:
                return False
            if regrade.kind is Kind.RUN:
                connection.execute(
                    delete(regrade_runs).where(
                        regrade_runs.c.regrade_id == identity,
                        regrade_runs.c.state.in_((State.QUEUED.value, State.RUNNING.value)),
                    )
                )
                found = select(regrade_results.c.evidence).where(own, regrade_results.c.evidence.is_not(None))
                digests = sorted(connection.scalars(found))
                connection.execute(update(regrade_results).where(own).values(evidence=None))
                bundles.forget(connection, digests)
            note(self._database, connection, [of_all(regrade, account, Action.REGRADE_DISCARDED)])
        return True

    def _end(
        self, connection: Connection, identity: int, state: RegradeState, *before: RegradeState
    ) -> Regrade | None:
        changed = connection.execute(
            update(regrades)
            .where(regrades.c.id == identity, regrades.c.state.in_([one.value for one in before]))
            .values(state=state.value)
            .returning(*COLUMNS)
        ).first()
        return None if changed is None else to_regrade(changed)
