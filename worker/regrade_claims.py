"""The workers' side of judging again: take a regrade, keep it, hand in what came out, finish."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import Any, Final

from sqlalchemy import Connection, and_, bindparam, delete, func, insert, or_, select, update

from worker.database import Database
from worker.regrade import (
    COLUMNS,
    Before,
    Candidate,
    Kind,
    Regrade,
    RegradeState,
    Rejudged,
    concerned,
    to_regrade,
    to_result,
)
from worker.submission import State
from worker.tables import evidence, participants, regrade_results, regrades, submissions

LEASE_SECONDS: Final = 30.0
ATTEMPTS: Final = 3
"""How often judging again is begun: what ends its worker each time must end itself."""

_BATCH: Final = 50


class RegradeClaims:
    """Regrades as workers take them; safe to use from many threads and processes at once."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._claimable = and_(
            regrades.c.kind == Kind.JUDGE.value,
            or_(
                regrades.c.state == RegradeState.WAITING.value,
                and_(regrades.c.state == RegradeState.JUDGING.value, regrades.c.lease_until < database.now()),
            ),
        )
        # An idle worker asks this every second: to build a statement takes longer than to run it.
        self._waiting = select(regrades.c.id).where(self._claimable).order_by(regrades.c.id).limit(1)

    def claim(self, worker: str) -> Regrade | None:
        """Take a regrade that waits or whose worker fell silent; ``None`` where there is none."""
        with self._database.read() as connection:
            identity = connection.execute(self._waiting).scalar()
        if identity is None:
            return None
        now = self._database.now()
        with self._database.write() as connection:
            taken = connection.execute(
                update(regrades)
                .where(regrades.c.id == identity, self._claimable)
                .values(
                    state=RegradeState.JUDGING.value,
                    worker=worker,
                    attempt=regrades.c.attempt + 1,
                    lease_until=now + LEASE_SECONDS,
                    judged=0,
                    error=None,
                )
            )
            if taken.rowcount != 1:
                return None
            # Whoever began before has left what it found.
            connection.execute(delete(regrade_results).where(regrade_results.c.regrade_id == identity))
            found = to_regrade(connection.execute(select(*COLUMNS).where(regrades.c.id == identity)).one())
            if found.attempt > ATTEMPTS:
                lost = f"the worker was lost {ATTEMPTS} times while it judged"
                connection.execute(
                    update(regrades)
                    .where(regrades.c.id == identity)
                    .values(state=RegradeState.FAILED.value, finished_at=now, error=lost)
                )
                return None
            total, graded = self._count(connection, found)
            connection.execute(
                update(regrades)
                .where(regrades.c.id == identity)
                .values(total=total, left_alone=graded - total)
            )
        return found

    def _count(self, connection: Connection, regrade: Regrade) -> tuple[int, int]:
        query = (
            select(func.count(evidence.c.digest), func.count())
            .select_from(submissions.outerjoin(evidence, evidence.c.digest == submissions.c.evidence))
            .where(*concerned(regrade))
        )
        total, graded = connection.execute(query).one()
        return total, graded

    def candidates(self, regrade: Regrade) -> Iterator[list[Candidate]]:
        """Yield the verdicts that are judged again, a few at a time."""
        wanted = select(submissions.c.id).where(*concerned(regrade), submissions.c.evidence.is_not(None))
        query = (
            select(
                submissions.c.id,
                participants.c.name,
                submissions.c.exercise,
                submissions.c.score,
                submissions.c.max_score,
                submissions.c.report,
                submissions.c.evidence,
                evidence.c.data,
            )
            .select_from(
                submissions.join(participants, participants.c.id == submissions.c.participant_id).join(
                    evidence, evidence.c.digest == submissions.c.evidence
                )
            )
            .where(
                submissions.c.id.in_(bindparam("these", expanding=True)),
                submissions.c.state == State.GRADED.value,
                submissions.c.report.is_not(None),
            )
        )
        with self._database.read() as connection:
            identities = list(connection.execute(wanted.order_by(submissions.c.exercise)).scalars())
        for place in range(0, len(identities), _BATCH):
            with self._database.read() as connection:
                rows = connection.execute(query, {"these": identities[place : place + _BATCH]}).all()
            yield [Candidate(*row[:7], zlib.decompress(row[7])) for row in rows]

    def store(self, regrade: Regrade, worker: str, judged: int, found: Iterable[Rejudged]) -> bool:
        """Keep what came out otherwise, and the claim; return ``False`` where somebody else has it now."""
        values = [
            to_result(
                regrade.id,
                one.candidate.submission_id,
                Before(
                    one.candidate.score, one.candidate.max_score, one.candidate.report, one.candidate.address
                ),
                one.report,
            )
            for one in found
        ]
        with self._database.write() as connection:
            kept = connection.execute(
                update(regrades)
                .where(*_held(regrade, worker))
                .values(
                    judged=regrades.c.judged + judged,
                    lease_until=self._database.now() + LEASE_SECONDS,
                )
            )
            if kept.rowcount != 1:
                return False
            if values:
                connection.execute(insert(regrade_results), values)
        return True

    def finish(self, regrade: Regrade, worker: str, *, unjudged: int, error: str, failed: bool) -> bool:
        """End judging; return ``False`` where somebody else has it now.

        Args:
            regrade: That was claimed.
            worker: By whom.
            unjudged: Verdicts that stay because their exercise cannot be judged.
            error: Why, or empty.
            failed: Whether there is nothing to look at.
        """
        state = RegradeState.FAILED if failed else RegradeState.READY
        with self._database.write() as connection:
            ended = connection.execute(
                update(regrades)
                .where(*_held(regrade, worker))
                .values(
                    state=state.value,
                    finished_at=self._database.now(),
                    lease_until=None,
                    left_alone=regrades.c.left_alone + unjudged,
                    error=error or None,
                )
            )
        return ended.rowcount == 1


def _held(regrade: Regrade, worker: str) -> list[Any]:
    return [
        regrades.c.id == regrade.id,
        regrades.c.state == RegradeState.JUDGING.value,
        regrades.c.worker == worker,
        regrades.c.attempt == regrade.attempt,
    ]
