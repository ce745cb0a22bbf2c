"""Rules for a section of a workshop: paused or not, until when, how often, and what lateness costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import delete, func, insert, select

from grader.errors import GraderError
from worker.audit import Action, Deed, note
from worker.database import Database
from worker.submission import State
from worker.tables import section_rules, submissions


class SectionClosedError(GraderError):
    """A section takes no answers just now."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What holds for the exercises of a section.

    Attributes:
        paused: Whether no answers are taken for the time being.
        deadline: Until when answers are in time, in seconds since 1970, or ``None`` for ever.
        late_percent: Of the points that a late answer loses; ``None`` where none is taken.
        most_attempts: Answers that a participant may give to an exercise, or ``None``.
        last_counts: Whether the last answer counts instead of the best one.
    """

    paused: bool = False
    deadline: float | None = None
    late_percent: int | None = None
    most_attempts: int | None = None
    last_counts: bool = False

    def require_open(self, now: float) -> None:
        """Raise where no answer is taken at this time.

        Raises:
            SectionClosedError: The section is paused, or its deadline has passed.
        """
        if self.paused:
            raise SectionClosedError("this section is paused")
        if self.late_percent is None and self.late(now):
            raise SectionClosedError("the deadline of this section has passed")

    def late(self, at: float) -> bool:
        """Return whether an answer of this time is late."""
        return self.deadline is not None and at > self.deadline

    def counted(self, score: float, at: float) -> float:
        """Return the points that count of an answer of this time."""
        if not self.late(at):
            return score
        return round(score * (100 - (self.late_percent or 0)) / 100, 6)

    def __str__(self) -> str:
        """Say it in words, for the trail."""
        words = ["paused"] if self.paused else []
        if self.deadline is not None:
            words.append(f"until {datetime.fromtimestamp(self.deadline, UTC):%Y-%m-%d %H:%M} UTC")
        if self.late_percent is not None:
            words.append(f"late answers lose {self.late_percent} %")
        if self.most_attempts is not None:
            words.append(f"{self.most_attempts} attempts")
        if self.last_counts:
            words.append("the last answer counts")
        return ", ".join(words) or "none"


NONE: Final = Rule()


class Rules:
    """The rules of every section; safe to use from many threads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, workshop_id: int) -> dict[str, Rule]:
        """Return the rules of a workshop by section; a section without any is not there."""
        query = select(
            section_rules.c.section,
            section_rules.c.paused,
            section_rules.c.deadline,
            section_rules.c.late_percent,
            section_rules.c.most_attempts,
            section_rules.c.last_counts,
        ).where(section_rules.c.workshop_id == workshop_id)
        with self._database.read() as connection:
            return {row[0]: Rule(*row[1:]) for row in connection.execute(query)}

    def set(self, workshop_id: int, section: str, rule: Rule, account: str) -> None:
        """Let other rules hold for a section."""
        before = self.of(workshop_id).get(section, NONE)
        if before == rule:
            return
        with self._database.write() as connection:
            connection.execute(
                delete(section_rules).where(
                    section_rules.c.workshop_id == workshop_id, section_rules.c.section == section
                )
            )
            if rule != NONE:
                connection.execute(
                    insert(section_rules).values(
                        workshop_id=workshop_id,
                        section=section,
                        paused=rule.paused,
                        deadline=rule.deadline,
                        late_percent=rule.late_percent,
                        most_attempts=rule.most_attempts,
                        last_counts=rule.last_counts,
                    )
                )
            deed = Deed(
                Action.RULES,
                account,
                workshop_id,
                before=str(before),
                after=str(rule),
                comment=f"section {section}",
            )
            note(self._database, connection, [deed])

    def used(self, participant_id: int, exercise: str) -> int:
        """Return how many answers somebody has given that count as attempts: not what we failed to grade."""
        query = select(func.count()).where(
            submissions.c.participant_id == participant_id,
            submissions.c.exercise == exercise,
            submissions.c.state.not_in((State.CANCELLED.value, State.UNGRADABLE.value)),
        )
        with self._database.read() as connection:
            return connection.execute(query).scalar_one()


def counted(rules: Mapping[str, Rule], exercise: str, score: float, at: float) -> float:
    """Return the points that count of an answer to an exercise; `rules` by exercise."""
    rule = rules.get(exercise)
    return score if rule is None else rule.counted(score, at)


def order(rules: Mapping[str, Rule], exercise: str, score: float, at: float) -> tuple[float, float]:
    """Return what an answer is sorted by: of a participant's answers to an exercise the first one counts."""
    rule = rules.get(exercise)
    if rule is None:
        return -score, at
    return (-at, 0.0) if rule.last_counts else (-rule.counted(score, at), at)
