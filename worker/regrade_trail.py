"""What the trail is told of regrades: who applied or discarded one, and whose points changed."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, or_, select

from worker.audit import Action, Deed
from worker.overrides import points
from worker.regrade import RESULTS, UNTOUCHED, Kind, Regrade
from worker.tables import participants, regrade_results, submissions

_DIFFERENT: Final = or_(
    regrade_results.c.old_score != regrade_results.c.score,
    regrade_results.c.old_max_score != regrade_results.c.max_score,
)


def of_scores(connection: Connection, regrade: Regrade, account: str) -> list[Deed]:
    """Return whose points change by applying a regrade, from what to what."""
    query = (
        select(
            submissions.c.id,
            participants.c.name,
            submissions.c.exercise,
            regrade_results.c.old_score,
            regrade_results.c.old_max_score,
            regrade_results.c.score,
            regrade_results.c.max_score,
            regrade_results.c.old_evidence,
            regrade_results.c.evidence,
        )
        .select_from(RESULTS)
        .where(regrade_results.c.regrade_id == regrade.id, UNTOUCHED, _DIFFERENT)
    )
    return [
        Deed(
            Action.SCORE,
            account,
            regrade.workshop_id,
            row.name,
            row.exercise,
            row.id,
            _told(regrade, row.old_score, row.old_max_score, row.old_evidence),
            _told(regrade, row.score, row.max_score, row.evidence),
            f"regrade {regrade.id}",
        )
        for row in connection.execute(query)
    ]


def of_all(regrade: Regrade, account: str, action: Action, after: str = "") -> Deed:
    """Return what somebody did with a regrade as a whole."""
    return Deed(
        action,
        account,
        regrade.workshop_id,
        exercise=regrade.exercise or "",
        submission_id=regrade.submission_id or "",
        after=after,
        comment=f"regrade {regrade.id}",
    )


def _told(regrade: Regrade, score: float, max_score: float, evidence: str | None) -> str:
    said = points(score, max_score)
    return f"{said}, evidence {evidence}" if regrade.kind is Kind.RUN and evidence else said
