"""Figures for instructors: how each exercise and check fares, and who may need help."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from flask import Blueprint, render_template, request

from grader.model import Outcome
from web.identity import staff_only
from web.language import gettext
from web.services import services
from web.staff.finding import exercise_known, workshop_named
from worker.roster import Member
from worker.statistics import STUCK_ATTEMPTS, by_exercise, stuck

blueprint = Blueprint("figures", __name__)

_SILENT_MINUTES: Final = 20
_MOST_MINUTES: Final = 7 * 24 * 60


@dataclass(frozen=True, slots=True)
class Silent:
    """Somebody who has submitted nothing for long.

    Attributes:
        since: Their last submission, or when they joined, in seconds since 1970.
        began: Whether they have submitted at all.
    """

    member: Member
    since: float
    began: bool
    solved: int


@blueprint.get("/workshops/<int:identity>/statistics")
@staff_only
def statistics(identity: int) -> str:
    """Show how each exercise fares."""
    workshop = workshop_named(identity)
    store = services().store
    return render_template(
        "statistics.html",
        workshop=workshop,
        figures=by_exercise(store.statistics.attempts(workshop.id)),
        exercises=services().exercises,
        people=len(store.statistics.joined(workshop.id)),
    )


@blueprint.get("/workshops/<int:identity>/statistics/<slug>")
@staff_only
def exercise(identity: int, slug: str) -> str:
    """Show how each check of an exercise fares, and which feedback is given most."""
    workshop, found = workshop_named(identity), exercise_known(slug)
    store = services().store
    attempts = store.statistics.attempts(workshop.id, slug)
    names = {member.id: member.name for member in store.roster.members(workshop.id)}
    return render_template(
        "exercise_statistics.html",
        workshop=workshop,
        exercise=found,
        figures=by_exercise(attempts).get(slug),
        checks=store.statistics.checks(workshop.id, slug),
        stuck=stuck(attempts),
        names=names,
        outcomes=Outcome,
    )


@blueprint.get("/workshops/<int:identity>/stuck")
@staff_only
def who_is_stuck(identity: int) -> str:
    """Show who has failed an exercise several times, and who has been silent for long."""
    workshop = workshop_named(identity)
    store = services().store
    minutes = _minutes(request.args.get("minutes", ""))
    attempts = store.statistics.attempts(workshop.id)
    members = {member.id: member for member in store.roster.members(workshop.id)}
    last = {attempt.participant_id: attempt.at for attempt in attempts}
    solved: dict[int, set[str]] = {}
    for attempt in attempts:
        if attempt.passed:
            solved.setdefault(attempt.participant_id, set()).add(attempt.exercise)
    before = time.time() - 60 * minutes
    silent = [
        Silent(member, last.get(member.id, member.joined_at), member.id in last, len(own))
        for member in members.values()
        if last.get(member.id, member.joined_at) < before
        and len(own := solved.get(member.id, set())) < len(services().exercises)
    ]
    return render_template(
        "stuck.html",
        workshop=workshop,
        stuck=[one for one in stuck(attempts) if one.participant_id in members],
        members=members,
        silent=sorted(silent, key=lambda one: one.since),
        exercises=services().exercises,
        minutes=minutes,
        least=STUCK_ATTEMPTS,
    )


def _minutes(given: str) -> int:
    return min(max(int(given), 1), _MOST_MINUTES) if given.isascii() and given.isdigit() else _SILENT_MINUTES


def duration(seconds: float | None) -> str:
    """Return a time as people say it: 40 s, 12 min, 3.5 h, 2 d; a dash for none."""
    if seconds is None:
        return "\N{EN DASH}"
    if seconds < 90:
        return gettext("%(number).0f s", number=seconds)
    if seconds < 90 * 60:
        return gettext("%(number).0f min", number=seconds / 60)
    if seconds < 48 * 3600:
        return gettext("%(number).1f h", number=seconds / 3600)
    return gettext("%(number).0f d", number=seconds / 86400)
