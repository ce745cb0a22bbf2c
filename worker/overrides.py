"""Scores that instructors set by hand: each with a reason, in place of whatever was graded, and revocable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, insert, select

from worker.audit import Action, Deed, note
from worker.database import Database
from worker.people import Participant
from worker.tables import overrides


@dataclass(frozen=True, slots=True)
class Override:
    """The points of a participant for an exercise, whatever their answers earned.

    Attributes:
        comment: Why; the participant reads it.
        account: Whose decision it is.
        set_at: In seconds since 1970.
    """

    participant_id: int
    exercise: str
    score: float
    max_score: float
    comment: str
    account: str
    set_at: float

    @property
    def passed(self) -> bool:
        """Whether it stands for a solved exercise."""
        return self.score >= self.max_score


class Overrides:
    """Every score that was set by hand."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of_workshop(self, workshop_id: int, *, until: float | None = None) -> list[Override]:
        """Return those of a workshop, of those that were set until a time in seconds since 1970."""
        query = _QUERY.where(overrides.c.workshop_id == workshop_id)
        return self._all(query if until is None else query.where(overrides.c.set_at <= until))

    def of(self, participant_id: int) -> dict[str, Override]:
        """Return a participant's, by exercise."""
        found = self._all(_QUERY.where(overrides.c.participant_id == participant_id))
        return {override.exercise: override for override in found}

    def _all(self, query: Any) -> list[Override]:
        with self._database.read() as connection:
            return [Override(*row) for row in connection.execute(query)]

    def set(
        self,
        participant: Participant,
        exercise: str,
        score: float,
        max_score: float,
        *,
        comment: str,
        account: str,
        graded: str,
    ) -> None:
        """Set a score, in place of what was graded or set before.

        Args:
            participant: Whose it is.
            exercise: For which.
            score: The points.
            max_score: That the exercise gives.
            comment: Why.
            account: Who sets it.
            graded: What the participant had by grading, for the trail.
        """
        with self._database.write() as connection:
            before = self._take_away(connection, participant.id, exercise)
            connection.execute(
                insert(overrides).values(
                    participant_id=participant.id,
                    exercise=exercise,
                    workshop_id=participant.workshop_id,
                    score=score,
                    max_score=max_score,
                    comment=comment,
                    account=account,
                    set_at=self._database.now(),
                )
            )
            deed = Deed(
                Action.OVERRIDE,
                account,
                participant.workshop_id,
                participant.name,
                exercise,
                before=before or graded,
                after=points(score, max_score),
                comment=comment,
            )
            note(self._database, connection, [deed])

    def revoke(self, participant: Participant, exercise: str, *, account: str, graded: str) -> bool:
        """Let what was graded count again; return ``False`` where it does already."""
        with self._database.write() as connection:
            before = self._take_away(connection, participant.id, exercise)
            if before is None:
                return False
            deed = Deed(
                Action.OVERRIDE_REVOKED,
                account,
                participant.workshop_id,
                participant.name,
                exercise,
                before=before,
                after=graded,
            )
            note(self._database, connection, [deed])
        return True

    def _take_away(self, connection: Any, participant_id: int, exercise: str) -> str | None:
        row = connection.execute(
            delete(overrides)
            .where(overrides.c.participant_id == participant_id, overrides.c.exercise == exercise)
            .returning(overrides.c.score, overrides.c.max_score)
        ).first()
        return None if row is None else f"{points(row.score, row.max_score)}, by hand"


def points(score: float | None, max_score: float | None) -> str:
    """Return points as the trail tells them: ``2.5 of 4``."""
    return "no verdict" if score is None else f"{score:g} of {max_score or 0:g}"


_QUERY = select(
    overrides.c.participant_id,
    overrides.c.exercise,
    overrides.c.score,
    overrides.c.max_score,
    overrides.c.comment,
    overrides.c.account,
    overrides.c.set_at,
)
