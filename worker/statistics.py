"""How a workshop fares with its exercises: who tried, who solved, which checks fail, who is stuck."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

import msgspec
from sqlalchemy import func, select

from grader.model import Outcome
from worker.database import Database
from worker.submission import State
from worker.tables import participants, submissions

STUCK_ATTEMPTS: Final = 3
"""So many failed attempts at an exercise that is not solved, and somebody may need help."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A submission as figures are made of; `at` in seconds since 1970."""

    id: str
    participant_id: int
    exercise: str
    state: State
    score: float
    passed: bool
    at: float


@dataclass(frozen=True, slots=True)
class ExerciseFigures:
    """How an exercise fares.

    Attributes:
        tried: Participants with a verdict.
        solved: Participants with all points.
        attempts: Verdicts.
        attempts_to_solve: Median, of those who solved it.
        seconds_to_solve: Median time from somebody's first answer to the one that solved it.
    """

    exercise: str
    tried: int
    solved: int
    attempts: int
    ungradable: int
    attempts_to_solve: float | None
    seconds_to_solve: float | None


@dataclass(frozen=True, slots=True)
class FeedbackFigures:
    """How often a feedback was given: in attempts, and to how many participants."""

    name: str
    message: str
    attempts: int
    participants: int


@dataclass(frozen=True, slots=True)
class CheckFigures:
    """How a check fares over all attempts: how many came to which outcome, and why.

    Attributes:
        failing: Participants at whose latest attempt it did not pass.
    """

    name: str
    title: str
    outcomes: dict[Outcome, int]
    failing: int
    feedback: tuple[FeedbackFigures, ...]


@dataclass(frozen=True, slots=True)
class Stuck:
    """Somebody who has failed an exercise several times and not solved it."""

    participant_id: int
    exercise: str
    attempts: int
    best: float
    last: Attempt


class _Feedback(msgspec.Struct):
    name: str
    message: str


class _Check(msgspec.Struct):
    name: str
    title: str
    outcome: Outcome
    feedback: _Feedback | None = None


class _Report(msgspec.Struct):
    checks: list[_Check]


# Only what is counted: of twelve thousand reports this takes a fraction of reading all of each.
_DECODER: Final = msgspec.json.Decoder(_Report)


class Statistics:
    """Reads what figures are made of; safe to use from many threads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def at_work(self, workshop_id: int, since: float) -> int:
        """Return how many participants have handed something in since a time in seconds since 1970."""
        query = select(func.count(submissions.c.participant_id.distinct())).where(
            submissions.c.workshop_id == workshop_id, submissions.c.created_at >= since
        )
        with self._database.read() as connection:
            return connection.execute(query).scalar_one()

    def attempts(self, workshop_id: int, exercise: str | None = None) -> list[Attempt]:
        """Return every submission that has ended by a verdict or our fault, the oldest first.

        Args:
            workshop_id: Of the workshop.
            exercise: Only those at this exercise.
        """
        query = (
            select(
                submissions.c.id,
                submissions.c.participant_id,
                submissions.c.exercise,
                submissions.c.state,
                submissions.c.score,
                submissions.c.passed,
                submissions.c.created_at,
            )
            .where(
                submissions.c.workshop_id == workshop_id,
                submissions.c.state.in_((State.GRADED.value, State.UNGRADABLE.value)),
            )
            .order_by(submissions.c.created_at)
        )
        if exercise is not None:
            query = query.where(submissions.c.exercise == exercise)
        states = {state.value: state for state in State}  # thousands of rows
        with self._database.read() as connection:
            return [
                Attempt(row[0], row[1], row[2], states[row[3]], row[4] or 0.0, bool(row[5]), row[6])
                for row in connection.execute(query)
            ]

    def checks(self, workshop_id: int, exercise: str) -> list[CheckFigures]:
        """Return how each check of an exercise fares, by the reports of all attempts."""
        query = (
            select(submissions.c.participant_id, submissions.c.report)
            .where(
                submissions.c.workshop_id == workshop_id,
                submissions.c.exercise == exercise,
                submissions.c.state == State.GRADED.value,
                submissions.c.report.is_not(None),
            )
            .order_by(submissions.c.created_at)
        )
        counting = _Counting()
        with self._database.read() as connection:
            for participant_id, report in connection.execute(query):
                counting.add(participant_id, _DECODER.decode(report).checks)
        return counting.figures()

    def joined(self, workshop_id: int) -> dict[int, float]:
        """Return when each participant joined, in seconds since 1970."""
        query = select(participants.c.id, participants.c.created_at).where(
            participants.c.workshop_id == workshop_id
        )
        with self._database.read() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}


class _Counting:
    """Counts outcomes and feedback over many reports."""

    def __init__(self) -> None:
        self._titles: dict[str, str] = {}
        self._outcomes: dict[str, Counter[Outcome]] = defaultdict(Counter)
        self._latest: dict[str, dict[int, bool]] = defaultdict(dict)
        self._feedback: dict[str, dict[str, tuple[str, list[int]]]] = defaultdict(dict)

    def add(self, participant_id: int, checks: Iterable[_Check]) -> None:
        """Count one report; those of a participant come the oldest first."""
        for check in checks:
            self._titles[check.name] = check.title
            self._outcomes[check.name][check.outcome] += 1
            self._latest[check.name][participant_id] = check.outcome is Outcome.PASSED
            given = check.feedback
            if given is not None and check.outcome in (Outcome.FAILED, Outcome.ERROR):
                known = self._feedback[check.name].setdefault(given.name, (given.message, []))
                known[1].append(participant_id)

    def figures(self) -> list[CheckFigures]:
        """Return what was counted, checks in their order in the reports."""
        return [
            CheckFigures(
                name,
                title,
                {outcome: self._outcomes[name][outcome] for outcome in Outcome},
                sum(not passed for passed in self._latest[name].values()),
                tuple(
                    sorted(
                        (
                            FeedbackFigures(feedback, message, len(whose), len(set(whose)))
                            for feedback, (message, whose) in self._feedback[name].items()
                        ),
                        key=lambda one: (-one.participants, -one.attempts, one.name),
                    )
                ),
            )
            for name, title in self._titles.items()
        ]


def by_exercise(attempts: Iterable[Attempt]) -> dict[str, ExerciseFigures]:
    """Return how each exercise fares that somebody has tried; attempts the oldest first."""
    grouped: dict[str, dict[int, list[Attempt]]] = defaultdict(lambda: defaultdict(list))
    ungradable: Counter[str] = Counter()
    for attempt in attempts:
        if attempt.state is State.UNGRADABLE:
            ungradable[attempt.exercise] += 1
        else:
            grouped[attempt.exercise][attempt.participant_id].append(attempt)
    return {
        slug: _figures(slug, list(grouped[slug].values()), ungradable[slug])
        for slug in {**grouped, **ungradable}
    }


def _figures(slug: str, people: Sequence[Sequence[Attempt]], ungradable: int) -> ExerciseFigures:
    needed: list[int] = []
    seconds: list[float] = []
    for own in people:
        place = next((number for number, attempt in enumerate(own) if attempt.passed), None)
        if place is not None:
            needed.append(place + 1)
            seconds.append(own[place].at - own[0].at)
    return ExerciseFigures(
        slug,
        len(people),
        len(needed),
        sum(map(len, people)),
        ungradable,
        median(needed) if needed else None,
        median(seconds) if seconds else None,
    )


def stuck(attempts: Iterable[Attempt], least: int = STUCK_ATTEMPTS) -> list[Stuck]:
    """Return who has failed an exercise so often and not solved it, whoever tried last first."""
    own: dict[tuple[int, str], list[Attempt]] = defaultdict(list)
    for attempt in attempts:
        if attempt.state is State.GRADED:
            own[attempt.participant_id, attempt.exercise].append(attempt)
    found = [
        Stuck(who, exercise, len(tries), max(one.score for one in tries), tries[-1])
        for (who, exercise), tries in own.items()
        if len(tries) >= least and not any(one.passed for one in tries)
    ]
    return sorted(found, key=lambda one: -one.last.at)
