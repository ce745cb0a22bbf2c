"""The pages: exercises, tasks, results, the scoreboard, and the instructors' overview."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from flask import Blueprint, Response, abort, render_template, request, url_for
from flask import redirect as to
from werkzeug.wrappers import Response as Redirect

from grader.model import CheckResult, Exercise, Outcome
from grader.parameters import fill
from grader.report import json as report_json
from grader.report import junit
from web import markdown
from web.identity import account, participant, participants_only, staff_only
from web.problems import Problem
from web.scoreboard import board
from web.security import limiter
from web.services import SECTIONS, services
from web.submitting import exercise_named, parameters, submit, uploaded
from worker.people import Participant
from worker.submission import State, Submitted

blueprint = Blueprint("pages", __name__)

_LIVE_SECONDS: Final = 20.0
OUTCOMES: Final = {
    Outcome.PASSED: "Passed",
    Outcome.FAILED: "Not yet",
    Outcome.SKIPPED: "Skipped",
    Outcome.ERROR: "Error of ours",
}


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a participant is with one exercise."""

    score: float
    passed: bool
    attempts: int


@blueprint.get("/")
def start() -> str:
    """List the exercises by section, with one's own progress."""
    found = participant()
    progress = _progress(found) if found is not None else {}
    sections = [
        (letter, SECTIONS.get(letter, ""), list(exercises))
        for letter, exercises in groupby(services().exercises.values(), lambda one: one.section)
    ]
    every = services().exercises.values()
    return render_template(
        "start.html",
        sections=sections,
        progress=progress,
        points=sum(own.score for own in progress.values()),
        most=sum(exercise.max_score for exercise in every),
        minutes=sum(exercise.minutes for exercise in every),
    )


def _progress(found: Participant) -> dict[str, Progress]:
    progress: dict[str, Progress] = {}
    for submitted in services().store.submissions.of(found.id, limit=2_000):
        if submitted.state is not State.GRADED:
            continue
        before = progress.get(submitted.exercise, Progress(0.0, passed=False, attempts=0))
        progress[submitted.exercise] = Progress(
            max(before.score, submitted.score or 0.0),
            before.passed or bool(submitted.passed),
            before.attempts + 1,
        )
    return progress


@blueprint.get("/exercises/<slug>")
@participants_only
def task(slug: str) -> str:
    """Show the task, with the participant's own values, and the form."""
    return _task(exercise_named(slug), {}, None)


@blueprint.post("/exercises/<slug>")
@participants_only
@limiter.limit(lambda: services().settings.submission_rate)
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
        identity, _ = submit(found, exercise, files)
    except Problem as problem:
        texts = {spec.name: request.form.get(f"text:{spec.name}", "") for spec in exercise.files}
        return _task(exercise, texts, problem.detail), problem.status
    return to(url_for("pages.result", identity=identity), 303)


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
        after=services().exercises[slugs[place + 1]] if place + 1 < len(slugs) else None,
    )


@blueprint.get("/submissions/<identity>")
def result(identity: str) -> str:
    """Show a submission: where it is, and its verdict once it is there."""
    return _render("result.html", _visible(identity))


@blueprint.get("/submissions/<identity>/live")
def live(identity: str) -> Response:
    """Give the changing part of the result page as soon as it differs from what the page shows."""
    submitted = _visible(identity)
    shown = request.args.get("shown", "")
    with services().ear.waiting(identity, for_progress=True) as heard:
        submitted = services().store.submissions.get(identity) or submitted
        if not submitted.state.final and shown == _shown(submitted) and services().may_wait():
            heard.wait(_LIVE_SECONDS)
            submitted = services().store.submissions.get(identity) or submitted
    page = Response(_render("live.html", submitted), mimetype="text/html")
    page.headers["X-Final"] = "1" if submitted.state.final else "0"
    return page


def _shown(submitted: Submitted) -> str:
    return f"{submitted.state.value}:{submitted.attempt}:{services().ear.last(submitted.id)}"


def _render(template: str, submitted: Submitted) -> str:
    report = report_json.from_json(submitted.report) if submitted.report else None
    exercise = services().exercise(submitted.exercise)
    return render_template(
        template,
        submitted=submitted,
        shown=_shown(submitted),
        report=report,
        checks=report.checks if report else (),
        outcomes=OUTCOMES,
        exercise=exercise,
        progress=services().ear.last(submitted.id),
        position=services().store.submissions.position(submitted.id)
        if submitted.state is State.QUEUED
        else None,
        files=services().store.submissions.files(submitted.id) if template == "result.html" else {},
        first_problem=_first_problem(report.checks if report else ()),
    )


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
    workshop_id = found.workshop_id if found else services().store.people.workshops()[0].id
    workshop = services().workshop(workshop_id)
    return render_template("scoreboard.html", board=board(workshop_id), workshop=workshop, me=found)


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
