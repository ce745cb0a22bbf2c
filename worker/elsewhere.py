"""Participants and accounts that an identity provider shows to be who they are."""

from __future__ import annotations

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from grader.errors import GraderError
from worker.database import Database
from worker.people import (
    NO_PASSWORD,
    PARTICIPANT,
    Account,
    NameTakenError,
    Participant,
    Role,
    first_version,
    to_account,
)
from worker.tables import accounts, participants


class SubjectTakenError(GraderError):
    """The provider shows somebody else of the same workshop by this subject."""


class Elsewhere:
    """Who is known by the subject of an identity provider; safe to use from many threads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def participants(self, subject: str) -> list[Participant]:
        """Return whoever takes part by this subject: one in each of their workshops."""
        query = PARTICIPANT.where(participants.c.subject == subject).order_by(participants.c.workshop_id)
        with self._database.read() as connection:
            return [Participant(*row) for row in connection.execute(query)]

    def shows(self, participant: Participant) -> bool:
        """Return whether a provider shows who a participant is."""
        query = select(participants.c.subject).where(participants.c.id == participant.id)
        with self._database.read() as connection:
            return connection.execute(query).scalar() is not None

    def connect(self, participant: Participant, subject: str) -> None:
        """Let a provider show who a participant is, besides their token, instead of any other subject.

        Raises:
            SubjectTakenError: It shows somebody else of the workshop already.
        """
        try:
            with self._database.write() as connection:
                connection.execute(
                    update(participants).where(participants.c.id == participant.id).values(subject=subject)
                )
        except IntegrityError as error:
            raise SubjectTakenError("it shows somebody else of this workshop") from error

    def disconnect(self, participant: Participant) -> None:
        """Let no provider show any more who a participant is; every session of theirs ends."""
        with self._database.write() as connection:
            connection.execute(
                update(participants)
                .where(participants.c.id == participant.id)
                .values(subject=None, session_version=participants.c.session_version + 1)
            )

    def account(self, subject: str, name: str, role: Role) -> Account:
        """Return the account of somebody whom an identity provider has shown to be who they are.

        It is made at the first time, without a password. Where the role is another one than before, every
        session with the former one ends.

        Args:
            subject: Issuer and subject, which nobody else has.
            name: What a new account is called.
            role: What they may do from now on.

        Raises:
            NameTakenError: There is another account of this name.
        """
        query = select(accounts).where(accounts.c.subject == subject)
        values = {
            "name": name,
            "role": role,
            "password_hash": NO_PASSWORD,
            "subject": subject,
            "session_version": first_version(),
            "created_at": self._database.now(),
        }
        try:
            with self._database.write() as connection:
                row = connection.execute(query).first()
                if row is None:
                    connection.execute(insert(accounts).values(values))
                elif row.role != role:
                    connection.execute(
                        update(accounts)
                        .where(accounts.c.id == row.id)
                        .values(role=role, session_version=accounts.c.session_version + 1)
                    )
                return to_account(connection.execute(query).one())
        except IntegrityError as error:
            raise NameTakenError("there is another account %(name)s", name=name) from error

    def end_sessions(self, subject: str) -> None:
        """End every session of the account of somebody whom an identity provider knows."""
        with self._database.write() as connection:
            connection.execute(
                update(accounts)
                .where(accounts.c.subject == subject)
                .values(session_version=accounts.c.session_version + 1)
            )
