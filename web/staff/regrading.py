"""Verdicts that instructors have judged again, after a look at what would change, or run again."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, abort, flash, render_template, request, url_for
from flask import redirect as to
from werkzeug.wrappers import Response as Redirect

from grader.report.wording import points
from web.identity import acting, instructors_only, staff_only
from web.language import gettext, ngettext
from web.services import services
from web.staff.finding import exercise_known, submission_named, workshop_named
from worker.regrade import Regrade
from worker.submission import State
from worker.workshops import Workshop

blueprint = Blueprint("regrading", __name__)

_MOST_SHOWN: Final = 1_000
_TICKETS: Final = 100  # the sweeper adds what is missing


@blueprint.get("/workshops/<int:identity>/regrades")
@staff_only
def overview(identity: int) -> str:
    """Show what was judged again, what could not be graded, and the forms for both."""
    return _page(workshop_named(identity), None)


@blueprint.post("/workshops/<int:identity>/regrades")
@instructors_only
def begin(identity: int) -> Redirect:
    """Have an exercise, or everything, judged again from stored evidence; nothing changes yet."""
    workshop = workshop_named(identity)
    slug = _chosen()
    wished = services().store.regrades.wish(workshop.id, acting(), exercise=slug)
    return to(url_for("regrading.regrade", identity=wished), 303)


@blueprint.post("/submissions/<identity>/regrade")
@instructors_only
def begin_one(identity: str) -> Redirect:
    """Have one submission judged again from stored evidence; nothing changes yet."""
    submitted = submission_named(identity)
    wished = services().store.regrades.wish(
        submitted.workshop_id, acting(), exercise=submitted.exercise, submission_id=submitted.id
    )
    return to(url_for("regrading.regrade", identity=wished), 303)


@blueprint.get("/regrades/<int:identity>")
@staff_only
def regrade(identity: int) -> str:
    """Show how far judging got, and what would change."""
    found = _regrade(identity)
    changes = [] if found.state.busy else services().store.regrades.changes(identity)
    different = [one for one in changes if (one.score, one.max_score) != (one.old_score, one.old_max_score)]
    return render_template(
        "regrade.html",
        workshop=workshop_named(found.workshop_id),
        regrade=found,
        changes=different[:_MOST_SHOWN],
        different=len(different),
        reworded=len(changes) - len(different),
        errors=sum(one.errors > 0 for one in changes),
        exercises=services().exercises,
        overridden=_overridden(found.workshop_id),
    )


@blueprint.post("/regrades/<int:identity>/apply")
@instructors_only
def apply(identity: int) -> Redirect:
    """Let what was shown count."""
    found = _regrade(identity)
    changed = services().store.regrades.apply(found.id, acting())
    flash(
        gettext("There is nothing to apply.")
        if changed is None
        else ngettext("Applied: %(num)s score changed.", "Applied: %(num)s scores changed.", changed)
    )
    return to(url_for("regrading.regrade", identity=identity), 303)


@blueprint.post("/regrades/<int:identity>/discard")
@instructors_only
def discard(identity: int) -> Redirect:
    """Leave everything as it is."""
    found = _regrade(identity)
    if services().store.regrades.discard(found.id, acting()):
        flash(gettext("Discarded: nothing has changed."))
    return to(url_for("regrading.overview", identity=found.workshop_id), 303)


@blueprint.post("/workshops/<int:identity>/run-again")
@instructors_only
def run_again(identity: int) -> tuple[str, int] | Redirect:
    """Put what was ungradable, or an exercise, or everything, back into the queue."""
    workshop = workshop_named(identity)
    if request.form.get("what") == "ungradable":
        found = services().store.reruns.run_again(workshop.id, acting(), states=(State.UNGRADABLE,))
    else:
        if request.form.get("sure") != "1":
            problem = gettext("Tick the box first: running again takes the present verdicts away.")
            return _page(workshop, problem), 422
        found = services().store.reruns.run_again(workshop.id, acting(), exercise=_chosen())
    _queue(found)
    return to(url_for("regrading.overview", identity=identity), 303)


@blueprint.post("/submissions/<identity>/run-again")
@instructors_only
def run_one_again(identity: str) -> Redirect:
    """Put one submission back into the queue."""
    submitted = submission_named(identity)
    _queue(services().store.reruns.run_again(submitted.workshop_id, acting(), submission_id=submitted.id))
    return to(url_for("results.result", identity=identity), 303)


def _queue(identities: list[str]) -> None:
    for identity in identities[:_TICKETS]:
        services().tickets.add(identity)
    count = len(identities)
    flash(
        ngettext(
            "%(num)s submission is in the queue again.", "%(num)s submissions are in the queue again.", count
        )
        if count
        else gettext("There is nothing to run again: it runs already, or its files were not kept.")
    )


def _chosen() -> str | None:
    """Return the slug that the form names, or ``None`` for every exercise."""
    slug = request.form.get("exercise", "")
    return exercise_known(slug).slug if slug else None


def _regrade(identity: int) -> Regrade:
    found = services().store.regrades.get(identity)
    if found is None:
        abort(404, gettext("There is no such regrade."))
    return found


def _overridden(workshop_id: int) -> dict[tuple[str, str], str]:
    """Return the scores set by hand, by participant's name and exercise: what is graded is behind them."""
    store = services().store
    names = {member.id: member.name for member in store.roster.members(workshop_id)}
    return {
        (names[one.participant_id], one.exercise): points(one.score)
        for one in store.overrides.of_workshop(workshop_id)
        if one.participant_id in names
    }


def _page(workshop: Workshop, problem: str | None) -> str:
    store = services().store
    return render_template(
        "regrades.html",
        workshop=workshop,
        regrades=store.regrades.recent(workshop.id),
        ungradable=store.reruns.ungradable(workshop.id),
        exercises=services().exercises,
        problem=problem,
    )
