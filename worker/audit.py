"""Who did what, when, and what it was before: written in the same transaction as the change itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, Row, insert, or_, select

from worker.database import Database
from worker.tables import audit


class Action(StrEnum):
    """What can be done that is written down."""

    SIGN_IN = "sign-in"
    SIGN_IN_FAILED = "sign-in-failed"
    SIGN_OUT = "sign-out"
    FREEZE = "freeze"
    UNFREEZE = "unfreeze"
    DEADLINE = "deadline"
    RULES = "rules"
    ANONYMOUS = "anonymous"
    NAMES = "names"
    REGRADE = "regrade"
    REGRADE_RUN = "regrade-run"
    REGRADE_APPLIED = "regrade-applied"
    REGRADE_DISCARDED = "regrade-discarded"
    SCORE = "score"
    RUN_AGAIN = "run-again"
    CANCEL = "cancel"
    OVERRIDE = "override"
    OVERRIDE_REVOKED = "override-revoked"
    IMPORT = "import"
    EXPORT = "export"
    WORKSHOP_OPENED = "workshop-opened"
    WORKSHOP_ARCHIVED = "workshop-archived"
    WORKSHOP_RESTORED = "workshop-restored"
    WORKSHOP_DELETED = "workshop-deleted"


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that somebody did.

    Attributes:
        account: Who did it.
        participant: Whom it concerns, by name, or empty.
        before: The value that it had, or empty.
        after: The value that it has now, or empty.
        comment: The reason that was given.
    """

    action: Action
    account: str
    workshop_id: int | None = None
    participant: str = ""
    exercise: str = ""
    submission_id: str = ""
    before: str = ""
    after: str = ""
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """A deed with its place in the trail; `at` in seconds since 1970."""

    id: int
    at: float
    deed: Deed


class Audit:
    """The trail; it can be read and added to, and nothing in it is ever changed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def note(self, deed: Deed) -> None:
        """Write down what changes nothing in the database itself."""
        with self._database.write() as connection:
            note(self._database, connection, [deed])

    def entries(
        self,
        *,
        workshop_id: int | None = None,
        action: Action | None = None,
        participant: str = "",
        before: int | None = None,
        limit: int = 100,
    ) -> list[Entry]:
        """Return what was done, the latest first.

        Args:
            workshop_id: Only of this workshop, and what concerns none, as signing in does.
            action: Only of this kind.
            participant: Only what concerns somebody of this name.
            before: Only what stands before the entry with this id.
            limit: So many at most.
        """
        query = select(audit).order_by(audit.c.id.desc()).limit(limit)
        if workshop_id is not None:
            query = query.where(or_(audit.c.workshop_id == workshop_id, audit.c.workshop_id.is_(None)))
        if action is not None:
            query = query.where(audit.c.action == action.value)
        if participant:
            query = query.where(audit.c.participant == participant)
        if before is not None:
            query = query.where(audit.c.id < before)
        with self._database.read() as connection:
            return [_to_entry(row) for row in connection.execute(query)]


def note(database: Database, connection: Connection, deeds: Iterable[Deed]) -> None:
    """Write deeds down in a transaction that is open already."""
    values = [asdict(deed) | {"action": deed.action.value} for deed in deeds]
    if values:
        connection.execute(insert(audit).values(at=database.now()), values)


_TOLD: Final = tuple(Deed.__dataclass_fields__)


def _to_entry(row: Row[Any]) -> Entry:
    values = {name: getattr(row, name) for name in _TOLD} | {"action": Action(row.action)}
    return Entry(row.id, row.at, Deed(**values))
