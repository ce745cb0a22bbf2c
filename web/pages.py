"""The pages: exercises, tasks, results, the scoreboard, and the instructors' overview."""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from flask import Blueprint, Response, abort, render_template, request, url_for
from flask import redirect as to
from werkzeug.wrappers import Response as Redirect

from grader.exercise.path import SECTIONS
from grader.model import CheckResult, Exercise, Outcome
from grader.parameters import fill
from grader.report import json as report_json
from grader.report import junit
from web import markdown
from web.identity import account, participant, participants_only, staff_only
from web.problems import Problem
from web.scoreboard import table
from web.services import services
from web.submitting import exercise_named, parameters, submit, uploaded
from worker.people import Participant
from worker.submission import Standing, State, Submitted

blueprint = Blueprint("pages", __name__)

_LIVE_SECONDS: Final = 20.0
_LOOK_SECONDS: Final = 2.0  # should a notice be lost; others may also have moved on in the queue
_ONCE: Final = re.compile(r"[0-9a-f]{32}")
OUTCOMES: Final = {
    Outcome.PASSED: "Passed",
    Outcome.FAILED: "Not yet",
    Outcome.SKIPPED: "Skipped",
    Outcome.ERROR: "Error of ours",
}


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
        progress=progress,
        count=len(every),
        solved=sum(own.passed for own in progress.values()),
        points=sum(section.points for section in sections),
        most=sum(section.most for section in sections),
        minutes=sum(exercise.minutes for exercise in every.values()),
        following=next((one for slug, one in every.items() if not _solved(progress, slug)), None),
    )


def _progress(found: Participant) -> dict[str, Standing]:
    standings = services().store.submissions.standings(found.workshop_id, found.id)
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
    return to(url_for("pages.result", identity=identity), 303)


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
        before=services().exercises[slugs[place - 1]] if place else None,
        after=_following(exercise.slug),
    )


@blueprint.get("/submissions/<identity>")
def result(identity: str) -> str:
    """Show a submission: where it is, and its verdict once it is there."""
    submitted = _visible(identity)
    return _render("result.html", submitted, _position(submitted))


@blueprint.get("/submissions/<identity>/live")
def live(identity: str) -> Response:
    """Give the changing part of the result page as soon as it differs from what the page shows."""
    submitted = _visible(identity)
    shown = request.args.get("shown", "")
    end = time.monotonic() + _LIVE_SECONDS
    while True:
        with services().ear.waiting(identity, for_progress=True) as heard:
            # What happened before we listened was not heard.
            submitted = services().store.submissions.get(identity) or submitted
            position = _position(submitted)
            rest = end - time.monotonic()
            if _shown(submitted, position) != shown or rest <= 0 or not services().may_wait():
                break
            heard.wait(min(rest, _LOOK_SECONDS))
    page = Response(_render("live.html", submitted, position), mimetype="text/html")
    page.headers["X-Final"] = "1" if submitted.state.final else "0"
    return page


def _position(submitted: Submitted) -> int | None:
    return services().store.submissions.position(submitted.id) if submitted.state is State.QUEUED else None


def _shown(submitted: Submitted, position: int | None) -> str:
    heard = services().ear.last(submitted.id)
    return f"{submitted.state.value}:{submitted.attempt}:{position}:{heard}"


def _render(template: str, submitted: Submitted, position: int | None) -> str:
    report = report_json.from_json(submitted.report) if submitted.report else None
    exercise = services().exercise(submitted.exercise)
    return render_template(
        template,
        submitted=submitted,
        shown=_shown(submitted, position),
        report=report,
        checks=report.checks if report else (),
        outcomes=OUTCOMES,
        exercise=exercise,
        progress=services().ear.last(submitted.id),
        position=position,
        files=services().store.submissions.files(submitted.id) if template == "result.html" else {},
        following=_following(submitted.exercise),
        first_problem=_first_problem(report.checks if report else ()),
    )


def _following(slug: str) -> Exercise | None:
    slugs = list(services().exercises)
    after = slugs[slugs.index(slug) + 1 :] if slug in slugs else []
    return services().exercises[after[0]] if after else None


def _first_problem(checks: tuple[CheckResult, ...]) -> CheckResult | None:
    return next((check for check in checks if check.outcome is not Outcome.PASSED), None)


@blueprint.post("/submissions/<identity>/cancel")
def cancel(identity: str) -> Redirect:
    """Cancel a submission."""
    submitted = _visible(identity)
    if services().store.submissions.cancel(submitted.id):
        services().notices.tell(identity, State.CANCELLED.value)
    return to(url_for("pages.result", identity=identity), 303)


@blueprint.get("/submissions/<identity>/junit.xml")
def junit_xml(identity: str) -> Response:
    """Give a verdict as JUnit XML."""
    submitted = _visible(identity)
    if submitted.report is None:
        abort(404, "There is no verdict yet.")
    return Response(junit.to_xml([report_json.from_json(submitted.report)]), mimetype="application/xml")


@blueprint.get("/submissions/<identity>/evidence.json")
def evidence(identity: str) -> Response:
    """Give the evidence that a verdict rests on."""
    submitted = _visible(identity)
    found = services().store.submissions.evidence(submitted.evidence) if submitted.evidence else None
    if found is None:
        abort(404, "There is no evidence for this submission.")
    return Response(found, mimetype="application/json")


@blueprint.get("/scoreboard")
def scoreboard() -> str | Redirect:
    """Show who has solved what."""
    found = participant()
    if found is None and account() is None:
        return to(url_for("account.join", next=url_for("pages.scoreboard")))
    workshop = services().workshop(found.workshop_id) if found else services().first_workshop()
    if workshop is None:
        abort(404, "There is no workshop.")
    mine = found.id if found else None
    return render_template("scoreboard.html", workshop=workshop, table=table(workshop.id, mine))


@blueprint.get("/overview")
@staff_only
def overview() -> str:
    """Show instructors the queue, the workers and the join code."""
    store = services().store
    return render_template(
        "overview.html",
        workshops=store.people.workshops(),
        queue=store.submissions.queue(),
        states=store.submissions.count(),
        workers=store.staff.all(),
        base=services().base_url(),
    )


def _known() -> Participant:
    found = participant()
    if found is None:
        abort(403)
    return found


def _visible(identity: str) -> Submitted:
    """Return a submission that whoever asks may see; others' do not exist for them."""
    submitted = services().store.submissions.get(identity)
    found = participant()
    if submitted is None or not (account() or (found and found.id == submitted.participant_id)):
        abort(404, "There is no such submission, or it is somebody else's.")
    return submitted
