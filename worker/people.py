"""Who takes part, who instructs, and how they show that they are who they say."""

from __future__ import annotations

import functools
import hashlib
import secrets
import unicodedata
from dataclasses import dataclass
from typing import Any, Final, Literal

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from sqlalchemy import Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from grader.errors import GraderError
from worker.database import Database
from worker.tables import accounts, participants, workshops

Role = Literal["instructor", "assistant"]
MAX_NAME: Final = 60
_TOKEN_BYTES: Final = 24
HASHER: Final = PasswordHasher()
NO_PASSWORD: Final = "!"  # noqa: S105  no hash of anything


class WrongJoinCodeError(GraderError):
    """No workshop has this join code."""


class BadNameError(GraderError):
    """A participant cannot have this name."""


class NameTakenError(BadNameError):
    """Somebody else in the workshop has this name."""


@dataclass(frozen=True, slots=True)
class Participant:
    """Somebody who submits answers."""

    id: int
    workshop_id: int
    name: str
    session_version: int


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who sees everybody's answers."""

    id: int
    name: str
    role: Role
    session_version: int


def clean_name(name: str) -> str:
    """Return a participant's name without what nobody sees.

    Raises:
        BadNameError: Nothing is left, or too much, or it holds control characters.
    """
    cleaned = " ".join(unicodedata.normalize("NFC", name).split())
    if not cleaned:
        raise BadNameError("a name is needed")
    if len(cleaned) > MAX_NAME:
        raise BadNameError("the name is longer than %(most)s characters", most=MAX_NAME)
    # Right-to-left letters are welcome; characters that turn the direction of what follows are not.
    if any(unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Cn"} for character in cleaned):
        raise BadNameError("the name holds characters that cannot be seen")
    return cleaned


def name_key(name: str) -> str:
    """Return what two names have in common that look alike."""
    return unicodedata.normalize("NFKC", name).casefold()


class People:
    """Participants and accounts; safe to use from many threads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def join(self, join_code: str, name: str) -> tuple[Participant, str]:
        """Let somebody take part; return them and their token, which is kept nowhere.

        Raises:
            WrongJoinCodeError: No workshop has this join code.
            NameTakenError: Somebody else has this name.
            BadNameError: It is no name.
        """
        return self.add_participant(self.open_workshop(join_code), name)

    def open_workshop(self, join_code: str) -> int:
        """Return the id of the workshop that is joined by a code.

        Raises:
            WrongJoinCodeError: No workshop has this join code, or it is over.
        """
        query = select(workshops.c.id).where(
            workshops.c.join_code == join_code.strip().lower(), workshops.c.archived_at.is_(None)
        )
        with self._database.read() as connection:
            identity = connection.execute(query).scalar()
        if identity is None:
            raise WrongJoinCodeError("no workshop has this join code")
        return int(identity)

    def add_participant(
        self, workshop_id: int, name: str, *, imported: bool = False, subject: str | None = None
    ) -> tuple[Participant, str]:
        """Add a participant; see `join`.

        Args:
            workshop_id: Of the workshop.
            name: What they are called.
            imported: Whether a batch brings them.
            subject: Issuer and subject, where an identity provider has shown who they are. Whoever is there
                already by the same subject counts as somebody else who has the name.
        """
        cleaned = clean_name(name)
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        values: dict[str, Any] = {
            "workshop_id": workshop_id,
            "name": cleaned,
            "name_key": name_key(cleaned),
            "token_digest": digest(token),
            "session_version": first_version(),
            "imported": imported,
            "subject": subject,
            "created_at": self._database.now(),
        }
        try:
            with self._database.write() as connection:
                identity = connection.execute(
                    insert(participants).values(values).returning(participants.c.id)
                ).scalar_one()
        except IntegrityError as error:
            raise NameTakenError("somebody is called %(name)s already", name=cleaned) from error
        return Participant(identity, workshop_id, cleaned, values["session_version"]), token

    def by_token(self, token: str) -> Participant | None:
        """Return whose token this is."""
        return self._participant(participants.c.token_digest == digest(token))

    def participant(self, identity: int) -> Participant | None:
        """Return a participant."""
        return self._participant(participants.c.id == identity)

    def by_name(self, workshop_id: int, name: str) -> Participant | None:
        """Return the participant of a workshop with this name."""
        return self._participant(
            (participants.c.workshop_id == workshop_id) & (participants.c.name_key == name_key(name))
        )

    def _participant(self, condition: Any) -> Participant | None:
        with self._database.read() as connection:
            row = connection.execute(PARTICIPANT.where(condition)).first()
        return None if row is None else Participant(*row)

    def new_token(self, participant: Participant) -> str:
        """Give a participant another token; the former one and every session end."""
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        with self._database.write() as connection:
            connection.execute(
                update(participants)
                .where(participants.c.id == participant.id)
                .values(token_digest=digest(token), session_version=participants.c.session_version + 1)
            )
        return token

    def sign_in(self, name: str, password: str) -> Account | None:
        """Return the account with this name and password."""
        query = select(accounts).where(accounts.c.name == name)
        with self._database.read() as connection:
            row = connection.execute(query).first()
        try:
            nobody = _nobody()
            kept = nobody if row is None or row.password_hash == NO_PASSWORD else row.password_hash
            HASHER.verify(kept, password)
        except (VerifyMismatchError, InvalidHashError):
            return None
        return None if row is None else to_account(row)

    def account(self, identity: int) -> Account | None:
        """Return an account."""
        with self._database.read() as connection:
            row = connection.execute(select(accounts).where(accounts.c.id == identity)).first()
        return None if row is None else to_account(row)

    def has_accounts(self) -> bool:
        """Return whether there is an account at all."""
        with self._database.read() as connection:
            return connection.execute(select(accounts.c.id).limit(1)).first() is not None

    def has_account(self, name: str) -> bool:
        """Return whether there is an account of this name."""
        with self._database.read() as connection:
            found = connection.execute(select(accounts.c.id).where(accounts.c.name == name)).first()
        return found is not None

    def add_account(self, name: str, role: str, password: str) -> bool:
        """Make an account; return ``False`` where there is one of this name."""
        values = {
            "name": name,
            "role": role,
            "password_hash": HASHER.hash(password),
            "session_version": 1,
            "created_at": self._database.now(),
        }
        try:
            with self._database.write() as connection:
                connection.execute(insert(accounts).values(values))
        except IntegrityError:
            return False
        return True

    def set_password(self, name: str, password: str) -> bool:
        """Change a password and end every session with the old one."""
        with self._database.write() as connection:
            changed = connection.execute(
                update(accounts)
                .where(accounts.c.name == name)
                .values(password_hash=HASHER.hash(password), session_version=accounts.c.session_version + 1)
            )
        return changed.rowcount == 1


@functools.cache
def _nobody() -> str:
    """Return what is compared with where there is no account, so that both cases take the same time."""
    return HASHER.hash(secrets.token_hex(16))


def first_version() -> int:
    """Return the number of a participant's first sessions: SQLite gives ids of deleted ones away again."""
    return secrets.randbelow(1 << 30)


def digest(token: str) -> bytes:
    """Return what is kept of a token."""
    # A token has 192 random bits: nothing is gained by hashing it slowly.
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


PARTICIPANT: Final = select(
    participants.c.id, participants.c.workshop_id, participants.c.name, participants.c.session_version
)


def to_account(row: Row[Any]) -> Account:
    """Return the account of a row."""
    return Account(row.id, row.name, row.role, row.session_version)
