"""Whatever comes together is stored together, and nobody pays for another's mistake."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, insert, select
from sqlalchemy.exc import IntegrityError

from worker.database import Database
from worker.together import Together

_TABLE = Table("numbers", MetaData(), Column("number", Integer, primary_key=True, autoincrement=False))


class Numbers:
    """Rows of one number; the first transaction waits until `begun` is let go."""

    def __init__(self, database: Database) -> None:
        self.transactions: list[list[int]] = []
        self.begun = threading.Event()
        self.go = threading.Event()
        self.database = database
        self.commit = Together(self._store, apart=IntegrityError)

    def _store(self, numbers: Sequence[int]) -> None:
        self.transactions.append(list(numbers))
        self.begun.set()
        self.go.wait(20)
        with self.database.write() as connection:
            connection.execute(insert(_TABLE), [{"number": number} for number in numbers])


@pytest.fixture
def numbers(tmp_path: Path) -> Numbers:
    database = Database(f"sqlite:///{tmp_path}/numbers.db")
    _TABLE.metadata.create_all(database.engine)
    return Numbers(database)


def stored(numbers: Numbers) -> list[int]:
    with numbers.database.read() as connection:
        return list(connection.execute(select(_TABLE.c.number).order_by(_TABLE.c.number)).scalars())


def add_together(numbers: Numbers, given: Sequence[int]) -> list[BaseException | None]:
    """Add the first one, the others while its transaction is open; return what each one raised."""
    raised: list[BaseException | None] = [None] * len(given)

    def add(place: int) -> None:
        try:
            numbers.commit.add(given[place])
        except IntegrityError as error:
            raised[place] = error

    threads = [threading.Thread(target=add, args=(place,)) for place in range(len(given))]
    threads[0].start()
    assert numbers.begun.wait(20)
    for thread in threads[1:]:
        thread.start()
    while len(numbers.commit._waiting) < len(given) - 1:
        assert any(thread.is_alive() for thread in threads)
    numbers.go.set()
    for thread in threads:
        thread.join(20)
    return raised


def test_who_waits_is_stored_by_whoever_comes_first(numbers: Numbers) -> None:
    assert add_together(numbers, range(9)) == [None] * 9
    assert stored(numbers) == list(range(9))
    first, rest = numbers.transactions
    assert first == [0]
    assert sorted(rest) == list(range(1, 9))


def test_only_who_is_refused_hears_of_it(numbers: Numbers) -> None:
    raised = add_together(numbers, [1, 2, 1, 3])
    assert [error is not None for error in raised] == [False, False, True, False]
    assert stored(numbers) == [1, 2, 3]


def test_after_a_refusal_others_are_stored(numbers: Numbers) -> None:
    numbers.go.set()
    numbers.commit.add(1)
    with pytest.raises(IntegrityError):
        numbers.commit.add(1)
    numbers.commit.add(2)
    assert stored(numbers) == [1, 2]


def test_many_at_once_are_stored_once_each(numbers: Numbers) -> None:
    numbers.go.set()
    threads = [
        threading.Thread(target=lambda part=part: [numbers.commit.add(part * 100 + n) for n in range(100)])
        for part in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert stored(numbers) == list(range(800))
    assert sum(map(len, numbers.transactions)) == 800
