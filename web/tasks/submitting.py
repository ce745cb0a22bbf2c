"""Takes answers: validates them as hostile input, stores them, and adds a ticket after the commit."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Final

from werkzeug.datastructures import FileStorage, MultiDict

from grader import answer
from grader.errors import SubmissionError
from grader.model import Exercise
from grader.parameters import draw
from web.language import gettext
from web.problems import Problem
from web.rates import take_turn
from web.services import services
from web.tasks.ruling import keep_within, used_up
from web.wording import told
from worker.people import Participant
from worker.rules import NONE, SectionClosedError
from worker.submission import ConflictError

_KEY: Final = re.compile(r"[\x21-\x7e]{1,200}")


def parameters(exercise: Exercise, participant: Participant) -> dict[str, str | int]:
    """Return a participant's values for an exercise."""
    workshop = services().workshop(participant.workshop_id)
    return draw(exercise, participant.name, lambda: workshop.secret)


def exercise_named(slug: object) -> Exercise:
    """Return an exercise by its slug.

    Raises:
        Problem: There is none.
    """
    found = services().exercise(slug) if isinstance(slug, str) else None
    if found is None:
        raise Problem(404, gettext("there is no such exercise"))
    return found


def submit(
    participant: Participant, exercise: Exercise, files: Mapping[str, bytes], key: str | None
) -> tuple[str, bool]:
    """Store an answer and have it graded; return its id and whether it is new.

    Args:
        participant: Who answers.
        exercise: That is answered.
        files: The answer.
        key: The same key and the same answer give the same submission.

    Raises:
        Problem: It is no answer, comes too late or too often, or its key was used for another one.
    """
    take_turn("submit", services().settings.submission_rate, str(participant.id))
    workshop = services().workshop(participant.workshop_id)
    if workshop.archived_at is not None:
        raise Problem(403, gettext("this workshop is over: it takes no answers any more"))
    deadline = workshop.deadline
    if deadline is not None and time.time() > deadline:
        raise Problem(403, gettext("the deadline of this workshop has passed"))
    rule = services().section_rules(participant.workshop_id).get(exercise.section, NONE)
    try:
        rule.require_open(time.time())
    except SectionClosedError as error:
        raise Problem(403, told(error)) from error
    try:
        checked = answer.from_files(exercise, participant.name, files, {})
    except SubmissionError as error:
        raise Problem(422, told(error)) from error
    if key is not None and not _KEY.fullmatch(key):
        raise Problem(400, gettext("Idempotency-Key takes 1 to 200 visible ASCII characters"))
    used_up(participant, exercise, rule, key)
    try:
        identity, new = services().store.submissions.submit(
            participant, exercise, checked.files, idempotency_key=key
        )
    except ConflictError as error:
        raise Problem(409, told(error)) from error
    if new:
        keep_within(participant, exercise, rule, identity)
        services().tickets.add(identity)
    return identity, new


def uploaded(files: MultiDict[str, FileStorage], exercise: Exercise) -> dict[str, bytes]:
    """Return uploaded files by name; where the exercise has one file, it may be called anything.

    Raises:
        Problem: Two have the same name.
    """
    found: dict[str, bytes] = {}
    for storage in files.getlist("files"):
        name = storage.filename or ""
        if not name:
            continue
        if len(exercise.files) == 1 and "/" not in name and exercise.files[0].name not in found:
            name = exercise.files[0].name
        if name in found:
            raise Problem(422, gettext("two files have the same name"))
        found[name] = storage.read()
    return found
