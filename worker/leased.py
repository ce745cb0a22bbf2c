"""Rows that workers take for some seconds, keep, end or hand back; each a compare-and-set."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    Table,
    Update,
    and_,
    bindparam,
    or_,
    select,
    update,
)

from worker.database import Database
from worker.submission import ATTEMPTS, State

AGAIN_SECONDS: Final = 2.0
"""Where a machine has failed, others may try at once, and it again after so long: it may be broken."""


class Leased:
    """One table of work, in transactions that are open already.

    Statements are built once: to build one takes longer than to run it.
    """

    def __init__(
        self,
        database: Database,
        table: Table,
        *,
        order: Sequence[ColumnElement[Any]],
        told: Sequence[ColumnElement[Any]],
        ends_with: Sequence[str],
    ) -> None:
        """Prepare the statements.

        Args:
            database: Whose clock counts.
            table: With the columns `id`, `state`, `attempt`, `worker`, `error`, `started_at`, `lease_until`,
                `deadline` and `finished_at`.
            order: What comes first.
            told: Of what is taken.
            ends_with: The columns that are known at the end, besides the time.
        """
        rows = table.c
        self._database = database
        self._table = table
        self._told = told
        now = database.now()
        waits = rows.state == State.QUEUED.value
        begun = rows.state == State.RUNNING.value
        lost = and_(begun, rows.lease_until < now, rows.attempt < ATTEMPTS)
        self.waiting: Final = or_(waits, lost)
        self.running: Final = and_(begun, rows.lease_until >= now)
        self.exhausted: Final = and_(begun, rows.lease_until < now, rows.attempt >= ATTEMPTS)
        # A lease of 0 was handed back, at what is then called the deadline.
        mine_again = or_(
            rows.worker != bindparam("new_worker"), rows.lease_until > 0, rows.deadline < now - AGAIN_SECONDS
        )
        first_lost = select(rows.id).where(lost, mine_again).order_by(order[0]).limit(1)
        first_new = select(rows.id).where(waits).order_by(*order).limit(1)
        self._takes = [self._take(chosen) for chosen in (first_lost, first_new)]
        this = (rows.id == bindparam("this"), rows.attempt == bindparam("this_attempt"), begun)
        # What is handed back costs no attempt: the number alone does not tell whose it is.
        held = (*this, rows.worker == bindparam("this_worker"), rows.lease_until != 0)
        known = {name: bindparam(f"new_{name}", type_=rows[name].type) for name in ends_with}
        ended: Update = update(table).values(finished_at=now, lease_until=None, **known)
        self._end = ended.where(*held)
        self._end_lost = ended.where(*this, rows.lease_until < now)
        self._release = (
            update(table)
            .where(*held)
            .values(lease_until=0.0, deadline=now, error=bindparam("new_error", type_=rows.error.type))
        )
        self._renew = (
            update(table)
            .where(
                rows.id.in_(bindparam("these", expanding=True)),
                rows.worker == bindparam("this_worker"),
                begun,
                rows.lease_until != 0,
                rows.deadline > now,
            )
            .values(lease_until=now + bindparam("lease_seconds"))
        )
        self._give_back = (
            update(table)
            .where(begun, rows.worker == bindparam("this_worker"), rows.lease_until > 0)
            .values(lease_until=0.0, attempt=rows.attempt - 1)
        )

    def _take(self, chosen: Select[Any]) -> Any:
        if not self._database.is_sqlite:
            chosen = chosen.with_for_update(skip_locked=True)
        rows, now = self._table.c, self._database.now()
        taken: Update = (
            update(self._table)
            .where(rows.id == chosen.scalar_subquery())
            .values(
                state=State.RUNNING.value,
                attempt=rows.attempt + 1,
                worker=bindparam("new_worker"),
                started_at=now,
                lease_until=now + bindparam("lease_seconds"),
                deadline=now + bindparam("deadline_seconds"),
            )
        )
        return taken.returning(*self._told)

    def take(
        self, connection: Connection, worker: str, lease_seconds: float, deadline_seconds: float
    ) -> Row[Any] | None:
        """Take what a worker has begun and lost, or else the first that waits; return what is told of it."""
        values = {
            "new_worker": worker,
            "lease_seconds": lease_seconds,
            "deadline_seconds": deadline_seconds,
        }
        for take in self._takes:
            row = connection.execute(take, values).first()
            if row is not None:
                return row
        return None

    def renew(self, connection: Connection, worker: str, lease_seconds: float, these: Collection[Any]) -> int:
        """Keep some that a worker has, until each one's deadline; return how many that are."""
        values = {"these": list(these), "this_worker": worker, "lease_seconds": lease_seconds}
        return connection.execute(self._renew, values).rowcount

    def end(
        self, connection: Connection, this: Any, attempt: int, worker: str, known: Mapping[str, Any]
    ) -> bool:
        """Write the end down; return ``False`` where it was taken away."""
        values = {"this": this, "this_attempt": attempt, "this_worker": worker, **_new(known)}
        return connection.execute(self._end, values).rowcount == 1

    def end_lost(self, connection: Connection, this: Any, attempt: int, known: Mapping[str, Any]) -> bool:
        """End what is `exhausted`; return ``False`` where its worker was heard of meanwhile."""
        values = {"this": this, "this_attempt": attempt, **_new(known)}
        return connection.execute(self._end_lost, values).rowcount == 1

    def release(
        self, connection: Connection, this: Any, attempt: int, worker: str, error: str | None
    ) -> bool:
        """Hand one back that failed by the machine's fault; return ``False`` where it was taken away."""
        values = {"this": this, "this_attempt": attempt, "this_worker": worker, "new_error": error}
        return connection.execute(self._release, values).rowcount == 1

    def give_back(self, connection: Connection, worker: str) -> int:
        """Hand everything back that a worker has begun and will not finish, at no attempt's cost."""
        return connection.execute(self._give_back, {"this_worker": worker}).rowcount


def _new(known: Mapping[str, Any]) -> dict[str, Any]:
    return {f"new_{name}": value for name, value in known.items()}
