"""The pages about one submission: where it is, its verdict, and what that rests on."""

from __future__ import annotations

import random
import time
import zlib
from contextlib import suppress
from typing import Final

from flask import Blueprint, Response, abort, render_template, request, url_for
from flask import redirect as to
from werkzeug.wrappers import Response as Redirect

from grader.errors import BundleError
from grader.evidence import from_json
from grader.report import json as report_json
from grader.report import junit
from web.identity import account, participant
from web.language import gettext
from web.reply import download
from web.results.drawn import Shown
from web.results.fitting import Fitted
from web.results.printed import printed
from web.results.result_page import fitted_checks, fitted_files
from web.services import services
from web.wording import outcomes, progress
from worker.audit import Action, Deed
from worker.submission import State, Submitted

blueprint = Blueprint("results", __name__)

# Pages that were opened together do not come back together.
_LIVE_SECONDS: Final = (15.0, 25.0)
_LOOK_SECONDS: Final = 2.0  # should a notice be lost; others may also have moved on in the queue


@blueprint.get("/submissions/<identity>")
def result(identity: str) -> str:
    """Show a submission: where it is, and its verdict once it is there."""
    submitted = visible(identity)
    return _render("result.html", submitted, services().position(submitted))


@blueprint.get("/submissions/<identity>/live")
def live(identity: str) -> Response:
    """Give the changing part of the result page as soon as it differs from what the page shows.

    Where it does not differ for long, or no thread is left to wait, give nothing (204).
    """
    submitted = visible(identity)
    shown = request.args.get("shown", "")
    end = time.monotonic() + random.uniform(*_LIVE_SECONDS)  # noqa: S311  no secret
    while True:
        with services().ear.waiting(identity, for_progress=True) as heard:
            # What happened before we listened was not heard.
            submitted = services().store.submissions.get(identity) or submitted
            position = services().position(submitted)
            if _shown(submitted, position) != shown:
                break
            rest = end - time.monotonic()
            if rest <= 0 or not services().may_wait():
                return Response(status=204)
            heard.wait(min(rest, _LOOK_SECONDS))
    page = Response(_render("live.html", submitted, position), mimetype="text/html")
    page.headers["X-Final"] = "1" if submitted.state.final else "0"
    return page


def _shown(submitted: Submitted, position: int | None) -> str:
    heard = services().ear.last(submitted.id)
    return f"{submitted.state.value}:{submitted.attempt}:{position}:{heard.size}:{heard.what}"


def _render(template: str, submitted: Submitted, position: int | None) -> str:
    report = report_json.from_json(submitted.report) if submitted.report else None
    exercise = services().exercise(submitted.exercise)
    handed_in = services().store.submissions.files(submitted.id) if template == "result.html" else {}
    return render_template(
        template,
        submitted=submitted,
        shown=_shown(submitted, position),
        report=report,
        checks=fitted_checks(report.checks if report else ()),
        outcomes=outcomes(),
        exercise=exercise,
        heard=(heard := services().ear.last(submitted.id)),
        progress=progress(heard.what),
        position=position,
        handed_in=fitted_files(handed_in),
        following=services().following(submitted.exercise),
        pictures=_pictures(submitted),
        **(_around(submitted) if template == "result.html" else {}),
    )


def _around(submitted: Submitted) -> dict[str, object]:
    """Return what stands around the verdict: the score set by hand and, for staff, what we ran printed."""
    found = services().store
    output: list[tuple[str, Fitted]] = []
    if account() is not None and submitted.evidence:
        with suppress(zlib.error):  # the pictures on the same page say that it cannot be read
            output = printed(found.submissions.evidence(submitted.evidence) or b"")
    return {
        "override": found.overrides.of(submitted.participant_id).get(submitted.exercise),
        "output": output,
    }


def _pictures(submitted: Submitted) -> Shown:
    """Draw what a verdict rests on, once there is one: until then the page is asked for again and again."""
    if submitted.state is not State.GRADED or submitted.evidence is None:
        return Shown()
    return services().drawn.get(submitted.evidence, services().store.submissions.evidence)


@blueprint.post("/submissions/<identity>/cancel")
def cancel(identity: str) -> Redirect:
    """Cancel a submission: one's own, or as an instructor anybody's."""
    submitted = visible(identity)
    found, by = participant(), account()
    own = found is not None and found.id == submitted.participant_id
    if not own and (by is None or by.role != "instructor"):
        abort(403, gettext("Only instructors may cancel what is somebody else's."))
    if services().store.submissions.cancel(submitted.id):
        services().notices.tell(identity, State.CANCELLED.value)
        if by is not None and not own:
            services().store.audit.note(_cancelled(submitted, by.name))
    return to(url_for("results.result", identity=identity), 303)


def _cancelled(submitted: Submitted, by: str) -> Deed:
    return Deed(
        Action.CANCEL,
        by,
        submitted.workshop_id,
        submitted.participant,
        submitted.exercise,
        submitted.id,
        before=submitted.state.value,
        after=State.CANCELLED.value,
    )


@blueprint.get("/submissions/<identity>/junit.xml")
def junit_xml(identity: str) -> Response:
    """Give a verdict as JUnit XML."""
    submitted = visible(identity)
    if submitted.report is None:
        abort(404, gettext("There is no verdict yet."))
    return Response(junit.to_xml([report_json.from_json(submitted.report)]), mimetype="application/xml")


@blueprint.get("/submissions/<identity>/evidence.json")
def evidence(identity: str) -> Response:
    """Give the evidence that a verdict rests on."""
    return Response(_evidence(visible(identity)), mimetype="application/json")


@blueprint.get("/submissions/<identity>/output.txt")
def output(identity: str) -> Response:
    """Give all that an answer printed."""
    try:
        run = from_json(_evidence(visible(identity))).sections.run
    except BundleError as error:
        abort(404, gettext("The evidence was written by another version: %(why)s.", why=error))
    if run is None:
        abort(404, gettext("This answer was not run by itself."))
    text = f"{run.stdout}\n--- standard error ---\n{run.stderr}" if run.stderr else run.stdout
    return download(text.encode("utf-8", "surrogatepass"), f"output-{identity}.txt")


def _evidence(submitted: Submitted) -> bytes:
    try:
        found = services().store.submissions.evidence(submitted.evidence) if submitted.evidence else None
    except zlib.error:
        abort(404, gettext("The evidence was kept, but cannot be read any more."))
    if found is None:
        abort(404, gettext("There is no evidence for this submission."))
    return found


def visible(identity: str) -> Submitted:
    """Return a submission that whoever asks may see; others' do not exist for them."""
    submitted = services().store.submissions.get(identity)
    found = participant()
    if submitted is None or not (account() or (found and found.id == submitted.participant_id)):
        abort(404, gettext("There is no such submission, or it is somebody else's."))
    return submitted
