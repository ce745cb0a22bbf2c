"""Brings a database to the present schema, from nothing or from any earlier version."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from worker.database import Database

_LOCK: Final = 0x67726164  # any number that nobody else uses
_SCRIPTS: Final = Path(__file__).with_name("migrations")


def upgrade(database: Database, revision: str = "head") -> None:
    """Migrate; processes that start together do it one after the other.

    Args:
        database: To be migrated.
        revision: Where to stop, for tests.
    """
    if revision == "head" and current(database) == head():
        return
    config = _config()
    with _alone(database):
        config.attributes["database"] = database
        command.upgrade(config, revision)


def current(database: Database) -> str | None:
    """Return the revision that a database is at, or ``None`` where it has no tables."""
    with database.read() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def head() -> str | None:
    """Return the newest revision."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    return config


@contextlib.contextmanager
def _alone(database: Database) -> Iterator[None]:
    if database.is_sqlite:
        with open(f"{database.engine.url.database}.lock", "w", encoding="ascii") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
        return
    with database.read() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
        try:
            yield
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _LOCK})
