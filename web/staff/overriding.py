"""Scores that instructors set by hand, with a reason that the participant reads."""

from __future__ import annotations

import math
from typing import Final

from flask import Blueprint, flash, request, url_for
from flask import redirect as to
from werkzeug.wrappers import Response as Redirect

from grader.model import Exercise
from grader.report.wording import points as points_of
from web.identity import acting, instructors_only
from web.language import gettext
from web.services import services
from web.staff.drilldown import attempts_page, standing_of
from web.staff.finding import exercise_known, member_named
from web.wording import of_points
from worker.overrides import points
from worker.people import Participant
from worker.roster import Member

blueprint = Blueprint("overriding", __name__)

_MOST_WORDS: Final = 1_000


@blueprint.post("/participants/<int:identity>/exercises/<slug>/override")
@instructors_only
def override(identity: int, slug: str) -> tuple[str, int] | Redirect:
    """Set a score by hand."""
    member, exercise = member_named(identity), exercise_known(slug)
    given = request.form.get("score", "")
    comment = " ".join(request.form.get("comment", "").split())
    score = _score(given, exercise)
    if score is None or not comment or len(comment) > _MOST_WORDS:
        problem = (
            gettext("A score is a number from 0 to %(most)s.", most=points_of(exercise.max_score))
            if score is None
            else gettext(
                "A reason is needed, of up to %(most)s characters: the participant reads it.",
                most=_MOST_WORDS,
            )
        )
        return attempts_page(member, exercise, problem, {"score": given[:20], "comment": comment}), 422
    services().store.overrides.set(
        _participant(member),
        slug,
        score,
        exercise.max_score,
        comment=comment,
        account=acting(),
        graded=_graded(member, slug),
    )
    shown = of_points(score, exercise.max_score)
    flash(gettext("%(name)s has %(points)s now.", name=member.name, points=shown))
    return to(url_for("drilldown.attempts", identity=identity, slug=slug), 303)


@blueprint.post("/participants/<int:identity>/exercises/<slug>/revoke")
@instructors_only
def revoke(identity: int, slug: str) -> Redirect:
    """Let what was graded count again."""
    member = member_named(identity)
    if services().store.overrides.revoke(
        _participant(member), slug, account=acting(), graded=_graded(member, slug)
    ):
        flash(gettext("What was graded counts again."))
    return to(url_for("drilldown.attempts", identity=identity, slug=slug), 303)


def _score(given: str, exercise: Exercise) -> float | None:
    try:
        score = float(given.strip().replace(",", "."))
    except ValueError:
        return None
    return round(score, 3) if math.isfinite(score) and 0 <= score <= exercise.max_score else None


def _graded(member: Member, slug: str) -> str:
    standing = standing_of(member, slug)
    return points(standing.score, standing.max_score) if standing else points(None, None)


def _participant(member: Member) -> Participant:
    return Participant(member.id, member.workshop_id, member.name, 0)
