"""Finds what a page is about, by its address or by who looks at it, or says that it is not there."""

from __future__ import annotations

from typing import NoReturn

from flask import abort

from grader.model import Exercise
from web.services import services
from worker.people import Participant, Workshop
from worker.roster import Member
from worker.submission import Submitted


def workshop_named(identity: int) -> Workshop:
    """Return a workshop that is not archived."""
    return services().store.people.workshop(identity) or _missing("There is no such workshop.")


def workshop_before(participant: Participant | None) -> Workshop:
    """Return the workshop of a participant, or the one that instructors look at."""
    found = services().workshop(participant.workshop_id) if participant else services().first_workshop()
    return found or _missing("There is no workshop.")


def member_named(identity: int) -> Member:
    """Return a participant with their id of another system."""
    return services().store.roster.member(identity) or _missing("There is no such participant.")


def exercise_known(slug: str) -> Exercise:
    """Return an exercise that can be used."""
    return services().exercise(slug) or _missing("There is no such exercise.")


def submission_named(identity: str) -> Submitted:
    """Return anybody's submission."""
    return services().store.submissions.get(identity) or _missing("There is no such submission.")


def _missing(sentence: str) -> NoReturn:
    abort(404, sentence)
