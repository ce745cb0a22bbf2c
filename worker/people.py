"""Who takes part, who instructs, and how they show that they are who they say."""

from __future__ import annotations

import hashlib
import secrets
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from sqlalchemy import Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from grader.errors import GraderError
from worker.audit import Action, Deed, note
from worker.database import Database
from worker.tables import accounts, participants, workshops

MAX_NAME: Final = 60
_TOKEN_BYTES: Final = 24
_CODE_LETTERS: Final = "abcdefghijkmnpqrstuvwxyz23456789"  # nothing that is easily misread
_HASHER: Final = PasswordHasher()
# Compared with where there is no account, so that both cases take the same time.
_NOBODY: Final = _HASHER.hash(secrets.token_hex(16))


class WrongJoinCodeError(GraderError):
    """No workshop has this join code."""


class BadNameError(GraderError):
    """A participant cannot have this name."""


class NameTakenError(BadNameError):
    """Somebody else in the workshop has this name."""


@dataclass(frozen=True, slots=True)
class Workshop:
    """A group of participants with values of their own.

    Attributes:
        secret: What the participants' values are drawn from.
        frozen_at: Since when the scoreboard stands still, or ``None``.
        deadline: Until when submissions are taken, or ``None``.
        anonymous: Whether the scoreboard shows no names.
    """

    id: int
    slug: str
    name: str
    join_code: str
    secret: str
    frozen_at: float | None = None
    deadline: float | None = None
    anonymous: bool = False


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
    role: Literal["instructor", "assistant"]
    session_version: int


def random_code(length: int = 8) -> str:
    """Return a code that is easily read aloud."""
    return "".join(secrets.choice(_CODE_LETTERS) for _ in range(length))


def clean_name(name: str) -> str:
    """Return a participant's name without what nobody sees.

    Raises:
        BadNameError: Nothing is left, or too much, or it holds control characters.
    """
    cleaned = " ".join(unicodedata.normalize("NFC", name).split())
    if not cleaned:
        raise BadNameError("a name is needed")
    if len(cleaned) > MAX_NAME:
        raise BadNameError(f"the name is longer than {MAX_NAME} characters")
    # Right-to-left letters are welcome; characters that turn the direction of what follows are not.
    if any(unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Cn"} for character in cleaned):
        raise BadNameError("the name holds characters that cannot be seen")
    return cleaned


def name_key(name: str) -> str:
    """Return what two names have in common that look alike."""
    return unicodedata.normalize("NFKC", name).casefold()


class People:
    """Workshops, participants and accounts; safe to use from many threads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def workshop(self, identity: int) -> Workshop | None:
        """Return a workshop."""
        return self._workshop(workshops.c.id == identity)

    def workshop_by_code(self, join_code: str) -> Workshop | None:
        """Return the workshop with this join code."""
        return self._workshop(workshops.c.join_code == join_code.strip().lower())

    def workshops(self) -> list[Workshop]:
        """Return every workshop that is not archived, the oldest first."""
        query = select(workshops).where(workshops.c.archived_at.is_(None)).order_by(workshops.c.id)
        with self._database.read() as connection:
            return [_to_workshop(row) for row in connection.execute(query)]

    def _workshop(self, condition: Any) -> Workshop | None:
        query = select(workshops).where(condition, workshops.c.archived_at.is_(None))
        with self._database.read() as connection:
            row = connection.execute(query).first()
        return None if row is None else _to_workshop(row)

    def add_workshop(self, slug: str, name: str, join_code: str, secret: str) -> None:
        """Make a workshop, unless there is one of this slug."""
        with self._database.write() as connection:
            if connection.execute(select(workshops.c.id).where(workshops.c.slug == slug)).first() is None:
                connection.execute(
                    insert(workshops).values(
                        slug=slug,
                        name=name,
                        join_code=join_code,
                        secret=secret,
                        created_at=self._database.now(),
                    )
                )

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

    def join(self, join_code: str, name: str) -> tuple[Participant, str]:
        """Let somebody take part; return them and their token, which is kept nowhere.

        Raises:
            WrongJoinCodeError: No workshop has this join code.
            NameTakenError: Somebody else has this name.
            BadNameError: It is no name.
        """
        workshop = self.workshop_by_code(join_code)
        if workshop is None:
            raise WrongJoinCodeError("no workshop has this join code")
        return self.add_participant(workshop.id, name)

    def add_participant(
        self, workshop_id: int, name: str, *, imported: bool = False
    ) -> tuple[Participant, str]:
        """Add a participant; see `join`."""
        cleaned = clean_name(name)
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        values = {
            "workshop_id": workshop_id,
            "name": cleaned,
            "name_key": name_key(cleaned),
            "token_digest": digest(token),
            "session_version": 1,
            "imported": imported,
            "created_at": self._database.now(),
        }
        try:
            with self._database.write() as connection:
                identity = connection.execute(
                    insert(participants).values(values).returning(participants.c.id)
                ).scalar_one()
        except IntegrityError as error:
            raise NameTakenError(f"somebody is called {cleaned} already") from error
        return Participant(identity, workshop_id, cleaned, 1), token

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
        query = select(
            participants.c.id,
            participants.c.workshop_id,
            participants.c.name,
            participants.c.session_version,
        ).where(condition)
        with self._database.read() as connection:
            row = connection.execute(query).first()
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
            _HASHER.verify(row.password_hash if row else _NOBODY, password)
        except (VerifyMismatchError, InvalidHashError):
            return None
        return None if row is None else _to_account(row)

    def account(self, identity: int) -> Account | None:
        """Return an account."""
        with self._database.read() as connection:
            row = connection.execute(select(accounts).where(accounts.c.id == identity)).first()
        return None if row is None else _to_account(row)

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
            "password_hash": _HASHER.hash(password),
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
                .values(password_hash=_HASHER.hash(password), session_version=accounts.c.session_version + 1)
            )
        return changed.rowcount == 1


def _moment(seconds: float | None) -> str:
    if seconds is None:
        return "none"
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def digest(token: str) -> bytes:
    """Return what is kept of a token."""
    # A token has 192 random bits: nothing is gained by hashing it slowly.
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


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
    )


def _to_account(row: Row[Any]) -> Account:
    return Account(row.id, row.name, row.role, row.session_version)
