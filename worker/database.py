"""One way to reach SQLite and PostgreSQL: connections, transactions and the clock."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Float, bindparam, cast, create_engine, event, func
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError

from grader.errors import GraderError

BROKEN = (OperationalError, InterfaceError)
"""Raised while the database cannot be reached."""

_BUSY_SECONDS = 15.0
_BEGIN = "BEGIN IMMEDIATE"


class Database:
    """A database; safe to use from many threads, but made anew after a fork."""

    def __init__(self, url: str) -> None:
        """Prepare connections; the first one is made when it is needed.

        Raises:
            GraderError: The address makes no sense.
        """
        try:
            parsed = make_url(url)
            self.is_sqlite = parsed.get_backend_name() == "sqlite"
            if self.is_sqlite:
                if parsed.database and parsed.database != ":memory:":
                    Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
                self._engine = create_engine(
                    parsed,
                    pool_size=64,
                    max_overflow=-1,
                    connect_args={"timeout": _BUSY_SECONDS, "check_same_thread": False},
                )
                event.listen(self._engine, "connect", _prepare_sqlite)
                event.listen(self._engine, "begin", _begin_sqlite)
            else:
                self._engine = create_engine(parsed, pool_size=16, max_overflow=48, pool_pre_ping=True)
        except (ArgumentError, ImportError, OSError) as error:
            raise GraderError(f"DATABASE_URL: {error}") from error
        self._turn = threading.Lock()
        self._reading = self._engine.execution_options(
            isolation_level="AUTOCOMMIT", **({"reads": True} if self.is_sqlite else {})
        )

    @property
    def engine(self) -> Engine:
        """For migrations."""
        return self._engine

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection for single statements that only read."""
        with self._reading.connect() as connection:
            yield connection

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a connection in a transaction, which is committed at the end or undone by an error."""
        with self._one_at_a_time(), self._engine.begin() as connection:
            yield connection

    @contextlib.contextmanager
    def _one_at_a_time(self) -> Iterator[None]:
        """Let the threads of this process write to SQLite in turn; PostgreSQL takes them all at once.

        SQLite itself lets one write and has the others sleep and look again, for up to 0.1 s each time.
        Who waits longer than it would goes on, to be told by the database what is the matter.
        """
        mine = self.is_sqlite and self._turn.acquire(timeout=_BUSY_SECONDS)
        try:
            yield
        finally:
            if mine:
                self._turn.release()

    def now(self) -> ColumnElement[float]:
        """Return the time as the database sees it: machines may disagree, and leases must not."""
        if self.is_sqlite:
            return bindparam("now", callable_=time.time, type_=Float)
        return cast(func.extract("epoch", func.clock_timestamp()), Float)

    def reachable(self) -> str:
        """Return why the database cannot be used, or an empty text."""
        try:
            with self.read() as connection:
                connection.exec_driver_sql("SELECT 1")
        except DBAPIError as error:
            return str(error.orig)
        return ""

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()


def _prepare_sqlite(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # transactions are begun below, not by the driver
    cursor = connection.cursor()
    # With a write-ahead log, NORMAL loses no transaction but to a power cut, and never the file.
    for line in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "temp_store=MEMORY"):
        cursor.execute(f"PRAGMA {line}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that begins by reading cannot become a writing one while others write (SQLITE_BUSY).
    if not connection.get_execution_options().get("reads"):
        try:  # by the driver, since SQLAlchemy would make much of a statement
            connection.connection.cursor().execute(_BEGIN)
        except sqlite3.OperationalError as error:
            raise OperationalError(_BEGIN, None, error) from error
