"""The pages of participants: exercises, tasks and the scoreboard."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from flask import Blueprint, Response, abort, render_template, request, url_for
from flask import redirect as to
from werkzeug.wrappers import Response as Redirect

from grader.exercise.path import SECTIONS
from grader.model import Exercise
from grader.parameters import fill
from web.identity import account, known_only, participant, participants_only
from web.language import gettext
from web.problems import Problem
from web.reply import download
from web.services import services
from web.staff.finding import workshop_before
from web.standings.scoreboard import table
from web.tasks import markdown, starting, task_form
from web.tasks.command_lines import command_lines
from web.tasks.preview import preview
from web.tasks.submitting import exercise_named, parameters, submit
from worker.people import Participant
from worker.submission import Standing, Submitted

blueprint = Blueprint("pages", __name__)

FROM_START: Final = "start"
"""In an address: the form is filled with what everybody begins with, not with an attempt."""

ATTEMPTS_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the workshop.

    Attributes:
        points: That the participant has.
        most: That all of its exercises give.
    """

    letter: str
    title: str
    exercises: tuple[Exercise, ...]
    points: float
    most: float


def number(slug: str) -> str:
    """Return what an exercise is called in short: A4 for `a4-oom-kill`."""
    return slug.partition("-")[0].upper()


@blueprint.get("/")
def start() -> str:
    """List the exercises by section, with one's own progress."""
    found = participant()
    progress = _progress(found) if found is not None else {}
    every = services().exercises
    sections = [
        _section(letter, tuple(exercises), progress)
        for letter, exercises in groupby(every.values(), lambda one: one.section)
    ]
    return render_template(
        "start.html",
        workshop=services().workshop(found.workshop_id) if found else None,
        sections=sections,
        rules=services().section_rules(found.workshop_id) if found else {},
        progress=progress,
        count=len(every),
        solved=sum(own.passed for own in progress.values()),
        points=sum(section.points for section in sections),
        most=sum(section.most for section in sections),
        minutes=sum(exercise.minutes for exercise in every.values()),
        following=next((one for slug, one in every.items() if not _solved(progress, slug)), None),
    )


def _progress(found: Participant) -> dict[str, Standing]:
    standings = services().store.gradebook.standings(
        found.workshop_id, found.id, rules=services().rules(found.workshop_id)
    )
    return {standing.exercise: standing for standing in standings}


def _solved(progress: Mapping[str, Standing], slug: str) -> bool:
    return slug in progress and progress[slug].passed


def _section(letter: str, exercises: tuple[Exercise, ...], progress: Mapping[str, Standing]) -> Section:
    return Section(
        letter,
        SECTIONS.get(letter, ""),
        exercises,
        sum(progress[one.slug].score for one in exercises if one.slug in progress),
        sum(one.max_score for one in exercises),
    )


@blueprint.get("/exercises/<slug>")
@known_only
def task(slug: str) -> str:
    """Show the task with the participant's own values, and the form with the last attempt or a chosen one."""
    exercise = exercise_named(slug)
    if participant() is None:
        return preview(exercise)
    attempts = _attempts(exercise)
    wanted = request.args.get("from", "")
    if wanted == FROM_START:
        former: Submitted | None = None
    elif wanted:
        former = _own(wanted, exercise)
    else:
        former = attempts[0] if attempts else None
    return _task(exercise, attempts, former, chosen=bool(wanted))


@blueprint.post("/exercises/<slug>")
@participants_only
def hand_in(slug: str) -> tuple[str, int] | Redirect:
    """Take an answer from the form: uploaded files, and texts for those that were not uploaded."""
    exercise = exercise_named(slug)
    again_of = request.form.get("again_of", "")
    former = _own(again_of, exercise) if again_of else None
    try:
        files = task_form.read(request.form, request.files, exercise, _files(former))
        identity, _ = submit(_known(), exercise, files, task_form.key(request.form.get("once", ""), files))
    except Problem as problem:
        given = {spec.name: request.form.get(f"text:{spec.name}", "") for spec in exercise.files}
        page = _task(exercise, _attempts(exercise), former, given=given, problem=problem.detail)
        return page, problem.status
    return to(url_for("results.result", identity=identity), 303)


@blueprint.get("/exercises/<slug>/start.zip")
@participants_only
def start_archive(slug: str) -> Response:
    """Give the participant's own task and the files that it begins with."""
    exercise = exercise_named(slug)
    packed = starting.archive(exercise, parameters(exercise, _known()))
    return download(packed, f"{slug}.zip", "application/zip")


def _attempts(exercise: Exercise) -> list[Submitted]:
    return services().store.submissions.of(_known().id, exercise.slug, limit=ATTEMPTS_SHOWN)


def _own(identity: str, exercise: Exercise) -> Submitted:
    found = services().store.submissions.get(identity)
    if found is None or (found.participant_id, found.exercise) != (_known().id, exercise.slug):
        abort(404, gettext("There is no such attempt, or it is somebody else's."))
    return found


def _files(attempt: Submitted | None) -> dict[str, bytes]:
    return {} if attempt is None else services().store.submissions.files(attempt.id)


def _task(
    exercise: Exercise,
    attempts: list[Submitted],
    former: Submitted | None,
    *,
    chosen: bool = False,
    given: Mapping[str, str] | None = None,
    problem: str | None = None,
) -> str:
    found = _known()
    values = parameters(exercise, found)
    slugs = list(services().exercises)
    place = slugs.index(exercise.slug)
    return render_template(
        "task.html",
        exercise=exercise,
        workshop=services().workshop(found.workshop_id),
        once=secrets.token_hex(16),
        text=markdown.to_html(markdown.body(fill(exercise.text, values))),
        hints=[markdown.to_html(fill(hint, values)) for hint in exercise.hints],
        fields=task_form.fields(exercise, values, _files(former)),
        given=given or {},
        former=former,
        chosen=chosen,
        attempts=attempts,
        more_attempts=len(attempts) == ATTEMPTS_SHOWN,
        problem=problem,
        lines=command_lines(exercise, services().base_url()),
        rule=(rule := services().section_rules(found.workshop_id).get(exercise.section)),
        used=services().store.rules.used(found.id, exercise.slug) if rule and rule.most_attempts else 0,
        before=services().exercises[slugs[place - 1]] if place else None,
        after=services().following(exercise.slug),
    )


@blueprint.get("/scoreboard")
def scoreboard() -> str | Redirect:
    """Show who has solved what; staff may look behind a scoreboard that stands still."""
    found = participant()
    if found is None and account() is None:
        return to(url_for("account.join", next=url_for("pages.scoreboard")))
    workshop = workshop_before(found)
    mine = found.id if found else None
    staff = account() is not None
    now, names = staff and "now" in request.args, staff and "names" in request.args
    shown = table(workshop, mine, None if now else workshop.frozen_at, links=staff, names=names)
    rules = services().section_rules(workshop.id)
    last_counts = sorted(section for section, rule in rules.items() if rule.last_counts)
    return render_template(
        "scoreboard.html",
        workshop=workshop,
        table=shown,
        now=now,
        names=names,
        last_counts=last_counts,
        base=services().base_url(),
    )


def _known() -> Participant:
    found = participant()
    if found is None:
        abort(403)
    return found
