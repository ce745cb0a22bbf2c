"""Group commit: what many threads want to store at the same moment goes into one transaction."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from worker.database import Database

_Row = TypeVar("_Row")


@dataclass(slots=True, eq=False)
class _Waiting(Generic[_Row]):
    row: _Row
    stored: bool = False
    error: BaseException | None = None


class GroupCommit(Generic[_Row]):
    """Stores rows for many threads; who comes first stores what others have brought meanwhile, too.

    Only SQLite needs it, which lets one transaction write at a time: PostgreSQL takes them all at once.
    """

    def __init__(self, database: Database, store: Callable[[Connection, Sequence[_Row]], None]) -> None:
        """Say how rows are stored, in the order in which they are given."""
        self._database = database
        self._store = store
        self._turn = threading.Lock()
        self._waiting: list[_Waiting[_Row]] = []

    def add(self, row: _Row) -> None:
        """Store a row; return when it is committed.

        Raises:
            DBAPIError: It could not be stored, or the database is away.
        """
        if not self._database.is_sqlite:
            with self._database.write() as connection:
                self._store(connection, [row])
            return
        mine = _Waiting(row)
        self._waiting.append(mine)
        with self._turn:
            if not mine.stored and mine.error is None:
                together = self._waiting[:]
                del self._waiting[: len(together)]  # meanwhile others may have added theirs at the end
                self._commit(together)
        if mine.error is not None:
            raise mine.error

    def _commit(self, together: Sequence[_Waiting[_Row]]) -> None:
        """Store everything at once; what is refused spoils only its own."""
        try:
            with self._database.write() as connection:
                self._store(connection, [waiting.row for waiting in together])
        except BaseException as error:  # noqa: BLE001  raised again by everyone whom it concerns
            if len(together) > 1 and isinstance(error, IntegrityError):
                for waiting in together:
                    self._commit([waiting])
                return
            for waiting in together:
                waiting.error = error
        else:
            for waiting in together:
                waiting.stored = True
