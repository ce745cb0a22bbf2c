"""Transactions of many threads at once."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError

from worker import database as module
from worker.database import Database

_THREADS = 16
_EACH = 25


def test_no_write_is_lost_and_none_waits_long(empty_database_url: str) -> None:
    database = Database(empty_database_url)
    with database.write() as connection:
        connection.execute(text("CREATE TABLE counted (number INTEGER)"))
        connection.execute(text("INSERT INTO counted VALUES (0)"))

    def count(_: int) -> float:
        longest = 0.0
        for _ in range(_EACH):
            started = time.monotonic()
            with database.write() as connection:
                connection.execute(text("UPDATE counted SET number = number + 1"))
            longest = max(longest, time.monotonic() - started)
        return longest

    with ThreadPoolExecutor(_THREADS) as pool:
        longest = max(pool.map(count, range(_THREADS)))
    with database.read() as connection:
        assert connection.execute(text("SELECT number FROM counted")).scalar_one() == _THREADS * _EACH
    assert longest < 5
    database.close()


def test_an_error_undoes_and_lets_the_next_one_write(empty_database_url: str) -> None:
    database = Database(empty_database_url)
    with database.write() as connection:
        connection.execute(text("CREATE TABLE counted (number INTEGER PRIMARY KEY)"))
    insert = text("INSERT INTO counted VALUES (:number)")
    with pytest.raises(IntegrityError), database.write() as connection:
        connection.execute(insert, [{"number": 1}, {"number": 2}, {"number": 1}])
    with database.write() as connection:
        assert connection.execute(text("SELECT count(*) FROM counted")).scalar_one() == 0
    database.close()


def test_a_write_within_a_write_is_told_so(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_BUSY_SECONDS", 0.2)
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('database')}/service.db")
    with database.write(), pytest.raises(OperationalError, match="locked"), database.write():
        pass
    with database.write() as connection:
        connection.execute(text("SELECT 1"))
    database.close()
