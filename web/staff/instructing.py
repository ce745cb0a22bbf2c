"""The pages of instructors: how the workshop goes, and what they change in it."""

from __future__ import annotations

import time
from typing import Final

from flask import Blueprint, render_template, request, url_for
from flask import redirect as to
from werkzeug.wrappers import Response as Redirect

from web.identity import acting, instructors_only, staff_only
from web.language import gettext
from web.services import services
from web.staff.deadlines import deadline_sent
from web.staff.finding import workshop_named

blueprint = Blueprint("instructing", __name__)

_AT_WORK_MINUTES: Final = 10


@blueprint.get("/overview")
@staff_only
def overview() -> str:
    """Show the join code, the queue and the workers."""
    return _overview(None)


@blueprint.post("/workshops/<int:identity>/scoreboard")
@instructors_only
def freeze(identity: int) -> Redirect:
    """Let the scoreboard stand still, or move again."""
    workshop = workshop_named(identity)
    services().store.workshops.freeze(workshop.id, frozen=request.form.get("frozen") == "1", account=acting())
    services().changed(workshop)
    return to(url_for("instructing.overview"), 303)


@blueprint.post("/workshops/<int:identity>/names")
@instructors_only
def hide_names(identity: int) -> Redirect:
    """Take the names off the scoreboard, or put them on it."""
    workshop = workshop_named(identity)
    hidden = request.form.get("anonymous") == "1"
    services().store.workshops.hide_names(workshop.id, hidden=hidden, account=acting())
    services().changed(workshop)
    return to(url_for("instructing.overview"), 303)


@blueprint.post("/workshops/<int:identity>/deadline")
@instructors_only
def set_deadline(identity: int) -> tuple[str, int] | Redirect:
    """Set until when answers are taken (UTC), or that there is no end."""
    workshop = workshop_named(identity)
    try:
        deadline = deadline_sent()
    except ValueError:
        return _overview(gettext("A deadline looks like 2030-06-21T17:30.")), 422
    services().store.workshops.set_deadline(workshop.id, deadline, acting())
    services().changed(workshop)
    return to(url_for("instructing.overview"), 303)


def _overview(problem: str | None) -> str:
    store = services().store
    since = time.time() - 60 * _AT_WORK_MINUTES
    workshops = [one for one in store.workshops.all() if one.workshop.archived_at is None]
    return render_template(
        "overview.html",
        workshops=workshops,
        at_work={one.workshop.id: store.statistics.at_work(one.workshop.id, since) for one in workshops},
        minutes=_AT_WORK_MINUTES,
        problem=problem,
        queue=store.submissions.queue(),
        runs=store.claims.runs(),
        states=store.submissions.count(),
        workers=sorted(store.staff.all(), key=lambda seen: seen.heartbeat.state == "stopped"),
        base=services().base_url(),
    )
