"""What counts in the end for each participant and exercise: a verdict, or the score set by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from msgspec import structs
from sqlalchemy import Row, select

from grader.model import Report, Timing
from grader.report import json
from worker.database import Database
from worker.overrides import Override, Overrides
from worker.rules import NONE, Rule, order
from worker.submission import Standing, State
from worker.submissions import Submissions
from worker.tables import participants, submissions

_AT_ONCE: Final = 200
_Key: TypeAlias = tuple[int, str]  # participant and exercise


@dataclass(frozen=True, slots=True)
class Grade:
    """What a participant gets for an exercise.

    Attributes:
        external_id: Of the participant in another system, or empty.
        submission_id: Of the submission that counts, or ``None`` where there is no verdict.
        submitted_at: When that was submitted, in seconds since 1970.
        report: Of that submission, as it was graded.
        override: The score set by hand, which counts instead.
        rule: Of the exercise's section.
    """

    participant_id: int
    participant: str
    external_id: str
    exercise: str
    attempts: int
    submission_id: str | None
    submitted_at: float | None
    report: Report
    override: Override | None
    rule: Rule = NONE

    @property
    def late(self) -> bool:
        """Whether the submission that counts came after the deadline of its section."""
        return self.submitted_at is not None and self.rule.late(self.submitted_at)

    @property
    def score(self) -> float:
        """The points that count."""
        if self.override is not None:
            return self.override.score
        return self.rule.counted(self.report.score, self.submitted_at or 0.0)

    @property
    def max_score(self) -> float:
        """The points that there are."""
        return self.report.max_score if self.override is None else self.override.max_score


@dataclass(frozen=True, slots=True, eq=False)
class Grades:
    """Grades that can be gone through again and again; their reports are read a few at a time.

    A class has thousands of reports, which would take a hundred megabytes together.
    """

    _database: Database
    _wanted: Sequence[_Key]
    _people: Mapping[int, Row[*tuple[Any, ...]]]
    _best: Mapping[_Key, Row[*tuple[Any, ...]]]
    _attempts: Mapping[_Key, int]
    _by_hand: Mapping[_Key, Override]
    _rules: Mapping[str, Rule]

    def __iter__(self) -> Iterator[Grade]:
        """Give each; one whose submission was deleted meanwhile is left out."""
        for place in range(0, len(self._wanted), _AT_ONCE):
            keys = self._wanted[place : place + _AT_ONCE]
            reports = self._reports([self._best[key].id for key in keys if key in self._best])
            for key in keys:
                row = self._best.get(key)
                if row is None or row.id in reports:
                    yield self._grade(key, row, reports)

    def _reports(self, identities: list[str]) -> dict[str, Report]:
        query = select(submissions.c.id, submissions.c.report).where(submissions.c.id.in_(identities))
        with self._database.read() as connection:
            return {row.id: json.from_json(row.report) for row in connection.execute(query)}

    def _grade(self, key: _Key, row: Row[*tuple[Any, ...]] | None, reports: Mapping[str, Report]) -> Grade:
        (participant_id, exercise), override = key, self._by_hand.get(key)
        person = self._people[participant_id]
        if row is not None:
            report = reports[row.id]
        else:
            most = override.max_score if override else 0.0
            report = Report(exercise, person.name, "graded", 0.0, most, (), Timing(), None)
        return Grade(
            person.id,
            person.name,
            person.external_id or "",
            exercise,
            self._attempts.get(key, 0),
            row.id if row is not None else None,
            row.created_at if row is not None else None,
            report,
            override,
            self._rules.get(exercise, NONE),
        )


class Gradebook:
    """Everybody's grades; safe to use from many threads."""

    def __init__(self, database: Database, submissions_: Submissions, overrides: Overrides) -> None:
        self._database = database
        self._submissions = submissions_
        self._overrides = overrides

    def standings(
        self,
        workshop_id: int,
        participant_id: int | None = None,
        *,
        rules: Mapping[str, Rule],
        until: float | None = None,
    ) -> list[Standing]:
        """Return what `Submissions.standings` does, with the scores that were set by hand."""
        found = self._submissions.standings(workshop_id, participant_id, until=until, rules=rules)
        by_hand = (
            self._overrides.of_workshop(workshop_id, until=until)
            if participant_id is None
            else self._overrides.of(participant_id).values()
        )
        if not by_hand:
            return found
        standings = {(standing.participant_id, standing.exercise): standing for standing in found}
        called = self._names(override.participant_id for override in by_hand)
        for override in by_hand:
            key = override.participant_id, override.exercise
            standings[key] = _overridden(standings.get(key), override, called)
        return list(standings.values())

    def _names(self, identities: Iterable[int]) -> dict[int, str]:
        query = select(participants.c.id, participants.c.name).where(
            participants.c.id.in_(list(dict.fromkeys(identities)))
        )
        with self._database.read() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def grades(
        self, workshop_id: int, participant_id: int | None = None, *, rules: Mapping[str, Rule]
    ) -> Grades:
        """Return every grade, by participant's name and exercise.

        Where there is no verdict but an ungradable submission, that one is told: it costs nothing, and
        nobody is missing.

        Args:
            workshop_id: Of the workshop.
            participant_id: Only this participant's.
            rules: Of exercises: what lateness costs, and whether the last one counts.
        """
        own = [participants.c.workshop_id == workshop_id]
        if participant_id is not None:
            own.append(participants.c.id == participant_id)
        best, attempts = self._best(own, rules)
        query = select(participants.c.id, participants.c.name, participants.c.external_id).where(*own)
        with self._database.read() as connection:
            people = {row.id: row for row in connection.execute(query)}
        by_hand = {
            (override.participant_id, override.exercise): override
            for override in self._overrides.of_workshop(workshop_id)
            if override.participant_id in people
        }
        wanted = [key for key in {**best, **by_hand} if key[0] in people]
        wanted.sort(key=lambda key: (people[key[0]].name.casefold(), key[1]))
        return Grades(self._database, wanted, people, best, attempts, by_hand, rules)

    def _best(
        self, own: list[Any], rules: Mapping[str, Rule]
    ) -> tuple[dict[_Key, Row[*tuple[Any, ...]]], Counter[_Key]]:
        query = (
            select(
                submissions.c.id,
                submissions.c.participant_id,
                submissions.c.exercise,
                submissions.c.state,
                submissions.c.score,
                submissions.c.created_at,
            )
            .select_from(submissions.join(participants, participants.c.id == submissions.c.participant_id))
            .where(
                *own,
                submissions.c.state.in_((State.GRADED.value, State.UNGRADABLE.value)),
                submissions.c.report.is_not(None),
            )
        )
        best: dict[_Key, Any] = {}
        attempts: Counter[_Key] = Counter()
        with self._database.read() as connection:
            for row in connection.execute(query):
                key = row.participant_id, row.exercise
                attempts[key] += row.state == State.GRADED.value
                if key not in best or _rank(row, rules) < _rank(best[key], rules):
                    best[key] = row
        return best, attempts


def _rank(row: Row[*tuple[Any, ...]], rules: Mapping[str, Rule]) -> tuple[bool, tuple[float, float]]:
    place = order(rules, row.exercise, row.score or 0.0, row.created_at)
    return row.state != State.GRADED.value, place


def _overridden(standing: Standing | None, override: Override, called: dict[int, str]) -> Standing:
    if standing is None:
        standing = Standing(
            override.participant_id,
            called[override.participant_id],
            override.exercise,
            0.0,
            override.max_score,
            False,
            0,
            override.set_at,
        )
    return structs.replace(
        standing,
        score=override.score,
        max_score=override.max_score,
        passed=override.passed,
        by_hand=True,
    )
