"""Which workers there are, how they fare, and which of them has a duty that only one may have."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Final, Literal

from sqlalchemy import Row, bindparam, delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

from worker.database import Database
from worker.tables import leases, workers

SILENT_SECONDS: Final = 10.0
"""A worker that was not heard of for so long is taken for dead."""

_FORGOTTEN_SECONDS: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """What a worker says of itself.

    Attributes:
        reason: Why it is paused.
        counters: JSON, see `worker.counters`.
    """

    name: str
    host: str
    pid: int
    version: str
    state: Literal["working", "draining", "paused", "stopped"]
    reason: str
    running: int
    ready_engines: int
    counters: str


@dataclass(frozen=True, slots=True)
class Seen:
    """A worker's last word.

    Attributes:
        started_at: When it began, in seconds since 1970.
        silent_seconds: How long ago that was.
    """

    heartbeat: Heartbeat
    started_at: float
    silent_seconds: float

    @property
    def alive(self) -> bool:
        """Whether it can be expected to work."""
        return self.heartbeat.state != "stopped" and self.silent_seconds < SILENT_SECONDS


_TOLD: Final = tuple(field.name for field in fields(Heartbeat))


class Staff:
    """All workers; safe to use from many threads and processes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._insert: Any = insert_sqlite if database.is_sqlite else insert_postgresql
        # Built once, because an idle worker does little else.
        now = database.now()
        values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in _TOLD} | {"seen_at": now}
        self._beat = (
            self._insert(workers)
            .values(started_at=now, **values)
            .on_conflict_do_update(index_elements=["name"], set_=values)
        )
        self._holder = select(leases.c.holder, (leases.c.until - now).label("left")).where(
            leases.c.name == bindparam("duty")
        )

    def beat(self, heartbeat: Heartbeat) -> None:
        """Write down that a worker lives."""
        values = {f"new_{name}": getattr(heartbeat, name) for name in _TOLD}
        with self._database.write() as connection:
            connection.execute(self._beat, values)

    def all(self) -> list[Seen]:
        """Return every worker of the last hour, by name."""
        silent = (self._database.now() - workers.c.seen_at).label("silent")
        query = select(workers, silent).order_by(workers.c.name)
        with self._database.read() as connection:
            return [_to_seen(row) for row in connection.execute(query)]

    def forget(self) -> None:
        """Remove workers that were not heard of for an hour."""
        with self._database.write() as connection:
            connection.execute(
                delete(workers).where(workers.c.seen_at < self._database.now() - _FORGOTTEN_SECONDS)
            )

    def acquire(self, duty: str, holder: str, seconds: float) -> bool:
        """Take or keep a duty that one worker has at a time; return whether it is the holder's now."""
        with self._database.read() as connection:
            row = connection.execute(self._holder, {"duty": duty}).first()
        if row is not None and row.left > (seconds / 2 if row.holder == holder else 0):
            return bool(row.holder == holder)
        now = self._database.now()
        with self._database.write() as connection:
            if row is None:
                return bool(
                    connection.execute(
                        self._insert(leases)
                        .values(name=duty, holder=holder, until=now + seconds)
                        .on_conflict_do_nothing()
                    ).rowcount
                )
            return bool(
                connection.execute(
                    update(leases)
                    .where(leases.c.name == duty, or_(leases.c.holder == holder, leases.c.until < now))
                    .values(holder=holder, until=now + seconds)
                ).rowcount
            )

    def resign(self, holder: str) -> None:
        """Give up every duty."""
        with self._database.write() as connection:
            connection.execute(delete(leases).where(leases.c.holder == holder))


def _to_seen(row: Row[Any]) -> Seen:
    heartbeat = Heartbeat(
        row.name,
        row.host,
        row.pid,
        row.version,
        row.state,
        row.reason,
        row.running,
        row.ready_engines,
        row.counters,
    )
    return Seen(heartbeat, row.started_at, max(0.0, float(row.silent)))
