"""Keeps answers within the number that a section's rules allow, also where several come at once."""

from __future__ import annotations

from typing import NoReturn

from grader.model import Exercise
from web.language import ngettext
from web.problems import Problem
from web.services import services
from worker.people import Participant
from worker.rules import Rule


def used_up(participant: Participant, exercise: Exercise, rule: Rule, key: str | None) -> None:
    """Refuse one answer too many, unless it is one that was taken already.

    Raises:
        Problem: It is one too many.
    """
    if rule.most_attempts is None:
        return
    store = services().store
    known = key is not None and store.submissions.by_key(participant.id, key) is not None
    if not known and store.rules.used(participant.id, exercise.slug) >= rule.most_attempts:
        _refuse(rule.most_attempts)


def keep_within(participant: Participant, exercise: Exercise, rule: Rule, identity: str) -> None:
    """Take an answer back that came at the same moment as another one and is one too many.

    Raises:
        Problem: It is.
    """
    if rule.most_attempts is None:
        return
    store = services().store
    if store.rules.used(participant.id, exercise.slug) > rule.most_attempts:
        store.submissions.cancel(identity)
        _refuse(rule.most_attempts)


def _refuse(most: int) -> NoReturn:
    raise Problem(
        403,
        ngettext(
            "%(num)s attempt is allowed for this exercise",
            "%(num)s attempts are allowed for this exercise",
            most,
        ),
    )
