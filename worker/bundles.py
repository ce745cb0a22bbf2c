"""Forgets evidence that nothing rests on any more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, delete, select

from worker.tables import evidence, regrade_results, submissions

_AT_ONCE: Final = 500
_RESTING: Final = (submissions.c.evidence, regrade_results.c.old_evidence, regrade_results.c.evidence)


def forget(connection: Connection, digests: Sequence[str]) -> None:
    """Delete those of some bundles on which no verdict rests; two answers may rest on the same."""
    for place in range(0, len(digests), _AT_ONCE):
        some = digests[place : place + _AT_ONCE]
        used = {
            digest
            for column in _RESTING
            for digest in connection.scalars(select(column).where(column.in_(some)))
        }
        gone = [digest for digest in some if digest not in used]
        connection.execute(delete(evidence).where(evidence.c.digest.in_(gone)))
