"""Verdicts that instructors have judged or run again, after a look at what would change."""

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
from web.wording import outcomes
from worker.regrade import Kind, Regrade, RegradeState

blueprint = Blueprint("regrading", __name__)

_MOST_SHOWN: Final = 1_000
_MOST_SHOWN_MEANWHILE: Final = 100  # of a page that is asked for each second
_TICKETS: Final = 100  # the sweeper adds what is missing


@blueprint.get("/workshops/<int:identity>/regrades")
@staff_only
def overview(identity: int) -> str:
    """Show what was judged and run again, what could not be graded, and the forms for each."""
    workshop = workshop_named(identity)
    store = services().store
    return render_template(
        "regrades.html",
        workshop=workshop,
        regrades=store.regrades.recent(workshop.id),
        ungradable=store.reruns.ungradable(workshop.id),
        exercises=services().exercises,
    )


@blueprint.post("/workshops/<int:identity>/regrades")
@instructors_only
def begin(identity: int) -> Redirect:
    """Have an exercise, or everything, judged again from stored evidence, or run; nothing changes yet."""
    return _begin(workshop_named(identity).id, _chosen(), None)


@blueprint.post("/submissions/<identity>/regrade")
@instructors_only
def begin_one(identity: str) -> Redirect:
    """Have one submission judged again from stored evidence, or run; nothing changes yet."""
    submitted = submission_named(identity)
    return _begin(submitted.workshop_id, submitted.exercise, submitted.id)


@blueprint.get("/regrades/<int:identity>")
@staff_only
def regrade(identity: int) -> str:
    """Show how far it got, and what would change; of what runs, as it comes."""
    found = _regrade(identity)
    store = services().store
    runs = found.kind is Kind.RUN
    changes = store.regrades.changes(identity) if runs or not found.state.busy else []
    ready = found.state is RegradeState.READY
    counting = [one for one in changes if not (ready and one.overtaken)]
    shown = [one for one in changes if one.rescored or one.turned]
    ungradable = store.regrades.ungradable(identity) if runs else []
    most = _MOST_SHOWN_MEANWHILE if found.state.busy else _MOST_SHOWN
    return render_template(
        "regrade.html",
        workshop=workshop_named(found.workshop_id),
        regrade=found,
        runs=runs,
        changes=shown[:most],
        left_out=len(shown[most:]),
        verdicts=len(counting),
        overtaken=len(changes) - len(counting),
        different=sum(one.rescored for one in counting),
        turned=sum(one.turned and not one.rescored for one in counting),
        # Judging keeps only verdicts that differ in something; running keeps them all.
        reworded=sum(not (one.rescored or one.turned) and (not runs or bool(one.checks)) for one in counting),
        errors=sum(one.errors > 0 for one in changes),
        ungradable=ungradable[:most],
        failed=len(ungradable),
        exercises=services().exercises,
        outcomes=outcomes(),
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
def run_again(identity: int) -> Redirect:
    """Put everything that could not be graded back into the queue."""
    _queue(services().store.reruns.run_again(workshop_named(identity).id, acting()))
    return to(url_for("regrading.overview", identity=identity), 303)


@blueprint.post("/submissions/<identity>/run-again")
@instructors_only
def run_one_again(identity: str) -> Redirect:
    """Put one submission that could not be graded back into the queue."""
    submitted = submission_named(identity)
    _queue(services().store.reruns.run_again(submitted.workshop_id, acting(), submission_id=submitted.id))
    return to(url_for("results.result", identity=identity), 303)


def _begin(workshop_id: int, slug: str | None, submission_id: str | None) -> Redirect:
    regrades = services().store.regrades
    if request.form.get("kind") == Kind.RUN:
        wished = regrades.wish_runs(
            workshop_id, acting(), services().exercises, exercise=slug, submission_id=submission_id
        )
        for _ in range(min(wished.total, _TICKETS)):
            services().tickets.add(f"regrade {wished.id}")
        identity = wished.id
    else:
        identity = regrades.wish(workshop_id, acting(), exercise=slug, submission_id=submission_id)
    return to(url_for("regrading.regrade", identity=identity), 303)


def _queue(identities: list[str]) -> None:
    for identity in identities[:_TICKETS]:
        services().tickets.add(identity)
    count = len(identities)
    flash(
        ngettext(
            "%(num)s submission is in the queue again.", "%(num)s submissions are in the queue again.", count
        )
        if count
        else gettext(
            "There is nothing to run again: it has a verdict, runs already, or its files were not kept."
        )
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
