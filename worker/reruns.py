"""Puts submissions that could not be graded back into the queue, behind whoever waits: they are run again."""

from __future__ import annotations

from sqlalchemy import exists, func, select, update

from worker.audit import Action, Deed, note
from worker.database import Database
from worker.submission import JOINED, State, Ungradable
from worker.tables import participants, submission_files, submissions


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
            .select_from(JOINED)
            .where(submissions.c.workshop_id == workshop_id, submissions.c.state == State.UNGRADABLE.value)
            .order_by(submissions.c.created_at.desc())
            .limit(limit)
        )
        with self._database.read() as connection:
            return [Ungradable(*row) for row in connection.execute(query)]

    def run_again(self, workshop_id: int, account: str, *, submission_id: str | None = None) -> list[str]:
        """Put what could not be graded back into the queue, or one such submission; return the ids.

        They have no verdict to lose. Those that have one are run by `Regrades`, which show what would change.
        """
        chosen = [
            submissions.c.workshop_id == workshop_id,
            submissions.c.state == State.UNGRADABLE.value,
            # What a batch has graded elsewhere left no files here.
            exists().where(submission_files.c.submission_id == submissions.c.id),
        ]
        if submission_id is not None:
            chosen.append(submissions.c.id == submission_id)
        query = (
            select(submissions.c.id, participants.c.name, submissions.c.exercise)
            .select_from(JOINED)
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
            deeds = [
                Deed(
                    Action.RUN_AGAIN,
                    account,
                    workshop_id,
                    row.name,
                    row.exercise,
                    row.id,
                    State.UNGRADABLE.value,
                    State.QUEUED.value,
                )
                for row in rows
            ]
            note(self._database, connection, deeds)
        return [row.id for row in rows]


_ENDED = "started_at lease_until deadline finished_at score passed report evidence worker error".split()
