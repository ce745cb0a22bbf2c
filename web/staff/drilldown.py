"""From the scoreboard down to one answer, for instructors: participants, their exercises, their attempts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from flask import Blueprint, render_template

from grader.errors import GraderError
from grader.model import CheckResult, Exercise
from grader.parameters import draw
from grader.report import json as report_json
from grader.report.wording import first_problem
from web.identity import staff_only
from web.services import services
from web.staff.finding import exercise_known, member_named, workshop_named
from worker.roster import Member
from worker.submission import Standing, Submitted
from worker.workshops import Workshop

blueprint = Blueprint("drilldown", __name__)

_MOST_ATTEMPTS: Final = 200


@dataclass(frozen=True, slots=True)
class Row:
    """A participant in the list of all.

    Attributes:
        attempts: Submissions with a verdict.
        last_at: When the last one of them was made, or ``None``.
    """

    member: Member
    points: float
    solved: int
    attempts: int
    last_at: float | None


@dataclass(frozen=True, slots=True)
class Try:
    """One attempt, and the first check that it did not pass."""

    submitted: Submitted
    problem: CheckResult | None


@blueprint.get("/workshops/<int:identity>/participants")
@staff_only
def participants(identity: int) -> str:
    """List everybody, with their points and when they were last heard of."""
    workshop = workshop_named(identity)
    return render_template("participants.html", workshop=workshop, rows=rows(workshop))


def rows(workshop: Workshop) -> list[Row]:
    """Return everybody, by name."""
    store = services().store
    points: Counter[int] = Counter()
    solved: Counter[int] = Counter()
    earned: dict[int, float] = {}
    for standing in store.gradebook.standings(workshop.id, rules=services().rules(workshop.id)):
        earned[standing.participant_id] = earned.get(standing.participant_id, 0.0) + standing.score
        solved[standing.participant_id] += standing.passed
    last: dict[int, float] = {}
    for attempt in store.statistics.attempts(workshop.id):
        last[attempt.participant_id] = attempt.at
        points[attempt.participant_id] += 1
    return [
        Row(
            member,
            round(earned.get(member.id, 0.0), 6),
            solved[member.id],
            points[member.id],
            last.get(member.id),
        )
        for member in store.roster.members(workshop.id)
    ]


@blueprint.get("/participants/<int:identity>")
@staff_only
def participant(identity: int) -> str:
    """Show how somebody stands with each exercise."""
    member = member_named(identity)
    found = services()
    standings = found.store.gradebook.standings(
        member.workshop_id, member.id, rules=found.rules(member.workshop_id)
    )
    return render_template(
        "participant.html",
        workshop=workshop_named(member.workshop_id),
        member=member,
        standings={standing.exercise: standing for standing in standings},
        exercises=found.exercises,
        latest=found.store.submissions.of(member.id, limit=20),
        points=sum(standing.score for standing in standings),
        solved=sum(standing.passed for standing in standings),
    )


@blueprint.get("/participants/<int:identity>/exercises/<slug>")
@staff_only
def attempts(identity: int, slug: str) -> str:
    """Show somebody's attempts at an exercise."""
    return attempts_page(member_named(identity), exercise_known(slug))


def attempts_page(
    member: Member, exercise: Exercise, problem: str | None = None, given: Mapping[str, str] | None = None
) -> str:
    """Return the page of somebody's attempts.

    Args:
        member: Whose they are.
        exercise: At which.
        problem: Why a score was not set, if so.
        given: What the form held then.
    """
    store = services().store
    workshop = workshop_named(member.workshop_id)
    submitted = store.submissions.of(member.id, exercise.slug, limit=_MOST_ATTEMPTS)
    return render_template(
        "attempts.html",
        workshop=workshop,
        member=member,
        exercise=exercise,
        attempts=[Try(one, _problem(one)) for one in submitted],
        standing=standing_of(member, exercise.slug),
        override=store.overrides.of(member.id).get(exercise.slug),
        values=_values(workshop, member, exercise),
        problem=problem,
        given=given or {},
    )


def standing_of(member: Member, slug: str) -> Standing | None:
    """Return what somebody has in an exercise by grading alone."""
    found = services().store.submissions.standings(
        member.workshop_id, member.id, rules=services().rules(member.workshop_id)
    )
    return next((standing for standing in found if standing.exercise == slug), None)


def _problem(submitted: Submitted) -> CheckResult | None:
    return first_problem(report_json.from_json(submitted.report)) if submitted.report else None


def _values(workshop: Workshop, member: Member, exercise: Exercise) -> dict[str, str | int]:
    try:
        return draw(exercise, member.name, lambda: workshop.secret)
    except GraderError:
        return {}  # a mistake of the exercise, which its own page tells
