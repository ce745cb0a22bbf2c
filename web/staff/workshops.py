"""The page of all workshops: instructors open one, put it away, fetch it back, delete it."""

from __future__ import annotations

from flask import Blueprint, flash, render_template, request, url_for
from flask import redirect as to
from werkzeug.wrappers import Response as Redirect

from web.identity import acting, instructors_only, staff_only
from web.language import gettext
from web.services import services
from web.staff.finding import workshop_named
from web.wording import as_sentence, told
from worker.workshops import BadWorkshopError

blueprint = Blueprint("workshops", __name__)


@blueprint.get("/workshops")
@staff_only
def overview() -> str:
    """List every workshop, the archived ones last."""
    return _page(None)


@blueprint.post("/workshops")
@instructors_only
def add() -> tuple[str, int] | Redirect:
    """Open a workshop."""
    name, join_code = request.form.get("name", ""), request.form.get("join_code", "")
    try:
        identity = services().store.workshops.add(name, join_code, acting())
    except BadWorkshopError as error:
        return _page(as_sentence(told(error)), given=(name, join_code)), 422
    found = workshop_named(identity)
    flash(gettext("%(name)s is open. Its join code is %(code)s.", name=found.name, code=found.join_code))
    return to(url_for("workshops.overview"), 303)


@blueprint.post("/workshops/<int:identity>/archive")
@instructors_only
def archive(identity: int) -> Redirect:
    """Put a workshop away, or fetch it back."""
    found = workshop_named(identity)
    archived = request.form.get("archived") == "1"
    services().store.workshops.archive(found.id, archived=archived, account=acting())
    services().changed(found)
    return to(url_for("workshops.overview"), 303)


@blueprint.post("/workshops/<int:identity>/delete")
@instructors_only
def delete(identity: int) -> tuple[str, int] | Redirect:
    """Delete an archived workshop and everything in it, for good."""
    found = workshop_named(identity)
    try:
        services().store.workshops.delete(found.id, request.form.get("name", ""), acting())
    except BadWorkshopError as error:
        problem = gettext("%(name)s was not deleted: %(why)s.", name=found.name, why=told(error))
        return _page(problem), 422
    services().changed(found)
    flash(gettext("%(name)s is deleted.", name=found.name))
    return to(url_for("workshops.overview"), 303)


def _page(problem: str | None, given: tuple[str, str] = ("", "")) -> str:
    return render_template(
        "workshops.html", every=services().store.workshops.all(), problem=problem, given=given
    )
