"""The HTTP API, version 1."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from flask import Blueprint, Response, request, url_for

from grader.parameters import fill
from grader.report import json as report_json
from grader.report import junit
from web.identity import account, by_token
from web.problems import Problem
from web.rates import limited
from web.reply import iso, json_response
from web.security import csrf
from web.services import services
from web.staff.finding import workshop_before
from web.standings.scoreboard import board
from web.tasks.submitting import exercise_named, parameters, submit, uploaded
from worker.notices import NOTHING
from worker.people import BadNameError, NameTakenError, Participant, WrongJoinCodeError
from worker.submission import State, Submitted

LONGEST_WAIT: Final = 30.0
_LOOK_SECONDS: Final = 2.0  # should a notice ever be lost
blueprint = Blueprint("api", __name__, url_prefix="/api/v1")
# It knows no cookies, so that no other site can make a browser speak for somebody.
csrf.exempt(blueprint)


class _Join(msgspec.Struct):
    name: str
    join_code: str


class _Answer(msgspec.Struct):
    exercise: str
    files: dict[str, str]


def _body(shape: Any) -> Any:
    try:
        return msgspec.json.decode(request.get_data(), type=shape)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        raise Problem(400, f"the body does not fit: {error}") from error


@blueprint.post("/participants")
@limited("join", lambda settings: settings.join_rate)
def join() -> Response:
    """Take part in a workshop."""
    given = _body(_Join)
    try:
        found, token = services().store.people.join(given.join_code, given.name)
    except WrongJoinCodeError as error:
        raise Problem(403, str(error)) from error
    except NameTakenError as error:
        raise Problem(409, str(error)) from error
    except BadNameError as error:
        raise Problem(422, str(error)) from error
    return json_response({"id": found.id, "name": found.name, "token": token}, 201)


@blueprint.get("/exercises")
def exercises() -> Response:
    """List the exercises."""
    found = [
        {
            "slug": exercise.slug,
            "title": exercise.title,
            "section": exercise.section,
            "minutes": exercise.minutes,
            "max_score": exercise.max_score,
            "files": [
                {"name": spec.name, "kind": spec.kind.value, "required": spec.required}
                for spec in exercise.files
            ],
        }
        for exercise in services().exercises.values()
    ]
    return json_response({"exercises": found})


@blueprint.get("/exercises/<slug>")
def exercise(slug: str) -> Response:
    """Show an exercise as one participant meets it."""
    participant = by_token()
    found = exercise_named(slug)
    values = parameters(found, participant)
    return json_response(
        {
            "slug": found.slug,
            "title": found.title,
            "section": found.section,
            "max_score": found.max_score,
            "text": fill(found.text, values),
            "hints": [fill(hint, values) for hint in found.hints],
            "parameters": values,
        }
    )


@blueprint.post("/submissions")
def add() -> Response:
    """Submit an answer."""
    participant = by_token()
    files: Mapping[str, bytes]
    if request.mimetype == "application/json":
        given = _body(_Answer)
        found = exercise_named(given.exercise)
        try:
            files = {name: content.encode() for name, content in given.files.items()}
        except UnicodeEncodeError as error:
            raise Problem(422, f"the files hold what is no text: {error.reason}") from error
    elif request.mimetype == "multipart/form-data":
        found = exercise_named(request.form.get("exercise"))
        files = uploaded(request.files, found)
    else:
        raise Problem(415, "send multipart/form-data or application/json")
    identity, new = submit(participant, found, files, request.headers.get("Idempotency-Key"))
    before = None if new else services().store.submissions.get(identity)
    state = before.state if before else State.QUEUED
    reply = json_response({"id": identity, "state": state.value}, 202)
    reply.headers["Location"] = url_for("api.one", identity=identity)
    return reply


@blueprint.get("/submissions")
def own() -> Response:
    """List one's own submissions, the newest first."""
    participant = by_token()
    slug = request.args.get("exercise")
    found = services().store.submissions.of(participant.id, slug, limit=200)
    return json_response({"submissions": [to_table(submitted) for submitted in found]})


@blueprint.get("/submissions/<identity>")
def one(identity: str) -> Response:
    """Show a submission; with ``wait``, as soon as its verdict is there."""
    wait = request.args.get("wait")
    submitted = _own(identity) if wait is None else _wait_for_verdict(identity, _seconds(wait))
    return json_response(to_table(submitted, detailed=True))


@blueprint.delete("/submissions/<identity>")
def cancel(identity: str) -> Response:
    """Cancel a submission that has no verdict yet."""
    submitted = _own(identity)
    if not services().store.submissions.cancel(submitted.id):
        raise Problem(409, "this submission has ended already")
    services().notices.tell(identity, State.CANCELLED.value)
    return json_response(to_table(_own(identity)))


@blueprint.get("/submissions/<identity>/junit.xml")
def junit_xml(identity: str) -> Response:
    """Give a verdict as JUnit XML."""
    report = report_json.from_json(_report(_own(identity)))
    return Response(junit.to_xml([report]), mimetype="application/xml")


@blueprint.get("/submissions/<identity>/evidence")
def evidence(identity: str) -> Response:
    """Give the evidence that a verdict rests on."""
    submitted = _own(identity)
    found = services().store.submissions.evidence(submitted.evidence) if submitted.evidence else None
    if found is None:
        raise Problem(404, "there is no evidence for this submission")
    return Response(found, mimetype="application/json")


@blueprint.get("/scoreboard")
def scoreboard() -> Response:
    """Show who has solved what."""
    workshop = workshop_before(None if account() is not None else by_token())
    found = board(workshop, workshop.frozen_at)
    return json_response(
        {
            "exercises": [
                {"slug": exercise.slug, "max_score": exercise.max_score} for exercise in found.exercises
            ],
            "participants": [
                {
                    "place": row.place,
                    "name": row.name,
                    "score": row.score,
                    "solved": row.solved,
                    "exercises": {
                        slug: {"score": cell.score, "passed": cell.passed, "attempts": cell.attempts}
                        for slug, cell in row.cells.items()
                    },
                }
                for row in found.rows
            ],
        }
    )


def to_table(submitted: Submitted, *, detailed: bool = False) -> dict[str, Any]:
    """Return a submission as plain tables and lists; `detailed` with its report and place in the queue."""
    table: dict[str, Any] = {
        "id": submitted.id,
        "exercise": submitted.exercise,
        "participant": submitted.participant,
        "state": submitted.state.value,
        "attempt": submitted.attempt,
        "created_at": iso(submitted.created_at),
        "started_at": iso(submitted.started_at),
        "finished_at": iso(submitted.finished_at),
        "score": submitted.score,
        "max_score": submitted.max_score,
        "passed": submitted.passed,
        "error": submitted.error,
    }
    if detailed:
        table["report"] = msgspec.Raw(submitted.report) if submitted.report else None
        table["position"] = services().position(submitted)
        heard = NOTHING if submitted.state.final else services().ear.last(submitted.id)
        table |= {"progress": heard.what, "printed": heard.printed, "printed_bytes": heard.size}
    return table


def _wait_for_verdict(identity: str, seconds: float) -> Submitted:
    """Return a submission of whoever asks once it has ended, or as it is after so many seconds."""
    end = time.monotonic() + seconds
    while True:
        with services().ear.waiting(identity) as heard:
            submitted = _own(identity)  # what happened before we listened was not heard
            rest = end - time.monotonic()
            if submitted.state.final or rest <= 0 or not services().may_wait():
                return submitted
            heard.wait(min(rest, _LOOK_SECONDS))


def _seconds(wait: str) -> float:
    try:
        seconds = float(wait)
    except ValueError as error:
        raise Problem(400, "wait takes a number of seconds") from error
    if not 0 <= seconds <= 3600:
        raise Problem(400, "wait takes a number of seconds from 0 to 3600")
    return min(seconds, LONGEST_WAIT)


def _own(identity: str) -> Submitted:
    """Return a submission of whoever asks; others' do not exist for them."""
    participant: Participant = by_token()
    found = services().store.submissions.get(identity)
    if found is None or found.participant_id != participant.id:
        raise Problem(404, "there is no such submission")
    return found


def _report(submitted: Submitted) -> bytes:
    if submitted.report is None:
        raise Problem(404, "there is no verdict yet")
    return submitted.report
