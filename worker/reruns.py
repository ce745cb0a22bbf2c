"""Puts submissions that have ended back into the queue, behind whoever waits: they are run again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import exists, func, select, update

from worker.audit import Action, Deed, note
from worker.database import Database
from worker.overrides import points
from worker.submission import State
from worker.tables import participants, submission_files, submissions


@dataclass(frozen=True, slots=True)
class Ungradable:
    """A submission that could not be graded; `created_at` in seconds since 1970."""

    id: str
    participant_id: int
    participant: str
    exercise: str
    created_at: float
    error: str | None


class Reruns:
    """Submissions that are run again; safe to use from many threads and processes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def ungradable(self, workshop_id: int, limit: int = 200) -> list[Ungradable]:
        """Return what could not be graded, the latest first."""
        query = (
            select(
                submissions.c.id,
                participants.c.id,
                participants.c.name,
                submissions.c.exercise,
                submissions.c.created_at,
                submissions.c.error,
            )
            .select_from(submissions.join(participants, participants.c.id == submissions.c.participant_id))
            .where(submissions.c.workshop_id == workshop_id, submissions.c.state == State.UNGRADABLE.value)
            .order_by(submissions.c.created_at.desc())
            .limit(limit)
        )
        with self._database.read() as connection:
            return [Ungradable(*row) for row in connection.execute(query)]

    def run_again(
        self,
        workshop_id: int,
        account: str,
        *,
        states: tuple[State, ...] = (State.UNGRADABLE, State.GRADED),
        exercise: str | None = None,
        submission_id: str | None = None,
    ) -> list[str]:
        """Put submissions back into the queue and return their ids; their verdicts go, into the trail.

        Args:
            workshop_id: Whose submissions.
            account: Who wants it.
            states: Only those that have ended so.
            exercise: Only its submissions.
            submission_id: Only this one.
        """
        chosen: list[Any] = [
            submissions.c.workshop_id == workshop_id,
            submissions.c.state.in_([state.value for state in states]),
            # What a batch has graded elsewhere left no files here.
            exists().where(submission_files.c.submission_id == submissions.c.id),
        ]
        if exercise is not None:
            chosen.append(submissions.c.exercise == exercise)
        if submission_id is not None:
            chosen.append(submissions.c.id == submission_id)
        query = (
            select(
                submissions.c.id,
                participants.c.name,
                submissions.c.exercise,
                submissions.c.state,
                submissions.c.score,
                submissions.c.max_score,
                submissions.c.evidence,
            )
            .select_from(submissions.join(participants, participants.c.id == submissions.c.participant_id))
            .where(*chosen)
            .order_by(submissions.c.created_at)
            .with_for_update(of=submissions)
        )
        waiting = submissions.alias()
        last_turn = select(func.coalesce(func.max(waiting.c.turn), 0) + 1).where(
            waiting.c.state == State.QUEUED.value
        )
        now = self._database.now()
        with self._database.write() as connection:
            rows = connection.execute(query).all()
            turn = connection.execute(last_turn).scalar_one()
            connection.execute(
                update(submissions)
                .where(*chosen)
                .values(
                    state=State.QUEUED.value,
                    attempt=0,
                    turn=turn,
                    queued_at=now,
                    **dict.fromkeys(_ENDED),
                )
            )
            note(self._database, connection, [_deed(workshop_id, account, row) for row in rows])
        return [row.id for row in rows]


_ENDED = "started_at lease_until deadline finished_at score passed report evidence worker error".split()


def _deed(workshop_id: int, account: str, row: Any) -> Deed:
    had = row.state if row.state != State.GRADED.value else points(row.score, row.max_score)
    before = f"{had}, evidence {row.evidence}" if row.evidence else had
    return Deed(
        Action.RUN_AGAIN, account, workshop_id, row.name, row.exercise, row.id, before, State.QUEUED.value
    )
