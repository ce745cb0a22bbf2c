"""Finds what a page is about, by its address or by who looks at it, or says that it is not there."""

from __future__ import annotations

from typing import NoReturn

from flask import abort, request, session

from grader.model import Exercise
from web.language import gettext
from web.services import services
from worker.people import Participant
from worker.roster import Member
from worker.submission import Submitted
from worker.workshops import Workshop


def workshop_named(identity: int) -> Workshop:
    """Return a workshop, archived or not."""
    return services().store.workshops.find(identity) or _missing(gettext("There is no such workshop."))


def workshop_before(participant: Participant | None) -> Workshop:
    """Return the workshop of a participant, or the one that an instructor chose, or the first one."""
    if participant is not None:
        return services().workshop(participant.workshop_id)
    asked = request.args.get("workshop", type=int)
    if asked is not None:
        session["workshop"] = workshop_named(asked).id
    chosen = session.get("workshop")
    found = services().store.workshops.find(chosen) if isinstance(chosen, int) else None
    return found or services().first_workshop() or _missing(gettext("There is no workshop."))


def member_named(identity: int) -> Member:
    """Return a participant with their id of another system."""
    return services().store.roster.member(identity) or _missing(gettext("There is no such participant."))


def exercise_known(slug: str) -> Exercise:
    """Return an exercise that can be used."""
    return services().exercise(slug) or _missing(gettext("There is no such exercise."))


def submission_named(identity: str) -> Submitted:
    """Return anybody's submission."""
    return services().store.submissions.get(identity) or _missing(gettext("There is no such submission."))


def _missing(sentence: str) -> NoReturn:
    abort(404, sentence)
