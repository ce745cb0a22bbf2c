"""What tests of the service would otherwise make anew each time: tables, templates, costly hashes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from jinja2 import FileSystemBytecodeCache

from worker import people, schema
from worker.database import Database

_USUAL = people.HASHER  # each folder of tests has the fixture of its own


def migrate(url: str) -> None:
    """Bring a database to the present schema."""
    database = Database(url)
    schema.upgrade(database)
    database.close()


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file at the present schema, to be copied."""
    path = tmp_path_factory.mktemp("migrated") / "service.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session", autouse=True)
def usual_hasher() -> Iterator[PasswordHasher]:
    """What hashes passwords; in this process, one that takes no time does so instead."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(people, "HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        yield _USUAL


@pytest.fixture(scope="session")
def compiled_templates(tmp_path_factory: pytest.TempPathFactory) -> FileSystemBytecodeCache:
    """Templates that some application has compiled already."""
    return FileSystemBytecodeCache(str(tmp_path_factory.mktemp("templates")))
