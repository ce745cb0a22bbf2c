"""The pages of participants: exercises, tasks and the scoreboard."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from flask import Blueprint, abort, render_template, request, url_for
from flask import redirect as to
from werkzeug.wrappers import Response as Redirect

from grader.exercise.path import SECTIONS
from grader.model import Exercise
from grader.parameters import fill
from web import markdown
from web.command_lines import command_lines
from web.identity import account, participant, participants_only
from web.problems import Problem
from web.scoreboard import table
from web.services import services
from web.submitting import exercise_named, parameters, submit, uploaded
from worker.people import Participant
from worker.submission import Standing

blueprint = Blueprint("pages", __name__)

_ONCE: Final = re.compile(r"[0-9a-f]{32}")


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
@participants_only
def task(slug: str) -> str:
    """Show the task, with the participant's own values, and the form."""
    return _task(exercise_named(slug), {}, None)


@blueprint.post("/exercises/<slug>")
@participants_only
def hand_in(slug: str) -> tuple[str, int] | Redirect:
    """Take an answer from the form: uploaded files, and texts for those that were not uploaded."""
    found = _known()
    exercise = exercise_named(slug)
    try:
        files = uploaded(request.files, exercise)
        for spec in exercise.files:
            text = request.form.get(f"text:{spec.name}", "")
            if spec.name not in files and text.strip():
                # Browsers send lines with carriage returns, which no shell likes.
                files[spec.name] = text.replace("\r\n", "\n").encode("utf-8", "surrogatepass")
        identity, _ = submit(found, exercise, files, _key(files))
    except Problem as problem:
        texts = {spec.name: request.form.get(f"text:{spec.name}", "") for spec in exercise.files}
        return _task(exercise, texts, problem.detail), problem.status
    return to(url_for("results.result", identity=identity), 303)


def _key(files: Mapping[str, bytes]) -> str | None:
    """Return a key that two clicks on the same form share, but not what was changed between them."""
    once = request.form.get("once", "")
    if not _ONCE.fullmatch(once):
        return None
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(name.encode("utf-8", "surrogatepass") + hashlib.sha256(files[name]).digest())
    return f"form-{once}-{digest.hexdigest()}"


def _task(exercise: Exercise, texts: Mapping[str, str], problem: str | None) -> str:
    found = _known()
    values = parameters(exercise, found)
    attempts = services().store.submissions.of(found.id, exercise.slug, limit=20)
    if not texts and attempts:
        last = services().store.submissions.files(attempts[0].id)
        texts = {name: content.decode(errors="replace") for name, content in last.items()}
    slugs = list(services().exercises)
    place = slugs.index(exercise.slug)
    return render_template(
        "task.html",
        exercise=exercise,
        workshop=services().workshop(found.workshop_id),
        once=secrets.token_hex(16),
        text=markdown.to_html(markdown.body(fill(exercise.text, values))),
        hints=[markdown.to_html(fill(hint, values)) for hint in exercise.hints],
        files=[
            (spec, texts.get(spec.name, fill(spec.nothing, values)))
            for spec in exercise.files
            if "*" not in spec.name
        ],
        attempts=attempts,
        problem=problem,
        lines=command_lines(exercise, services().base_url()),
        before=services().exercises[slugs[place - 1]] if place else None,
        after=services().following(exercise.slug),
    )


@blueprint.get("/scoreboard")
def scoreboard() -> str | Redirect:
    """Show who has solved what; staff may look behind a scoreboard that stands still."""
    found = participant()
    if found is None and account() is None:
        return to(url_for("account.join", next=url_for("pages.scoreboard")))
    workshop = services().workshop(found.workshop_id) if found else services().first_workshop()
    if workshop is None:
        abort(404, "There is no workshop.")
    mine = found.id if found else None
    staff = account() is not None
    now, names = staff and "now" in request.args, staff and "names" in request.args
    shown = table(workshop, mine, None if now else workshop.frozen_at, links=staff, names=names)
    return render_template("scoreboard.html", workshop=workshop, table=shown, now=now, names=names)


def _known() -> Participant:
    found = participant()
    if found is None:
        abort(403)
    return found
