"""What counts in the end for each participant and exercise: a verdict, or the score set by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

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
    ) -> list[Grade]:
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
        reports = dict(self._reports(row.id for row in best.values()))
        found = [
            replace(
                _grade(people[key[0]], key[1], best.get(key), reports, attempts[key], by_hand.get(key)),
                rule=rules.get(key[1], NONE),
            )
            for key in {**best, **by_hand}
        ]
        return sorted(found, key=lambda grade: (grade.participant.casefold(), grade.exercise))

    def _best(
        self, own: list[Any], rules: Mapping[str, Rule]
    ) -> tuple[dict[tuple[int, str], Row[*tuple[Any, ...]]], Counter[tuple[int, str]]]:
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
        best: dict[tuple[int, str], Any] = {}
        attempts: Counter[tuple[int, str]] = Counter()
        with self._database.read() as connection:
            for row in connection.execute(query):
                key = row.participant_id, row.exercise
                attempts[key] += row.state == State.GRADED.value
                if key not in best or _rank(row, rules) < _rank(best[key], rules):
                    best[key] = row
        return best, attempts

    def _reports(self, identities: Iterable[str]) -> Iterator[tuple[str, Report]]:
        wanted = list(identities)
        with self._database.read() as connection:
            for place in range(0, len(wanted), _AT_ONCE):
                query = select(submissions.c.id, submissions.c.report).where(
                    submissions.c.id.in_(wanted[place : place + _AT_ONCE])
                )
                for row in connection.execute(query):
                    yield row.id, json.from_json(row.report)


def _rank(row: Row[*tuple[Any, ...]], rules: Mapping[str, Rule]) -> tuple[bool, tuple[float, float]]:
    place = order(rules, row.exercise, row.score or 0.0, row.created_at)
    return row.state != State.GRADED.value, place


def _grade(
    person: Row[*tuple[Any, ...]],
    exercise: str,
    row: Row[*tuple[Any, ...]] | None,
    reports: dict[str, Report],
    attempts: int,
    override: Override | None,
) -> Grade:
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
        attempts,
        row.id if row is not None else None,
        row.created_at if row is not None else None,
        report,
        override,
    )


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
