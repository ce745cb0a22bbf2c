"""Submissions as participants and instructors meet them: made, looked at, counted, cancelled."""

from __future__ import annotations

import hashlib
import secrets
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Row, and_, bindparam, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from grader.model import Exercise
from worker.database import Database
from worker.people import Participant
from worker.rules import Rule, counted, order
from worker.submission import (
    COLUMNS,
    JOINED,
    ConflictError,
    Queue,
    Standing,
    State,
    Submitted,
    to_submitted,
)
from worker.tables import evidence as evidence_table
from worker.tables import participants, submission_files, submissions
from worker.together import Together

_ID_BYTES: Final = 16
_Values = dict[str, Any]
_INSERT_FILES: Final = insert(submission_files)


class Submissions:
    """Every submission; safe to use from many threads and from many processes at once."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # Built once: to build a statement takes longer than to run it.
        self._insert = insert(submissions).values(
            state=State.QUEUED.value, attempt=0, turn=_turn(), created_at=database.now()
        )
        now = database.now()
        waiting = or_(
            submissions.c.state == State.QUEUED.value,
            and_(submissions.c.state == State.RUNNING.value, submissions.c.lease_until < now),
        )
        self._queue = select(
            func.count().filter(waiting),
            func.count().filter(~waiting),
            func.max(now - func.coalesce(submissions.c.queued_at, submissions.c.created_at)).filter(waiting),
        ).where(submissions.c.state.in_((State.QUEUED.value, State.RUNNING.value)))
        # SQLite lets one transaction write at a time; PostgreSQL takes them all at once.
        self._new = Together(self._store, apart=IntegrityError) if database.is_sqlite else None
        self._get = select(*COLUMNS).select_from(JOINED).where(submissions.c.id == bindparam("this"))

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
            "whose": participant.id,
            "exercise": exercise.slug,
            "max_score": exercise.max_score,
            "idempotency_key": idempotency_key,
            "request_digest": digest,
        }
        contents = [
            {"submission_id": identity, "name": name, "content": content} for name, content in files.items()
        ]
        try:
            if self._new is not None:
                self._new.add((values, contents))
            else:
                self._store([(values, contents)])
        except IntegrityError as error:
            earlier = self.by_key(participant.id, idempotency_key)
            if earlier is None:
                raise
            if earlier.request_digest != digest:
                raise ConflictError("this Idempotency-Key was used for another answer") from error
            return str(earlier.id), False
        return identity, True

    def _store(self, added: Sequence[tuple[_Values, list[_Values]]]) -> None:
        with self._database.write() as connection:
            connection.execute(self._insert, [values for values, _ in added])
            connection.execute(_INSERT_FILES, [content for _, contents in added for content in contents])

    def by_key(self, participant_id: int, key: str | None) -> Row[*tuple[Any, ...]] | None:
        """Return id and request digest of the submission that was made with an idempotency key."""
        query = select(submissions.c.id, submissions.c.request_digest).where(
            submissions.c.participant_id == participant_id, submissions.c.idempotency_key == key
        )
        with self._database.read() as connection:
            return connection.execute(query).first()

    def get(self, identity: str) -> Submitted | None:
        """Return a submission."""
        with self._database.read() as connection:
            row = connection.execute(self._get, {"this": identity}).first()
        return None if row is None else to_submitted(row)

    def of(self, participant_id: int, exercise: str | None = None, *, limit: int = 50) -> list[Submitted]:
        """Return a participant's submissions, the newest first; without `exercise`, of all exercises."""
        query = select(*COLUMNS).select_from(JOINED).where(submissions.c.participant_id == participant_id)
        if exercise is not None:
            query = query.where(submissions.c.exercise == exercise)
        query = query.order_by(submissions.c.created_at.desc(), submissions.c.id).limit(limit)
        with self._database.read() as connection:
            return [to_submitted(row) for row in connection.execute(query)]

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

    def positions(self) -> dict[str, int]:
        """Return what waits, and how many submissions are graded before each."""
        query = (
            select(submissions.c.id)
            .where(submissions.c.state == State.QUEUED.value)
            .order_by(submissions.c.turn, submissions.c.created_at)
        )
        with self._database.read() as connection:
            return {identity: place for place, identity in enumerate(connection.execute(query).scalars())}

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

    def evidence(self, digest: str) -> bytes | None:
        """Return evidence as canonical JSON."""
        query = select(evidence_table.c.data).where(evidence_table.c.digest == digest)
        with self._database.read() as connection:
            packed = connection.execute(query).scalar()
        return None if packed is None else zlib.decompress(packed)

    def queue(self) -> Queue:
        """Return what waits and what runs."""
        with self._database.read() as connection:
            row = connection.execute(self._queue).one()
        return Queue(row[0], row[1], float(row[2] or 0.0))

    def count(self) -> dict[State, int]:
        """Return how many submissions are in each state."""
        query = select(submissions.c.state, func.count()).group_by(submissions.c.state)
        with self._database.read() as connection:
            found = {State(state): count for state, count in connection.execute(query)}
        return {state: found.get(state, 0) for state in State}

    def standings(
        self,
        workshop_id: int,
        participant_id: int | None = None,
        *,
        until: float | None = None,
        rules: Mapping[str, Rule] | None = None,
    ) -> list[Standing]:
        """Return the verdict that counts of each participant and exercise: the best, or by rule the last.

        Of two that are as good, the earlier one counts.

        Args:
            workshop_id: Of the workshop.
            participant_id: Whose they are; without it, everybody's.
            until: What was submitted later, in seconds since 1970, does not count.
            rules: Of exercises: what lateness costs, and whether the last one counts.
        """
        whose = (
            submissions.c.workshop_id == workshop_id
            if participant_id is None
            else submissions.c.participant_id == participant_id
        )
        query = select(
            submissions.c.participant_id,
            submissions.c.exercise,
            submissions.c.score,
            submissions.c.created_at,
            submissions.c.max_score,
            submissions.c.passed,
        ).where(whose, submissions.c.state == State.GRADED.value)
        if until is not None:
            query = query.where(submissions.c.created_at <= until)
        names = select(participants.c.id, participants.c.name).where(
            participants.c.workshop_id == workshop_id
            if participant_id is None
            else participants.c.id == participant_id
        )
        best: dict[tuple[int, str], tuple[tuple[float, float], float, float, float, bool]] = {}
        attempts: dict[tuple[int, str], int] = {}
        with self._database.read() as connection:
            called = {row[0]: row[1] for row in connection.execute(names)}
            # Three times faster here than by window functions of the database, and all at once twice as fast.
            for whom, exercise, score, at, most, passed in connection.execute(query).all():
                key = whom, exercise
                attempts[key] = attempts.get(key, 0) + 1
                place = order(rules, exercise, score, at) if rules else (-score, at)
                before = best.get(key)
                if before is None or place < before[0]:
                    best[key] = place, score, at, most, passed
        return [
            Standing(
                whom,
                called[whom],
                exercise,
                counted(rules, exercise, score, at) if rules else score,
                most,
                bool(passed),
                attempts[whom, exercise],
                at,
            )
            for (whom, exercise), (_, score, at, most, passed) in best.items()
        ]


def _turn() -> Any:
    """Return the turn of a participant's next submission (start-time fair queueing).

    Whoever waits for nothing yet starts at the lowest turn that waits; whoever does, one later than their
    own last one: a hundred answers of one participant hold up nobody else's first.
    """
    other = submissions.alias()
    own = select(func.max(other.c.turn) + 1).where(
        other.c.participant_id == bindparam("whose"), other.c.state == State.QUEUED.value
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
