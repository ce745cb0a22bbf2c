"""Workshops: groups of participants that instructors open, lead, put away and delete."""

from __future__ import annotations

import re
import secrets
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from grader.errors import GraderError
from worker import bundles
from worker.audit import Action, Deed, note
from worker.database import Database
from worker.tables import audit, participants, regrade_results, submissions, workshops

MAX_NAME: Final = 200
_MAX_SLUG: Final = 64
_CODE_LETTERS: Final = "abcdefghijkmnpqrstuvwxyz23456789"  # nothing that is easily misread
_JOIN_CODE: Final = re.compile(r"[a-z0-9-]{4,64}")


class BadWorkshopError(GraderError):
    """There cannot be such a workshop, or it cannot be deleted."""


@dataclass(frozen=True, slots=True)
class Workshop:
    """A group of participants with values of their own.

    Attributes:
        secret: What the participants' values are drawn from.
        frozen_at: Since when the scoreboard stands still, or ``None``.
        deadline: Until when submissions are taken, or ``None``.
        anonymous: Whether the scoreboard shows no names.
        archived_at: Since when nobody joins or hands in, or ``None``.
    """

    id: int
    slug: str
    name: str
    join_code: str
    secret: str
    frozen_at: float | None = None
    deadline: float | None = None
    anonymous: bool = False
    archived_at: float | None = None


@dataclass(frozen=True, slots=True)
class Counted:
    """A workshop and how much is in it."""

    workshop: Workshop
    participants: int
    submissions: int


def random_code(length: int = 8) -> str:
    """Return a code that is easily read aloud."""
    return "".join(secrets.choice(_CODE_LETTERS) for _ in range(length))


class Workshops:
    """Every workshop; safe to use from many threads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, identity: int) -> Workshop | None:
        """Return a workshop, archived or not."""
        query = select(workshops).where(workshops.c.id == identity)
        with self._database.read() as connection:
            row = connection.execute(query).first()
        return None if row is None else _to_workshop(row)

    def open(self) -> list[Workshop]:
        """Return every workshop that is not archived, the oldest first."""
        query = select(workshops).where(workshops.c.archived_at.is_(None)).order_by(workshops.c.id)
        with self._database.read() as connection:
            return [_to_workshop(row) for row in connection.execute(query)]

    def all(self) -> list[Counted]:
        """Return every workshop with what is in it: the open ones first, the latest first."""
        people = _count(participants.c.workshop_id)
        answers = _count(submissions.c.workshop_id)
        query = select(workshops, people.label("people"), answers.label("answers")).order_by(
            workshops.c.archived_at.is_not(None), workshops.c.id.desc()
        )
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return [Counted(_to_workshop(row), row.people, row.answers) for row in rows]

    def add_first(self, slug: str, name: str, join_code: str, secret: str) -> None:
        """Make a workshop, unless there is one already, be it archived."""
        with self._database.write() as connection:
            if connection.execute(select(workshops.c.id).limit(1)).first() is None:
                self._insert(connection, slug, name, join_code, secret)

    def add(self, name: str, join_code: str, account: str) -> int:
        """Make a workshop with a secret of its own; return its id.

        Args:
            name: Shown to everybody.
            join_code: 4 to 64 letters, digits and hyphens; empty: a random one.
            account: Who makes it.

        Raises:
            BadWorkshopError: The name or the code is none, or another workshop has that code.
        """
        cleaned = " ".join(unicodedata.normalize("NFC", name).split())
        if not cleaned or len(cleaned) > MAX_NAME:
            raise BadWorkshopError("a workshop needs a name of at most %(most)s characters", most=MAX_NAME)
        if any(unicodedata.category(character).startswith("C") for character in cleaned):
            raise BadWorkshopError("the name holds characters that cannot be seen")
        code = join_code.strip().lower() or random_code()
        if not _JOIN_CODE.fullmatch(code):
            raise BadWorkshopError("a join code has 4 to 64 letters from a to z, digits and hyphens")
        slug = f"{_to_slug(cleaned)}-{random_code(6)}"
        try:
            with self._database.write() as connection:
                identity = self._insert(connection, slug, cleaned, code, secrets.token_hex(32))
                deed = Deed(Action.WORKSHOP_OPENED, account, identity, after=cleaned)
                note(self._database, connection, [deed])
        except IntegrityError as error:
            raise BadWorkshopError("another workshop has the join code %(code)s", code=code) from error
        return identity

    def _insert(self, connection: Connection, slug: str, name: str, join_code: str, secret: str) -> int:
        values: dict[str, Any] = {"slug": slug, "name": name, "join_code": join_code, "secret": secret}
        if self._database.is_sqlite:  # which gives a deleted row's number away again
            known = select(func.max(workshops.c.id)).union_all(select(func.max(audit.c.workshop_id)))
            values["id"] = 1 + max(number or 0 for number in connection.scalars(known))
        made = insert(workshops).values(**values, created_at=self._database.now())
        return int(connection.execute(made.returning(workshops.c.id)).scalar_one())

    def archive(self, identity: int, *, archived: bool, account: str) -> None:
        """Put a workshop away, or fetch it back: in one that is put away nobody joins or hands in."""
        changed = update(workshops).where(
            workshops.c.id == identity,
            workshops.c.archived_at.is_(None) if archived else workshops.c.archived_at.is_not(None),
        )
        action = Action.WORKSHOP_ARCHIVED if archived else Action.WORKSHOP_RESTORED
        when = self._database.now() if archived else None
        with self._database.write() as connection:
            if connection.execute(changed.values(archived_at=when)).rowcount:
                note(self._database, connection, [Deed(action, account, identity)])

    def delete(self, identity: int, name: str, account: str) -> None:
        """Delete an archived workshop: participants, answers, verdicts, evidence. The trail stays.

        Args:
            identity: Of the workshop.
            name: Its name, typed by whoever means it.
            account: Who deletes it.

        Raises:
            BadWorkshopError: It is not archived, or has another name.
        """
        with self._database.write() as connection:
            this = workshops.c.id == identity
            query = select(workshops.c.name, workshops.c.archived_at).where(this)
            row = connection.execute(query).first()
            if row is None or row.archived_at is None:
                raise BadWorkshopError("only an archived workshop can be deleted")
            if " ".join(name.split()) != " ".join(row.name.split()):
                raise BadWorkshopError("that is not its name")
            found = select(submissions.c.evidence).where(submissions.c.evidence.is_not(None))
            own = set(connection.scalars(found.where(submissions.c.workshop_id == identity)))
            for column in (regrade_results.c.old_evidence, regrade_results.c.evidence):
                compared = select(column).join(
                    submissions, submissions.c.id == regrade_results.c.submission_id
                )
                own |= set(
                    connection.scalars(
                        compared.where(submissions.c.workshop_id == identity, column.is_not(None))
                    )
                )
            connection.execute(delete(workshops).where(this))
            bundles.forget(connection, sorted(own))
            # Of no workshop: there is none any more in whose log it could be read.
            deed = Deed(Action.WORKSHOP_DELETED, account, before=row.name)
            note(self._database, connection, [deed])

    def freeze(self, workshop_id: int, *, frozen: bool, account: str) -> None:
        """Let a scoreboard stand still from now on, or move again; one that stands still goes on to."""
        changed = update(workshops).where(workshops.c.id == workshop_id)
        if frozen:
            changed = changed.where(workshops.c.frozen_at.is_(None)).values(frozen_at=self._database.now())
        else:
            changed = changed.where(workshops.c.frozen_at.is_not(None)).values(frozen_at=None)
        action = Action.FREEZE if frozen else Action.UNFREEZE
        with self._database.write() as connection:
            if connection.execute(changed).rowcount:
                note(self._database, connection, [Deed(action, account, workshop_id)])

    def hide_names(self, workshop_id: int, *, hidden: bool, account: str) -> None:
        """Let a scoreboard show no names, or show them again."""
        changed = update(workshops).where(workshops.c.id == workshop_id, workshops.c.anonymous != hidden)
        action = Action.ANONYMOUS if hidden else Action.NAMES
        with self._database.write() as connection:
            if connection.execute(changed.values(anonymous=hidden)).rowcount:
                note(self._database, connection, [Deed(action, account, workshop_id)])

    def set_deadline(self, workshop_id: int, deadline: float | None, account: str) -> None:
        """Take no answers after this time, in seconds since 1970, or without an end."""
        this = workshops.c.id == workshop_id
        with self._database.write() as connection:
            before = connection.execute(select(workshops.c.deadline).where(this)).scalar()
            connection.execute(update(workshops).where(this).values(deadline=deadline))
            deed = Deed(
                Action.DEADLINE, account, workshop_id, before=_moment(before), after=_moment(deadline)
            )
            note(self._database, connection, [deed])


def _count(column: Any) -> Any:
    return select(func.count()).where(column == workshops.c.id).correlate(workshops).scalar_subquery()


def _to_slug(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[: _MAX_SLUG - 8] or "workshop"


def _moment(seconds: float | None) -> str:
    if seconds is None:
        return "none"
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _to_workshop(row: Row[Any]) -> Workshop:
    return Workshop(
        row.id,
        row.slug,
        row.name,
        row.join_code,
        row.secret,
        row.frozen_at,
        row.deadline,
        row.anonymous,
        row.archived_at,
    )
