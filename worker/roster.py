"""Brings a list of participants into a workshop: read from CSV, added all at once or not at all."""

from __future__ import annotations

import csv
import io
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row, insert, select
from sqlalchemy.exc import IntegrityError

from grader.errors import GraderError
from worker.audit import Action, Deed, note
from worker.database import Database
from worker.people import BadNameError, clean_name, digest, first_version, name_key
from worker.tables import participants

_TOLD: Final = 5  # lines in an error
MOST: Final = 2_000
"""Participants in one list."""

MAX_ID: Final = 100
_TOKEN_BYTES: Final = 24
_NAMES: Final = frozenset({"name", "participant", "full name"})
_IDS: Final = frozenset({"id", "id number", "external_id", "student id"})


class RosterError(GraderError):
    """A list of participants cannot be taken; the message names the lines."""


class LinesError(RosterError):
    """Some lines of a list cannot be taken.

    Attributes:
        problems: By line, the first few.
        more: How many others there are.
    """

    def __init__(self, problems: Sequence[tuple[int, BadNameError]]) -> None:
        self.problems = problems[:_TOLD]
        self.more = len(problems) - len(self.problems)
        told = "; ".join(f"line {number}: {error}" for number, error in self.problems)
        super().__init__(f"{told}; and {self.more} more" if self.more else told)


@dataclass(frozen=True, slots=True)
class Listed:
    """Somebody on a list: a name, and an id of another system or an empty text."""

    name: str
    external_id: str = ""


@dataclass(frozen=True, slots=True)
class Member:
    """A participant of a workshop; `joined_at` in seconds since 1970."""

    id: int
    workshop_id: int
    name: str
    external_id: str
    joined_at: float


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What came of a line: the token is kept nowhere, and empty where somebody was there already."""

    listed: Listed
    token: str


def read(data: bytes) -> list[Listed]:
    """Read a CSV file with a column `name` and perhaps one `id`; without such a head, the columns are these.

    Raises:
        RosterError: It is no such file, or names cannot be names; the message says where.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RosterError("the file is not UTF-8: save it as `CSV UTF-8`") from error
    lines = text.splitlines()
    delimiter = max(",;\t", key=(lines[0] if lines else "").count)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise RosterError("the file is no CSV: %(why)s", why=error) from error
    name_at, id_at, begin = _columns(rows)
    found: list[Listed] = []
    problems: list[tuple[int, BadNameError]] = []
    first: dict[str, int] = {}
    for number, row in enumerate(rows[begin:], begin + 1):
        if not any(cell.strip() for cell in row):
            continue
        try:
            listed = _listed(row, name_at, id_at)
            if (key := name_key(listed.name)) in first:
                twice = BadNameError(
                    "%(name)s stands in line %(line)s already", name=listed.name, line=first[key]
                )
                problems.append((number, twice))
            else:
                first[key] = number
                found.append(listed)
        except BadNameError as error:
            problems.append((number, error))
    if problems:
        raise LinesError(problems)
    if not found:
        raise RosterError("the list is empty")
    if len(found) > MOST:
        raise RosterError(
            "the list has %(participants)s participants, %(most)s are allowed",
            participants=len(found),
            most=MOST,
        )
    return found


def _columns(rows: Sequence[Sequence[str]]) -> tuple[int, int | None, int]:
    """Return the column of names, that of ids if there is one, and the first line of the list."""
    head = [cell.strip().casefold() for cell in rows[0]] if rows else []
    names = [place for place, cell in enumerate(head) if cell in _NAMES]
    ids = [place for place, cell in enumerate(head) if cell in _IDS]
    if names:
        return names[0], ids[0] if ids else None, 1
    return 0, 1 if len(head) > 1 else None, 0


def _listed(row: Sequence[str], name_at: int, id_at: int | None) -> Listed:
    name = clean_name(row[name_at] if name_at < len(row) else "")
    external = row[id_at].strip() if id_at is not None and id_at < len(row) else ""
    if len(external) > MAX_ID or not external.isprintable():
        raise BadNameError("an id has up to %(most)s visible characters", most=MAX_ID)
    return Listed(name, external)


class Roster:
    """Lists of participants; safe to use from many threads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def members(self, workshop_id: int) -> list[Member]:
        """Return a workshop's participants by name."""
        query = _MEMBER.where(participants.c.workshop_id == workshop_id)
        with self._database.read() as connection:
            found = [_to_member(row) for row in connection.execute(query)]
        return sorted(found, key=lambda member: member.name.casefold())

    def member(self, identity: int) -> Member | None:
        """Return a participant with their id of another system."""
        with self._database.read() as connection:
            row = connection.execute(_MEMBER.where(participants.c.id == identity)).first()
        return None if row is None else _to_member(row)

    def enrol(self, workshop_id: int, listed: Iterable[Listed], account: str) -> list[Enrolled]:
        """Add those who are not there yet; return each line with the token of whoever is new.

        Raises:
            RosterError: Somebody joined at the same moment under one of the names; nobody was added.
        """
        wanted = list(listed)
        now = self._database.now()
        present = select(participants.c.name_key).where(participants.c.workshop_id == workshop_id)
        try:
            with self._database.write() as connection:
                there = set(connection.execute(present).scalars())
                found = [
                    Enrolled(one, "" if name_key(one.name) in there else secrets.token_urlsafe(_TOKEN_BYTES))
                    for one in wanted
                ]
                values = [_values(workshop_id, one) for one in found if one.token]
                if values:
                    connection.execute(insert(participants).values(created_at=now), values)
                there_already = len(found) - len(values)
                deed = Deed(
                    Action.IMPORT,
                    account,
                    workshop_id,
                    after=f"{len(values)} participants",
                    comment=f"{there_already} were there already" if there_already else "",
                )
                note(self._database, connection, [deed])
        except IntegrityError as error:
            raise RosterError("somebody joined under one of these names just now; try again") from error
        return found


def _values(workshop_id: int, one: Enrolled) -> dict[str, Any]:
    return {
        "workshop_id": workshop_id,
        "name": one.listed.name,
        "name_key": name_key(one.listed.name),
        "external_id": one.listed.external_id or None,
        "token_digest": digest(one.token),
        "session_version": first_version(),
        "imported": False,
    }


def _to_member(row: Row[*tuple[Any, ...]]) -> Member:
    return Member(row.id, row.workshop_id, row.name, row.external_id or "", row.created_at)


_MEMBER: Final = select(
    participants.c.id,
    participants.c.workshop_id,
    participants.c.name,
    participants.c.external_id,
    participants.c.created_at,
)
