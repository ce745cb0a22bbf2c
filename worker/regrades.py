"""Verdicts that are judged again, as instructors meet them: wished for, looked at, applied or discarded."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, and_, exists, insert, or_, select, update

from worker.audit import Action, Deed, note
from worker.database import Database
from worker.overrides import points
from worker.regrade import COLUMNS, Change, Regrade, RegradeState, to_regrade
from worker.submission import State
from worker.tables import participants, regrade_results, regrades, submissions


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
            identity: int = connection.execute(
                insert(regrades)
                .values(
                    workshop_id=workshop_id,
                    exercise=exercise,
                    submission_id=submission_id,
                    state=RegradeState.WAITING.value,
                    account=account,
                    created_at=self._database.now(),
                )
                .returning(regrades.c.id)
            ).scalar_one()
            deed = Deed(
                Action.REGRADE,
                account,
                workshop_id,
                exercise=exercise or "",
                submission_id=submission_id or "",
                after=f"regrade {identity}",
            )
            note(self._database, connection, [deed])
        return identity

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
        """Return what comes out otherwise, by exercise and participant."""
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
            )
            .select_from(_RESULTS)
            .where(regrade_results.c.regrade_id == identity)
            .order_by(submissions.c.exercise, participants.c.name, submissions.c.created_at)
        )
        with self._database.read() as connection:
            return [Change(*row) for row in connection.execute(query)]

    def apply(self, identity: int, account: str) -> int | None:
        """Let what was previewed count, all at once; what was graded anew since then stays.

        Returns:
            How many scores changed, or ``None`` where there is nothing to apply.
        """
        same = and_(
            regrade_results.c.regrade_id == identity,
            regrade_results.c.submission_id == submissions.c.id,
            _UNTOUCHED,
        )
        new = {
            name: select(regrade_results.c[name]).where(same).scalar_subquery()
            for name in ("score", "max_score", "passed", "report")
        }
        with self._database.write() as connection:
            regrade = self._end(connection, identity, RegradeState.APPLIED)
            if regrade is None:
                return None
            deeds = self._deeds(connection, regrade, account)
            connection.execute(update(submissions).where(exists().where(same)).values(new))
            note(self._database, connection, deeds)
        return len(deeds) - 1

    def discard(self, identity: int, account: str) -> bool:
        """Let everything be as it is; return ``False`` where there is nothing to discard."""
        with self._database.write() as connection:
            regrade = self._end(connection, identity, RegradeState.DISCARDED)
            if regrade is None:
                return False
            note(self._database, connection, [_deed(regrade, account, Action.REGRADE_DISCARDED)])
        return True

    def _end(self, connection: Connection, identity: int, state: RegradeState) -> Regrade | None:
        changed = connection.execute(
            update(regrades)
            .where(regrades.c.id == identity, regrades.c.state == RegradeState.READY.value)
            .values(state=state.value)
            .returning(*COLUMNS)
        ).first()
        return None if changed is None else to_regrade(changed)

    def _deeds(self, connection: Connection, regrade: Regrade, account: str) -> list[Deed]:
        query = (
            select(
                submissions.c.id,
                participants.c.name,
                submissions.c.exercise,
                regrade_results.c.old_score,
                regrade_results.c.old_max_score,
                regrade_results.c.score,
                regrade_results.c.max_score,
            )
            .select_from(_RESULTS)
            .where(regrade_results.c.regrade_id == regrade.id, _UNTOUCHED, _DIFFERENT)
        )
        scores = [
            Deed(
                Action.SCORE,
                account,
                regrade.workshop_id,
                row.name,
                row.exercise,
                row.id,
                points(row.old_score, row.old_max_score),
                points(row.score, row.max_score),
                f"regrade {regrade.id}",
            )
            for row in connection.execute(query)
        ]
        return [*scores, _deed(regrade, account, Action.REGRADE_APPLIED, f"{len(scores)} scores")]


_RESULTS: Final = regrade_results.join(submissions, submissions.c.id == regrade_results.c.submission_id).join(
    participants, participants.c.id == submissions.c.participant_id
)
_UNTOUCHED: Final = and_(
    submissions.c.state == State.GRADED.value,
    regrade_results.c.evidence == submissions.c.evidence,
    regrade_results.c.old_score == submissions.c.score,
)
_DIFFERENT: Final = or_(
    regrade_results.c.old_score != regrade_results.c.score,
    regrade_results.c.old_max_score != regrade_results.c.max_score,
)


def _deed(regrade: Regrade, account: str, action: Action, after: str = "") -> Deed:
    return Deed(
        action,
        account,
        regrade.workshop_id,
        exercise=regrade.exercise or "",
        submission_id=regrade.submission_id or "",
        after=after,
        comment=f"regrade {regrade.id}",
    )
