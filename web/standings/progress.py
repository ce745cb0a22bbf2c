"""The page that shows points over time, beside the scoreboard."""

from __future__ import annotations

from flask import Blueprint, render_template, request, url_for
from flask import redirect as to
from werkzeug.wrappers import Response as Redirect

from web.identity import account, participant
from web.services import services
from web.staff.finding import workshop_before
from web.standings import timeline
from web.standings.pseudonyms import pseudonym

blueprint = Blueprint("progress", __name__)


@blueprint.get("/scoreboard/time")
def over_time() -> str | Redirect:
    """Show the points of those who lead, over time; staff may look behind a scoreboard that stands still."""
    found = participant()
    if found is None and account() is None:
        return to(url_for("account.join", next=url_for("progress.over_time")))
    workshop = workshop_before(found)
    staff = account() is not None
    now = staff and "now" in request.args
    shown = staff and "names" in request.args
    store = services().store
    plot = timeline.draw(
        store.statistics.attempts(workshop.id),
        services().exercises,
        None if now else workshop.frozen_at,
        rules=services().rules(workshop.id),
        overrides=store.overrides.of_workshop(workshop.id),
    )
    leading = [line.participant_id for line in plot.lines] if plot else []
    if workshop.anonymous and not shown:
        names = {identity: pseudonym(workshop, identity) for identity in leading}
    else:
        names = {member.id: member.name for member in store.roster.members(workshop.id)}
    return render_template(
        "over_time.html",
        workshop=workshop,
        plot=plot,
        names=names,
        mine=found.id if found else None,
        now=now,
        most=timeline.MOST,
    )
