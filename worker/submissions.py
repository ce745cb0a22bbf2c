"""The life of a submission in the database: every change is one compare-and-set."""

from __future__ import annotations

import hashlib
import secrets
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Row, and_, func, insert, or_, select, update
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.exc import IntegrityError

from grader.errors import GraderError
from grader.model import Exercise, Report
from grader.report import json
from worker.database import Database
from worker.people import Participant
from worker.tables import evidence as evidence_table
from worker.tables import participants, submission_files, submissions

ATTEMPTS: Final = 3
"""How often a submission is begun before it is ungradable."""

_ID_BYTES: Final = 16


class State(StrEnum):
    """Where a submission is; it only ever moves down this list."""

    QUEUED = "queued"
    RUNNING = "running"
    GRADED = "graded"
    UNGRADABLE = "ungradable"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        """Whether nothing more will happen."""
        return self not in (State.QUEUED, State.RUNNING)


class ConflictError(GraderError):
    """An idempotency key was used before, for something else."""


@dataclass(frozen=True, slots=True)
class Submitted:
    """A submission as everybody may see it who may see it at all; times in seconds since 1970."""

    id: str
    workshop_id: int
    participant_id: int
    participant: str
    exercise: str
    state: State
    attempt: int
    created_at: float
    started_at: float | None
    finished_at: float | None
    score: float | None
    max_score: float | None
    passed: bool | None
    report: bytes | None
    evidence: str | None
    error: str | None


@dataclass(frozen=True, slots=True)
class Claimed:
    """A submission that a worker has taken; nobody else has this attempt."""

    id: str
    attempt: int
    workshop_id: int
    participant: str
    exercise: str
    files: Mapping[str, bytes]
    waited_ms: float


@dataclass(frozen=True, slots=True)
class Queue:
    """What waits and what runs.

    Attributes:
        waiting: Submissions that nobody grades: new ones and those whose worker fell silent.
        oldest_seconds: For how long the oldest of them has waited.
    """

    waiting: int
    running: int
    oldest_seconds: float


@dataclass(frozen=True, slots=True)
class Standing:
    """The best that a participant has reached in an exercise.

    Attributes:
        at: When that was submitted.
    """

    participant_id: int
    participant: str
    exercise: str
    score: float
    max_score: float
    passed: bool
    attempts: int
    at: float


_COLUMNS: Final = (
    submissions.c.id,
    submissions.c.workshop_id,
    submissions.c.participant_id,
    participants.c.name,
    submissions.c.exercise,
    submissions.c.state,
    submissions.c.attempt,
    submissions.c.created_at,
    submissions.c.started_at,
    submissions.c.finished_at,
    submissions.c.score,
    submissions.c.max_score,
    submissions.c.passed,
    submissions.c.report,
    submissions.c.evidence,
    submissions.c.error,
)
_JOINED: Final = submissions.join(participants, participants.c.id == submissions.c.participant_id)


class Submissions:
    """Every submission; safe to use from many threads and from many processes at once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def submit(
        self,
        participant: Participant,
        exercise: Exercise,
        files: Mapping[str, bytes],
        *,
        idempotency_key: str | None = None,
    ) -> tuple[str, bool]:
        """Store a submission; return its id, and whether it was made now.

        Args:
            participant: Who submits.
            exercise: That is answered.
            files: The answer.
            idempotency_key: The same key and the same answer give the same submission.

        Raises:
            ConflictError: The key was used for another answer.
        """
        identity = secrets.token_hex(_ID_BYTES)
        digest = _request_digest(exercise.slug, files) if idempotency_key is not None else None
        values = {
            "id": identity,
            "workshop_id": participant.workshop_id,
            "participant_id": participant.id,
            "exercise": exercise.slug,
            "state": State.QUEUED.value,
            "attempt": 0,
            "turn": _turn(participant.id),
            "created_at": self._database.now(),
            "max_score": exercise.max_score,
            "idempotency_key": idempotency_key,
            "request_digest": digest,
        }
        try:
            with self._database.write() as connection:
                connection.execute(insert(submissions).values(values))
                connection.execute(
                    insert(submission_files),
                    [
                        {"submission_id": identity, "name": name, "content": content}
                        for name, content in files.items()
                    ],
                )
        except IntegrityError as error:
            earlier = self._by_key(participant.id, idempotency_key)
            if earlier is None:
                raise
            if earlier.request_digest != digest:
                raise ConflictError("this Idempotency-Key was used for another answer") from error
            return str(earlier.id), False
        return identity, True

    def _by_key(self, participant_id: int, key: str | None) -> Row[*tuple[Any, ...]] | None:
        query = select(submissions.c.id, submissions.c.request_digest).where(
            submissions.c.participant_id == participant_id, submissions.c.idempotency_key == key
        )
        with self._database.read() as connection:
            return connection.execute(query).first()

    def get(self, identity: str) -> Submitted | None:
        """Return a submission."""
        query = select(*_COLUMNS).select_from(_JOINED).where(submissions.c.id == identity)
        with self._database.read() as connection:
            row = connection.execute(query).first()
        return None if row is None else _to_submitted(row)

    def of(self, participant_id: int, exercise: str | None = None, *, limit: int = 50) -> list[Submitted]:
        """Return a participant's submissions, the newest first; without `exercise`, of all exercises."""
        query = select(*_COLUMNS).select_from(_JOINED).where(submissions.c.participant_id == participant_id)
        if exercise is not None:
            query = query.where(submissions.c.exercise == exercise)
        query = query.order_by(submissions.c.created_at.desc(), submissions.c.id).limit(limit)
        with self._database.read() as connection:
            return [_to_submitted(row) for row in connection.execute(query)]

    def files(self, identity: str) -> dict[str, bytes]:
        """Return the files of a submission, by name."""
        query = select(submission_files.c.name, submission_files.c.content).where(
            submission_files.c.submission_id == identity
        )
        with self._database.read() as connection:
            return {row.name: row.content for row in connection.execute(query.order_by("name"))}

    def position(self, identity: str) -> int | None:
        """Return how many submissions are graded before this one, or ``None`` if it does not wait."""
        own = select(submissions.c.turn, submissions.c.created_at).where(
            submissions.c.id == identity, submissions.c.state == State.QUEUED.value
        )
        with self._database.read() as connection:
            row = connection.execute(own).first()
            if row is None:
                return None
            before = select(func.count()).where(
                submissions.c.state == State.QUEUED.value,
                or_(
                    submissions.c.turn < row.turn,
                    and_(submissions.c.turn == row.turn, submissions.c.created_at < row.created_at),
                ),
            )
            return connection.execute(before).scalar_one()

    def cancel(self, identity: str) -> bool:
        """End a submission without a verdict; return ``False`` where it has one already."""
        with self._database.write() as connection:
            changed = connection.execute(
                update(submissions)
                .where(
                    submissions.c.id == identity,
                    submissions.c.state.in_((State.QUEUED.value, State.RUNNING.value)),
                )
                .values(state=State.CANCELLED.value, finished_at=self._database.now(), lease_until=None)
            )
        return changed.rowcount == 1

    def claim(self, worker: str, lease_seconds: float, deadline_seconds: float) -> Claimed | None:
        """Take the submission whose turn it is; ``None`` where none waits.

        First come those that a worker has begun and lost, then new ones: by turn, so that everybody's
        first waiting answer comes before anybody's second.

        Args:
            worker: Who takes it.
            lease_seconds: For how long, unless renewed.
            deadline_seconds: For how long at most.
        """
        now = self._database.now()
        lost = (
            select(submissions.c.id)
            .where(
                submissions.c.state == State.RUNNING.value,
                submissions.c.lease_until < now,
                submissions.c.attempt < ATTEMPTS,
            )
            .order_by(submissions.c.turn)
            .limit(1)
        )
        fresh = (
            select(submissions.c.id)
            .where(submissions.c.state == State.QUEUED.value)
            .order_by(submissions.c.turn, submissions.c.created_at)
            .limit(1)
        )
        with self._database.write() as connection:
            for chosen in (lost, fresh):
                if not self._database.is_sqlite:
                    chosen = chosen.with_for_update(skip_locked=True)
                row = connection.execute(
                    update(submissions)
                    .where(submissions.c.id == chosen.scalar_subquery())
                    .values(
                        state=State.RUNNING.value,
                        attempt=submissions.c.attempt + 1,
                        worker=worker,
                        started_at=now,
                        lease_until=now + lease_seconds,
                        deadline=now + deadline_seconds,
                    )
                    .returning(
                        submissions.c.id,
                        submissions.c.attempt,
                        submissions.c.workshop_id,
                        submissions.c.participant_id,
                        submissions.c.exercise,
                        submissions.c.created_at,
                        submissions.c.started_at,
                    )
                ).first()
                if row is not None:
                    break
            else:
                return None
            name = connection.execute(
                select(participants.c.name).where(participants.c.id == row.participant_id)
            ).scalar_one()
            files = connection.execute(
                select(submission_files.c.name, submission_files.c.content).where(
                    submission_files.c.submission_id == row.id
                )
            )
            return Claimed(
                row.id,
                row.attempt,
                row.workshop_id,
                name,
                row.exercise,
                {file.name: file.content for file in files},
                max(0.0, (row.started_at - row.created_at) * 1000),
            )

    def renew(self, worker: str, lease_seconds: float) -> int:
        """Keep what a worker has taken, until each one's deadline; return how many that are."""
        now = self._database.now()
        with self._database.write() as connection:
            return connection.execute(
                update(submissions)
                .where(
                    submissions.c.state == State.RUNNING.value,
                    submissions.c.worker == worker,
                    submissions.c.lease_until > 0,
                    submissions.c.deadline > now,
                )
                .values(lease_until=now + lease_seconds)
            ).rowcount

    def finish(self, claimed: Claimed, report: Report, evidence: bytes | None) -> bool:
        """Store a verdict with its evidence; return ``False`` where the submission was taken away."""
        packed = None if evidence is None else zlib.compress(evidence, 1)
        with self._database.write() as connection:
            if not self._end(connection, claimed.id, claimed.attempt, report):
                return False
            if packed is not None and report.evidence is not None:
                self.store_evidence(connection, report.evidence, packed)
        return True

    def _end(self, connection: Any, identity: str, attempt: int, report: Report) -> bool:
        state = State.GRADED if report.status == "graded" else State.UNGRADABLE
        changed = connection.execute(
            update(submissions)
            .where(
                submissions.c.id == identity,
                submissions.c.attempt == attempt,
                submissions.c.state == State.RUNNING.value,
            )
            .values(
                state=state.value,
                finished_at=self._database.now(),
                lease_until=None,
                score=report.score,
                max_score=report.max_score,
                passed=report.passed,
                report=json.to_json(report),
                evidence=report.evidence,
                error=report.error,
            )
        )
        return bool(changed.rowcount)

    def store_evidence(self, connection: Any, digest: str, packed: bytes) -> None:
        """Keep compressed evidence under its digest, unless it is there."""
        insert_new = insert_sqlite if self._database.is_sqlite else insert_postgresql
        connection.execute(
            insert_new(evidence_table)
            .values(digest=digest, data=packed, stored_at=self._database.now())
            .on_conflict_do_nothing()
        )

    def evidence(self, digest: str) -> bytes | None:
        """Return evidence as canonical JSON."""
        query = select(evidence_table.c.data).where(evidence_table.c.digest == digest)
        with self._database.read() as connection:
            packed = connection.execute(query).scalar()
        return None if packed is None else zlib.decompress(packed)

    def release(self, claimed: Claimed, report: Report) -> bool:
        """Hand back what failed by the machine's fault; after the last attempt the report is the end.

        Returns:
            Whether it will be tried again.
        """
        if claimed.attempt >= ATTEMPTS:
            self.finish(claimed, report, None)
            return False
        with self._database.write() as connection:
            changed = connection.execute(
                update(submissions)
                .where(
                    submissions.c.id == claimed.id,
                    submissions.c.attempt == claimed.attempt,
                    submissions.c.state == State.RUNNING.value,
                )
                .values(lease_until=0.0, error=report.error)
            )
        return changed.rowcount == 1

    def give_back(self, worker: str) -> int:
        """Hand back everything that a worker has begun and will not finish, at no attempt's cost."""
        with self._database.write() as connection:
            return connection.execute(
                update(submissions)
                .where(submissions.c.state == State.RUNNING.value, submissions.c.worker == worker)
                .values(lease_until=0.0, attempt=submissions.c.attempt - 1)
            ).rowcount

    def exhausted(self) -> list[Submitted]:
        """Return what was begun and lost as often as it may be."""
        query = (
            select(*_COLUMNS)
            .select_from(_JOINED)
            .where(
                submissions.c.state == State.RUNNING.value,
                submissions.c.lease_until < self._database.now(),
                submissions.c.attempt >= ATTEMPTS,
            )
        )
        with self._database.read() as connection:
            return [_to_submitted(row) for row in connection.execute(query)]

    def give_up(self, submitted: Submitted, report: Report) -> bool:
        """End a submission that `exhausted` gave."""
        with self._database.write() as connection:
            return self._end(connection, submitted.id, submitted.attempt, report)

    def queue(self) -> Queue:
        """Return what waits and what runs."""
        now = self._database.now()
        waiting = or_(
            submissions.c.state == State.QUEUED.value,
            and_(submissions.c.state == State.RUNNING.value, submissions.c.lease_until < now),
        )
        query = select(
            func.count().filter(waiting),
            func.count().filter(~waiting),
            func.max(now - submissions.c.created_at).filter(waiting),
        ).where(submissions.c.state.in_((State.QUEUED.value, State.RUNNING.value)))
        with self._database.read() as connection:
            row = connection.execute(query).one()
        return Queue(row[0], row[1], float(row[2] or 0.0))

    def count(self) -> dict[State, int]:
        """Return how many submissions are in each state."""
        query = select(submissions.c.state, func.count()).group_by(submissions.c.state)
        with self._database.read() as connection:
            found = {State(state): count for state, count in connection.execute(query)}
        return {state: found.get(state, 0) for state in State}

    def standings(self, workshop_id: int) -> list[Standing]:
        """Return the best verdict of each participant in each exercise; the earlier one where two tie."""
        place = (
            func.row_number()
            .over(
                partition_by=(submissions.c.participant_id, submissions.c.exercise),
                order_by=(submissions.c.score.desc(), submissions.c.created_at),
            )
            .label("place")
        )
        attempts = func.count().over(partition_by=(submissions.c.participant_id, submissions.c.exercise))
        ranked = (
            select(
                submissions.c.participant_id,
                participants.c.name,
                submissions.c.exercise,
                submissions.c.score,
                submissions.c.max_score,
                submissions.c.passed,
                attempts.label("attempts"),
                submissions.c.created_at,
                place,
            )
            .select_from(_JOINED)
            .where(submissions.c.workshop_id == workshop_id, submissions.c.state == State.GRADED.value)
            .subquery()
        )
        query = select(*ranked.c[:8]).where(ranked.c.place == 1)
        with self._database.read() as connection:
            return [
                Standing(row[0], row[1], row[2], row[3], row[4], bool(row[5]), row[6], row[7])
                for row in connection.execute(query)
            ]


def _turn(participant_id: int) -> Any:
    """Return the turn of a participant's next submission (start-time fair queueing).

    Whoever waits for nothing yet starts at the lowest turn that waits; whoever does, one later than their
    own last one: a hundred answers of one participant hold up nobody else's first.
    """
    other = submissions.alias()
    own = select(func.max(other.c.turn) + 1).where(
        other.c.participant_id == participant_id, other.c.state == State.QUEUED.value
    )
    lowest = select(func.min(other.c.turn)).where(other.c.state == State.QUEUED.value)
    return func.coalesce(own.scalar_subquery(), lowest.scalar_subquery(), 0)


def _request_digest(exercise: str, files: Mapping[str, bytes]) -> bytes:
    digest = hashlib.sha256(exercise.encode())
    for name in sorted(files):
        for part in (name.encode("utf-8", "surrogatepass"), files[name]):
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
    return digest.digest()


def _to_submitted(row: Row[*tuple[Any, ...]]) -> Submitted:
    values = list(row)
    values[5] = State(values[5])
    return Submitted(*values)
