"""The workers' side of a submission's life: take, keep, finish, hand back; each a compare-and-set."""

from __future__ import annotations

import zlib
from collections.abc import Collection
from typing import Any, Final

from sqlalchemy import Connection, Select, Update, bindparam, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

from grader.model import Report
from grader.report import json
from worker.database import Database
from worker.submission import ATTEMPTS, COLUMNS, JOINED, Claimed, State, Submitted, to_submitted
from worker.tables import evidence, participants, submission_files, submissions

AGAIN_SECONDS: Final = 2.0
"""Where a machine has failed, others may try at once, and it again after so long: it may be broken."""


class Claims:
    """Submissions as workers take them; safe to use from many threads and processes at once.

    Statements are built once: to build one takes longer than to run it.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        now = database.now()
        lost = (
            select(submissions.c.id)
            .where(
                submissions.c.state == State.RUNNING.value,
                submissions.c.lease_until < now,
                submissions.c.attempt < ATTEMPTS,
                # A lease of 0 was handed back, at what is then called the deadline.
                or_(
                    submissions.c.worker != bindparam("new_worker"),
                    submissions.c.lease_until > 0,
                    submissions.c.deadline < now - AGAIN_SECONDS,
                ),
            )
            .order_by(submissions.c.turn)
            .limit(1)
        )
        fresh = (
            select(submissions.c.id)
            .where(submissions.c.state == State.QUEUED.value)
            .order_by(submissions.c.turn, submissions.c.created_at)
            .limit(1)
        )
        self._takes = [self._take(chosen) for chosen in (lost, fresh)]
        self._answer = (
            select(participants.c.name, submission_files.c.name, submission_files.c.content)
            .select_from(participants)
            .outerjoin(submission_files, submission_files.c.submission_id == bindparam("submission_id"))
            .where(participants.c.id == bindparam("participant_id"))
        )
        this = (
            submissions.c.id == bindparam("this"),
            submissions.c.attempt == bindparam("this_attempt"),
            submissions.c.state == State.RUNNING.value,
        )
        # What is handed back costs no attempt: the number alone does not tell whose it is.
        held = (*this, submissions.c.worker == bindparam("this_worker"), submissions.c.lease_until != 0)
        verdict = {
            name: bindparam(f"new_{name}", type_=submissions.c[name].type)
            for name in ("state", "score", "max_score", "passed", "report", "evidence", "error")
        }
        ended: Update = update(submissions).values(finished_at=now, lease_until=None, **verdict)
        self._end = ended.where(*held)
        self._end_lost = ended.where(*this, submissions.c.lease_until < now)
        self._release = (
            update(submissions)
            .where(*held)
            .values(
                lease_until=0.0, deadline=now, error=bindparam("new_error", type_=submissions.c.error.type)
            )
        )
        self._renew = (
            update(submissions)
            .where(
                submissions.c.id.in_(bindparam("these", expanding=True)),
                submissions.c.worker == bindparam("this_worker"),
                submissions.c.state == State.RUNNING.value,
                submissions.c.lease_until != 0,
                submissions.c.deadline > now,
            )
            .values(lease_until=now + bindparam("lease_seconds"))
        )
        self._exhausted = (
            select(*COLUMNS)
            .select_from(JOINED)
            .where(
                submissions.c.state == State.RUNNING.value,
                submissions.c.lease_until < now,
                submissions.c.attempt >= ATTEMPTS,
            )
        )
        insert_new: Any = insert_sqlite if database.is_sqlite else insert_postgresql
        self._keep = (
            insert_new(evidence)
            .values(digest=bindparam("digest"), data=bindparam("data"), stored_at=now)
            .on_conflict_do_nothing()
        )

    def _take(self, chosen: Select[tuple[str]]) -> Any:
        if not self._database.is_sqlite:
            chosen = chosen.with_for_update(skip_locked=True)
        now = self._database.now()
        taken: Update = (
            update(submissions)
            .where(submissions.c.id == chosen.scalar_subquery())
            .values(
                state=State.RUNNING.value,
                attempt=submissions.c.attempt + 1,
                worker=bindparam("new_worker"),
                started_at=now,
                lease_until=now + bindparam("lease_seconds"),
                deadline=now + bindparam("deadline_seconds"),
            )
        )
        return taken.returning(
            submissions.c.id,
            submissions.c.attempt,
            submissions.c.workshop_id,
            submissions.c.participant_id,
            submissions.c.exercise,
            func.coalesce(submissions.c.queued_at, submissions.c.created_at).label("queued_at"),
            submissions.c.started_at,
        )

    def claim(self, worker: str, lease_seconds: float, deadline_seconds: float) -> Claimed | None:
        """Take the submission whose turn it is; ``None`` where none waits.

        First come those that a worker has begun and lost, then new ones: by turn, so that everybody's
        first waiting answer comes before anybody's second.

        Args:
            worker: Who takes it.
            lease_seconds: For how long, unless renewed.
            deadline_seconds: For how long at most.
        """
        values = {
            "new_worker": worker,
            "lease_seconds": lease_seconds,
            "deadline_seconds": deadline_seconds,
        }
        with self._database.write() as connection:
            for take in self._takes:
                row = connection.execute(take, values).first()
                if row is not None:
                    break
            else:
                return None
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
            )

    def renew(self, worker: str, lease_seconds: float, identities: Collection[str]) -> int:
        """Keep what a worker grades, until each one's deadline; return how many that are.

        Args:
            worker: Whose they are.
            lease_seconds: For how long, from now on.
            identities: What it grades at this moment. Others of its own it has forgotten, by a fault, and
                their leases run out.
        """
        values = {"these": list(identities), "this_worker": worker, "lease_seconds": lease_seconds}
        with self._database.write() as connection:
            return connection.execute(self._renew, values).rowcount

    def finish(self, claimed: Claimed, report: Report, found: bytes | None) -> bool:
        """Store a verdict with its evidence; return ``False`` where the submission was taken away."""
        packed = None if found is None else zlib.compress(found, 1)
        with self._database.write() as connection:
            values = {"this_worker": claimed.worker, **_verdict(claimed.id, claimed.attempt, report)}
            if connection.execute(self._end, values).rowcount != 1:
                return False
            if packed is not None and report.evidence is not None:
                self.keep_evidence(connection, report.evidence, packed)
        return True

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
        values = {
            "this": claimed.id,
            "this_attempt": claimed.attempt,
            "this_worker": claimed.worker,
            "new_error": report.error,
        }
        with self._database.write() as connection:
            return connection.execute(self._release, values).rowcount == 1

    def give_back(self, worker: str) -> int:
        """Hand back everything that a worker has begun and will not finish, at no attempt's cost."""
        with self._database.write() as connection:
            return connection.execute(
                update(submissions)
                .where(
                    submissions.c.state == State.RUNNING.value,
                    submissions.c.worker == worker,
                    submissions.c.lease_until > 0,
                )
                .values(lease_until=0.0, attempt=submissions.c.attempt - 1)
            ).rowcount

    def exhausted(self) -> list[Submitted]:
        """Return what was begun and lost as often as it may be."""
        with self._database.read() as connection:
            return [to_submitted(row) for row in connection.execute(self._exhausted)]

    def give_up(self, submitted: Submitted, report: Report) -> bool:
        """End a submission that `exhausted` gave, unless its worker was heard of meanwhile."""
        values = _verdict(submitted.id, submitted.attempt, report)
        with self._database.write() as connection:
            return connection.execute(self._end_lost, values).rowcount == 1


def _verdict(identity: str, attempt: int, report: Report) -> dict[str, Any]:
    state = State.GRADED if report.status == "graded" else State.UNGRADABLE
    return {
        "this": identity,
        "this_attempt": attempt,
        "new_state": state.value,
        "new_score": report.score,
        "new_max_score": report.max_score,
        "new_passed": report.passed,
        "new_report": json.to_json(report),
        "new_evidence": report.evidence,
        "new_error": report.error,
    }
